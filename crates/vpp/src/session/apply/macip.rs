//! MACIP lists, and which interfaces have them. As with access lists, each operation is one message.

use std::sync::Arc;

use weft_plan::{MacIpAcl, MacIpBinding, Object};
use weft_vpp_wire::messages::acl::{
    ACL_NONE, MacipAclAddReplace, MacipAclDel, MacipAclInterfaceAddDel, MacipAclInterfaceListDump,
};
use weft_vpp_wire::{Retval, SwIfIndex};

use super::acl::rules;
use super::interface::text;
use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::MacIpMark;
use crate::session::rule;

impl Context<'_> {
    pub(super) async fn create_macip_acl(self, acl: &MacIpAcl) -> Result<Ended, CallError> {
        let made = self.put_macip_acl(ACL_NONE, acl).await;
        let made = made.map(|index| Some(Change::MacIpAcl(acl.port.clone(), index)));
        Ended::of_step(made, None)
    }

    /// In place: the interfaces that have it keep it.
    pub(super) async fn update_macip_acl(
        self,
        acl: &MacIpAcl,
        left: Option<Arc<Object>>,
    ) -> Result<Ended, CallError> {
        let replaced = async {
            let index = self.handles.macip_acl(&acl.port).ok_or_else(|| {
                Failure::Refused(format!("VPP has no MACIP list for port {}", acl.port))
            })?;
            self.put_macip_acl(index, acl).await?;
            Ok(None)
        };
        Ended::of_step(replaced.await, left)
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
        left: Option<Arc<Object>>,
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
            Ok(None)
        };
        Ended::of_step(bound.await, left)
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

    async fn put_macip_acl(self, acl_index: u32, acl: &MacIpAcl) -> Result<u32, Failure> {
        let request = MacipAclAddReplace {
            acl_index,
            tag: text(&MacIpMark(acl.port.clone()).to_string())?,
            r: rules(acl.rules.iter().map(rule::write_macip).collect())?,
        };
        Ok(self.request_exactly(request).await?.acl_index)
    }

    async fn delete_macip_acl_at(self, acl_index: u32) -> Result<(), Failure> {
        let deleted = self.connection.request(MacipAclDel { acl_index }).await;
        gone(deleted, Retval::NO_SUCH_ENTRY)
    }
}
