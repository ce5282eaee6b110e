//! TAP devices: the host's end of a virtual machine's or a namespace's network card.
//!
//! A device is made with `/dev/net/tun`, lives as long as its descriptors (unless made persistent),
//! and hands every packet over with a `struct virtio_net_hdr`, so that checksums and segmentation
//! stay undone until a port needs them done. The steps and their order are those of VPP's tap
//! plugin (VPP `src/plugins/tap/tap.c`), because the order decides which error a caller sees.

mod device;
mod queue;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

pub use queue::TapQueue;

use crate::error::PortError;
use crate::link::index_of;
use crate::netlink::{self, LinkChange};
use crate::netns::run_in;
use device::Queues;

/// What a TAP device should be.
#[derive(Debug, Clone, Default)]
pub struct TapConfig {
    /// Name of the host device; cut to 15 bytes as VPP does. `None`: the kernel chooses. A name that
    /// is taken is refused. (VPP's TAPs always are devices of several queues, so that two of one name
    /// share a device there, each getting a part of the packets.)
    pub host_if_name: Option<String>,
    /// Namespace in which the host device appears (see [`crate::NetNs::open`]).
    pub namespace: Option<String>,
    /// MAC address of the host device.
    pub host_mac: [u8; 6],
    /// MTU of the host device, bytes; `None` leaves the kernel's 1500.
    pub host_mtu: Option<u32>,
    /// Bridge of the host which the host device joins. With the name of no device it joins none,
    /// which is no error in VPP.
    pub host_bridge: Option<String>,
    /// IPv4 address and prefix length of the host device.
    pub host_ip4: Option<(Ipv4Addr, u8)>,
    /// IPv6 address and prefix length of the host device.
    pub host_ip6: Option<(Ipv6Addr, u8)>,
    /// IPv4 default gateway of the namespace.
    pub host_ip4_gateway: Option<Ipv4Addr>,
    /// IPv6 default gateway of the namespace.
    pub host_ip6_gateway: Option<Ipv6Addr>,
    /// Number of queues; 0 means 1. Each is a [`TapQueue`].
    pub queues: u16,
    /// The device outlives the process, until [`Tap::set_persistent`].
    pub persistent: bool,
    /// Take over a persistent device of that name and make it an ordinary one.
    pub attach: bool,
}

/// A TAP device that this process holds. The device goes when the last of its queues is dropped.
#[derive(Debug)]
pub struct Tap {
    host_if_name: String,
    queues: Vec<Arc<TapQueue>>,
}

impl Tap {
    /// Creates the device, sets its attributes and brings its host side up.
    ///
    /// # Errors
    /// The first step that failed; what was made until then is gone again.
    pub fn create(config: &TapConfig) -> Result<Self, PortError> {
        run_in(config.namespace.as_deref(), || Self::create_here(config))
    }

    fn create_here(config: &TapConfig) -> Result<Self, PortError> {
        let wanted = config.host_if_name.as_deref().unwrap_or("");
        let queues = if config.queues > 1 {
            Queues::Several
        } else {
            Queues::One
        };
        let first = match device::open_queue(wanted, queues) {
            // A device that exists may have been made for several queues.
            Err(_) if config.attach => device::open_queue(wanted, Queues::Several)?,
            opened => opened?,
        };
        let host_if_name = first.name;
        if config.attach {
            device::set_persistent(&first.fd, &host_if_name, false)?;
        }
        if config.persistent {
            device::set_persistent(&first.fd, &host_if_name, true)?;
        }
        let mut fds = vec![first.fd];
        for _ in 1..config.queues {
            fds.push(device::open_queue(&host_if_name, Queues::Several)?.fd);
        }
        for fd in &fds {
            device::configure_queue(fd, &host_if_name)?;
        }
        configure_link(config, &host_if_name)?;
        let queues = fds
            .into_iter()
            .map(|fd| Arc::new(TapQueue::new(fd)))
            .collect();
        Ok(Self {
            host_if_name,
            queues,
        })
    }

    /// Name of the host device.
    pub fn host_if_name(&self) -> &str {
        &self.host_if_name
    }

    /// The queues, at least one. A worker that only sends may use any of them.
    pub fn queues(&self) -> &[Arc<TapQueue>] {
        &self.queues
    }

    /// Whether the device outlives the process and its queues.
    ///
    /// # Errors
    /// [`PortError::Tap`] if the kernel refuses.
    pub fn set_persistent(&self, on: bool) -> Result<(), PortError> {
        match self.queues.first() {
            Some(queue) => device::set_persistent(queue.fd(), &self.host_if_name, on),
            None => Ok(()),
        }
    }
}

/// Attributes of the host device, by netlink, in VPP's order.
fn configure_link(config: &TapConfig, device: &str) -> Result<(), PortError> {
    let index = index_of(device)?;
    let run = |operation, result: std::io::Result<()>| {
        result.map_err(|source| PortError::Netlink {
            operation,
            device: device.to_owned(),
            source,
        })
    };
    let mac = LinkChange::Mac(config.host_mac);
    run("set the MAC address of", netlink::change_link(index, mac))?;
    if let Some(bridge) = &config.host_bridge {
        let master = LinkChange::Master(index_of(bridge).unwrap_or(0));
        run("put into its bridge", netlink::change_link(index, master))?;
    }
    if let Some((address, len)) = config.host_ip4 {
        run(
            "add an IPv4 address to",
            netlink::add_address(index, IpAddr::V4(address), len),
        )?;
    }
    if let Some((address, len)) = config.host_ip6 {
        run(
            "add an IPv6 address to",
            netlink::add_address(index, IpAddr::V6(address), len),
        )?;
    }
    run(
        "bring up",
        netlink::change_link(index, LinkChange::Up(true)),
    )?;
    if let Some(gateway) = config.host_ip4_gateway {
        run(
            "set the IPv4 gateway of",
            netlink::add_default_route(IpAddr::V4(gateway)),
        )?;
    }
    if let Some(gateway) = config.host_ip6_gateway {
        run(
            "set the IPv6 gateway of",
            netlink::add_default_route(IpAddr::V6(gateway)),
        )?;
    }
    if let Some(mtu) = config.host_mtu {
        run(
            "set the MTU of",
            netlink::change_link(index, LinkChange::Mtu(mtu)),
        )?;
    }
    Ok(())
}
