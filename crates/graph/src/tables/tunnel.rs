//! Tunnels: interfaces whose packets go into UDP (VPP `src/plugins/vxlan`, `src/plugins/vxlan-gpe`).

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use weft_packet::{
    SwIfIndex,
    header::{MacAddr, Vni},
};

use super::{DeviceClass, TableError, Tables};
use crate::{
    ip::AdjIndex,
    node::NodeId,
    tunnel::{Encapsulation, Key4, Key6, TunnelHeader, TunnelTable, TunnelView},
};

/// A tunnel as configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tunnel {
    /// VXLAN or VXLAN-GPE.
    pub encapsulation: Encapsulation,
    /// Its own end: source of what it sends.
    pub local: IpAddr,
    /// The other end.
    pub remote: IpAddr,
    /// UDP port on which it receives.
    pub local_port: u16,
    /// UDP port to which it sends.
    pub remote_port: u16,
    /// Network identifier.
    pub vni: Vni,
    /// The N in `vxlan_tunnelN`.
    pub instance: u32,
}

/// What makes two tunnels the same: of VXLAN over IPv6, the local end does not count
/// (`vxlan6_tunnel_key_t` of VPP).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Identity {
    encapsulation: Encapsulation,
    local: Option<IpAddr>,
    remote: IpAddr,
    port: u16,
    vni: Vni,
}

/// All tunnels, and what the nodes find them by.
#[derive(Debug)]
pub(super) struct Tunnels {
    all: BTreeMap<SwIfIndex, Tunnel>,
    by_identity: HashMap<Identity, SwIfIndex>,
    pub(super) view: TunnelsView,
}

/// What the nodes find tunnels by.
#[derive(Clone, Debug)]
pub(crate) struct TunnelsView {
    pub(crate) ip4: TunnelTable<Key4>,
    pub(crate) ip6: TunnelTable<Key6>,
    /// UDP ports on which tunnels receive, of each family. As in VPP, a port once opened stays open.
    pub(crate) ports: [Arc<[(u16, NodeId)]>; 2],
}

impl Tunnel {
    /// What it puts in front.
    fn header(&self) -> Result<TunnelHeader, TableError> {
        let Self {
            encapsulation,
            local,
            remote,
            remote_port,
            vni,
            ..
        } = *self;
        let header = TunnelHeader::new(encapsulation, local, remote, remote_port, vni);
        header.ok_or(TableError::TunnelFamilies)
    }

    fn key4(&self) -> Option<Key4> {
        match (self.local, self.remote) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => Some(Key4::new(
                self.encapsulation,
                local.to_bits(),
                remote.to_bits(),
                self.local_port,
                self.vni.get() << 8,
            )),
            _ => None,
        }
    }

    fn key6(&self) -> Option<Key6> {
        match (self.local, self.remote) {
            (IpAddr::V6(local), IpAddr::V6(remote)) => Some(Key6::new(
                self.encapsulation,
                local.to_bits(),
                remote.to_bits(),
                self.local_port,
                self.vni.get() << 8,
            )),
            _ => None,
        }
    }

    fn identity(&self) -> Identity {
        let is_vxlan6 = self.encapsulation == Encapsulation::Vxlan && self.remote.is_ipv6();
        Identity {
            encapsulation: self.encapsulation,
            local: (!is_vxlan6).then_some(self.local),
            remote: self.remote,
            port: self.local_port,
            vni: self.vni,
        }
    }

    fn class(&self) -> DeviceClass {
        match self.encapsulation {
            Encapsulation::Vxlan => DeviceClass::Vxlan,
            Encapsulation::VxlanGpe => DeviceClass::VxlanGpe,
        }
    }
}

impl Tunnels {
    pub(super) fn new() -> Self {
        Self {
            all: BTreeMap::new(),
            by_identity: HashMap::new(),
            view: TunnelsView {
                ip4: TunnelTable::new(),
                ip6: TunnelTable::new(),
                ports: [Arc::from([]), Arc::from([])],
            },
        }
    }

    fn open(&mut self, port: u16, encapsulation: Encapsulation, is_ip6: bool) {
        let ports = &mut self.view.ports[usize::from(is_ip6)];
        if !ports.iter().any(|(own, _)| *own == port) {
            let mut more = ports.to_vec();
            more.push((port, encapsulation.input_node(is_ip6)));
            *ports = more.into();
        }
    }
}

