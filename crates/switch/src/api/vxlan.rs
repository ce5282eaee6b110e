//! `vxlan.api` (VPP `src/plugins/vxlan/vxlan_api.c`, `vxlan.c`).
//!
//! Tunnels of IP packets without Ethernet, to multicast groups, and into other nodes than `l2-input` are
//! refused.

use weft_graph::{Encapsulation, TableError, Tunnel};
use weft_packet::SwIfIndex;
use weft_packet::header::{VXLAN_PORT, Vni};
use weft_vpp_wire::messages::vxlan::{
    VxlanAddDelTunnelV3, VxlanAddDelTunnelV3Reply, VxlanTunnelV2Details, VxlanTunnelV2Dump,
};
use weft_vpp_wire::{Address, Retval};

use super::{Answer, Api, Call, Serve, ServeDump, existing, is_wanted, theirs};
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
    let port = |port: u16| if port == 0 { VXLAN_PORT } else { port };
    // VPP sends the low bits of whatever it is given.
    let vni = Vni::new(request.vni & 0x00ff_ffff).ok_or(Retval::INVALID_VALUE)?;
    let mut tunnel = Tunnel {
        encapsulation: Encapsulation::Vxlan,
        local,
        remote,
        local_port: port(request.src_port),
        remote_port: port(request.dst_port),
        vni,
        instance: 0,
    };
    let like = control.tables.tunnel_like(&tunnel);
    if !request.is_add {
        let index = like.ok_or(Retval::NO_SUCH_ENTRY)?;
        control.delete_tunnel(index);
        return Ok(index);
    }
    if like.is_some() {
        return Err(Retval::TUNNEL_EXIST);
    }
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
    control.add_vxlan(tunnel).map_err(|error| match error {
        TableError::TunnelExists => Retval::TUNNEL_EXIST,
        _ => Retval::INVALID_VALUE,
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
