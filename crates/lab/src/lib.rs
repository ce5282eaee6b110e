//! Throw-away hosts: network namespaces, cables between them, processes with logs, pings and a
//! look at the frames on a cable. For the demo and for tests; needs root and iproute2.
//!
//! * [`Lab`]: one throw-away world. It gives everything a unique name, has a directory for sockets
//!   and logs, and first removes what earlier labs of its kind left behind when they were killed.
//! * [`Namespace`]: a host or a virtual machine. [`Veth`]: a cable between two.
//! * [`VirtualMachine`]: a real one, with a network card by vhost-user.
//! * [`Process`]: a program with a log, stopped in order or killed.
//! * [`Ping`], [`ping()`]: reachability, once or all the while. [`Capture`]: frames on a cable.
//! * [`wait_until`]: waits for a condition, with a deadline.
//!
//! Whatever is made is gone when its value is dropped, whether the work went well, failed,
//! panicked, or was cancelled with its future. Nothing is touched that no lab has made.

mod capture;
mod error;
mod lab;
mod machine;
mod namespace;
mod orphans;
mod ping;
mod proc_id;
mod process;
mod run;
mod wait;

pub use capture::{Capture, CapturedFrame};
pub use error::LabError;
pub use lab::Lab;
pub use machine::{VirtualMachine, VirtualMachineConfig};
pub use namespace::{Namespace, Veth};
pub use ping::{Ping, PingReport, ping, ping_within};
pub use process::Process;
pub use wait::wait_until;

#[cfg(test)]
mod tests;
