//! A small cloud on one machine, for scenarios and benchmarks: hosts that are network namespaces,
//! each with a dataplane and an agent as processes of their own; a store; virtual machines; and
//! relays that see, count and disturb what passes between them.
//!
//! ```text
//!  vm ── tap ─┐                                                     ┌─ tap ── vm
//!      [ dataplane ]── trunk0, trunk1 (veth) ──[ dataplane ]
//!            │ Proxy                                 │ Proxy
//!        [ agent ]──── Valve ──► store ◄── Valve ────[ agent ]
//! ```
//!
//! * [`scenario()`] makes a [`Cloud`], runs the body, shows what all of it looks like if that fails, and
//!   removes every trace.
//! * [`Cloud`]: hosts, records, and waiting for what the hosts say of them ([`View`]).
//! * [`Host`]: its processes, its configuration, its dataplane's contents ([`Contents`]).
//! * [`Station`]: a virtual machine that sends what it is told to, made with [`packet`], and says
//!   what arrives; [`Vm`]: one with Linux's stack. [`Flow`]: packets to and fro, all of them counted.
//! * [`Dissection`]: what Wireshark makes of the packets of tunnels.
//! * [`openstack`]: the same hosts under a real Neutron.
//! * [`proxy`]: the relay in front of a dataplane. [`Valve`]: the one in front of the store.
//!
//! | variable | meaning |
//! |---|---|
//! | `WEFT_BINARY` | the `weft` to test; else the one beside the test's own executable |
//! | `WEFT_DATAPLANE` | `switch` (default) or `vpp` |
//! | `WEFT_VPP_BINARY` | VPP, for instance `/opt/vpp/bin/vpp`; its libraries are found from there |
//! | `WEFT_VPP_PRELOAD` | a library to load into VPP first, where the kernel lacks vhost-net |
//!
//! Needs root and Debian's `iproute2`, `iputils-ping`, `etcd-server`, `tshark`, `ethtool`.

mod binary;
mod cloud;
mod contents;
mod dataplane;
mod dissection;
mod flow;
mod group;
mod host;
pub mod openstack;
pub mod packet;
mod port;
pub mod proxy;
mod scenario;
mod station;
mod store;
mod valve;
mod view;
mod vm;

pub use binary::weft_binary;
pub use cloud::Cloud;
pub use contents::Contents;
pub use dataplane::{Dataplane, DataplaneKind};
pub use dissection::{Checksum, Dissection, Tunnelled};
pub use flow::{Flow, FlowReport};
pub use group::{Group, Rule};
pub use host::{Host, HostConfig, Underlay, Uplink};
pub use port::Port;
pub use scenario::{Setup, scenario};
pub use station::Station;
pub use store::{StoreKind, StoreServer};
pub use valve::Valve;
pub use view::{State, View};
pub use vm::Vm;
