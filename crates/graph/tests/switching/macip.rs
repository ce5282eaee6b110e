//! MACIP lists on interfaces.

use std::net::Ipv4Addr;

use weft_graph::{AclAction, AclDirection, AclError, Error, MacIpIndex, MacIpRule, NodeId};
use weft_packet::header::MacAddr;

use crate::acl::packets::udp;
use crate::acl::{filtered, passes, rule4};
use crate::lab::{mac, outcome};

const AHEAD: (u8, u8) = (1, 2);

fn rule(permit: bool, end: u8) -> MacIpRule {
    MacIpRule {
        permit,
        mac: mac(1),
        mac_mask: MacAddr([0xff; 6]),
        address: Ipv4Addr::new(10, 0, 0, end).into(),
        prefix_len: 32,
    }
}

#[test]
fn foreign_sources_are_dropped_under_their_names() {
    let (mut lab, [a, b]) = filtered(&[], &[]);
    let list = lab
        .tables
        .set_macip(None, b"", vec![rule(true, 1), rule(false, 3)])
        .unwrap();
    lab.tables.set_interface_macip(a, Some(list)).unwrap();
    let own = udp(AHEAD, (1, 2));
    assert_eq!(
        lab.send(a, &[&own]),
        outcome(&[(b, &own)], &[(Error::L2InputAclHit, 1)])
    );
    let mut other = own.clone();
    other[29] = 2;
    assert_eq!(
        lab.send(a, &[&other]),
        outcome(
            &[],
            &[(Error::L2InputAclMiss, 1), (Error::L2InputAclTableMiss, 1)]
        )
    );
    other[29] = 3;
    assert_eq!(
        lab.send(a, &[&other]),
        outcome(
            &[],
            &[(Error::L2InputAclHit, 1), (Error::L2InputAclDeny, 1)]
        )
    );
    let back = udp((2, 1), (1, 2));
    assert_eq!(
        lab.send(b, &[&back]),
        outcome(&[(a, &back)], &[]),
        "only on input"
    );
}

#[test]
fn a_list_is_replaced_in_place_and_taken_with_itself() {
    let (mut lab, [a, _]) = filtered(&[], &[]);
    let list = lab
        .tables
        .set_macip(None, b"", vec![rule(true, 9)])
        .unwrap();
    lab.tables.set_interface_macip(a, Some(list)).unwrap();
    let packet = udp(AHEAD, (1, 2));
    assert!(!passes(&mut lab, a, &packet));
    assert_eq!(
        lab.tables.set_macip(Some(list), b"x", vec![rule(true, 1)]),
        Ok(list)
    );
    assert!(passes(&mut lab, a, &packet));
    lab.tables
        .set_macip(Some(list), b"x", vec![rule(true, 9)])
        .unwrap();
    assert!(!passes(&mut lab, a, &packet));
    lab.tables.set_macip(Some(list), b"x", Vec::new()).unwrap();
    assert!(
        passes(&mut lab, a, &packet),
        "an empty list filters nothing"
    );
    lab.tables
        .set_macip(Some(list), b"x", vec![rule(true, 9)])
        .unwrap();
    assert!(
        !passes(&mut lab, a, &packet),
        "and a list with rules does again"
    );
    lab.tables.delete_macip(list).unwrap();
    assert!(passes(&mut lab, a, &packet));
    assert_eq!(
        lab.tables.set_interface_macip(a, None),
        Err(AclError::NoMacIp(a))
    );
    assert_eq!(lab.tables.delete_macip(list), Err(AclError::NoSuchAcl(0)));
    let unknown = Some(MacIpIndex(7));
    assert_eq!(
        lab.tables.set_interface_macip(a, unknown),
        Err(AclError::NoSuchAcl(7))
    );
}

#[test]
fn access_lists_come_first() {
    let (mut lab, [a, _]) = filtered(&[rule4(AclAction::Deny)], &[]);
    let list = lab
        .tables
        .set_macip(None, b"", vec![rule(true, 9)])
        .unwrap();
    lab.tables.set_interface_macip(a, Some(list)).unwrap();
    let found = lab.send(a, &[&udp(AHEAD, (1, 2))]);
    assert!(found.counted.contains(&(Error::AclInIp4Drop, 1)));
    lab.tables
        .set_acl_list(a, AclDirection::Input, &[])
        .unwrap();
    lab.tables.trace_add(NodeId::TapInput, 1);
    lab.send(a, &[&udp(AHEAD, (1, 2))]);
    let trace = lab.tables.traces()[0].to_string();
    let line = "INACL: sw_if_index 0, next_index 0, table 0, offset -1";
    assert!(trace.contains(line), "{trace}");
}

#[test]
fn a_deleted_interface_leaves_its_list() {
    let (mut lab, [a, _]) = filtered(&[], &[]);
    let list = lab
        .tables
        .set_macip(None, b"", vec![rule(true, 9)])
        .unwrap();
    lab.tables.set_interface_macip(a, Some(list)).unwrap();
    lab.tables.delete_interface(a).unwrap();
    let again = lab.member(0);
    assert_eq!(again, a);
    assert!(passes(&mut lab, again, &udp(AHEAD, (1, 2))));
    assert_eq!(lab.tables.macip_interfaces(), a.0 as usize + 1);
}
