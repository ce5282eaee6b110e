//! Access lists and MACIP lists, and which interfaces have them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use weft_model::PortId;
use weft_plan::{
    Acl, AclBinding, AclKey, InterfaceKey, MacIpAcl, MacIpBinding, Object, ObjectKey, Observed,
};
use weft_vpp_wire::messages::acl;
use weft_vpp_wire::{FixedString, SwIfIndex};

use super::Dumps;
use crate::session::handles::{Change, Handles, Number};
use crate::session::mark::{AclMark, MacIpMark};
use crate::session::rule;

/// Adds the lists that are ours, and what the interfaces of ports have. These must be known by now.
///
/// Lists of ours are on ports alone. What an uplink has, an operator gave it, who guards his host.
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
        let rules = details.r.iter().map(rule::read_acl).collect();
        observed.add(Object::Acl(Acl { key, rules }));
    }
    for details in &dumps.acl_lists {
        let Some(interface) = of_port(handles, details.sw_if_index).cloned() else {
            continue;
        };
        let named = |indices: &[u32]| -> Vec<Option<AclKey>> {
            let named = indices.iter().map(|index| acls.get(index).cloned());
            named.collect()
        };
        let (input, output) = (named(details.acls.input()), named(details.acls.output()));
        if !(input.is_empty() && output.is_empty()) {
            observed.add(Object::AclBinding(AclBinding {
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
        let rules = details.r.iter().map(rule::read_macip).collect();
        observed.add(Object::MacIpAcl(MacIpAcl { port, rules }));
    }
    for details in &dumps.macip_lists {
        let bound = details.acls.first().filter(|acl| **acl != acl::ACL_NONE);
        if let (Some(index), Some(key)) = (bound, of_port(handles, details.sw_if_index)) {
            observed.add(macip_binding(key, ports.get(index)));
        }
    }
}

fn of_port(handles: &Handles, sw_if_index: SwIfIndex) -> Option<&InterfaceKey> {
    let key = handles.key(sw_if_index);
    key.filter(|interface| interface.port().is_some())
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
    observed.add(handles.note_surplus(of, number));
}
