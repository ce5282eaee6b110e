//! Access lists and MACIP lists, and which interfaces have them. Each operation is one message, which
//! VPP carries out while no packet is under way: whatever is replaced, traffic meets either the old
//! or the new.

use weft_model::{IpPrefix, PortRange};
use weft_plan::{
    Acl, AclAction, AclBinding, AclKey, AclRule, MacIpAcl, MacIpBinding, MacIpRule, Object,
};
use weft_vpp_wire::frame::MAX_MESSAGE_LEN;
use weft_vpp_wire::messages::acl::{
    self, ACL_NONE, AclAddReplace, AclDel, AclInterfaceSetAclList, InterfaceAcls,
    MacipAclAddReplace, MacipAclDel, MacipAclInterfaceAddDel, MacipAclInterfaceListDump,
};
use weft_vpp_wire::{List, MacAddress, Message, Prefix, Retval, SwIfIndex};

use super::interface::text;
use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::{AclMark, MacIpMark};

/// Bytes of a rule in a message, the longer kind.
const RULE_LEN: usize = 48;
/// No list is made that could not be read back.
const MAX_RULES: usize = MAX_MESSAGE_LEN / RULE_LEN - 8;

impl Context<'_> {
    pub(super) async fn create_acl(self, acl: &Acl) -> Result<Ended, CallError> {
        let made = self.put_acl(ACL_NONE, acl).await;
        ended(made, None, |index| Change::Acl(acl.key.clone(), index))
    }

    /// In place: the interfaces that have it keep it.
    pub(super) async fn update_acl(self, from: &Acl, to: &Acl) -> Result<Ended, CallError> {
        let replaced = async { self.put_acl(self.acl(&to.key)?, to).await };
        let left = Some(Object::Acl(from.clone()));
        ended(replaced.await, left, |index| {
            Change::Acl(to.key.clone(), index)
        })
    }

    pub(super) async fn delete_acl(self, acl: &Acl) -> Result<Option<Change>, Failure> {
        if let Some(index) = self.handles.acl(&acl.key) {
            self.delete_acl_at(index).await?;
        }
        Ok(Some(Change::NoAcl(acl.key.clone())))
    }

    pub(super) async fn delete_acl_at(self, acl_index: u32) -> Result<(), Failure> {
        let deleted = self.connection.request(AclDel { acl_index }).await;
        gone(deleted, Retval::NO_SUCH_ENTRY)
    }

    /// Sets all lists of an interface, whichever it had.
    pub(super) async fn bind_acls(
        self,
        binding: &AclBinding,
        left: Option<Object>,
    ) -> Result<Ended, CallError> {
        let bound = async {
            let sw_if_index = self.interface(&binding.interface)?;
            let acls = InterfaceAcls::new(
                self.acl_indices(&binding.input)?,
                self.acl_indices(&binding.output)?,
            )
            .map_err(|error| Failure::Refused(format!("too many access lists: {error}")))?;
            Ok(self.set_acls(sw_if_index, acls).await?)
        };
        finished(bound.await, left)
    }

    pub(super) async fn unbind_acls(self, binding: &AclBinding) -> Result<Option<Change>, Failure> {
        if let Some(sw_if_index) = self.handles.interface(&binding.interface) {
            let none = self.set_acls(sw_if_index, InterfaceAcls::default()).await;
            gone(none, Retval::INVALID_SW_IF_INDEX)?;
        }
        Ok(None)
    }

    pub(super) async fn create_macip_acl(self, acl: &MacIpAcl) -> Result<Ended, CallError> {
        let made = self.put_macip_acl(ACL_NONE, acl).await;
        ended(made, None, |index| {
            Change::MacIpAcl(acl.port.clone(), index)
        })
    }

    /// In place: the interfaces that have it keep it.
    pub(super) async fn update_macip_acl(
        self,
        from: &MacIpAcl,
        to: &MacIpAcl,
    ) -> Result<Ended, CallError> {
        let replaced = async {
            let index = self.handles.macip_acl(&to.port).ok_or_else(|| {
                Failure::Refused(format!("VPP has no MACIP list for port {}", to.port))
            })?;
            self.put_macip_acl(index, to).await
        };
        let left = Some(Object::MacIpAcl(from.clone()));
        ended(replaced.await, left, |index| {
            Change::MacIpAcl(to.port.clone(), index)
        })
    }

    pub(super) async fn delete_macip_acl(self, acl: &MacIpAcl) -> Result<Option<Change>, Failure> {
        if let Some(index) = self.handles.macip_acl(&acl.port) {
            self.delete_macip_acl_at(index).await?;
        }
        Ok(Some(Change::NoMacIpAcl(acl.port.clone())))
    }

    /// Removes one that no interface has. VPP would remove it from its interfaces too, which then
    /// let anything pass (`macip_acl_del_list` in `src/plugins/acl/acl.c`).
    pub(super) async fn delete_unused_macip_acl_at(self, acl_index: u32) -> Result<(), Failure> {
        let all = MacipAclInterfaceListDump {
            sw_if_index: SwIfIndex::NONE,
        };
        let lists = self.connection.dump(all).await?;
        let user = lists.iter().find(|list| list.acls.contains(&acl_index));
        if let Some(user) = user {
            let user = user.sw_if_index;
            return Err(Failure::Refused(format!(
                "the interface with sw_if_index {user} has MACIP list {acl_index}"
            )));
        }
        self.delete_macip_acl_at(acl_index).await
    }

    /// VPP takes the new list for the old one, if there is one, at once.
    pub(super) async fn bind_macip_acl(
        self,
        binding: &MacIpBinding,
        left: Option<Object>,
    ) -> Result<Ended, CallError> {
        let bound = async {
            let port = binding.acl.as_ref();
            let acl_index = port.and_then(|port| self.handles.macip_acl(port));
            let request = MacipAclInterfaceAddDel {
                is_add: true,
                sw_if_index: self.interface(&binding.interface)?,
                acl_index: acl_index.ok_or_else(|| {
                    Failure::Refused(format!("VPP has no MACIP list for {}", binding.interface))
                })?,
            };
            self.connection.request(request).await?;
            Ok(())
        };
        finished(bound.await, left)
    }

    pub(super) async fn unbind_macip_acl(
        self,
        binding: &MacIpBinding,
    ) -> Result<Option<Change>, Failure> {
        if let Some(sw_if_index) = self.handles.interface(&binding.interface) {
            let request = MacipAclInterfaceAddDel {
                is_add: false,
                sw_if_index,
                acl_index: ACL_NONE,
            };
            match self.connection.request(request).await {
                // The interface has none.
                Err(CallError::Refused {
                    retval: Retval::NO_SUCH_ENTRY,
                    ..
                }) => {}
                unbound => gone(unbound, Retval::INVALID_SW_IF_INDEX)?,
            }
        }
        Ok(None)
    }

    async fn put_acl(self, acl_index: u32, acl: &Acl) -> Result<u32, Failure> {
        let request = AclAddReplace {
            acl_index,
            tag: text(&AclMark(acl.key.clone()).to_string())?,
            r: rules(acl.rules.iter().map(acl_rule).collect())?,
        };
        Ok(self.connection.request(request).await?.acl_index)
    }

    async fn put_macip_acl(self, acl_index: u32, acl: &MacIpAcl) -> Result<u32, Failure> {
        let request = MacipAclAddReplace {
            acl_index,
            tag: text(&MacIpMark(acl.port.clone()).to_string())?,
            r: rules(acl.rules.iter().map(macip_rule).collect())?,
        };
        Ok(self.connection.request(request).await?.acl_index)
    }

    async fn delete_macip_acl_at(self, acl_index: u32) -> Result<(), Failure> {
        let deleted = self.connection.request(MacipAclDel { acl_index }).await;
        gone(deleted, Retval::NO_SUCH_ENTRY)
    }

    async fn set_acls(self, sw_if_index: SwIfIndex, acls: InterfaceAcls) -> Result<(), CallError> {
        let request = AclInterfaceSetAclList { sw_if_index, acls };
        let retval = match self.connection.exchange(request).await? {
            (Retval::OK, _) => return Ok(()),
            (retval, _) if retval.is_error() => retval,
            // Of this message, 1 is a refusal too, whose reason VPP keeps to itself.
            _ => Retval::UNSPECIFIED,
        };
        Err(CallError::Refused {
            message: AclInterfaceSetAclList::NAME,
            retval,
        })
    }

    fn acl_indices(self, keys: &[Option<AclKey>]) -> Result<Vec<u32>, Failure> {
        let index = |key: &Option<AclKey>| match key {
            Some(key) => self.acl(key),
            None => Err(Failure::Refused(
                "an access list that is not ours cannot be set".to_owned(),
            )),
        };
        keys.iter().map(index).collect()
    }

    fn acl(self, key: &AclKey) -> Result<u32, Failure> {
        let index = self.handles.acl(key);
        index.ok_or_else(|| Failure::Refused(format!("VPP has no access list for {key}")))
    }
}

