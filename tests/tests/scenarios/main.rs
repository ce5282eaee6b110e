//! Scenarios with real processes, stores, dataplanes and packets; they need root.
//!
//! A number in a name is that of the conformance scenario which the test stands for:
//!
//! | module | what is in question | numbers |
//! |---|---|---|
//! | [`binding`] | ports come, change and go | 3 – 7 |
//! | [`restart`] | agents and dataplanes die | 11 – 13, 20 |
//! | [`surplus`] | what was made twice | 20 |
//! | [`refusal`] | what a dataplane or a record denies to one port | 14, 15 |
//! | [`store_loss`] | the store dies, forgets, or cannot be reached | 16, 17 |
//! | [`configuration`] | what an operator changes, or gets wrong | 19 |
//! | [`foreign`] | what others have made in the dataplane | |
//! | [`wire`] | the dataplane's API breaks off | |
//! | [`security`] | security groups and anti-spoofing | 8, 9, 10, 11 |
//! | [`overlay`] | networks in tunnels between hosts | 5, 7, 23 |
//! | [`vhost_user`] | real virtual machines | 1, 2 |
//! | [`transcript`] | the dataplane's answers beside VPP's | |
//! | [`command_line`] | what a person sees | |
//! | [`churn`] | everything at random | |

mod binding;
mod churn;
mod command_line;
mod configuration;
mod foreign;
mod overlay;
mod refusal;
mod restart;
mod security;
mod store_loss;
mod surplus;
mod transcript;
mod vhost_user;
mod wire;
