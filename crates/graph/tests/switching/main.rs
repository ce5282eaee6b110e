//! Packets through the whole graph, by the public interface: what comes out where, and exactly which
//! counters moved.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of test functions, where a failure is the finding"
)]

mod acl;
mod bridging;
mod control;
mod features;
mod flooding;
mod lab;
mod layer3;
mod loopback;
mod macip;
mod ports;
mod properties;
mod trace;
mod vlans;
mod workers;
