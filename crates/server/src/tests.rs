//! The whole server, over TCP, on a store of its own.

mod apply;
mod client;
mod cloud;
mod desired;
mod errors;
mod groups;
mod hosts;
mod networks;
mod ports;
mod races;
mod rig;
mod server;
mod shutdown;
mod slow;
mod start;
mod store;
mod watch;
