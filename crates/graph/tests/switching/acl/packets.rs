//! Packets from member 1 to member 2, or back: 10.0.0.1 ↔ 10.0.0.2, fd00::1 ↔ fd00::2.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::lab::mac;

/// An Ethernet header from one member to another.
fn ethernet(source: u8, destination: u8, ethertype: u16) -> Vec<u8> {
    let mut bytes = mac(destination).0.to_vec();
    bytes.extend(mac(source).0);
    bytes.extend(ethertype.to_be_bytes());
    bytes
}

/// IPv4 between members; `fragment` is flags and offset as they are in the header.
pub(crate) fn ip4(ends: (u8, u8), protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let address = |end| Ipv4Addr::new(10, 0, 0, end);
    ip4_between(
        ends,
        (address(ends.0), address(ends.1)),
        (protocol, fragment),
        payload,
    )
}

/// IPv4 between any addresses.
pub(crate) fn ip4_between(
    ends: (u8, u8),
    addresses: (Ipv4Addr, Ipv4Addr),
    (protocol, fragment): (u8, u16),
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = ethernet(ends.0, ends.1, 0x0800);
    let length = 20 + u16::try_from(payload.len()).unwrap();
    bytes.extend([0x45, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(addresses.0.octets());
    bytes.extend(addresses.1.octets());
    bytes.extend(payload);
    bytes
}

/// IPv6 between members; `payload` with extension headers, the first of which `next` names.
pub(crate) fn ip6(ends: (u8, u8), next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |end| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, end);
    let addresses = (address(ends.0.into()), address(ends.1.into()));
    ip6_between(ends, addresses, next, payload)
}

/// IPv6 between any addresses.
pub(crate) fn ip6_between(
    ends: (u8, u8),
    addresses: (Ipv6Addr, Ipv6Addr),
    next: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = ethernet(ends.0, ends.1, 0x86dd);
    bytes.extend([0x60, 0, 0, 0]);
    bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend(addresses.0.octets());
    bytes.extend(addresses.1.octets());
    bytes.extend(payload);
    bytes
}

/// Two words, then flags where TCP has them: a header of TCP, UDP, or with `a` and `b` as one word
/// of ICMP.
pub(crate) fn transport(a: u16, b: u16, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[..2].copy_from_slice(&a.to_be_bytes());
    bytes[2..4].copy_from_slice(&b.to_be_bytes());
    bytes[13] = flags;
    bytes
}

/// ICMP, or ICMPv6.
pub(crate) fn icmp(kind: u8, code: u8) -> Vec<u8> {
    vec![kind, code, 0, 0, 0, 1, 0, 1]
}

pub(crate) fn udp(ends: (u8, u8), ports: (u16, u16)) -> Vec<u8> {
    ip4(ends, 17, 0, &transport(ports.0, ports.1, 0))
}

pub(crate) fn tcp(ends: (u8, u8), ports: (u16, u16), flags: u8) -> Vec<u8> {
    ip4(ends, 6, 0, &transport(ports.0, ports.1, flags))
}
