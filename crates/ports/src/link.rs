//! Host devices by name: index, state, MTU.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::error::PortError;
use crate::netlink::{self, LinkChange};

/// Index of the host device `name` in the thread's namespace.
pub(crate) fn index_of(name: &str) -> Result<u32, PortError> {
    let missing = || PortError::NoSuchDevice {
        device: name.to_owned(),
    };
    let c_name = CString::new(name).map_err(|_| missing())?;
    // SAFETY: `c_name` is a NUL-terminated string that outlives the call.
    let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
    if index == 0 {
        Err(missing())
    } else {
        Ok(index)
    }
}

/// Brings the host device with this index up or down.
pub(crate) fn set_up(index: u32, device: &str, up: bool) -> Result<(), PortError> {
    netlink::change_link(index, LinkChange::Up(up)).map_err(|source| PortError::Netlink {
        operation: if up { "bring up" } else { "bring down" },
        device: device.to_owned(),
        source,
    })
}

/// Sets the MTU of the host device with this index, bytes.
pub(crate) fn set_mtu(index: u32, device: &str, mtu: u32) -> Result<(), PortError> {
    netlink::change_link(index, LinkChange::Mtu(mtu)).map_err(|source| PortError::Netlink {
        operation: "set the MTU of",
        device: device.to_owned(),
        source,
    })
}

/// Sets the MAC address of the host device with this index.
pub(crate) fn set_mac(index: u32, device: &str, mac: [u8; 6]) -> Result<(), PortError> {
    netlink::change_link(index, LinkChange::Mac(mac)).map_err(|source| PortError::Netlink {
        operation: "set the MAC address of",
        device: device.to_owned(),
        source,
    })
}

/// Flags (`IFF_UP`, `IFF_RUNNING`, …) of the host device.
pub(crate) fn flags(name: &str) -> io::Result<libc::c_int> {
    let request = ask(name, libc::SIOCGIFFLAGS)?;
    // SAFETY: SIOCGIFFLAGS fills this member of the union; any bits make a short.
    Ok(libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags }))
}

/// MTU of the host device, bytes.
pub(crate) fn mtu(name: &str) -> io::Result<u32> {
    let request = ask(name, libc::SIOCGIFMTU)?;
    // SAFETY: SIOCGIFMTU fills this member of the union; any bits make an int.
    Ok(unsafe { request.ifr_ifru.ifru_mtu }.cast_unsigned())
}

fn ask(name: &str, question: libc::c_ulong) -> io::Result<libc::ifreq> {
    // SAFETY: no pointers are passed; the result is checked before it is owned.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just opened and belongs to nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_mtu: 0 },
    };
    for (to, from) in request
        .ifr_name
        .iter_mut()
        .take(libc::IFNAMSIZ - 1)
        .zip(name.bytes())
    {
        *to = from.cast_signed();
    }
    // SAFETY: both questions read and write one `struct ifreq`, which `request` is.
    let rc = unsafe { libc::ioctl(socket.as_raw_fd(), question, &raw mut request) };
    if rc == 0 {
        Ok(request)
    } else {
        Err(io::Error::last_os_error())
    }
}
