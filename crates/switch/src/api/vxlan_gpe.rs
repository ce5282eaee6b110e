//! `vxlan_gpe.api` (VPP `src/plugins/vxlan-gpe/vxlan_gpe_api.c`, `vxlan_gpe.c`).
//!
//! Tunnels of anything but Ethernet and to multicast groups are refused. Over IPv6 a tunnel works here; VPP
//! up to 26.06 takes it and then sends broken headers.

use weft_graph::Encapsulation;
use weft_packet::SwIfIndex;
use weft_vpp_wire::messages::vxlan_gpe::{
    VxlanGpeAddDelTunnelV2, VxlanGpeAddDelTunnelV2Reply, VxlanGpeProtocol, VxlanGpeTunnelV2Details,
    VxlanGpeTunnelV2Dump,
};
use weft_vpp_wire::{Address, Retval};

use super::{Answer, Api, Call, Serve, ServeDump, is_wanted, theirs, tunnel};
use crate::control::Control;

pub(super) fn register(api: &mut Api) {
    api.request::<VxlanGpeAddDelTunnelV2>();
    api.dump::<VxlanGpeTunnelV2Dump>();
}

impl Serve for VxlanGpeAddDelTunnelV2 {
    fn serve(self, call: &mut Call<'_>) -> Answer<VxlanGpeAddDelTunnelV2Reply> {
        let reply = |sw_if_index| VxlanGpeAddDelTunnelV2Reply { sw_if_index };
        match change(call.control, &self) {
            Ok(index) => Answer::ok(reply(theirs(index))),
            Err(retval) => Answer::refused(retval, reply(weft_vpp_wire::SwIfIndex::NONE)),
        }
    }
}

fn change(control: &mut Control, request: &VxlanGpeAddDelTunnelV2) -> Result<SwIfIndex, Retval> {
    let (local, remote) = (request.local.0, request.remote.0);
    if request.encap_vrf_id != 0 {
        return Err(Retval::NO_SUCH_FIB);
    }
    // Of what carries Ethernet, VPP does not look at the inner table.
    if request.protocol == VxlanGpeProtocol::IP4 && request.decap_vrf_id != 0 {
        return Err(Retval::NO_SUCH_INNER_FIB);
    }
    if local == remote {
        return Err(Retval::SAME_SRC_DST);
    }
    let ends = [local, remote];
    let ports = [request.local_port, request.remote_port];
    let tunnel = tunnel::described(Encapsulation::VxlanGpe, ends, ports, request.vni)?;
    tunnel::change(control, tunnel, request.is_add, |control, tunnel| {
        if request.protocol != VxlanGpeProtocol::ETHERNET || remote.is_multicast() {
            return Err(Retval::UNSUPPORTED);
        }
        control.add_gpe(tunnel).map_err(tunnel::refusal)
    })
}

impl ServeDump for VxlanGpeTunnelV2Dump {
    fn serve(self, control: &Control) -> Vec<VxlanGpeTunnelV2Details> {
        let all = control.tunnels.gpe.iter().map(|(_, index)| *index);
        let wanted = all.filter(|index| is_wanted(self.sw_if_index, *index));
        wanted.filter_map(|index| details(control, index)).collect()
    }
}

/// VPP never tells that a tunnel is of IPv6.
fn details(control: &Control, index: SwIfIndex) -> Option<VxlanGpeTunnelV2Details> {
    let tunnel = control.tables.tunnel(index)?;
    Some(VxlanGpeTunnelV2Details {
        sw_if_index: theirs(index),
        local: Address(tunnel.local),
        remote: Address(tunnel.remote),
        local_port: tunnel.local_port,
        remote_port: tunnel.remote_port,
        vni: tunnel.vni.get(),
        protocol: VxlanGpeProtocol::ETHERNET,
        mcast_sw_if_index: weft_vpp_wire::SwIfIndex::NONE,
        encap_vrf_id: 0,
        decap_vrf_id: 0,
        is_ipv6: false,
    })
}
