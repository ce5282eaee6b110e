//! vhost-user interfaces.

use weft_plan::{InterfaceKey, Object, VhostUser, VhostUserMode};
use weft_vpp_wire::messages::interface::SwInterfaceDump;
use weft_vpp_wire::messages::vhost_user::{CreateVhostUserIfV2, DeleteVhostUserIf};
use weft_vpp_wire::{FixedString, InvalidText, Message, Retval, SwIfIndex};

use super::interface::{explained, text};
use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::InterfaceMark;

impl Context<'_> {
    pub(super) async fn create_vhost_user(self, vhost: &VhostUser) -> Result<Ended, CallError> {
        let mark = InterfaceMark::VhostUser(vhost.port.clone());
        let sw_if_index = match self.make_vhost_user(vhost, &mark).await {
            Ok(sw_if_index) => sw_if_index,
            Err(Failure::Refused(reason)) => return Ok(Ended::refused(reason, None)),
            Err(Failure::Lost(error)) => return Err(error),
        };
        let (mut mtu, mut admin_up) = (vhost.mtu, vhost.admin_up);
        let steps = self.prepare(sw_if_index, &mut mtu, &mut admin_up).await;
        let left = || {
            Object::VhostUser(VhostUser {
                mtu,
                admin_up,
                ..vhost.clone()
            })
        };
        let ended = Ended::of_steps(steps, left)?;
        Ok(ended.with(Change::Interface(mark.key(), sw_if_index)))
    }

    pub(super) async fn update_vhost_user(
        self,
        from: &VhostUser,
        to: &VhostUser,
    ) -> Result<Ended, CallError> {
        let key = InterfaceKey::VhostUser(to.port.clone());
        let mut left = from.clone();
        let admin = (from.admin_up, to.admin_up);
        let steps = self.update_port(&key, &mut left.mtu, to.mtu, admin).await;
        Ended::of_steps(steps, || Object::VhostUser(left))
    }

    pub(super) async fn delete_vhost_user(
        self,
        vhost: &VhostUser,
    ) -> Result<Option<Change>, Failure> {
        let key = InterfaceKey::VhostUser(vhost.port.clone());
        if let Some(sw_if_index) = self.handles.interface(&key) {
            self.delete_vhost_user_at(sw_if_index).await?;
        }
        Ok(Some(Change::NoInterface(key)))
    }

    pub(super) async fn delete_vhost_user_at(self, sw_if_index: SwIfIndex) -> Result<(), Failure> {
        let request = DeleteVhostUserIf { sw_if_index };
        let deleted = self.connection.request(request).await;
        gone(deleted, Retval::INVALID_SW_IF_INDEX)
    }

    async fn make_vhost_user(
        self,
        vhost: &VhostUser,
        mark: &InterfaceMark,
    ) -> Result<SwIfIndex, Failure> {
        let socket = vhost.socket.as_str();
        let sock_filename = FixedString::try_from(socket)
            .map_err(|error: InvalidText| Failure::Refused(error.to_string()))?;
        let request = CreateVhostUserIfV2 {
            is_server: vhost.mode == VhostUserMode::Server,
            sock_filename,
            tag: text(&mark.to_string())?,
            ..CreateVhostUserIfV2::default()
        };
        match self.connection.exchange(&request).await? {
            (Retval::IF_ALREADY_EXISTS, found)
                if self.is_marked(found.sw_if_index, mark).await? =>
            {
                Ok(found.sw_if_index)
            }
            (retval, made) if !retval.is_error() => Ok(made.sw_if_index),
            (retval, _) => {
                let message = CreateVhostUserIfV2::NAME;
                let error = CallError::Refused { message, retval };
                Err(explained(error, |retval| hint(retval, socket)))
            }
        }
    }

    /// Whether the interface, which VPP says has the socket already, is the one that is wanted: made
    /// by a client of ours that was killed, after we looked.
    async fn is_marked(
        self,
        sw_if_index: SwIfIndex,
        mark: &InterfaceMark,
    ) -> Result<bool, Failure> {
        let one = SwInterfaceDump {
            sw_if_index,
            ..SwInterfaceDump::default()
        };
        let found = self.connection.dump(one).await?;
        let tag = mark.to_string();
        Ok(found
            .iter()
            .any(|details| details.sw_if_index == sw_if_index && details.tag == tag.as_str()))
    }
}

/// What VPP's refusals mean (`vhost_user_create_if` and `vhost_user_init_server_sock` in
/// `src/plugins/vhost/vhost_user.c`).
fn hint(retval: Retval, socket: &str) -> Option<String> {
    match retval {
        Retval::IF_ALREADY_EXISTS => Some(format!(
            "another vhost-user interface of VPP has the socket {socket}"
        )),
        Retval::SYSCALL_ERROR_1 | Retval::SYSCALL_ERROR_2 => Some(format!(
            "VPP cannot make the socket {socket}: is there that directory, and may VPP write to it?"
        )),
        _ => None,
    }
}
