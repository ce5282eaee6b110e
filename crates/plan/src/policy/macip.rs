//! The source addresses that a port may use.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weft_model::{IpPrefix, IpVersion, Mac, PortBinding, PortId};

use crate::object::{MacIpAcl, MacIpRule};

/// The fixed addresses of the port, its allowed address pairs, and what a machine uses before it has
/// an address: 0.0.0.0 (DHCP, RFC 2131 §4.1; ARP probes, RFC 5227 §2.1.1), `::` (duplicate address
/// detection, RFC 4862 §5.4.2) and the link-local address that it makes of its MAC (RFC 4862 §5.3).
pub(crate) fn source_addresses(id: &PortId, port: &PortBinding) -> MacIpAcl {
    let mut rules = BTreeSet::new();
    rules.insert(MacIpRule::permit(
        port.mac,
        IpPrefix::host(Ipv4Addr::UNSPECIFIED.into()),
    ));
    link_local(&mut rules, port.mac);
    for ip in &port.fixed_ips {
        rules.insert(MacIpRule::permit(port.mac, ip.ip_address.into()));
    }
    for pair in &port.allowed_address_pairs {
        let mac = pair.mac.unwrap_or(port.mac);
        rules.insert(MacIpRule::permit(mac, pair.ip_address));
        if pair.ip_address.version() == IpVersion::V6 {
            link_local(&mut rules, mac);
        }
    }
    MacIpAcl {
        port: id.clone(),
        rules: rules.into_iter().collect(),
    }
}

/// What a station needs for IPv6 besides its own addresses: it speaks with its neighbours from these.
fn link_local(rules: &mut BTreeSet<MacIpRule>, mac: Mac) {
    for address in [Ipv6Addr::UNSPECIFIED, mac.link_local()] {
        rules.insert(MacIpRule::permit(mac, IpPrefix::host(IpAddr::V6(address))));
    }
}
