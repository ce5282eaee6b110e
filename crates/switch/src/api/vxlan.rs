//! `vxlan.api` (VPP `src/plugins/vxlan/vxlan_api.c`, `vxlan.c`).
//!
//! Tunnels of IP packets without Ethernet, to multicast groups, and into other nodes than `l2-input` are
//! refused.

use weft_graph::Encapsulation;
use weft_packet::SwIfIndex;
use weft_vpp_wire::messages::vxlan::{
    VxlanAddDelTunnelV3, VxlanAddDelTunnelV3Reply, VxlanTunnelV2Details, VxlanTunnelV2Dump,
};
use weft_vpp_wire::{Address, Retval};

use super::{Answer, Api, Call, Serve, ServeDump, existing, is_wanted, theirs, tunnel};
use crate::control::Control;

/// `l2-input` among the next nodes of `vxlan4-input` and `vxlan6-input`.
const L2_INPUT: u32 = 1;
/// Stands for "to be chosen" and "the default".
const ANY: u32 = u32::MAX;

pub(super) fn register(api: &mut Api) {
    api.request::<VxlanAddDelTunnelV3>();
    api.dump::<VxlanTunnelV2Dump>();
}

impl Serve for VxlanAddDelTunnelV3 {
    fn serve(self, call: &mut Call<'_>) -> Answer<VxlanAddDelTunnelV3Reply> {
        let reply = |sw_if_index| VxlanAddDelTunnelV3Reply { sw_if_index };
        match change(call.control, &self) {
            Ok(index) => Answer::ok(reply(theirs(index))),
            Err(retval) => Answer::refused(retval, reply(weft_vpp_wire::SwIfIndex::NONE)),
        }
    }
}

fn change(control: &mut Control, request: &VxlanAddDelTunnelV3) -> Result<SwIfIndex, Retval> {
    let (local, remote) = (request.src_address.0, request.dst_address.0);
    if request.encap_vrf_id != 0 {
        return Err(Retval::NO_SUCH_FIB);
    }
    if local.is_ipv4() != remote.is_ipv4() {
        return Err(Retval::INVALID_VALUE);
    }
    if local == remote {
        return Err(Retval::SAME_SRC_DST);
    }
    if remote.is_multicast() {
        existing(control, request.mcast_sw_if_index)?;
        return Err(Retval::UNSUPPORTED);
    }
    let ends = [local, remote];
    let ports = [request.src_port, request.dst_port];
    let tunnel = tunnel::described(Encapsulation::Vxlan, ends, ports, request.vni)?;
    tunnel::change(control, tunnel, request.is_add, |control, mut tunnel| {
        if !matches!(request.decap_next_index, L2_INPUT | ANY) {
            return Err(Retval::INVALID_DECAP_NEXT);
        }
        if request.is_l3 {
            return Err(Retval::UNSUPPORTED);
        }
        tunnel.instance = match request.instance {
            ANY => u32::try_from(control.tunnels.vxlan.next()).unwrap_or(ANY),
            instance => instance,
        };
        if control.tunnels.instances.contains(&tunnel.instance) {
            return Err(Retval::INSTANCE_IN_USE);
        }
        control.add_vxlan(tunnel).map_err(tunnel::refusal)
    })
}

impl ServeDump for VxlanTunnelV2Dump {
    fn serve(self, control: &Control) -> Vec<VxlanTunnelV2Details> {
        let all = control.tunnels.vxlan.iter().map(|(_, index)| *index);
        let wanted = all.filter(|index| is_wanted(self.sw_if_index, *index));
        wanted.filter_map(|index| details(control, index)).collect()
    }
}

fn details(control: &Control, index: SwIfIndex) -> Option<VxlanTunnelV2Details> {
    let tunnel = control.tables.tunnel(index)?;
    Some(VxlanTunnelV2Details {
        sw_if_index: theirs(index),
        instance: tunnel.instance,
        src_address: Address(tunnel.local),
        dst_address: Address(tunnel.remote),
        src_port: tunnel.local_port,
        dst_port: tunnel.remote_port,
        mcast_sw_if_index: weft_vpp_wire::SwIfIndex::NONE,
        encap_vrf_id: 0,
        decap_next_index: L2_INPUT,
        vni: tunnel.vni.get(),
    })
}
