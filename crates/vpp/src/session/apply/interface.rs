//! Uplinks, sub-interfaces and TAPs.

use std::fmt::Write;

use futures::future::join;
use weft_model::Mtu;
use weft_plan::{InterfaceKey, Object, SubInterface, Tap, Uplink, UplinkDevice};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketDelete, AfPacketMode};
use weft_vpp_wire::messages::interface::{
    CreateSubif, DeleteSubif, IfStatusFlags, SubIfFlags, SwInterfaceSetFlags, SwInterfaceSetMtu,
    SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::tapv2::{TapCreateV3, TapDeleteV2};
use weft_vpp_wire::{FixedString, InvalidText, MacAddress, Retval, SwIfIndex, VarString};

use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::InterfaceMark;

/// "The next free one" as the number of a TAP.
const NEXT_FREE: u32 = u32::MAX;

/// Bytes of the longest tag, with its NUL (`string[64]`).
const TAG_ROOM: usize = 64;

/// The flags of a sub-interface for frames with exactly one given tag. VPP gives frames with
/// another number of tags to such a one only without `EXACT_MATCH`.
pub(super) const ONE_TAG: SubIfFlags =
    SubIfFlags(SubIfFlags::ONE_TAG.0 | SubIfFlags::EXACT_MATCH.0);

impl Context<'_> {
    pub(super) async fn create_uplink(self, uplink: &Uplink) -> Result<Ended, CallError> {
        let physnet = uplink.physnet.clone();
        let (found, mark) = match &uplink.device {
            UplinkDevice::Existing(name) => (
                self.find_uplink(name, &uplink.physnet).await,
                InterfaceMark::UplinkFound(physnet),
            ),
            UplinkDevice::HostInterface(device) => (
                self.make_host_interface(device.as_str()).await,
                InterfaceMark::UplinkMade(physnet),
            ),
        };
        let made = matches!(mark, InterfaceMark::UplinkMade(_));
        let sw_if_index = match self.marked(found, &mark).await {
            Ok(sw_if_index) => sw_if_index,
            Err((Failure::Lost(error), _)) => return Err(error),
            Err((Failure::Refused(reason), left)) => {
                if let (Some(_), UplinkDevice::HostInterface(device), true) =
                    (left, &uplink.device, made)
                {
                    self.unmake_host_interface(device.as_str()).await?;
                }
                return Ok(Ended::refused(reason, None));
            }
        };
        let mut left = uplink.clone();
        (left.mtu, left.admin_up) = (None, false);
        let steps = async {
            if let Some(mtu) = uplink.mtu {
                self.set_mtu(sw_if_index, mtu).await?;
                left.mtu = uplink.mtu;
            }
            self.set_admin(sw_if_index, uplink.admin_up).await
        };
        let ended = Ended::of_steps(steps.await, || Object::Uplink(left))?;
        Ok(ended.with(Change::Interface(mark.key(), sw_if_index)))
    }

    pub(super) async fn create_sub_interface(self, sub: &SubInterface) -> Result<Ended, CallError> {
        let mark = InterfaceMark::SubInterface(sub.physnet.clone(), sub.vlan);
        let made = self.make_sub_interface(sub).await;
        let sw_if_index = match self.marked(made, &mark).await {
            Ok(sw_if_index) => sw_if_index,
            Err((Failure::Lost(error), _)) => return Err(error),
            Err((Failure::Refused(reason), left)) => {
                if let Some(sw_if_index) = left {
                    self.connection.request(DeleteSubif { sw_if_index }).await?;
                }
                return Ok(Ended::refused(reason, None));
            }
        };
        let mut left = sub.clone();
        left.admin_up = false;
        let steps = self.set_admin(sw_if_index, sub.admin_up).await;
        let ended = Ended::of_steps(steps, || Object::SubInterface(left))?;
        Ok(ended.with(Change::Interface(mark.key(), sw_if_index)))
    }

    pub(super) async fn create_tap(self, tap: &Tap) -> Result<Ended, CallError> {
        let device = tap.host_if_name.as_str();
        if let Some(foreign) = self.handles.foreign_tap(device) {
            // VPP would give both the same device, and this port's frames to either by turns.
            let reason =
                format!("the device {device} belongs to {foreign} of VPP, which is not ours");
            return Ok(Ended::refused(reason, None));
        }
        let mark = InterfaceMark::Tap(tap.port.clone());
        let request = match tap_request(tap, &mark) {
            Ok(request) => request,
            Err(error) => return Ok(Ended::refused(error.to_string(), None)),
        };
        let sw_if_index = match self.connection.request(request).await {
            Ok(reply) => reply.sw_if_index,
            Err(error) => match explained(error, |retval| tap_hint(retval, device)) {
                Failure::Refused(reason) => return Ok(Ended::refused(reason, None)),
                Failure::Lost(error) => return Err(error),
            },
        };
        let (mut mtu, mut admin_up) = (tap.mtu, tap.admin_up);
        let steps = self.prepare(sw_if_index, &mut mtu, &mut admin_up).await;
        let left = || {
            Object::Tap(Tap {
                mtu,
                admin_up,
                ..tap.clone()
            })
        };
        let ended = Ended::of_steps(steps, left)?;
        Ok(ended.with(Change::Interface(mark.key(), sw_if_index)))
    }

    pub(super) async fn update_uplink(
        self,
        from: &Uplink,
        to: &Uplink,
    ) -> Result<Ended, CallError> {
        let key = InterfaceKey::Uplink(to.physnet.clone());
        let mut left = from.clone();
        let steps = async {
            if let Some(mtu) = to.mtu
                && from.mtu != to.mtu
            {
                self.set_mtu(self.interface(&key)?, mtu).await?;
                left.mtu = to.mtu;
            }
            self.update_admin(&key, from.admin_up, to.admin_up).await
        };
        Ended::of_steps(steps.await, || Object::Uplink(left))
    }

    pub(super) async fn update_sub_interface(
        self,
        from: &SubInterface,
        to: &SubInterface,
    ) -> Result<Ended, CallError> {
        let key = InterfaceKey::SubInterface(to.physnet.clone(), to.vlan);
        let steps = self.update_admin(&key, from.admin_up, to.admin_up).await;
        Ended::of_steps(steps, || Object::SubInterface(from.clone()))
    }

    pub(super) async fn update_tap(self, from: &Tap, to: &Tap) -> Result<Ended, CallError> {
        let key = InterfaceKey::Tap(to.port.clone());
        let mut left = from.clone();
        let admin = (from.admin_up, to.admin_up);
        let steps = self.update_port(&key, &mut left.mtu, to.mtu, admin).await;
        Ended::of_steps(steps, || Object::Tap(left))
    }

    /// What we made goes; what we found only loses our mark.
    pub(super) async fn delete_uplink(self, uplink: &Uplink) -> Result<Option<Change>, Failure> {
        let key = InterfaceKey::Uplink(uplink.physnet.clone());
        match &uplink.device {
            UplinkDevice::HostInterface(device) => {
                self.unmake_host_interface(device.as_str()).await?;
            }
            UplinkDevice::Existing(_) => {
                if let Some(sw_if_index) = self.handles.interface(&key) {
                    let unmark = SwInterfaceTagAddDel {
                        is_add: false,
                        sw_if_index,
                        tag: FixedString::EMPTY,
                    };
                    let unmarked = self.connection.request(unmark).await;
                    gone(unmarked, Retval::INVALID_SW_IF_INDEX)?;
                }
            }
        }
        Ok(Some(Change::NoInterface(key)))
    }

    pub(super) async fn delete_sub_interface(
        self,
        sub: &SubInterface,
    ) -> Result<Option<Change>, Failure> {
        let key = InterfaceKey::SubInterface(sub.physnet.clone(), sub.vlan);
        if let Some(sw_if_index) = self.handles.interface(&key) {
            let deleted = self.connection.request(DeleteSubif { sw_if_index }).await;
            gone(deleted, Retval::INVALID_SW_IF_INDEX)?;
        }
        Ok(Some(Change::NoInterface(key)))
    }

    pub(super) async fn delete_tap(self, tap: &Tap) -> Result<Option<Change>, Failure> {
        let key = InterfaceKey::Tap(tap.port.clone());
        if let Some(sw_if_index) = self.handles.interface(&key) {
            self.delete_tap_at(sw_if_index).await?;
        }
        Ok(Some(Change::NoInterface(key)))
    }

    pub(super) async fn delete_tap_at(self, sw_if_index: SwIfIndex) -> Result<(), Failure> {
        let deleted = self.connection.request(TapDeleteV2 { sw_if_index }).await;
        gone(deleted, Retval::INVALID_SW_IF_INDEX)
    }

    async fn make_host_interface(self, device: &str) -> Result<SwIfIndex, Failure> {
        let request = AfPacketCreateV3 {
            mode: AfPacketMode::ETHERNET,
            use_random_hw_addr: true,
            host_if_name: text(device)?,
            num_rx_queues: 1,
            num_tx_queues: 1,
            ..AfPacketCreateV3::default()
        };
        match self.connection.request(request).await {
            Ok(reply) => Ok(reply.sw_if_index),
            Err(CallError::Refused {
                retval: Retval::IF_ALREADY_EXISTS,
                ..
            }) => self.adopt_host_interface(device).await,
            Err(error) => Err(explained(error, |retval| match retval {
                Retval::INVALID_INTERFACE => {
                    Some(format!("Linux has no device {device} where VPP runs"))
                }
                _ => None,
            })),
        }
    }

    async fn unmake_host_interface(self, device: &str) -> Result<(), CallError> {
        let Ok(host_if_name) = FixedString::try_from(device) else {
            return Ok(());
        };
        self.connection
            .request(AfPacketDelete { host_if_name })
            .await
            .map(|_| ())
    }

    async fn make_sub_interface(self, sub: &SubInterface) -> Result<SwIfIndex, Failure> {
        let parent = self.interface(&InterfaceKey::Uplink(sub.physnet.clone()))?;
        let vlan = u32::from(sub.vlan);
        let request = CreateSubif {
            sw_if_index: parent,
            sub_id: vlan,
            sub_if_flags: ONE_TAG,
            // A VLAN has twelve bits.
            outer_vlan_id: u16::try_from(vlan).unwrap_or_default(),
            inner_vlan_id: 0,
        };
        match self.connection.request(request).await {
            Ok(reply) => Ok(reply.sw_if_index),
            Err(CallError::Refused {
                retval: Retval::VLAN_ALREADY_EXISTS,
                ..
            }) => self.adopt_sub_interface(parent, vlan).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Writes our mark on an interface that was made or found. If that is refused, the interface is
    /// told, since without its mark nobody would know it for ours.
    pub(super) async fn marked(
        self,
        found: Result<SwIfIndex, Failure>,
        mark: &InterfaceMark,
    ) -> Result<SwIfIndex, (Failure, Option<SwIfIndex>)> {
        let sw_if_index = found.map_err(|failure| (failure, None))?;
        let written = async {
            let tag = text(&mark.to_string())?;
            let request = SwInterfaceTagAddDel {
                is_add: true,
                sw_if_index,
                tag,
            };
            self.connection.request(request).await?;
            Ok(sw_if_index)
        };
        written
            .await
            .map_err(|failure| (failure, Some(sw_if_index)))
    }

    /// Gives a port's interface that was just made its MTU and state; both become what they are
    /// then.
    pub(super) async fn prepare(
        self,
        sw_if_index: SwIfIndex,
        mtu: &mut Mtu,
        admin_up: &mut bool,
    ) -> Result<(), Failure> {
        let (mtu_set, admin_set) = join(
            self.set_mtu(sw_if_index, *mtu),
            self.set_admin(sw_if_index, *admin_up),
        )
        .await;
        if mtu_set.is_err() {
            *mtu = default_mtu();
        }
        *admin_up &= admin_set.is_ok();
        mtu_set.and(admin_set)
    }

    /// Makes of a port's `mtu` the one that is wanted, then sets its state if that changes, too.
    pub(super) async fn update_port(
        self,
        key: &InterfaceKey,
        mtu: &mut Mtu,
        wanted: Mtu,
        (from, to): (bool, bool),
    ) -> Result<(), Failure> {
        let sw_if_index = self.interface(key)?;
        if *mtu != wanted {
            self.set_mtu(sw_if_index, wanted).await?;
            *mtu = wanted;
        }
        self.update_admin(key, from, to).await
    }

    pub(super) async fn update_admin(
        self,
        key: &InterfaceKey,
        from: bool,
        to: bool,
    ) -> Result<(), Failure> {
        let sw_if_index = self.interface(key)?;
        self.change_admin(sw_if_index, from, to).await
    }

    pub(super) async fn change_admin(
        self,
        sw_if_index: SwIfIndex,
        from: bool,
        to: bool,
    ) -> Result<(), Failure> {
        if from != to {
            self.set_admin(sw_if_index, to).await?;
        }
        Ok(())
    }

    pub(super) async fn set_admin(self, sw_if_index: SwIfIndex, up: bool) -> Result<(), Failure> {
        let flags = if up {
            IfStatusFlags::ADMIN_UP
        } else {
            IfStatusFlags::default()
        };
        let request = SwInterfaceSetFlags { sw_if_index, flags };
        self.connection.request(request).await?;
        Ok(())
    }

    /// Sets the MTU for all protocols; those of IPv4, IPv6 and MPLS follow it.
    pub(super) async fn set_mtu(self, sw_if_index: SwIfIndex, mtu: Mtu) -> Result<(), Failure> {
        let request = SwInterfaceSetMtu {
            sw_if_index,
            mtu: [mtu.get().into(), 0, 0, 0],
        };
        self.connection.request(request).await?;
        Ok(())
    }
}

fn tap_request(tap: &Tap, mark: &InterfaceMark) -> Result<TapCreateV3, InvalidText> {
    let mut tag = String::with_capacity(TAG_ROOM);
    // VPP keeps these bytes alone (`vl_api_from_api_to_new_vec`), and reads them back as a text that
    // ends with NUL: without one, whatever stands behind them becomes part of the tag.
    write!(tag, "{mark}\0").ok();
    Ok(TapCreateV3 {
        id: NEXT_FREE,
        use_random_mac: true,
        num_rx_queues: 1,
        num_tx_queues: 1,
        host_mtu_size: u32::from(tap.mtu.get()).into(),
        host_mac_addr: MacAddress(tap.host_mac.octets()).into(),
        host_if_name: FixedString::try_from(tap.host_if_name.as_str())?.into(),
        tag: VarString::from(tag.into_bytes()),
        ..TapCreateV3::default()
    })
}

/// What VPP's refusals of a TAP mean (`tap_create_if` in `src/plugins/tap/tap.c`).
fn tap_hint(retval: Retval, device: &str) -> Option<String> {
    match retval {
        // TUNSETIFF failed.
        Retval::SYSCALL_ERROR_3 => Some(format!(
            "Linux has another device {device} already, or does not allow that name"
        )),
        Retval::NETLINK_ERROR => Some(format!(
            "Linux does not take the MTU or the MAC address of device {device}"
        )),
        _ => None,
    }
}

/// A refusal in the words of whoever knows what it means here, if anybody does.
pub(super) fn explained(error: CallError, hint: impl Fn(Retval) -> Option<String>) -> Failure {
    let hint = match &error {
        CallError::Refused { retval, .. } => hint(*retval),
        _ => None,
    };
    match (error.into(), hint) {
        (Failure::Refused(reason), Some(hint)) => Failure::Refused(format!("{hint} ({reason})")),
        (failure, _) => failure,
    }
}

/// The MTU that VPP's side of a TAP or vhost-user interface has at first.
pub(super) fn default_mtu() -> Mtu {
    Mtu::new(9000).unwrap_or(Mtu::DEFAULT)
}

pub(super) fn text(text: &str) -> Result<FixedString<64>, Failure> {
    FixedString::try_from(text).map_err(|error: InvalidText| Failure::Refused(error.to_string()))
}
