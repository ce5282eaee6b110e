//! Access lists, and which interfaces have them. Each operation is one message, which VPP carries out
//! while no packet is under way: whatever is replaced, traffic meets either the old or the new.

use std::sync::Arc;

use weft_plan::{Acl, AclBinding, AclKey, Object};
use weft_vpp_wire::frame::MAX_MESSAGE_LEN;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAddReplace, AclDel, AclInterfaceSetAclList, InterfaceAcls,
};
use weft_vpp_wire::{List, Retval, SwIfIndex};

use super::interface::text;
use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::AclMark;
use crate::session::rule;

/// Bytes of a rule in a message, the longer kind.
const RULE_LEN: usize = 48;
/// No list is made that could not be read back.
const MAX_RULES: usize = MAX_MESSAGE_LEN / RULE_LEN - 8;

impl Context<'_> {
    pub(super) async fn create_acl(self, acl: &Acl) -> Result<Ended, CallError> {
        let made = self.put_acl(ACL_NONE, acl).await;
        let made = made.map(|index| Some(Change::Acl(acl.key.clone(), index)));
        Ended::of_step(made, None)
    }

    /// In place: the interfaces that have it keep it.
    pub(super) async fn update_acl(
        self,
        acl: &Acl,
        left: Option<Arc<Object>>,
    ) -> Result<Ended, CallError> {
        let replaced = async {
            self.put_acl(self.acl(&acl.key)?, acl).await?;
            Ok(None)
        };
        Ended::of_step(replaced.await, left)
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
        left: Option<Arc<Object>>,
    ) -> Result<Ended, CallError> {
        let bound = async {
            let sw_if_index = self.interface(&binding.interface)?;
            let acls = InterfaceAcls::new(
                self.acl_indices(&binding.input)?,
                self.acl_indices(&binding.output)?,
            )
            .map_err(|error| Failure::Refused(format!("too many access lists: {error}")))?;
            self.set_acls(sw_if_index, acls).await?;
            Ok(None)
        };
        Ended::of_step(bound.await, left)
    }

    pub(super) async fn unbind_acls(self, binding: &AclBinding) -> Result<Option<Change>, Failure> {
        if let Some(sw_if_index) = self.handles.interface(&binding.interface) {
            let none = self.set_acls(sw_if_index, InterfaceAcls::default()).await;
            gone(none, Retval::INVALID_SW_IF_INDEX)?;
        }
        Ok(None)
    }

    async fn put_acl(self, acl_index: u32, acl: &Acl) -> Result<u32, Failure> {
        let request = AclAddReplace {
            acl_index,
            tag: text(&AclMark(acl.key.clone()).to_string())?,
            r: rules(acl.rules.iter().map(rule::write_acl).collect())?,
        };
        Ok(self.connection.request(request).await?.acl_index)
    }

    async fn set_acls(self, sw_if_index: SwIfIndex, acls: InterfaceAcls) -> Result<(), CallError> {
        let request = AclInterfaceSetAclList { sw_if_index, acls };
        self.request_exactly(request).await.map(|_| ())
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

/// Rules for a message.
pub(super) fn rules<T>(rules: Vec<T>) -> Result<List<T>, Failure> {
    if rules.len() > MAX_RULES {
        return Err(Failure::Refused(format!(
            "{} rules are more than one message holds, {MAX_RULES}",
            rules.len()
        )));
    }
    List::try_from(rules).map_err(|error| Failure::Refused(error.to_string()))
}
