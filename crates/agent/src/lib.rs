//! The agent of one host: follows its part of the store, keeps one VPP as it is wanted there, and
//! says truthfully what is in effect.
//!
//! ```text
//!            Intent: what is wanted ───┐                        ┌──► LeaseSession: alive, physnets
//!   store ◄─ Report: what is said ───► Agent (one serial loop) ─┤
//!            one write in flight ◄─────┘  │  ▲                  ├──► Board: conditions, port states
//!                                         │  │                  └──► Advertised: MAC addresses here
//!                                         ▼  │
//!                          Supervisor ──► Vpp: observe, apply, notices
//! ```
//!
//! All decisions are [`weft_plan::Reconciler`]'s; what is here shuttles. The loop owns everything:
//! no locks, and each task has it as the owner that waits for it.

mod advertise;
mod agent;
mod board;
mod config;
mod dataplane;
pub mod inspect;
mod intake;
mod interest;

pub use agent::{AgentError, run};
pub use config::{Config, VppConfig};
