//! Tunnels of overlay networks.
//!
//! VPP does not tag a tunnel in the message that makes it. One that was made and never marked is
//! found again when VPP says that it is there already: see [`Context::adopt_tunnel`].

use futures::future::join;
use weft_model::OverlayProtocol;
use weft_plan::{InterfaceKey, Object, Tunnel, TunnelKey};
use weft_vpp_wire::messages::interface::{SwInterfaceDump, SwInterfaceTagAddDel};
use weft_vpp_wire::messages::vxlan::{VxlanAddDelTunnelV3, VxlanTunnelV2Dump};
use weft_vpp_wire::messages::vxlan_gpe::{
    VxlanGpeAddDelTunnelV2, VxlanGpeProtocol, VxlanGpeTunnelV2Dump,
};
use weft_vpp_wire::{Address, FixedString, Retval, SwIfIndex};

use super::interface::explained;
use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::InterfaceMark;
use crate::session::tunnel;

/// "Chosen by VPP" as the number of a tunnel, and "bridging" as what becomes of its frames.
const CHOSEN: u32 = u32::MAX;

impl Context<'_> {
    /// VPP sets the interface up at once.
    pub(super) async fn create_tunnel(self, tunnel: &Tunnel) -> Result<Ended, CallError> {
        let mark = InterfaceMark::Tunnel(tunnel.key);
        let made = match self.set_tunnel(tunnel, true).await {
            Ok(sw_if_index) => Ok(sw_if_index),
            Err(CallError::Refused {
                retval: Retval::TUNNEL_EXIST,
                ..
            }) => self.adopt_tunnel(tunnel).await,
            Err(error) => Err(explained(error, hint)),
        };
        let sw_if_index = match self.marked(made, &mark).await {
            Ok(sw_if_index) => sw_if_index,
            Err((Failure::Lost(error), _)) => return Err(error),
            Err((Failure::Refused(reason), left)) => {
                if left.is_some() {
                    self.set_tunnel(tunnel, false).await?;
                }
                return Ok(Ended::refused(reason, None));
            }
        };
        let left = Tunnel {
            admin_up: true,
            ..*tunnel
        };
        let steps = self.change_admin(sw_if_index, true, tunnel.admin_up).await;
        let ended = Ended::of_steps(steps, || Object::Tunnel(left))?;
        Ok(ended.with(Change::Interface(mark.key(), sw_if_index)))
    }

    pub(super) async fn update_tunnel(
        self,
        from: &Tunnel,
        to: &Tunnel,
    ) -> Result<Ended, CallError> {
        let key = InterfaceKey::Tunnel(to.key);
        let steps = self.update_admin(&key, from.admin_up, to.admin_up).await;
        Ended::of_steps(steps, || Object::Tunnel(*from))
    }

    pub(super) async fn delete_tunnel(self, tunnel: &Tunnel) -> Result<Option<Change>, Failure> {
        let key = InterfaceKey::Tunnel(tunnel.key);
        if let Some(sw_if_index) = self.handles.interface(&key) {
            self.delete_tunnel_at(sw_if_index, tunnel).await?;
        }
        Ok(Some(Change::NoInterface(key)))
    }

    /// Deletes one of several tunnels with one mark: they differ in their local addresses.
    pub(super) async fn delete_surplus_tunnel(
        self,
        key: TunnelKey,
        sw_if_index: SwIfIndex,
    ) -> Result<(), Failure> {
        let found = self.tunnels(key.segment.protocol, sw_if_index).await?;
        for (_, tunnel) in found {
            self.delete_tunnel_at(sw_if_index, &tunnel).await?;
        }
        Ok(())
    }

    /// The mark goes first, though in the same breath: VPP keeps the interface of a deleted
    /// VXLAN-GPE tunnel for the next one, whosever that is, with its tag
    /// (`vnet_vxlan_gpe_add_del_tunnel` in `src/plugins/vxlan-gpe/vxlan_gpe.c`).
    async fn delete_tunnel_at(
        self,
        sw_if_index: SwIfIndex,
        tunnel: &Tunnel,
    ) -> Result<(), Failure> {
        let unmark = SwInterfaceTagAddDel {
            is_add: false,
            sw_if_index,
            tag: FixedString::EMPTY,
        };
        let (unmarked, deleted) = join(
            self.connection.request(unmark),
            self.set_tunnel(tunnel, false),
        )
        .await;
        gone(unmarked, Retval::INVALID_SW_IF_INDEX)?;
        gone(deleted, Retval::NO_SUCH_ENTRY)
    }

    /// Makes a tunnel, or deletes it.
    async fn set_tunnel(self, tunnel: &Tunnel, is_add: bool) -> Result<SwIfIndex, CallError> {
        let Tunnel { key, local, .. } = *tunnel;
        let vni = key.segment.vni.get();
        match key.segment.protocol {
            OverlayProtocol::Vxlan => {
                let request = VxlanAddDelTunnelV3 {
                    is_add,
                    instance: CHOSEN,
                    src_address: Address(local),
                    dst_address: Address(key.remote),
                    src_port: tunnel::VXLAN_PORT,
                    dst_port: tunnel::VXLAN_PORT,
                    decap_next_index: CHOSEN,
                    vni,
                    ..VxlanAddDelTunnelV3::default()
                };
                Ok(self.connection.request(request).await?.sw_if_index)
            }
            OverlayProtocol::Gpe => {
                let request = VxlanGpeAddDelTunnelV2 {
                    local: Address(local),
                    remote: Address(key.remote),
                    local_port: tunnel::VXLAN_GPE_PORT,
                    remote_port: tunnel::VXLAN_GPE_PORT,
                    protocol: VxlanGpeProtocol::ETHERNET,
                    vni,
                    is_add,
                    ..VxlanGpeAddDelTunnelV2::default()
                };
                Ok(self.connection.request(request).await?.sw_if_index)
            }
        }
    }

    /// The tunnel, which VPP says is there already, if it is one that was made and never marked:
    /// nobody has bridged it or put it down.
    async fn adopt_tunnel(self, tunnel: &Tunnel) -> Result<SwIfIndex, Failure> {
        let protocol = tunnel.key.segment.protocol;
        let there = self.tunnels(protocol, SwIfIndex::NONE).await?;
        let found = there.into_iter().find(|(_, there)| there == tunnel);
        if let Some((sw_if_index, _)) = found {
            let one = SwInterfaceDump {
                sw_if_index,
                ..SwInterfaceDump::default()
            };
            let details = self.connection.dump(one).await?;
            if let Some(details) = details.first()
                && details.tag.is_empty()
                && !self.is_bridged(sw_if_index).await?
            {
                return Ok(sw_if_index);
            }
        }
        Err(Failure::Refused(format!(
            "VPP has a tunnel for VNI {} to {} already, which is not ours",
            tunnel.key.segment.vni, tunnel.key.remote
        )))
    }

    /// The tunnels of a protocol: all, or the one with this number.
    async fn tunnels(
        self,
        protocol: OverlayProtocol,
        sw_if_index: SwIfIndex,
    ) -> Result<Vec<(SwIfIndex, Tunnel)>, Failure> {
        match protocol {
            OverlayProtocol::Vxlan => {
                let found = self.connection.dump(VxlanTunnelV2Dump { sw_if_index });
                Ok(found.await?.iter().filter_map(tunnel::of_vxlan).collect())
            }
            OverlayProtocol::Gpe => {
                let found = self.connection.dump(VxlanGpeTunnelV2Dump { sw_if_index });
                Ok(found.await?.iter().filter_map(tunnel::of_gpe).collect())
            }
        }
    }
}

/// What VPP's refusals of a tunnel mean (`vxlan_add_del_tunnel_clean_input` in
/// `src/plugins/vxlan/vxlan_api.c` and its like for VXLAN-GPE).
fn hint(retval: Retval) -> Option<String> {
    match retval {
        Retval::SAME_SRC_DST => Some("the other host has the underlay address of this one".into()),
        Retval::INVALID_VALUE => Some("one end has an IPv4 address, the other an IPv6 one".into()),
        _ => None,
    }
}
