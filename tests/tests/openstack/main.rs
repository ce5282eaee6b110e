//! OpenStack for real: Neutron servers, etcd, agents, switches and packets; needs root and
//! `make neutron`.
//!
//! | module | what is in question |
//! |---|---|
//! | [`networks`] | what `openstack` makes, and what passes then |
//! | [`nova`] | what Nova hears of a machine's port, and when |
//! | [`failures`] | somebody dies, or the store is emptied |
//! | [`tempest`] | Neutron's own tests of its API |

mod failures;
mod networks;
mod nova;
mod tempest;
