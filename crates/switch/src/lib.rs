//! The embedded dataplane: a userspace packet switch that serves VPP's binary API.
//!
//! [`Switch::start`] binds the API socket and starts the workers; [`Switch::run`] then serves on
//! the calling thread until [`StopHandle::stop`]. Threads, and who owns what:
//!
//! * the main thread (`server`): API clients, all configuration (`control`), ageing;
//! * workers (`worker`): one packet graph and one buffer pool each, `epoll` over their ports;
//! * nothing else, and no async runtime.
//!
//! The modules from the outside in: `socket` and `client` move bytes, `api` answers messages (one
//! module for each of VPP's `.api` files), `cli` answers command lines, `control` is the state they
//! change, `worker` moves packets.
//!
//! Invariants: an answer leaves only after its change is effective in all workers; no client can
//! stall another, nor the packets; what a message answers is what VPP 26.06 answers.

mod api;
mod cli;
mod client;
mod config;
mod control;
mod error;
mod poller;
mod server;
mod socket;
mod switch;
#[cfg(test)]
mod testing;
mod version;
mod worker;

pub use config::{DEFAULT_API_SOCKET, SwitchConfig};
pub use error::SwitchError;
pub use switch::{StopHandle, Switch};
