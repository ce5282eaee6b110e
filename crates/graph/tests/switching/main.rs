//! Packets through the whole graph, by the public interface: what comes out where, and exactly which
//! counters moved.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of test functions, where a failure is the finding"
)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths of packets that tests make"
)]

mod acl;
mod arp_term;
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
mod routing;
mod trace;
mod tunnels;
mod underlay;
mod vlans;
mod workers;
