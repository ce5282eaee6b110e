//! The store against the embedded server and against a real etcd.
//!
//! Whatever both must do alike is written once and run on both. Debian's packages `etcd-server`
//! and `etcd-client` must be installed; without them the tests fail and say so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it must be"
)]

mod cluster;
mod conformance;
mod crash;
mod etcdctl;
mod interest;
mod lease_session;
mod model;
mod secured;
mod server;
mod store;
mod subscription;
mod support;
