//! What `vxlan.api` and `vxlan_gpe.api` have in common: which tunnel is meant, that there is one of it, and
//! which a dump wants.

use std::net::IpAddr;

use weft_graph::{Encapsulation, TableError, Tunnel};
use weft_packet::SwIfIndex;
use weft_packet::header::{VXLAN_GPE_PORT, VXLAN_PORT, Vni};
use weft_vpp_wire::Retval;

use crate::control::Control;

/// The tunnel that a request describes; a port of 0 stands for the encapsulation's own.
pub(super) fn described(
    encapsulation: Encapsulation,
    [local, remote]: [IpAddr; 2],
    [local_port, remote_port]: [u16; 2],
    vni: u32,
) -> Result<Tunnel, Retval> {
    let port = |port: u16| match (port, encapsulation) {
        (0, Encapsulation::Vxlan) => VXLAN_PORT,
        (0, Encapsulation::VxlanGpe) => VXLAN_GPE_PORT,
        _ => port,
    };
    Ok(Tunnel {
        encapsulation,
        local,
        remote,
        local_port: port(local_port),
        remote_port: port(remote_port),
        // VPP sends the low bits of whatever it is given.
        vni: Vni::new(vni & 0x00ff_ffff).ok_or(Retval::INVALID_VALUE)?,
        instance: 0,
    })
}

/// Deletes the tunnel, or adds it by `add` if there is none like it.
pub(super) fn change(
    control: &mut Control,
    tunnel: Tunnel,
    is_add: bool,
    add: impl FnOnce(&mut Control, Tunnel) -> Result<SwIfIndex, Retval>,
) -> Result<SwIfIndex, Retval> {
    match (control.tables.tunnel_like(&tunnel), is_add) {
        (Some(index), false) => {
            control.delete_tunnel(index);
            Ok(index)
        }
        (None, false) => Err(Retval::NO_SUCH_ENTRY),
        (Some(_), true) => Err(Retval::TUNNEL_EXIST),
        (None, true) => add(control, tunnel),
    }
}

/// What is answered when the tables refuse a tunnel.
pub(super) fn refusal(error: TableError) -> Retval {
    match error {
        TableError::TunnelExists => Retval::TUNNEL_EXIST,
        _ => Retval::INVALID_VALUE,
    }
}
