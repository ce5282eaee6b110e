//! Access lists and MACIP lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAction, AclAddReplace, AclDel, AclDump, AclInterfaceListDump,
    AclInterfaceSetAclList, AclPluginGetVersion, AclRule, AclStatsIntfCountersEnable,
    InterfaceAcls, MacipAclAddReplace, MacipAclDel, MacipAclDump, MacipAclInterfaceAddDel,
    MacipAclInterfaceListDump, MacipAclRule,
};
use weft_vpp_wire::{FixedString, List, MacAddress, Prefix, Reader, Retval, SwIfIndex, Wire};

use super::Client;

fn prefix(address: impl Into<IpAddr>, len: u8) -> Prefix {
    Prefix {
        address: address.into(),
        len,
    }
}

fn rule() -> AclRule {
    AclRule {
        is_permit: AclAction::PERMIT_REFLECT,
        src_prefix: prefix(Ipv4Addr::new(10, 0, 0, 0), 8),
        dst_prefix: prefix(Ipv4Addr::UNSPECIFIED, 0),
        proto: 6,
        srcport_or_icmptype_first: 0,
        srcport_or_icmptype_last: 65535,
        dstport_or_icmpcode_first: 80,
        dstport_or_icmpcode_last: 90,
        tcp_flags_mask: 2,
        tcp_flags_value: 2,
    }
}

fn list<T>(rules: Vec<T>) -> List<T> {
    List::try_from(rules).expect("few")
}

fn set(acl_index: u32, rules: Vec<AclRule>) -> AclAddReplace {
    AclAddReplace {
        acl_index,
        tag: FixedString::try_from("weft").expect("short"),
        r: list(rules),
    }
}

fn apply(sw_if_index: SwIfIndex, input: &[u32], output: &[u32]) -> AclInterfaceSetAclList {
    AclInterfaceSetAclList {
        sw_if_index,
        acls: InterfaceAcls::new(input.to_vec(), output.to_vec()).expect("few"),
    }
}

fn applied(client: &mut Client, sw_if_index: SwIfIndex) -> (Vec<u32>, Vec<u32>) {
    let all = client.dump(&AclInterfaceListDump { sw_if_index });
    assert_eq!(all.len(), 1);
    (all[0].acls.input().to_vec(), all[0].acls.output().to_vec())
}

#[test]
fn a_list_comes_back_as_it_was_given() {
    let mut client = Client::new();
    let v6 = AclRule {
        src_prefix: prefix(Ipv6Addr::LOCALHOST, 128),
        dst_prefix: prefix(Ipv6Addr::UNSPECIFIED, 0),
        is_permit: AclAction::DENY,
        ..rule()
    };
    let first = client.ok(&set(ACL_NONE, vec![rule(), v6]));
    let second = client.ok(&set(ACL_NONE, Vec::new()));
    assert_eq!((first.acl_index, second.acl_index), (0, 1));
    let all = client.dump(&AclDump {
        acl_index: ACL_NONE,
    });
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].tag, "weft");
    assert_eq!(&all[0].r[..], [rule(), v6]);
    assert_eq!(client.ok(&set(0, vec![v6])).acl_index, 0);
    let one = client.dump(&AclDump { acl_index: 0 });
    assert_eq!(&one[0].r[..], [v6]);
    assert!(client.dump(&AclDump { acl_index: 7 }).is_empty());
    let version = client.dump(&AclPluginGetVersion {});
    assert_eq!((version[0].major, version[0].minor), (1, 4));
}

#[test]
fn what_is_no_list_is_refused_as_in_vpp() {
    let mut client = Client::new();
    let host_bits = prefix(Ipv4Addr::new(10, 0, 0, 1), 8);
    let too_long = prefix(Ipv4Addr::new(10, 0, 0, 1), 33);
    let v6 = prefix(Ipv6Addr::LOCALHOST, 128);
    let wrong = |change: &dyn Fn(&mut AclRule)| {
        let mut rule = rule();
        change(&mut rule);
        set(ACL_NONE, vec![rule])
    };
    for (request, retval) in [
        (wrong(&|rule| rule.src_prefix = host_bits), -57),
        (wrong(&|rule| rule.src_prefix = too_long), -57),
        (wrong(&|rule| rule.dst_prefix = host_bits), -58),
        (wrong(&|rule| rule.dst_prefix = v6), -57),
        (wrong(&|rule| rule.dstport_or_icmpcode_first = 91), -8),
        (
            wrong(&|rule| {
                rule.srcport_or_icmptype_first = 9;
                rule.srcport_or_icmptype_last = 8;
            }),
            -8,
        ),
        (set(5, Vec::new()), -6),
    ] {
        let (found, body) = client.call(&request);
        assert_eq!(found, Retval(retval), "{request:?}");
        assert_eq!(body.acl_index, request.acl_index);
    }
    let endless = FixedString::decode(&mut Reader::new(&[b'x'; 64])).expect("64 bytes");
    let request = AclAddReplace {
        tag: endless,
        ..set(ACL_NONE, vec![rule()])
    };
    assert_eq!(client.refused(&request), Retval::INVALID_VALUE);
    assert!(
        client
            .dump(&AclDump {
                acl_index: ACL_NONE
            })
            .is_empty()
    );
}

