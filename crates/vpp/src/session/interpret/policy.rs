//! Access lists and MACIP lists, and which interfaces have them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use weft_model::{IpPrefix, IpProtocol, IpVersion, Mac, PortId, PortRange};
use weft_plan::{
    Acl, AclAction, AclBinding, AclKey, AclRule, Direction, InterfaceKey, MacIpAcl, MacIpBinding,
    MacIpRule, Object, ObjectKey, Observed, TcpFlags,
};
use weft_vpp_wire::messages::acl;
use weft_vpp_wire::{FixedString, Prefix};

use super::Dumps;
use crate::session::handles::{Change, Handles, Number};
use crate::session::mark::{AclMark, MacIpMark};

/// Adds the lists that are ours, and what the interfaces that are ours have. These must be known by
/// now.
pub(super) fn interpret(dumps: &Dumps, observed: &mut Observed, handles: &mut Handles) {
    let mut acls: HashMap<u32, AclKey> = HashMap::new();
    for details in &dumps.acls {
        let Ok(AclMark(key)) = details.tag.to_str().parse() else {
            continue;
        };
        if handles.acl(&key).is_some() {
            let number = Number::Acl(details.acl_index);
            surplus(ObjectKey::Acl(key), number, &details.tag, observed, handles);
            continue;
        }
        handles.apply(Change::Acl(key.clone(), details.acl_index));
        acls.insert(details.acl_index, key.clone());
        let rules = details.r.iter().map(acl_rule).collect();
        observed.insert(Object::Acl(Acl { key, rules }));
    }
    for details in &dumps.acl_lists {
        let Some(interface) = handles.key(details.sw_if_index).cloned() else {
            continue;
        };
        let named = |indices: &[u32]| -> Vec<Option<AclKey>> {
            let named = indices.iter().map(|index| acls.get(index).cloned());
            named.collect()
        };
        let (input, output) = (named(details.acls.input()), named(details.acls.output()));
        if !(input.is_empty() && output.is_empty()) {
            observed.insert(Object::AclBinding(AclBinding {
                interface,
                input,
                output,
            }));
        }
    }
    interpret_macip(dumps, observed, handles);
}

fn interpret_macip(dumps: &Dumps, observed: &mut Observed, handles: &mut Handles) {
    let mut ports: HashMap<u32, PortId> = HashMap::new();
    for details in &dumps.macip_acls {
        let Ok(MacIpMark(port)) = details.tag.to_str().parse() else {
            continue;
        };
        if handles.macip_acl(&port).is_some() {
            let (of, number) = (
                ObjectKey::MacIpAcl(port),
                Number::MacIpAcl(details.acl_index),
            );
            surplus(of, number, &details.tag, observed, handles);
            continue;
        }
        handles.apply(Change::MacIpAcl(port.clone(), details.acl_index));
        ports.insert(details.acl_index, port.clone());
        let rules = details.r.iter().map(macip_rule).collect();
        observed.insert(Object::MacIpAcl(MacIpAcl { port, rules }));
    }
    for details in &dumps.macip_lists {
        let bound = details.acls.first().filter(|acl| **acl != acl::ACL_NONE);
        if let (Some(index), Some(key)) = (bound, handles.key(details.sw_if_index)) {
            observed.insert(macip_binding(key, ports.get(index)));
        }
    }
}

fn macip_binding(interface: &InterfaceKey, port: Option<&PortId>) -> Object {
    Object::MacIpBinding(MacIpBinding {
        interface: interface.clone(),
        acl: port.cloned(),
    })
}

fn surplus(
    of: ObjectKey,
    number: Number,
    tag: &FixedString<64>,
    observed: &mut Observed,
    handles: &mut Handles,
) {
    tracing::warn!(%tag, "another access list has this tag already");
    observed.insert(handles.note_surplus(of, number));
}

/// A rule that cannot be said in our words is one that is never wanted.
fn acl_rule(rule: &acl::AclRule) -> AclRule {
    said(rule).unwrap_or_else(|| {
        let any = IpPrefix::any(IpVersion::V4);
        AclRule::with_remote(AclAction::Other(rule.is_permit.0), Direction::Ingress, any)
    })
}

fn said(rule: &acl::AclRule) -> Option<AclRule> {
    let action = match rule.is_permit {
        acl::AclAction::DENY => AclAction::Deny,
        acl::AclAction::PERMIT => AclAction::Permit,
        acl::AclAction::PERMIT_REFLECT => AclAction::PermitReflect,
        acl::AclAction(other) => AclAction::Other(other),
    };
    let (first, last) = (
        rule.srcport_or_icmptype_first,
        rule.srcport_or_icmptype_last,
    );
    let sources = PortRange::new(first, last).ok()?;
    let (first, last) = (
        rule.dstport_or_icmpcode_first,
        rule.dstport_or_icmpcode_last,
    );
    let destinations = PortRange::new(first, last).ok()?;
    let tcp_flags = TcpFlags {
        mask: rule.tcp_flags_mask,
        value: rule.tcp_flags_value,
    };
    let said = AclRule::new(action, prefix(rule.src_prefix)?, prefix(rule.dst_prefix)?).ok()?;
    Some(
        said.protocol(IpProtocol::new(rule.proto))
            .ranges(sources, destinations)
            .tcp_flags(tcp_flags),
    )
}

/// VPP takes anything here; what is no prefix, or is for what is sent too, becomes a rule that
/// denies, which is never wanted.
fn macip_rule(rule: &acl::MacipAclRule) -> MacIpRule {
    let permitted = (rule.is_permit == acl::AclAction::PERMIT)
        .then(|| prefix(rule.src_prefix))
        .flatten();
    MacIpRule {
        permit: permitted.is_some(),
        mac: Mac::new(rule.src_mac.0),
        mac_mask: Mac::new(rule.src_mac_mask.0),
        prefix: permitted.unwrap_or(IpPrefix::host(rule.src_prefix.address)),
    }
}

/// The prefix, if it is one: no longer than an address, and without host bits.
fn prefix(prefix: Prefix) -> Option<IpPrefix> {
    let masked = IpPrefix::new(prefix.address, prefix.len).ok()?;
    (masked.address() == prefix.address).then_some(masked)
}
