//! Packet buffers, header views, checksums and software segmentation.
//!
//! A worker owns one [`BufferPool`]. A packet is a chain of uniform buffers named by the
//! [`BufferIndex`] of its first one; what the graph knows about it travels in its [`Meta`], one
//! cache line a buffer. Nothing here does I/O: ports read into and write from buffers.
//!
//! * [`pool`]: allocation, chains, replication for flooding, data access.
//! * [`meta`]: the per-packet metadata.
//! * [`offload`]: what a port may leave to its peer: checksums and segmentation, in the shape of
//!   `struct virtio_net_hdr` (VIRTIO 1.2 §5.1.6).
//! * [`header`]: bounds-checked views of Ethernet, VLAN, ARP, IPv4, IPv6, TCP, UDP,
//!   ICMP, neighbour discovery, VXLAN and VXLAN-GPE.
//! * [`checksum`]: the Internet checksum (RFC 1071) and completion of a partial one.
//! * [`vlan`]: inserting a tag that a kernel handed over beside the data.
//! * [`gso`]: cutting a TCP or UDP super-packet into segments for a port that cannot.
//! * [`gro`]: joining segments to a super-packet for a port that can.
#![allow(
    unsafe_code,
    reason = "buffer memory is raw, shared with the kernel by readv and writev; see pool::memory"
)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths are bounded by a buffer (below 2^12), those of chains by the pool (below 2^32)"
)]

pub mod checksum;
pub mod gro;
pub mod gso;
pub mod header;
mod layout;
pub mod meta;
pub mod offload;
pub mod pool;
pub mod vlan;

pub use checksum::complete_checksum;
pub use meta::{Flags, L2Opaque, Meta, SwIfIndex};
pub use offload::{GsoType, Offload, PartialChecksum};
pub use pool::{BufferIndex, BufferPool, Buffers, PoolStats};
