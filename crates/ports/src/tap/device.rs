//! The `ioctl`s of `/dev/net/tun` (`linux/if_tun.h`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::error::PortError;
use crate::vnet_header::VNET_HEADER_LEN;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETPERSIST: libc::c_ulong = 0x4004_54cb;
const TUNSETOFFLOAD: libc::c_ulong = 0x4004_54d0;
const TUNSETSNDBUF: libc::c_ulong = 0x4004_54d4;
const TUNSETVNETHDRSZ: libc::c_ulong = 0x4004_54d8;

const TUN_F_CSUM: libc::c_ulong = 0x01;
const TUN_F_TSO4: libc::c_ulong = 0x02;
const TUN_F_TSO6: libc::c_ulong = 0x04;
/// UDP segmentation, Linux 6.2 and later.
const TUN_F_USO: libc::c_ulong = 0x20 | 0x40;

const TAP_FLAGS: libc::c_int = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;

/// One queue of a device, not yet configured, and the name that the kernel gave the device.
pub(super) struct OpenQueue {
    pub(super) fd: OwnedFd,
    pub(super) name: String,
}

/// How many queues a device can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queues {
    /// One. The kernel prepares 256 for a device of several, which takes it four times as long and
    /// some hundred kilobytes.
    One,
    /// Several; each call adds one.
    Several,
}

/// Opens a queue of the device `name`, which is made if it does not exist; an empty name lets the
/// kernel choose. A name of more than 15 bytes is cut.
pub(super) fn open_queue(name: &str, queues: Queues) -> Result<OpenQueue, PortError> {
    let flags = match queues {
        Queues::One => TAP_FLAGS,
        Queues::Several => TAP_FLAGS | libc::IFF_MULTI_QUEUE,
    };
    let fd: OwnedFd = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .map(File::into)
        .map_err(|source| PortError::OpenTun { source })?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            // TUNSETIFF reads the low 16 bits; IFF_TAP and the others fit.
            ifru_flags: flags.cast_unsigned() as u16 as libc::c_short,
        },
    };
    for (to, from) in request
        .ifr_name
        .iter_mut()
        .take(libc::IFNAMSIZ - 1)
        .zip(name.bytes())
    {
        *to = from.cast_signed();
    }
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `request` is.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETIFF, &raw mut request) };
    check(rc, "TUNSETIFF", name)?;
    let name = request
        .ifr_name
        .iter()
        .take_while(|&&c| c != 0)
        .map(|c| c.cast_unsigned());
    let name = String::from_utf8_lossy(&name.collect::<Vec<u8>>()).into_owned();
    Ok(OpenQueue { fd, name })
}

/// Header size, an unbounded send buffer (a full receiver drops, it never blocks the switch) and
/// every offload that the kernel offers.
pub(super) fn configure_queue(fd: &OwnedFd, name: &str) -> Result<(), PortError> {
    let header_len = VNET_HEADER_LEN as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int, which `header_len` is.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETVNETHDRSZ, &raw const header_len) };
    check(rc, "TUNSETVNETHDRSZ", name)?;
    let send_buffer = libc::c_int::MAX;
    // SAFETY: TUNSETSNDBUF reads one int, which `send_buffer` is.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETSNDBUF, &raw const send_buffer) };
    check(rc, "TUNSETSNDBUF", name)?;
    let offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETOFFLOAD, offloads | TUN_F_USO) };
    if rc == 0 {
        return Ok(());
    }
    // SAFETY: as above.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETOFFLOAD, offloads) };
    check(rc, "TUNSETOFFLOAD", name)
}

/// Whether the device outlives its descriptors.
pub(super) fn set_persistent(fd: &OwnedFd, name: &str, on: bool) -> Result<(), PortError> {
    // SAFETY: TUNSETPERSIST takes its argument by value.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETPERSIST, libc::c_ulong::from(on)) };
    check(rc, "TUNSETPERSIST", name)
}

fn check(rc: libc::c_int, operation: &'static str, name: &str) -> Result<(), PortError> {
    if rc == 0 {
        return Ok(());
    }
    let source = io::Error::last_os_error();
    Err(PortError::Tap {
        operation,
        device: name.to_owned(),
        source,
    })
}
