use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const EXACT: MacAddr = MacAddr([0xff; 6]);
const ANY: MacAddr = MacAddr([0; 6]);

fn rule(permit: bool, mac_mask: MacAddr, address: impl Into<IpAddr>, prefix_len: u8) -> MacIpRule {
    MacIpRule {
        permit,
        mac: OWN,
        mac_mask,
        address: address.into(),
        prefix_len,
    }
}

const fn v4(end: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, end)
}

fn frame(source: MacAddr, tags: &[u8], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let ethertype = ethertype.to_be_bytes();
    [&[0xff; 6], &source.0[..], tags, &ethertype, payload].concat()
}

fn ip4(source: MacAddr, address: Ipv4Addr) -> Vec<u8> {
    let packet = [&[0x45; 12][..], &address.octets(), &[0; 4]].concat();
    frame(source, &[], IPV4, &packet)
}

fn arp(source: MacAddr, hardware: MacAddr, sender: Ipv4Addr) -> Vec<u8> {
    let packet = [&[0; 8][..], &hardware.0, &sender.octets(), &[0; 10]].concat();
    frame(source, &[], ARP, &packet)
}

fn filter(rules: &[MacIpRule]) -> MacIpFilter {
    MacIpFilter::new(rules).unwrap()
}

#[test]
fn a_machine_may_use_its_own_addresses_alone() {
    let filter = filter(&[rule(true, EXACT, v4(1), 32)]);
    let permit = MacIpVerdict::Permit(0);
    assert_eq!(filter.verdict(&ip4(OWN, v4(1))), permit);
    assert_eq!(filter.verdict(&ip4(OTHER, v4(1))), MacIpVerdict::Miss);
    assert_eq!(filter.verdict(&ip4(OWN, v4(2))), MacIpVerdict::Miss);
    assert_eq!(filter.verdict(&arp(OWN, OWN, v4(1))), permit);
    assert_eq!(filter.verdict(&arp(OWN, OTHER, v4(1))), MacIpVerdict::Miss);
    assert_eq!(filter.verdict(&arp(OTHER, OWN, v4(1))), MacIpVerdict::Miss);
    assert_eq!(filter.verdict(&arp(OWN, OWN, v4(2))), MacIpVerdict::Miss);
    assert_eq!(
        filter.verdict(&arp(OWN, OWN, Ipv4Addr::UNSPECIFIED)),
        MacIpVerdict::Miss
    );
}

#[test]
fn ipv6_makes_no_arp_and_other_protocols_are_unknown() {
    let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let filter = filter(&[rule(true, EXACT, address, 10)]);
    let packet = [&[0x60; 8][..], &address.octets(), &[0; 16]].concat();
    assert_eq!(
        filter.verdict(&frame(OWN, &[], IPV6, &packet)),
        MacIpVerdict::Permit(0)
    );
    assert_eq!(filter.verdict(&arp(OWN, OWN, v4(1))), MacIpVerdict::Miss);
    assert_eq!(
        filter.verdict(&frame(OWN, &[], 0x88cc, &packet)),
        MacIpVerdict::Miss
    );
}

#[test]
fn tags_are_those_that_vpp_has_tables_for() {
    let filter = filter(&[rule(true, EXACT, v4(1), 32)]);
    let packet = [&[0x45; 12][..], &v4(1).octets(), &[0; 4]].concat();
    let with = |tags: &[u8]| filter.verdict(&frame(OWN, tags, IPV4, &packet));
    assert_eq!(with(&[0x81, 0, 0, 5]), MacIpVerdict::Permit(0));
    assert_eq!(
        with(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]),
        MacIpVerdict::Permit(0)
    );
    assert_eq!(with(&[0x88, 0xa8, 0, 5]), MacIpVerdict::Miss);
    assert_eq!(with(&[0x81, 0, 0, 5, 0x81, 0, 0, 6]), MacIpVerdict::Miss);
}

#[test]
fn the_more_specific_table_is_asked_first_and_the_later_of_equal_rules_stays() {
    let own = filter(&[rule(true, EXACT, v4(0), 24), rule(false, EXACT, v4(9), 32)]);
    assert_eq!(own.verdict(&ip4(OWN, v4(9))), MacIpVerdict::Deny(1));
    assert_eq!(own.verdict(&ip4(OWN, v4(8))), MacIpVerdict::Permit(0));
    // Ten bits count as much as one more rule.
    let many = filter(&[
        rule(true, EXACT, v4(0), 24),
        rule(true, EXACT, Ipv4Addr::new(10, 0, 1, 0), 24),
        rule(false, EXACT, v4(9), 32),
    ]);
    assert_eq!(many.verdict(&ip4(OWN, v4(9))), MacIpVerdict::Permit(0));
    let twice = filter(&[rule(true, EXACT, v4(1), 24), rule(false, EXACT, v4(2), 24)]);
    assert_eq!(twice.verdict(&ip4(OWN, v4(3))), MacIpVerdict::Deny(1));
}

#[test]
fn masks_leave_bits_out() {
    let filter = filter(&[rule(true, ANY, v4(1), 32)]);
    assert_eq!(filter.verdict(&ip4(OTHER, v4(1))), MacIpVerdict::Permit(0));
    assert_eq!(
        filter.verdict(&arp(OWN, OTHER, v4(1))),
        MacIpVerdict::Permit(0)
    );
}

#[test]
fn frames_cut_off_anywhere_are_unknown() {
    let filter = filter(&[rule(true, ANY, v4(0), 0)]);
    for whole in [ip4(OWN, v4(1)), arp(OWN, OWN, v4(1))] {
        for length in 0..30 {
            assert_eq!(
                filter.verdict(&whole[..length]),
                MacIpVerdict::Miss,
                "{length}"
            );
        }
    }
}

#[test]
fn no_rules_filter_nothing() {
    assert!(MacIpFilter::new(&[]).is_none());
}
