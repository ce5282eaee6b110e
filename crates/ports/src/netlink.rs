//! The few rtnetlink requests that a host device needs: attributes of the link, an address, a
//! default route. Each opens a socket, asks, and waits for the kernel's acknowledgement.
//!
//! Message layout: `linux/netlink.h`, `linux/rtnetlink.h`; all numbers in host byte order.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const HEADER_LEN: usize = 16;
const NLM_F_REQUEST_ACK: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;

/// One change of a link.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LinkChange {
    /// `IFLA_ADDRESS`.
    Mac([u8; 6]),
    /// `IFLA_MTU`, bytes of layer-3 payload.
    Mtu(u32),
    /// `IFLA_MASTER`: index of the bridge that the device joins.
    Master(u32),
    /// Flag `IFF_UP`.
    Up(bool),
}

/// Applies `change` to the link `index` of the thread's namespace.
pub(crate) fn change_link(index: u32, change: LinkChange) -> io::Result<()> {
    let mut message = Message::new(libc::RTM_NEWLINK, 0);
    let up = libc::IFF_UP.cast_unsigned();
    let (flags, mask) = match change {
        LinkChange::Up(true) => (up, up),
        LinkChange::Up(false) => (0, up),
        _ => (0, 0),
    };
    // struct ifinfomsg: family, pad, type, index, flags, change.
    message.put(&[0; 4]);
    message.put(&index.to_ne_bytes());
    message.put(&flags.to_ne_bytes());
    message.put(&mask.to_ne_bytes());
    match change {
        LinkChange::Mac(mac) => message.attribute(libc::IFLA_ADDRESS, &mac),
        LinkChange::Mtu(mtu) => message.attribute(libc::IFLA_MTU, &mtu.to_ne_bytes()),
        LinkChange::Master(master) => {
            message.attribute(libc::IFLA_MASTER, &master.to_ne_bytes());
        }
        LinkChange::Up(_) => {}
    }
    message.ask()
}

/// Adds an address with its prefix length to the link `index`.
pub(crate) fn add_address(index: u32, address: IpAddr, prefix_len: u8) -> io::Result<()> {
    let create = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
    let mut message = Message::new(libc::RTM_NEWADDR, create);
    let (family, bytes) = octets(address);
    // struct ifaddrmsg: family, prefixlen, flags, scope, index.
    message.put(&[family, prefix_len, 0, 0]);
    message.put(&index.to_ne_bytes());
    message.attribute(libc::IFA_LOCAL, &bytes);
    message.attribute(libc::IFA_ADDRESS, &bytes);
    message.ask()
}

/// Adds the default route through `gateway` in the thread's namespace.
pub(crate) fn add_default_route(gateway: IpAddr) -> io::Result<()> {
    let create = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
    let mut message = Message::new(libc::RTM_NEWROUTE, create);
    let (family, bytes) = octets(gateway);
    // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
    message.put(&[
        family,
        0,
        0,
        0,
        libc::RT_TABLE_MAIN,
        libc::RTPROT_STATIC,
        libc::RT_SCOPE_UNIVERSE,
        libc::RTN_UNICAST,
    ]);
    message.put(&0_u32.to_ne_bytes());
    message.attribute(libc::RTA_GATEWAY, &bytes);
    message.ask()
}

fn octets(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(a) => (libc::AF_INET as u8, Ipv4Addr::octets(&a).to_vec()),
        IpAddr::V6(a) => (libc::AF_INET6 as u8, Ipv6Addr::octets(&a).to_vec()),
    }
}

/// A request under construction.
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn new(kind: u16, extra_flags: u16) -> Self {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(&0_u32.to_ne_bytes()); // length, filled in by `ask`
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(NLM_F_REQUEST_ACK | extra_flags).to_ne_bytes());
        bytes.extend_from_slice(&1_u32.to_ne_bytes()); // sequence
        bytes.extend_from_slice(&0_u32.to_ne_bytes()); // port: the kernel
        Self { bytes }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// `struct rtattr`: length with header, type, payload, padding to four bytes.
    fn attribute(&mut self, kind: u16, payload: &[u8]) {
        let length = (payload.len() + 4) as u16;
        self.put(&length.to_ne_bytes());
        self.put(&kind.to_ne_bytes());
        self.put(payload);
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
    }

    fn ask(mut self) -> io::Result<()> {
        let length = self.bytes.len() as u32;
        if let Some(field) = self.bytes.first_chunk_mut::<4>() {
            *field = length.to_ne_bytes();
        }
        let socket = open_socket()?;
        send(&socket, &self.bytes)?;
        acknowledgement(&socket)
    }
}

fn open_socket() -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed; the result is checked before it is owned.
    let fd = unsafe {
        libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW | libc::SOCK_CLOEXEC,
            libc::NETLINK_ROUTE,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just opened and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length describe `bytes`, which outlives the call.
    let n = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    if n < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Waits for the `NLMSG_ERROR` that ends the request; its code 0 means done.
fn acknowledgement(socket: &OwnedFd) -> io::Result<()> {
    let mut answer = [0_u8; 1024];
    // SAFETY: pointer and length describe `answer`, which outlives the call.
    let n = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            answer.as_mut_ptr().cast(),
            answer.len(),
            0,
        )
    };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "malformed netlink answer");
    let code = answer
        .get(HEADER_LEN..HEADER_LEN + 4)
        .ok_or_else(malformed)?;
    let code = i32::from_ne_bytes(code.try_into().map_err(|_| malformed())?);
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(-code))
    }
}