impl Tables {
    /// Adds a tunnel with its interface, administratively up, in layer-3 mode.
    ///
    /// # Errors
    /// A tunnel with these ends, port and VNI is there, or the ends are of different families.
    pub fn add_tunnel(
        &mut self,
        name: &str,
        tunnel: Tunnel,
        mac: MacAddr,
        mtu: u32,
    ) -> Result<SwIfIndex, TableError> {
        tunnel.header()?;
        if self.tunnel_like(&tunnel).is_some() {
            return Err(TableError::TunnelExists);
        }
        let index = self.add_port(name, tunnel.class(), mac, mtu);
        self.set_tunnel(index, tunnel)?;
        Ok(index)
    }

    /// Makes an interface without tunnel the interface of a tunnel, up.
    ///
    /// # Errors
    /// As [`Tables::add_tunnel`], or there is no such interface.
    pub fn set_tunnel(&mut self, index: SwIfIndex, tunnel: Tunnel) -> Result<(), TableError> {
        self.interface(index)
            .ok_or(TableError::NoInterface(index))?;
        let header = tunnel.header()?;
        if self.tunnel_like(&tunnel).is_some() {
            return Err(TableError::TunnelExists);
        }
        let is_ip6 = header.is_ip6();
        if let Some(key) = tunnel.key4() {
            self.tunnels.view.ip4.insert(key, index);
        }
        if let Some(key) = tunnel.key6() {
            self.tunnels.view.ip6.insert(key, index);
        }
        let encapsulation = tunnel.encapsulation;
        self.tunnels.open(tunnel.local_port, encapsulation, is_ip6);
        self.tunnels.all.insert(index, tunnel);
        self.tunnels.by_identity.insert(tunnel.identity(), index);
        let view = TunnelView {
            header,
            instance: tunnel.instance,
            vni: tunnel.vni.get(),
            adjacency: self.stack(tunnel.remote),
        };
        let interface = self.interfaces.get_mut(index.0);
        interface.tunnel = Some(Arc::new(view));
        interface.output_node = encapsulation.encap_node(is_ip6);
        self.set_admin_up(index, true)?;
        self.set_link_up(index, true)
    }

    /// Takes the tunnel from its interface, which stays: down, and in layer-3 mode.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn clear_tunnel(&mut self, index: SwIfIndex) -> Result<(), TableError> {
        self.set_l3(index)?;
        self.set_link_up(index, false)?;
        self.set_admin_up(index, false)?;
        self.forget_tunnel(index);
        let interface = self.interfaces.get_mut(index.0);
        interface.tunnel = None;
        interface.output_node = NodeId::InterfaceOutput;
        Ok(())
    }

    /// The tunnel that takes the same packets.
    pub fn tunnel_like(&self, tunnel: &Tunnel) -> Option<SwIfIndex> {
        self.tunnels.by_identity.get(&tunnel.identity()).copied()
    }

    /// A tunnel as configured.
    pub fn tunnel(&self, index: SwIfIndex) -> Option<&Tunnel> {
        self.tunnels.all.get(&index)
    }

    /// Number of what a tunnel's remote end leads to, for display.
    pub fn tunnel_adjacency(&self, index: SwIfIndex) -> Option<u32> {
        let view = self.interfaces.get(index.0).tunnel.as_ref()?;
        Some(view.adjacency.0)
    }

    /// All tunnels by interface.
    pub fn tunnels(&self) -> impl Iterator<Item = (SwIfIndex, &Tunnel)> {
        self.tunnels.all.iter().map(|(index, own)| (*index, own))
    }

    /// Forgets the tunnel of an interface that goes.
    pub(super) fn forget_tunnel(&mut self, index: SwIfIndex) {
        let Some(tunnel) = self.tunnels.all.remove(&index) else {
            return;
        };
        self.tunnels.by_identity.remove(&tunnel.identity());
        if let Some(key) = tunnel.key4() {
            self.tunnels.view.ip4.remove(key);
        }
        if let Some(key) = tunnel.key6() {
            self.tunnels.view.ip6.remove(key);
        }
    }

    /// Looks up anew what each tunnel leads to, and adds that to `used`.
    pub(super) fn restack_tunnels(&mut self, used: &mut HashSet<AdjIndex>) {
        let all: Vec<_> = self
            .tunnels()
            .map(|(index, own)| (index, own.remote))
            .collect();
        for (index, remote) in all {
            let adjacency = self.stack(remote);
            used.insert(adjacency);
            let current = self.interfaces.get(index.0).tunnel.clone();
            if let Some(own) = current.filter(|own| own.adjacency != adjacency) {
                let fresh = TunnelView {
                    adjacency,
                    ..(*own).clone()
                };
                self.interfaces.get_mut(index.0).tunnel = Some(Arc::new(fresh));
            }
        }
    }
}