/// The end of the one step that makes or replaces a list.
fn ended(
    put: Result<u32, Failure>,
    left: Option<Object>,
    change: impl FnOnce(u32) -> Change,
) -> Result<Ended, CallError> {
    match put {
        Ok(index) => Ok(Ended::done(Some(change(index)))),
        Err(Failure::Refused(reason)) => Ok(Ended::refused(reason, left)),
        Err(Failure::Lost(error)) => Err(error),
    }
}

/// The end of the one step that binds.
fn finished(bound: Result<(), Failure>, left: Option<Object>) -> Result<Ended, CallError> {
    match bound {
        Ok(()) => Ok(Ended::done(None)),
        Err(Failure::Refused(reason)) => Ok(Ended::refused(reason, left)),
        Err(Failure::Lost(error)) => Err(error),
    }
}

fn rules<T>(rules: Vec<T>) -> Result<List<T>, Failure> {
    if rules.len() > MAX_RULES {
        return Err(Failure::Refused(format!(
            "{} rules are more than one message holds, {MAX_RULES}",
            rules.len()
        )));
    }
    List::try_from(rules).map_err(|error| Failure::Refused(error.to_string()))
}

fn acl_rule(rule: &AclRule) -> acl::AclRule {
    let types_or_ports: PortRange = rule.source_ports_or_types();
    let codes_or_ports: PortRange = rule.destination_ports_or_codes();
    acl::AclRule {
        is_permit: match rule.action() {
            AclAction::Deny => acl::AclAction::DENY,
            AclAction::Permit => acl::AclAction::PERMIT,
            AclAction::PermitReflect => acl::AclAction::PERMIT_REFLECT,
            AclAction::Other(action) => acl::AclAction(action),
        },
        src_prefix: prefix(rule.source()),
        dst_prefix: prefix(rule.destination()),
        proto: rule.of_protocol().number(),
        srcport_or_icmptype_first: types_or_ports.first(),
        srcport_or_icmptype_last: types_or_ports.last(),
        dstport_or_icmpcode_first: codes_or_ports.first(),
        dstport_or_icmpcode_last: codes_or_ports.last(),
        tcp_flags_mask: rule.of_tcp_flags().mask,
        tcp_flags_value: rule.of_tcp_flags().value,
    }
}

fn macip_rule(rule: &MacIpRule) -> acl::MacipAclRule {
    acl::MacipAclRule {
        is_permit: if rule.permit {
            acl::AclAction::PERMIT
        } else {
            acl::AclAction::DENY
        },
        src_mac: MacAddress(rule.mac.octets()),
        src_mac_mask: MacAddress(rule.mac_mask.octets()),
        src_prefix: prefix(rule.prefix),
    }
}

fn prefix(prefix: IpPrefix) -> Prefix {
    Prefix {
        address: prefix.address(),
        len: prefix.length(),
    }
}
