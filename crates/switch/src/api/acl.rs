//! `acl.api`: access lists (VPP `src/plugins/acl/acl.c`).

use std::net::IpAddr;

use weft_graph::{
    AclAction, AclDirection, AclError, AclIndex, AclPrefixes, AclRule, AclRuleError, Ipv4Prefix,
    Ipv6Prefix, PortRange,
};
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAction as WireAction, AclAddReplace, AclAddReplaceReply, AclDel, AclDelReply,
    AclDetails, AclDump, AclInterfaceListDetails, AclInterfaceListDump, AclInterfaceSetAclList,
    AclInterfaceSetAclListReply, AclPluginGetVersion, AclPluginGetVersionReply,
    AclRule as WireRule, AclStatsIntfCountersEnable, InterfaceAcls,
};
use weft_vpp_wire::{FixedString, List, Prefix, Retval};

use super::{Answer, Api, Call, Serve, ServeDump, existing, is_wanted, theirs};
use crate::control::{Control, cut_to_field};

/// VPP's `ACL_PLUGIN_VERSION_MAJOR` and `_MINOR`.
const VERSION: (u32, u32) = (1, 4);

/// A field of this length without a NUL is no text (`acl_add_list`).
pub(super) const TAG_LEN: usize = 64;

/// What VPP reduces an error of `acl_interface_set_acl_list` to.
const REFUSED: Retval = Retval(1);

pub(super) fn register(api: &mut Api) {
    api.dump::<AclPluginGetVersion>();
    api.request::<AclAddReplace>();
    api.request::<AclDel>();
    api.dump::<AclDump>();
    api.request::<AclInterfaceSetAclList>();
    api.dump::<AclInterfaceListDump>();
    api.request::<AclStatsIntfCountersEnable>();
}

impl ServeDump for AclPluginGetVersion {
    fn serve(self, _: &Control) -> Vec<AclPluginGetVersionReply> {
        let (major, minor) = VERSION;
        vec![AclPluginGetVersionReply { major, minor }]
    }
}

// ===== lists =====

/// The tag, unless it has no end.
pub(super) fn checked_tag(tag: &FixedString<TAG_LEN>) -> Result<&[u8], Retval> {
    let tag = tag.as_bytes();
    if tag.len() == TAG_LEN {
        return Err(Retval::INVALID_VALUE);
    }
    Ok(tag)
}

impl Serve for AclAddReplace {
    /// The reply carries the index also with an error.
    fn serve(self, call: &mut Call<'_>) -> Answer<AclAddReplaceReply> {
        match set(call.control, &self) {
            Ok(AclIndex(acl_index)) => Answer::ok(AclAddReplaceReply { acl_index }),
            Err(retval) => {
                let acl_index = self.acl_index;
                Answer::refused(retval, AclAddReplaceReply { acl_index })
            }
        }
    }
}

fn set(control: &mut Control, request: &AclAddReplace) -> Result<AclIndex, Retval> {
    let tag = checked_tag(&request.tag)?;
    let rules = request.r.iter().map(rule).collect::<Result<_, _>>()?;
    let index = (request.acl_index != ACL_NONE).then_some(AclIndex(request.acl_index));
    let set = control.tables.set_acl(index, tag, rules);
    control.touch();
    set.map_err(|_| Retval::NO_SUCH_ENTRY)
}

/// A rule, checked in VPP's order. VPP also takes actions that it does not know, and lets such
/// packets pass; here they are refused.
fn rule(rule: &WireRule) -> Result<AclRule, Retval> {
    let action = match rule.is_permit {
        WireAction::DENY => AclAction::Deny,
        WireAction::PERMIT => AclAction::Permit,
        WireAction::PERMIT_REFLECT => AclAction::PermitReflect,
        _ => return Err(Retval::INVALID_VALUE),
    };
    let range = |first, last| PortRange::new(first, last).map_err(|_| Retval::INVALID_VALUE_2);
    Ok(AclRule {
        action,
        prefixes: prefixes(rule.src_prefix, rule.dst_prefix)?,
        protocol: rule.proto,
        source_ports: range(
            rule.srcport_or_icmptype_first,
            rule.srcport_or_icmptype_last,
        )?,
        destination_ports: range(
            rule.dstport_or_icmpcode_first,
            rule.dstport_or_icmpcode_last,
        )?,
        tcp_flags_mask: rule.tcp_flags_mask,
        tcp_flags_value: rule.tcp_flags_value,
    })
}

fn prefixes(source: Prefix, destination: Prefix) -> Result<AclPrefixes, Retval> {
    let v4 = |address, prefix: Prefix| Ipv4Prefix::new(address, prefix.len);
    let v6 = |address, prefix: Prefix| Ipv6Prefix::new(address, prefix.len);
    let is_prefix = |prefix: Prefix| -> Result<(), AclRuleError> {
        match prefix.address {
            IpAddr::V4(address) => v4(address, prefix).map(drop),
            IpAddr::V6(address) => v6(address, prefix).map(drop),
        }
    };
    let of_source = |_| Retval::INVALID_SRC_ADDRESS;
    let of_destination = |_| Retval::INVALID_DST_ADDRESS;
    is_prefix(source).map_err(of_source)?;
    is_prefix(destination).map_err(of_destination)?;
    match (source.address, destination.address) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Ok(AclPrefixes::V4 {
            source: v4(from, source).map_err(of_source)?,
            destination: v4(to, destination).map_err(of_destination)?,
        }),
        (IpAddr::V6(from), IpAddr::V6(to)) => Ok(AclPrefixes::V6 {
            source: v6(from, source).map_err(of_source)?,
            destination: v6(to, destination).map_err(of_destination)?,
        }),
        _ => Err(Retval::INVALID_SRC_ADDRESS),
    }
}

