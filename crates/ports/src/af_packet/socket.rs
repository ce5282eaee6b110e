//! Opening and configuring a packet socket.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::ring::Geometry;
use crate::error::PortError;

const PACKET_COPY_THRESH: libc::c_int = 7;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
/// Room for packets that do not fit a frame, until they are read.
const RECEIVE_BUFFER: libc::c_int = 8 << 20;

/// A socket that receives everything from device `index` into a ring of the given geometry.
///
/// The ring must be there before the device is bound: nothing may arrive outside it.
pub(super) fn open(
    device: &str,
    index: u32,
    qdisc_bypass: bool,
    geometry: &Geometry,
) -> Result<OwnedFd, PortError> {
    let error = |operation, source| PortError::PacketSocket {
        operation,
        device: device.to_owned(),
        source,
    };
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers are passed; the result is checked before it is owned.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if fd < 0 {
        return Err(error("socket", io::Error::last_os_error()));
    }
    // SAFETY: `fd` was just opened and belongs to nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let set = |name, what: &'static str, value: libc::c_int| {
        set_option(&socket, libc::SOL_PACKET, name, &value).map_err(|source| error(what, source))
    };
    set(
        libc::PACKET_VERSION,
        "PACKET_VERSION",
        libc::tpacket_versions::TPACKET_V2 as i32,
    )?;
    set(libc::PACKET_VNET_HDR, "PACKET_VNET_HDR", 1)?;
    set(PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING", 1)?;
    set(PACKET_COPY_THRESH, "PACKET_COPY_THRESH", 1)?;
    if qdisc_bypass {
        set(libc::PACKET_QDISC_BYPASS, "PACKET_QDISC_BYPASS", 1)?;
    }
    set_option(
        &socket,
        libc::SOL_SOCKET,
        libc::SO_RCVBUFFORCE,
        &RECEIVE_BUFFER,
    )
    .map_err(|source| error("SO_RCVBUFFORCE", source))?;
    set_option(
        &socket,
        libc::SOL_SOCKET,
        libc::SO_SNDBUFFORCE,
        &RECEIVE_BUFFER,
    )
    .map_err(|source| error("SO_SNDBUFFORCE", source))?;
    let request = libc::tpacket_req {
        tp_block_size: geometry.block_size,
        tp_block_nr: geometry.blocks,
        tp_frame_size: geometry.frame_size,
        tp_frame_nr: geometry.frames,
    };
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
        .map_err(|source| error("PACKET_RX_RING", source))?;
    // SAFETY: all-zero is a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index.cast_signed();
    // SAFETY: pointer and length describe `address`, which outlives the call.
    let rc = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if rc != 0 {
        return Err(error("bind", io::Error::last_os_error()));
    }
    let membership = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(
        &socket,
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        &membership,
    )
    .map_err(|source| error("PACKET_MR_PROMISC", source))?;
    Ok(socket)
}

fn set_option<T>(
    socket: &OwnedFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: pointer and length describe `value`, which outlives the call; each caller passes the
    // type that the kernel reads for this option.
    let rc = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const *value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if rc == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `SO_ERROR`: reads and clears.
pub(super) fn take_error(socket: &OwnedFd) -> Option<io::Error> {
    let mut code: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and length describe `code`, which outlives the call.
    let rc = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut code).cast(),
            &raw mut length,
        )
    };
    match (rc, code) {
        (0, 0) => None,
        (0, code) => Some(io::Error::from_raw_os_error(code)),
        _ => Some(io::Error::last_os_error()),
    }
}
