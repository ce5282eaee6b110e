//! Access lists: which packets pass, which sessions they make, what is counted.

mod matching;
pub(crate) mod packets;
mod property;
mod sessions;
mod trace;
mod workers;

use std::net::{Ipv4Addr, Ipv6Addr};

use weft_graph::{
    AclAction, AclDirection, AclIndex, AclPrefixes, AclRule, Ipv4Prefix, Ipv6Prefix, PortRange,
    SwIfIndex,
};

use crate::lab::Lab;

/// A rule for IPv4 that matches everything.
pub(crate) fn rule4(action: AclAction) -> AclRule {
    let any = Ipv4Prefix::new(Ipv4Addr::UNSPECIFIED, 0).unwrap();
    AclRule {
        action,
        prefixes: AclPrefixes::V4 {
            source: any,
            destination: any,
        },
        protocol: 0,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        tcp_flags_mask: 0,
        tcp_flags_value: 0,
    }
}

/// A rule for IPv6 that matches everything.
pub(crate) fn rule6(action: AclAction) -> AclRule {
    let any = Ipv6Prefix::new(Ipv6Addr::UNSPECIFIED, 0).unwrap();
    AclRule {
        prefixes: AclPrefixes::V6 {
            source: any,
            destination: any,
        },
        ..rule4(action)
    }
}

/// A rule for a protocol and destination ports of IPv4.
pub(crate) fn port_rule(action: AclAction, protocol: u8, first: u16, last: u16) -> AclRule {
    AclRule {
        protocol,
        destination_ports: PortRange::new(first, last).unwrap(),
        ..rule4(action)
    }
}

/// Two members, of which the first has these rules on input, or nothing where there are none.
pub(crate) fn filtered(input: &[AclRule], output: &[AclRule]) -> (Lab, [SwIfIndex; 2]) {
    let (mut lab, [a, b]) = Lab::with_members();
    // Both addresses are known, so that nothing is flooded.
    lab.learn(a, 1);
    lab.learn(b, 2);
    for (direction, rules) in AclDirection::ALL.into_iter().zip([input, output]) {
        if !rules.is_empty() {
            let acl = lab.tables.set_acl(None, b"", rules.to_vec()).unwrap();
            lab.tables.set_acl_list(a, direction, &[acl]).unwrap();
        }
    }
    (lab, [a, b])
}

/// Puts a list on an interface.
pub(crate) fn apply(
    lab: &mut Lab,
    port: SwIfIndex,
    direction: AclDirection,
    rules: &[AclRule],
) -> AclIndex {
    let acl = lab.tables.set_acl(None, b"", rules.to_vec()).unwrap();
    lab.tables.set_acl_list(port, direction, &[acl]).unwrap();
    acl
}

/// Whether a packet that comes in at `port` goes anywhere.
pub(crate) fn passes(lab: &mut Lab, port: SwIfIndex, packet: &[u8]) -> bool {
    !lab.send(port, &[packet]).sent.is_empty()
}