impl Serve for AclDel {
    fn serve(self, call: &mut Call<'_>) -> Answer<AclDelReply> {
        let deleted = call.control.tables.delete_acl(AclIndex(self.acl_index));
        call.control.touch();
        let deleted = deleted.map_err(|error| match error {
            AclError::InUseInbound(_) => Retval::ACL_IN_USE_INBOUND,
            AclError::InUseOutbound(_) => Retval::ACL_IN_USE_OUTBOUND,
            _ => Retval::NO_SUCH_ENTRY,
        });
        deleted.map(|()| AclDelReply {}).into()
    }
}

impl ServeDump for AclDump {
    fn serve(self, control: &Control) -> Vec<AclDetails> {
        let all = control.tables.acls();
        let wanted = all.filter(|(index, _)| [ACL_NONE, index.0].contains(&self.acl_index));
        let details = wanted.map(|(index, acl)| {
            let rules: Vec<_> = acl.rules.iter().map(wire_rule).collect();
            AclDetails {
                acl_index: index.0,
                tag: cut_to_field(&acl.tag),
                r: List::try_from(rules).unwrap_or_default(),
            }
        });
        details.collect()
    }
}

fn wire_rule(rule: &AclRule) -> WireRule {
    let (src_prefix, dst_prefix) = match rule.prefixes {
        AclPrefixes::V4 {
            source,
            destination,
        } => {
            let wire = |prefix: Ipv4Prefix| Prefix {
                address: prefix.address().into(),
                len: prefix.len(),
            };
            (wire(source), wire(destination))
        }
        AclPrefixes::V6 {
            source,
            destination,
        } => {
            let wire = |prefix: Ipv6Prefix| Prefix {
                address: prefix.address().into(),
                len: prefix.len(),
            };
            (wire(source), wire(destination))
        }
    };
    WireRule {
        is_permit: match rule.action {
            AclAction::Deny => WireAction::DENY,
            AclAction::Permit => WireAction::PERMIT,
            AclAction::PermitReflect => WireAction::PERMIT_REFLECT,
        },
        src_prefix,
        dst_prefix,
        proto: rule.protocol,
        srcport_or_icmptype_first: rule.source_ports.first(),
        srcport_or_icmptype_last: rule.source_ports.last(),
        dstport_or_icmpcode_first: rule.destination_ports.first(),
        dstport_or_icmpcode_last: rule.destination_ports.last(),
        tcp_flags_mask: rule.tcp_flags_mask,
        tcp_flags_value: rule.tcp_flags_value,
    }
}

impl Serve for AclStatsIntfCountersEnable {
    /// There is no statistics segment; `show acl-plugin tables acl` shows the counters always.
    fn serve(self, _: &mut Call<'_>) -> Answer<AclDelReply> {
        Answer::ok(AclDelReply {})
    }
}

// ===== interfaces =====

impl Serve for AclInterfaceSetAclList {
    fn serve(self, call: &mut Call<'_>) -> Answer<AclInterfaceSetAclListReply> {
        let done = set_lists(call.control, &self);
        done.map(|()| AclInterfaceSetAclListReply {}).into()
    }
}

/// Output comes first, and stays as it is set when input is refused.
fn set_lists(control: &mut Control, request: &AclInterfaceSetAclList) -> Result<(), Retval> {
    let index = existing(control, request.sw_if_index)?;
    let of = |list: &[u32]| -> Vec<AclIndex> { list.iter().copied().map(AclIndex).collect() };
    let (input, output) = (of(request.acls.input()), of(request.acls.output()));
    let mut all = input.iter().chain(&output);
    if all.any(|acl| control.tables.acl(*acl).is_none()) {
        return Err(Retval::NO_SUCH_ENTRY);
    }
    control.touch();
    for (direction, list) in [(AclDirection::Output, output), (AclDirection::Input, input)] {
        let set = control.tables.set_acl_list(index, direction, &list);
        set.map_err(|_| REFUSED)?;
    }
    Ok(())
}

impl ServeDump for AclInterfaceListDump {
    /// Interfaces without lists, too.
    fn serve(self, control: &Control) -> Vec<AclInterfaceListDetails> {
        let all = control.tables.interfaces().map(|(index, _)| index);
        all.filter(|index| is_wanted(self.sw_if_index, *index))
            .map(|index| {
                let own = control.tables.interface_acls(index);
                let [input, output] = own.map(|own| own.acls.clone()).unwrap_or_default();
                let of = |list: Vec<AclIndex>| list.into_iter().map(|acl| acl.0).collect();
                AclInterfaceListDetails {
                    sw_if_index: theirs(index),
                    acls: InterfaceAcls::new(of(input), of(output)).unwrap_or_default(),
                }
            })
            .collect()
    }
}
