//! What can go wrong with a host port, each with what was tried, on what, and the kernel's answer.
//!
//! The variants are as fine as VPP's return codes need: `weft-switch` maps each to the code that
//! VPP 26.06 answers at the same step.

use std::io;

/// An operation on a host port that failed. Nothing is left behind when creation fails.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The network namespace does not exist or cannot be opened.
    #[error("cannot open network namespace '{namespace}': {source}")]
    OpenNamespace {
        /// Name, path, or `pid:N` as given.
        namespace: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The thread cannot enter (or come back from) the namespace.
    #[error("cannot enter network namespace '{namespace}' (CAP_SYS_ADMIN is needed): {source}")]
    EnterNamespace {
        /// Name, path, or `pid:N` as given.
        namespace: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// `/dev/net/tun` cannot be opened, or lacks a feature that we need.
    #[error("cannot use /dev/net/tun (is the tun module there, and CAP_NET_ADMIN?): {source}")]
    OpenTun {
        /// The kernel's answer.
        source: io::Error,
    },
    /// The TAP device refused an `ioctl`; for `TUNSETIFF` most often because the name is taken.
    #[error("{operation} on tap device '{device}': {source}")]
    Tap {
        /// Name of the `ioctl`.
        operation: &'static str,
        /// Host name of the device.
        device: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A netlink request on the host device was refused.
    #[error("cannot {operation} host device '{device}': {source}")]
    Netlink {
        /// What was asked, as a verb phrase: `set the MAC address of`.
        operation: &'static str,
        /// Host name of the device.
        device: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// There is no host device of this name in this namespace.
    #[error("there is no host device '{device}'")]
    NoSuchDevice {
        /// The name that was looked for.
        device: String,
    },
    /// A system call on the packet socket of a host device failed.
    #[error("{operation} for the packet socket of host device '{device}': {source}")]
    PacketSocket {
        /// The system call or socket option.
        operation: &'static str,
        /// Host name of the device.
        device: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The socket of a vhost-user port cannot be made.
    #[error("cannot {operation} the vhost-user socket {}: {source}", socket.display())]
    VhostUser {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The socket.
        socket: std::path::PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A ring size that the kernel cannot take.
    #[error(
        "packet ring of {frames} frames of {frame_size} bytes for '{device}' is out of range \
         (frame size: a multiple of 16 from 256 to 1048576; at most 1 GiB in all)"
    )]
    RingSize {
        /// Host name of the device.
        device: String,
        /// Bytes of a frame.
        frame_size: u32,
        /// Number of frames.
        frames: u32,
    },
}
