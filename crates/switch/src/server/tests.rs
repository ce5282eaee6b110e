//! Whole switches, each with its threads in a namespace that plays its host, and real packets.

mod clients;
mod packets;
mod scale;
mod support;
mod trunk;
mod tunnels;
