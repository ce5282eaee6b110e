//! What holds for any configuration and any packets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use weft_graph::{BdFlags, BdId, Error, PortType, Severity, SwIfIndex};

use crate::lab::{Lab, Q, tagged};

/// A port of a random switch.
#[derive(Clone, Debug)]
struct Port {
    bd: u32,
    shg: u8,
    /// VLANs with sub-interfaces in the bridge domain of that number.
    vlans: BTreeMap<u16, u32>,
    up: bool,
}

fn port() -> impl Strategy<Value = Port> {
    (
        1u32..3,
        0u8..3,
        prop::collection::btree_map(1u16..4, 1u32..3, 0..3),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(bd, shg, vlans, up)| Port { bd, shg, vlans, up })
}

/// A packet: port, source, destination (0 is broadcast), tags.
type Sent = (usize, u8, u8, Vec<u16>);

fn packets() -> impl Strategy<Value = Vec<Sent>> {
    let one = (
        0usize..6,
        1u8..9,
        0u8..9,
        prop::collection::vec(0u16..5, 0..3),
    );
    prop::collection::vec(one, 1..60)
}

proptest! {
    /// Whatever comes in: nothing goes back out of the interface that it came from or to a member of
    /// its group, each packet and copy is sent or dropped under a name, and no buffer is lost
    /// (which `Lab::send` checks).
    #[test]
    fn packets_are_sent_elsewhere_or_dropped_by_name(
        ports in prop::collection::vec(port(), 2..6),
        packets in packets(),
    ) {
        let mut lab = Lab::new();
        for id in [1, 2] {
            lab.tables.add_bridge_domain(BdId(id), BdFlags::DEFAULT, 0).unwrap();
        }
        let mut members: BTreeMap<SwIfIndex, (u32, u8)> = BTreeMap::new();
        let mut indices = Vec::new();
        for own in &ports {
            let port = lab.port();
            lab.tables.set_admin_up(port, own.up).unwrap();
            lab.tables.set_l2_bridge(port, BdId(own.bd), PortType::Normal, own.shg).unwrap();
            members.insert(port, (own.bd, own.shg));
            for (&vlan, &bd) in &own.vlans {
                let sub = lab.sub(port, crate::lab::one_tag(vlan));
                lab.tables.set_l2_bridge(sub, BdId(bd), PortType::Normal, own.shg).unwrap();
                members.insert(sub, (bd, own.shg));
            }
            indices.push(port);
        }
        for (at, source, destination, tags) in packets {
            let at = at % ports.len();
            let (port, own) = (indices[at], &ports[at]);
            let tags: Vec<_> = tags.iter().map(|&vlan| (Q, vlan)).collect();
            let packet = tagged(source, destination, &tags);
            let exact = match tags[..] { [(_, vlan)] => own.vlans.get(&vlan), _ => None };
            let bd = exact.copied().unwrap_or(own.bd);
            let found = lab.send(port, &[&packet]);
            let mut seen = BTreeSet::new();
            for (to, bytes) in &found.sent {
                prop_assert_eq!(bytes, &packet, "without rewrite packets are not changed");
                // A sub-interface and its port are two members behind one port.
                let possible = ports[indices.iter().position(|own| own == to).unwrap()].clone();
                let in_domain = possible.bd == bd || possible.vlans.values().any(|own| *own == bd);
                prop_assert!(in_domain, "to a port without member in bridge domain {}", bd);
                if own.shg != 0 {
                    prop_assert_ne!(possible.shg, own.shg);
                }
                seen.insert(*to);
            }
            if own.shg != 0 || own.vlans.is_empty() {
                prop_assert!(!seen.contains(&port), "back to where it came from");
            }
            let drops = found.counted.iter().filter(|(error, _)| error.severity() == Severity::Error);
            let drops: u64 = drops.map(|(_, count)| count).sum();
            prop_assert!(drops > 0 || !found.sent.is_empty(), "lost without a name");
            if !own.up {
                prop_assert_eq!(&found.counted[..], &[(Error::EthernetDown, 1)][..]);
            }
        }
    }

    /// Any bytes at all, as frames of a trunk with rewrites: no panic, no loss.
    #[test]
    fn any_bytes_are_handled(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20)) {
        let mut lab = Lab::new();
        let trunk = lab.port();
        for vlan in 0..8 {
            lab.vlan_member(trunk, vlan);
        }
        lab.member(0);
        let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        lab.send(trunk, &frames);
    }
}
