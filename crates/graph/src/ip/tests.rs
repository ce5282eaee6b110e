use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::acl::address::Address;

/// Routes tried one after the other.
fn naive<A: Address + Ord>(routes: &BTreeMap<(u8, A), u32>, address: A) -> AdjIndex {
    let mut matching = routes
        .iter()
        .rev()
        .filter(|((len, prefix), _)| address.and(A::mask(*len)) == *prefix);
    matching
        .next()
        .map_or(AdjIndex::DROP, |(_, adjacency)| AdjIndex(*adjacency))
}

proptest! {
    #[test]
    fn the_longest_prefix_wins(routes in prop::collection::vec((any::<u32>(), 0_u8..=32, 1_u32..1000), 0..200), addresses: [u32; 8]) {
        let mut fib = IpFib::<u32>::new();
        let mut reference = BTreeMap::new();
        for (address, len, adjacency) in routes {
            // Few networks, so that they cover each other.
            let prefix = (address & 0xf0f0_000f).and(u32::mask(len));
            fib.insert(prefix, len, AdjIndex(adjacency));
            reference.insert((len, prefix), adjacency);
        }
        for address in addresses {
            for address in [address, address & 0xf0f0_000f] {
                prop_assert_eq!(fib.lookup(address), naive(&reference, address));
            }
        }
    }

    #[test]
    fn the_longest_ipv6_prefix_wins(routes in prop::collection::vec((any::<u128>(), 0_u8..=128, 1_u32..1000), 0..100), address: u128) {
        let mut fib = IpFib::<u128>::new();
        let mut reference = BTreeMap::new();
        let narrow = |address: u128| address & (0xff << 120 | 0xff << 64 | 0xf);
        for (address, len, adjacency) in routes {
            let prefix = narrow(address).and(u128::mask(len));
            fib.insert(prefix, len, AdjIndex(adjacency));
            reference.insert((len, prefix), adjacency);
        }
        for address in [address, narrow(address)] {
            prop_assert_eq!(fib.lookup(address), naive(&reference, address));
        }
    }
}

#[test]
fn prefixes_are_networks() {
    let prefix = IpPrefix::new("192.0.2.77".parse().unwrap(), 24).unwrap();
    assert_eq!(prefix.to_string(), "192.0.2.0/24");
    assert!(prefix.contains("192.0.2.1".parse().unwrap()));
    assert!(!prefix.contains("192.0.3.1".parse().unwrap()));
    assert!(!prefix.contains("::1".parse().unwrap()));
    assert_eq!(prefix.broadcast(), Some("192.0.2.255".parse().unwrap()));
    assert_eq!(IpPrefix::new("192.0.2.1".parse().unwrap(), 33), None);
    let all = IpPrefix::new("2001:db8::1".parse().unwrap(), 0).unwrap();
    assert_eq!(all.to_string(), "::/0");
    assert!(all.contains("ff02::1".parse().unwrap()));
    assert_eq!(all.broadcast(), None);
}

#[test]
fn a_question_is_asked_once_in_a_millisecond() {
    let mut throttle = Throttle::default();
    assert!(!throttle.check(77, 5));
    assert!(throttle.check(77, 5));
    assert!(!throttle.check(78, 5));
    assert!(!throttle.check(77, 6));
}
