//! Addresses of interfaces (VPP `ip4_add_del_interface_address`, `ip6_add_del_interface_address`).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use weft_packet::{SwIfIndex, header::MacAddr};

use crate::{
    ip::IpPrefix,
    tables::{TableError, Tables},
};

/// An address of an interface with the length of its network's prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network.
    pub len: u8,
}

/// What the nodes read of an interface that has addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InterfaceIp {
    pub(crate) ip4: Box<[(Ipv4Addr, u8)]>,
    pub(crate) ip6: Box<[(Ipv6Addr, u8)]>,
    /// Made of the interface's MAC address.
    pub(crate) link_local: Ipv6Addr,
}

impl InterfaceAddress {
    /// The connected network.
    pub(super) fn network(self) -> Option<IpPrefix> {
        IpPrefix::new(self.address, self.len)
    }
}

impl InterfaceIp {
    /// The address from which to ask for a next hop: one of its network, else the first.
    pub(crate) fn source4(&self, next_hop: Ipv4Addr) -> Option<Ipv4Addr> {
        let covers = |own: &&(Ipv4Addr, u8)| {
            IpPrefix::new(own.0.into(), own.1).is_some_and(|net| net.contains(next_hop.into()))
        };
        let own = self.ip4.iter().find(covers).or(self.ip4.first());
        own.map(|(address, _)| *address)
    }

    /// Whether an address is on a network of the interface.
    pub(crate) fn is_connected(&self, address: IpAddr) -> bool {
        let contains = |own: IpAddr, len: u8| {
            IpPrefix::new(own, len).is_some_and(|network| network.contains(address))
        };
        match address {
            IpAddr::V4(_) => self.ip4.iter().any(|own| contains(own.0.into(), own.1)),
            IpAddr::V6(_) => self.ip6.iter().any(|own| contains(own.0.into(), own.1)),
        }
    }
}

/// fe80::/64 with the interface identifier that EUI-64 makes of a MAC address (RFC 4291 §2.5.1).
pub(super) fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let identifier = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from_bits(0xfe80_u128 << 112 | u128::from(identifier))
}

impl Tables {
    /// Gives an interface an address.
    ///
    /// # Errors
    /// There is no such interface, it has the address already, or the network overlaps one of another
    /// interface or of another length.
    pub fn add_address(
        &mut self,
        index: SwIfIndex,
        new: InterfaceAddress,
    ) -> Result<(), TableError> {
        self.interface(index)
            .ok_or(TableError::NoInterface(index))?;
        let network = new.network().ok_or(TableError::PrefixLength(new.len))?;
        for (&other, addresses) in &self.ip.addresses {
            for own in addresses {
                if other == index && *own == new {
                    return Err(TableError::DuplicateAddress(new.address));
                }
                let overlaps = own.network().is_some_and(|existing| {
                    existing.contains(new.address) || network.contains(own.address)
                });
                // An interface may have several addresses of one network.
                let is_sibling = other == index && own.len == new.len && own.address != new.address;
                if overlaps && !is_sibling {
                    return Err(TableError::AddressInUse(new.address));
                }
            }
        }
        self.ip.addresses.entry(index).or_default().push(new);
        self.addresses_changed(index);
        Ok(())
    }

    /// Takes an address from an interface, and what was learned of neighbours through it.
    ///
    /// # Errors
    /// It has no such address.
    pub fn delete_address(
        &mut self,
        index: SwIfIndex,
        old: InterfaceAddress,
    ) -> Result<(), TableError> {
        let addresses = self.ip.addresses.get_mut(&index);
        let addresses = addresses.ok_or(TableError::NoAddress(old.address))?;
        let count = addresses.len();
        addresses.retain(|own| *own != old);
        if addresses.len() == count {
            return Err(TableError::NoAddress(old.address));
        }
        let network = old.network();
        let is_left = addresses.iter().any(|own| own.network() == network);
        if addresses.is_empty() {
            self.ip.addresses.remove(&index);
        }
        if !is_left {
            self.ip.neighbours.retain(|(interface, address), _| {
                *interface != index || !network.is_some_and(|own| own.contains(*address))
            });
        }
        self.addresses_changed(index);
        Ok(())
    }

    /// The addresses of an interface in the order in which they were given.
    pub fn addresses(&self, index: SwIfIndex) -> &[InterfaceAddress] {
        self.ip.addresses.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Forgets the addresses and neighbours of an interface that goes.
    pub(in crate::tables) fn forget_ip(&mut self, index: SwIfIndex) {
        let had_addresses = self.ip.addresses.remove(&index).is_some();
        let count = self.ip.neighbours.len();
        let neighbours = &mut self.ip.neighbours;
        neighbours.retain(|(interface, _), _| *interface != index);
        if had_addresses || count != self.ip.neighbours.len() {
            self.ip.touch();
        }
    }

    /// Brings what nodes read of an interface's addresses up to date.
    pub(in crate::tables) fn addresses_changed(&mut self, index: SwIfIndex) {
        self.ip.touch();
        let view = self.interface_ip(index);
        self.interfaces.get_mut(index.0).ip = view;
    }

    fn interface_ip(&self, index: SwIfIndex) -> Option<Arc<InterfaceIp>> {
        let addresses = self.ip.addresses.get(&index)?;
        let mac = self.interface(index)?.mac;
        let ip4 = addresses.iter().filter_map(|own| match own.address {
            IpAddr::V4(address) => Some((address, own.len)),
            IpAddr::V6(_) => None,
        });
        let ip6 = addresses.iter().filter_map(|own| match own.address {
            IpAddr::V6(address) => Some((address, own.len)),
            IpAddr::V4(_) => None,
        });
        Some(Arc::new(InterfaceIp {
            ip4: ip4.collect(),
            ip6: ip6.collect(),
            link_local: link_local(mac),
        }))
    }
}
