//! Packet ports of the host: TAP devices, devices opened with AF_PACKET, and the rings of virtual
//! machines (vhost-user).
//!
//! A port moves packets between the kernel, or a guest's memory, and the buffers of a
//! [`weft_packet::BufferPool`]; it knows nothing of graphs or interfaces. Descriptors are for the caller's `epoll`; nothing here
//! blocks, has a thread or a clock.
//!
//! * [`tap`]: devices that we make. [`af_packet`]: devices that exist. [`vhost_user`]: network cards
//!   of virtual machines.
//! * [`RxScratch`], [`TxScratch`]: what a worker lends to every call, once for all of its ports.
//! * [`NetNs`]: work in another network namespace.
//! * [`PortError`]: what was tried, on what, and the kernel's answer.
//!
//! Invariants: a packet comes out as it came in, with its VLAN tags, and with checksum and
//! segmentation either done or described; what cannot be taken or sent is counted, never silently
//! gone.
#![allow(
    unsafe_code,
    reason = "system calls on tun devices, packet sockets and namespaces, and rings shared with the kernel and with guests"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "constants of libc have C's types; values that vary are converted with a check"
)]

pub mod af_packet;
mod error;
mod link;
mod netlink;
mod netns;
mod rx;
pub mod tap;
#[cfg(test)]
mod testing;
mod tx;
pub mod vhost_user;
mod vnet_header;

pub use af_packet::{PacketPort, PacketPortConfig, PacketRx, PacketTx};
pub use error::PortError;
pub use netns::NetNs;
pub use rx::{RxResult, RxScratch};
pub use tap::{Tap, TapConfig, TapQueue};
pub use tx::{TxResult, TxScratch};
pub use vhost_user::{
    VhostUser, VhostUserConfig, VhostUserFault, VhostUserFeatures, VhostUserRegion, VhostUserRing,
    VhostUserRole, VhostUserRx, VhostUserStatus, VhostUserTx,
};
