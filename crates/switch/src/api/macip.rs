//! `acl.api`: MACIP lists (VPP `src/plugins/acl/acl.c`, `macip_acl_*`).

use weft_graph::{AclError, MacIpIndex, MacIpRule};
use weft_packet::header::MacAddr;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAction, MacipAclAddReplace, MacipAclAddReplaceReply, MacipAclDel,
    MacipAclDelReply, MacipAclDetails, MacipAclDump, MacipAclInterfaceAddDel,
    MacipAclInterfaceAddDelReply, MacipAclInterfaceListDetails, MacipAclInterfaceListDump,
    MacipAclRule,
};
use weft_vpp_wire::{List, MacAddress, Prefix, Retval, SwIfIndex};

use super::acl::checked_tag;
use super::{Answer, Api, Call, Serve, ServeDump, existing, theirs};
use crate::control::{Control, cut_to_field};

pub(super) fn register(api: &mut Api) {
    api.request::<MacipAclAddReplace>();
    api.request::<MacipAclDel>();
    api.dump::<MacipAclDump>();
    api.request::<MacipAclInterfaceAddDel>();
    api.dump::<MacipAclInterfaceListDump>();
}

impl Serve for MacipAclAddReplace {
    /// The reply carries the index also with an error.
    fn serve(self, call: &mut Call<'_>) -> Answer<MacipAclAddReplaceReply> {
        match set(call.control, &self) {
            Ok(MacIpIndex(acl_index)) => Answer::ok(MacipAclAddReplaceReply { acl_index }),
            Err(retval) => {
                let acl_index = self.acl_index;
                Answer::refused(retval, MacipAclAddReplaceReply { acl_index })
            }
        }
    }
}

/// VPP looks at nothing of the rules.
fn set(control: &mut Control, request: &MacipAclAddReplace) -> Result<MacIpIndex, Retval> {
    let tag = checked_tag(&request.tag)?;
    let rules = request.r.iter().map(|rule| MacIpRule {
        permit: rule.is_permit != AclAction::DENY,
        mac: MacAddr(rule.src_mac.0),
        mac_mask: MacAddr(rule.src_mac_mask.0),
        address: rule.src_prefix.address,
        prefix_len: rule.src_prefix.len,
    });
    let rules = rules.collect();
    let index = (request.acl_index != ACL_NONE).then_some(MacIpIndex(request.acl_index));
    let set = control.tables.set_macip(index, tag, rules);
    control.touch();
    set.map_err(|_| Retval::NO_SUCH_ENTRY)
}

impl Serve for MacipAclDel {
    fn serve(self, call: &mut Call<'_>) -> Answer<MacipAclDelReply> {
        let index = MacIpIndex(self.acl_index);
        let deleted = call.control.tables.delete_macip(index);
        call.control.touch();
        let deleted = deleted.map_err(|_| Retval::NO_SUCH_ENTRY);
        deleted.map(|()| MacipAclDelReply {}).into()
    }
}

impl ServeDump for MacipAclDump {
    fn serve(self, control: &Control) -> Vec<MacipAclDetails> {
        let all = control.tables.macips();
        let wanted = all.filter(|(index, _)| [ACL_NONE, index.0].contains(&self.acl_index));
        let details = wanted.map(|(index, macip)| {
            let rules = macip.rules.iter().map(|rule| MacipAclRule {
                is_permit: if rule.permit {
                    AclAction::PERMIT
                } else {
                    AclAction::DENY
                },
                src_mac: MacAddress(rule.mac.0),
                src_mac_mask: MacAddress(rule.mac_mask.0),
                src_prefix: Prefix {
                    address: rule.address,
                    len: rule.prefix_len,
                },
            });
            let rules: Vec<_> = rules.collect();
            MacipAclDetails {
                acl_index: index.0,
                tag: cut_to_field(&macip.tag),
                r: List::try_from(rules).unwrap_or_default(),
            }
        });
        details.collect()
    }
}

impl Serve for MacipAclInterfaceAddDel {
    fn serve(self, call: &mut Call<'_>) -> Answer<MacipAclInterfaceAddDelReply> {
        let done = existing(call.control, self.sw_if_index).and_then(|index| {
            let list = self.is_add.then_some(MacIpIndex(self.acl_index));
            let set = call.control.tables.set_interface_macip(index, list);
            call.control.touch();
            set.map_err(|error| match error {
                AclError::NoInterface(_) => Retval::INVALID_SW_IF_INDEX,
                _ => Retval::NO_SUCH_ENTRY,
            })
        });
        done.map(|()| MacipAclInterfaceAddDelReply {}).into()
    }
}

impl ServeDump for MacipAclInterfaceListDump {
    /// All are those that have a list; one is told also without, if VPP's vector reaches so far.
    fn serve(self, control: &Control) -> Vec<MacipAclInterfaceListDetails> {
        let of = |index: u32| {
            let index = weft_packet::SwIfIndex(index);
            control.tables.interface_acls(index)?.macip
        };
        let details = |index: u32, list: u32| MacipAclInterfaceListDetails {
            sw_if_index: theirs(weft_packet::SwIfIndex(index)),
            acls: List::try_from(vec![list]).unwrap_or_default(),
        };
        let count = u32::try_from(control.tables.macip_interfaces()).unwrap_or(u32::MAX);
        if self.sw_if_index == SwIfIndex::NONE {
            let all = (0..count).filter_map(|index| Some(details(index, of(index)?.0)));
            return all.collect();
        }
        let index = self.sw_if_index.0;
        let one = (index < count).then(|| details(index, of(index).map_or(ACL_NONE, |own| own.0)));
        one.into_iter().collect()
    }
}
