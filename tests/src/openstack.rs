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

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

mod etcd;
mod keystone;
mod mariadb;
mod neutron;
mod nova;
mod rest;
mod running;
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

/// A port of the loopback device that nobody listens on. It is below those that Linux gives to
/// connections (`ip_local_port_range`: from 32768 on), one of which could have it before its server does.
fn free_port() -> io::Result<u16> {
    const PORTS: Range<u16> = 16_384..32_768;
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    // Processes begin at different places.
    let first = (process::id() as usize).wrapping_mul(16);
    for _ in PORTS {
        let at = first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.clone().nth(at % PORTS.len());
        if let Some(port) =
            port.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}
