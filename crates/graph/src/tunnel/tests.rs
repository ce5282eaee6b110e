use std::collections::HashMap;

use proptest::prelude::*;
use weft_packet::{SwIfIndex, checksum::internet_checksum, header::Vni};

use super::*;

proptest! {
    /// Any history of tunnels that come and go is found as it is, also in the copies that snapshots keep.
    #[test]
    fn tunnels_are_found(changes in prop::collection::vec((any::<bool>(), 0_u32..400), 0..1500)) {
        let mut table = TunnelTable::<Key4>::new();
        let mut reference = HashMap::new();
        let key = |vni: u32| Key4::new(Encapsulation::Vxlan, 1, vni % 7, 4789, vni << 8);
        let mut kept = None;
        for (at, (is_add, vni)) in changes.iter().enumerate() {
            if at == changes.len() / 2 {
                kept = Some((table.clone(), reference.clone()));
            }
            if !is_add {
                table.remove(key(*vni));
                reference.remove(vni);
            } else if !reference.contains_key(vni) {
                table.insert(key(*vni), SwIfIndex(*vni));
                reference.insert(*vni, SwIfIndex(*vni));
            }
        }
        for (table, reference) in kept.iter().chain([&(table, reference)]) {
            for vni in 0..400 {
                prop_assert_eq!(table.get(key(vni)), reference.get(&vni).copied());
            }
        }
    }

    #[test]
    fn the_outer_checksum_is_right(local: [u8; 4], remote: [u8; 4], length: u16) {
        let header = TunnelHeader::new(Encapsulation::Vxlan, local.into(), remote.into(), 4789, Vni::new(7).unwrap());
        let Some(TunnelHeader::Ip4 { mut bytes, sum }) = header else {
            panic!("an IPv4 header");
        };
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let checksum = header::ip4_checksum(sum, length);
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        prop_assert_eq!(internet_checksum(&bytes[..20]), 0);
    }
}

#[test]
fn the_two_encapsulations_are_told_apart_on_one_port() {
    let vxlan = Key4::new(Encapsulation::Vxlan, 1, 2, 4789, 5 << 8);
    let gpe = Key4::new(Encapsulation::VxlanGpe, 1, 2, 4789, 5 << 8);
    assert_ne!(vxlan, gpe);
}

#[test]
fn ends_of_two_families_have_no_header() {
    let (four, six) = ("192.0.2.1".parse().unwrap(), "::1".parse().unwrap());
    let vni = Vni::new(1).unwrap();
    assert!(TunnelHeader::new(Encapsulation::Vxlan, four, six, 4789, vni).is_none());
}
