//! What VPP tells of a tunnel, as a tunnel like ours. Pure.

use std::net::IpAddr;

use weft_model::{OverlayProtocol, OverlaySegment, Vni};
use weft_plan::{Tunnel, TunnelKey};
use weft_vpp_wire::SwIfIndex;
use weft_vpp_wire::messages::vxlan::VxlanTunnelV2Details;
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeProtocol, VxlanGpeTunnelV2Details};

/// The UDP port of VXLAN (RFC 7348 §5).
pub(super) const VXLAN_PORT: u16 = 4789;
/// The UDP port of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12 §3.4).
pub(super) const VXLAN_GPE_PORT: u16 = 4790;

/// `VXLAN_INPUT_NEXT_L2_INPUT` (`src/plugins/vxlan/vxlan.h`).
const TO_BRIDGE: u32 = 1;

/// The tunnel, taken to be up, and its number; none if it is of another kind than ours are.
pub(super) fn of_vxlan(details: &VxlanTunnelV2Details) -> Option<(SwIfIndex, Tunnel)> {
    let alike = details.src_port == VXLAN_PORT
        && details.dst_port == VXLAN_PORT
        && details.encap_vrf_id == 0
        && details.decap_next_index == TO_BRIDGE;
    let (local, remote) = (details.src_address.0, details.dst_address.0);
    let tunnel = tunnel(OverlayProtocol::Vxlan, details.vni, local, remote)?;
    alike.then_some((details.sw_if_index, tunnel))
}

/// The tunnel, taken to be up, and its number; none if it is of another kind than ours are.
pub(super) fn of_gpe(details: &VxlanGpeTunnelV2Details) -> Option<(SwIfIndex, Tunnel)> {
    let alike = details.local_port == VXLAN_GPE_PORT
        && details.remote_port == VXLAN_GPE_PORT
        && details.encap_vrf_id == 0
        && details.protocol == VxlanGpeProtocol::ETHERNET;
    let (local, remote) = (details.local.0, details.remote.0);
    let tunnel = tunnel(OverlayProtocol::Gpe, details.vni, local, remote)?;
    alike.then_some((details.sw_if_index, tunnel))
}

fn tunnel(protocol: OverlayProtocol, vni: u32, local: IpAddr, remote: IpAddr) -> Option<Tunnel> {
    let vni = Vni::new(vni).ok()?;
    Some(Tunnel {
        key: TunnelKey {
            segment: OverlaySegment { protocol, vni },
            remote,
        },
        local,
        admin_up: true,
    })
}
