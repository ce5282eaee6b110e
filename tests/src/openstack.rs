//! An OpenStack as far as Weft meets it: real Neutron servers on one database, `weft server`s on a
//! cluster of etcd, and hosts.
//!
//! ```text
//!  openstack ─► Keystone (fake)         MariaDB
//!      │                                   │
//!      └──────► Neutron 0, Neutron 1 ──────┘      Nova (fake)
//!                     │       └───── events ──────────┘
//!             weft server 0, 1 ─► etcd 0, 1, 2 ◄─ Valve ◄─ agent ─► dataplane     (a host, of two)
//! ```
//!
//! * [`OpenStack`]: all of it; [`openstack()`] makes one for a test, shows it if the test fails, and
//!   removes every trace.
//! * [`Neutron`]: a server of its API, to be killed and started again; [`Rest`]: talking to it.
//! * [`Keystone`], [`Nova`]: in this process. [`MariaDb`], [`EtcdCluster`]: as Debian has them.
//! * [`Venv`]: the Python environment, which `make neutron` makes.
//!
//! Control processes are in the machine's own namespace, on its loopback device and on sockets in the
//! lab's directory; hosts have namespaces, as everywhere in these tests.

mod etcd;
mod keystone;
mod mariadb;
mod neutron;
mod nova;
mod rest;
mod served;
mod setup;
mod venv;
mod weft_server;
mod whole;

pub use etcd::EtcdCluster;
pub use keystone::Keystone;
pub use mariadb::MariaDb;
pub use neutron::Neutron;
pub use nova::{Nova, NovaEvent};
pub use rest::Rest;
pub use setup::{Driver, OpenStackSetup};
pub use venv::Venv;
pub use weft_server::WeftServer;
pub use whole::{OpenStack, openstack};

/// A port of the loopback device that is free at this moment.
fn free_port() -> std::io::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