#[test]
fn lists_of_interfaces_are_set_and_hold_their_lists() {
    let mut client = Client::new();
    let own = client.loopback();
    for _ in 0..3 {
        client.ok(&set(ACL_NONE, vec![rule()]));
    }
    assert_eq!(applied(&mut client, own), (vec![], vec![]));
    client.ok(&apply(own, &[2, 0], &[0]));
    assert_eq!(applied(&mut client, own), (vec![2, 0], vec![0]));
    let all = client.dump(&AclInterfaceListDump {
        sw_if_index: SwIfIndex::NONE,
    });
    assert_eq!(all.len(), 2, "local0 too");
    let delete = |acl_index| AclDel { acl_index };
    assert_eq!(client.refused(&delete(0)), Retval::ACL_IN_USE_INBOUND);
    client.ok(&apply(own, &[2], &[0]));
    assert_eq!(client.refused(&delete(0)), Retval::ACL_IN_USE_OUTBOUND);
    assert_eq!(
        client.refused(&apply(own, &[9], &[])),
        Retval::NO_SUCH_ENTRY
    );
    assert_eq!(applied(&mut client, own), (vec![2], vec![0]));
    // As in VPP: no proper error, and output is set all the same.
    let (retval, _) = client.call(&apply(own, &[1, 1], &[2]));
    assert_eq!(retval, Retval(1));
    assert_eq!(applied(&mut client, own), (vec![2], vec![2]));
    client.ok(&delete(0));
    assert_eq!(client.refused(&delete(0)), Retval::NO_SUCH_ENTRY);
    let unknown = SwIfIndex(99);
    assert_eq!(
        client.refused(&apply(unknown, &[], &[])),
        Retval::INVALID_SW_IF_INDEX
    );
    client.ok(&AclStatsIntfCountersEnable { enable: true });
}

fn macip(acl_index: u32, len: u8) -> MacipAclAddReplace {
    let rule = MacipAclRule {
        is_permit: AclAction::PERMIT,
        src_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        src_mac_mask: MacAddress([0xff; 6]),
        // Host bits are no fault here.
        src_prefix: prefix(Ipv4Addr::new(10, 0, 0, 1), len),
    };
    MacipAclAddReplace {
        acl_index,
        tag: FixedString::try_from("macip").expect("short"),
        r: list(vec![rule]),
    }
}

#[test]
fn macip_lists_are_set_given_and_taken() {
    let mut client = Client::new();
    let (first, second) = (client.loopback(), client.loopback());
    let request = macip(ACL_NONE, 24);
    assert_eq!(client.ok(&request).acl_index, 0);
    let all = client.dump(&MacipAclDump {
        acl_index: ACL_NONE,
    });
    assert_eq!((&all[0].tag, &all[0].r), (&request.tag, &request.r));
    assert_eq!(client.refused(&macip(4, 32)), Retval::NO_SUCH_ENTRY);
    client.ok(&macip(0, 32));
    let give = |sw_if_index, is_add, acl_index| MacipAclInterfaceAddDel {
        is_add,
        sw_if_index,
        acl_index,
    };
    let lists = |client: &mut Client, sw_if_index| -> Vec<(u32, Vec<u32>)> {
        let all = client.dump(&MacipAclInterfaceListDump { sw_if_index });
        let pairs = all.iter().map(|own| (own.sw_if_index.0, own.acls.to_vec()));
        pairs.collect()
    };
    assert!(lists(&mut client, first).is_empty());
    assert_eq!(
        client.refused(&give(second, true, 9)),
        Retval::NO_SUCH_ENTRY
    );
    assert_eq!(
        client.refused(&give(second, false, 0)),
        Retval::NO_SUCH_ENTRY
    );
    let unknown = SwIfIndex(99);
    assert_eq!(
        client.refused(&give(unknown, true, 0)),
        Retval::INVALID_SW_IF_INDEX
    );
    client.ok(&give(second, true, 0));
    assert_eq!(lists(&mut client, SwIfIndex::NONE), [(second.0, vec![0])]);
    assert_eq!(lists(&mut client, first), [(first.0, vec![ACL_NONE])]);
    client.ok(&MacipAclDel { acl_index: 0 });
    assert!(lists(&mut client, SwIfIndex::NONE).is_empty());
    assert_eq!(
        client.refused(&MacipAclDel { acl_index: 0 }),
        Retval::NO_SUCH_ENTRY
    );
    assert_eq!(
        client.ok(&macip(ACL_NONE, 32)).acl_index,
        0,
        "the index is used again"
    );
}

#[test]
fn a_deleted_interface_lets_its_lists_go() {
    let mut client = Client::new();
    let own = client.loopback();
    client.ok(&set(ACL_NONE, vec![rule()]));
    client.ok(&apply(own, &[0], &[0]));
    client.ok(&weft_vpp_wire::messages::interface::DeleteLoopback { sw_if_index: own });
    client.ok(&AclDel { acl_index: 0 });
}
