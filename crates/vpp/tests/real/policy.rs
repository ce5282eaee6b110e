//! Access lists and MACIP lists, and which interfaces have them.

use std::sync::Arc;

use weft_model::{IpPrefix, IpProtocol, Mac, PortRange, SecurityGroupId};
use weft_plan::{
    Acl, AclAction, AclBinding, AclKey, AclRule, Direction, InterfaceKey, MacIpAcl, MacIpBinding,
    MacIpRule, Object, ObjectKey, TagRewrite, TcpFlags,
};
use weft_vpp::{Connection, Session};
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAddReplace, AclDel, AclDump, AclInterfaceListDump, AclInterfaceSetAclList,
    InterfaceAcls, MacipAclAddReplace, MacipAclDel, MacipAclInterfaceAddDel,
};
use weft_vpp_wire::messages::interface::{CreateLoopback, DeleteLoopback};
use weft_vpp_wire::{FixedString, List, SwIfIndex};

use crate::network::{bridge, member, port, tap};
use crate::support::{Dataplane, connect, everything, reconcile, settle};

const ANY: &str = "0.0.0.0/0";
const ANY6: &str = "::/0";

fn prefix(text: &str) -> IpPrefix {
    text.parse().unwrap()
}

fn group(name: &str, direction: Direction) -> AclKey {
    let group: SecurityGroupId = name.parse().unwrap();
    AclKey::SecurityGroup { group, direction }
}

fn rule(action: AclAction, source: &str, destination: &str) -> AclRule {
    AclRule::new(action, prefix(source), prefix(destination)).unwrap()
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(first, last).unwrap()
}

/// Rules of every kind: each value must come back as it was.
fn rules_of_every_kind() -> Vec<AclRule> {
    let reflect = AclAction::PermitReflect;
    let syn = TcpFlags {
        mask: 0x12,
        value: 0x02,
    };
    vec![
        rule(reflect, "10.1.2.0/24", ANY),
        rule(AclAction::Permit, "fd00:1::/64", ANY6),
        rule(reflect, ANY, "192.0.2.7/32")
            .protocol(IpProtocol::new(6))
            .ranges(PortRange::ALL, range(80, 443))
            .tcp_flags(syn),
        rule(reflect, ANY6, ANY6)
            .protocol(IpProtocol::new(58))
            .ranges(range(128, 129), range(0, 255)),
        rule(reflect, ANY, ANY)
            .protocol(IpProtocol::new(17))
            .ranges(range(67, 67), range(68, 68)),
        rule(AclAction::Deny, ANY, ANY).protocol(IpProtocol::new(132)),
    ]
}

fn acl(key: AclKey, rules: &[AclRule]) -> Object {
    let rules: Arc<[AclRule]> = rules.into();
    Object::Acl(Acl { key, rules })
}

fn binding(input: &[AclKey], output: &[AclKey]) -> Object {
    let some = |keys: &[AclKey]| keys.iter().cloned().map(Some).collect();
    Object::AclBinding(AclBinding {
        interface: InterfaceKey::Tap(port()),
        input: some(input),
        output: some(output),
    })
}

fn macip(prefixes: &[&str]) -> Object {
    let mac = Mac::new([0xfa, 0x16, 0x3e, 0, 0, 1]);
    let rule = |text: &&str| MacIpRule::permit(mac, prefix(text));
    Object::MacIpAcl(MacIpAcl {
        port: port(),
        rules: prefixes.iter().map(rule).collect(),
    })
}

fn macip_binding() -> Object {
    Object::MacIpBinding(MacIpBinding {
        interface: InterfaceKey::Tap(port()),
        acl: Some(port()),
    })
}

fn guard(direction: Direction) -> AclKey {
    AclKey::AntiSpoofing(direction)
}

/// A bridged port with its anti-spoofing lists and one group.
fn secured(device: &str, web: &[AclRule], addresses: &[&str]) -> Vec<Object> {
    let (ingress, egress) = (Direction::Ingress, Direction::Egress);
    let dhcp = rule(AclAction::PermitReflect, ANY, "169.254.169.254/32");
    vec![
        tap(port(), device, 1450),
        bridge(5, true),
        member(InterfaceKey::Tap(port()), TagRewrite::Disabled),
        acl(guard(ingress), &rules_of_every_kind()),
        acl(guard(egress), &[dhcp]),
        acl(group("web", ingress), web),
        binding(&[guard(egress)], &[guard(ingress), group("web", ingress)]),
        macip(addresses),
        macip_binding(),
    ]
}

/// The index of the list with a tag.
async fn index_of(connection: &Connection, tag: &str) -> Option<u32> {
    let all = AclDump {
        acl_index: ACL_NONE,
    };
    let lists = connection.dump(all).await.unwrap();
    let found = lists.into_iter().find(|list| list.tag == tag);
    found.map(|list| list.acl_index)
}

fn replace(acl_index: u32, tag: &str) -> AclAddReplace {
    AclAddReplace {
        acl_index,
        tag: FixedString::try_from(tag).unwrap(),
        r: List::default(),
    }
}

#[tokio::test]
async fn policy_is_made_changed_in_place_repaired_and_removed() {
    let dataplane = Dataplane::find().await;
    let (connection, _events) = connect(&dataplane.socket).await;
    let (other, _other_events) = connect(&dataplane.socket).await;
    let mut session = Session::new(connection);
    let device = format!("wp{}", std::process::id() % 100_000);
    let foreign = Foreign::make(&other).await;
    let before = everything(&other).await;

    let wanted = secured(&device, &rules_of_every_kind(), &["10.0.0.1", "fd00::1"]);
    settle(&mut session, &wanted).await;
    let web = index_of(&other, "weft.acl.web.ingress").await;
    let key = group("web", Direction::Ingress);
    assert_eq!(web.and_then(|index| session.acl_at(index)), Some(&key));

    // In place: a list keeps its index, so that who has it has the new one.
    let wanted = secured(
        &device,
        &rules_of_every_kind()[..2],
        &["10.0.0.1", "10.0.0.9"],
    );
    settle(&mut session, &wanted).await;
    assert_eq!(index_of(&other, "weft.acl.web.ingress").await, web);
    // An empty list is a list.
    let wanted = secured(&device, &[], &["10.0.0.1"]);
    settle(&mut session, &wanted).await;

    what_others_did_is_repaired(&mut session, &other, &wanted, foreign.acl).await;
    another_group(&mut session, &device).await;

    // A TAP made anew has what the old one had.
    let wanted = secured(&format!("{device}x"), &[], &["10.0.0.1"]);
    settle(&mut session, &wanted).await;

    a_list_that_another_uses_stays(&mut session, &other, foreign.loopback).await;
    settle(&mut session, &[]).await;
    assert_eq!(everything(&other).await, before);
    foreign.remove(&other).await;
}

async fn what_others_did_is_repaired(
    session: &mut Session,
    other: &Connection,
    wanted: &[Object],
    foreign: u32,
) {
    let sw_if_index = session.sw_if_index(&InterfaceKey::Tap(port())).unwrap();
    let guard = index_of(other, "weft.acl.anti-spoofing.egress").await;
    other
        .request(replace(guard.unwrap(), "weft.acl.anti-spoofing.egress"))
        .await
        .unwrap();
    let strange = AclInterfaceSetAclList {
        sw_if_index,
        acls: InterfaceAcls::new(vec![foreign], vec![]).unwrap(),
    };
    other.request(strange).await.unwrap();
    let open = MacipAclInterfaceAddDel {
        is_add: false,
        sw_if_index,
        acl_index: 0,
    };
    other.request(open).await.unwrap();
    // What is made a second time is found and removed.
    other
        .request(replace(ACL_NONE, "weft.acl.web.ingress"))
        .await
        .unwrap();
    let again = MacipAclAddReplace {
        acl_index: ACL_NONE,
        tag: FixedString::try_from("weft.macip.port-a").unwrap(),
        r: List::default(),
    };
    other.request(again).await.unwrap();
    let observed = session.observe().await.unwrap();
    let key = ObjectKey::AclBinding(InterfaceKey::Tap(port()));
    let Some(Object::AclBinding(now)) = observed.get(&key).map(Arc::as_ref) else {
        panic!("no binding: {observed:?}");
    };
    assert_eq!((&now.input[..], &now.output[..]), (&[None][..], &[][..]));
    settle(session, wanted).await;

    // A list that is gone with all its bindings comes back.
    let unbound = AclInterfaceSetAclList {
        sw_if_index,
        acls: InterfaceAcls::default(),
    };
    other.request(unbound).await.unwrap();
    let acl_index = index_of(other, "weft.acl.web.ingress").await.unwrap();
    other.request(AclDel { acl_index }).await.unwrap();
    settle(session, wanted).await;
    let lists = other.dump(AclInterfaceListDump { sw_if_index }).await;
    assert_eq!(lists.unwrap()[0].acls.output().len(), 2);
}

/// A port that leaves one group and joins another, whose list is new.
async fn another_group(session: &mut Session, device: &str) {
    let mut wanted = secured(device, &[], &["10.0.0.1"]);
    let (ingress, egress) = (Direction::Ingress, Direction::Egress);
    wanted[5] = acl(group("db", ingress), &rules_of_every_kind());
    wanted[6] = binding(&[guard(egress)], &[guard(ingress), group("db", ingress)]);
    let observed = settle(session, &wanted).await;
    let gone = ObjectKey::Acl(group("web", ingress));
    assert!(observed.get(&gone).is_none());
}

async fn a_list_that_another_uses_stays(
    session: &mut Session,
    other: &Connection,
    loopback: SwIfIndex,
) {
    let acl_index = index_of(other, "weft.acl.web.ingress").await.unwrap();
    let mut used = AclInterfaceSetAclList {
        sw_if_index: loopback,
        acls: InterfaceAcls::new(vec![acl_index], vec![]).unwrap(),
    };
    other.request(used.clone()).await.unwrap();
    let refusals = reconcile(session, &[]).await;
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    assert!(
        refusals[0].contains("ACL_IN_USE_INBOUND (-142)"),
        "{}",
        refusals[0]
    );
    used.acls = InterfaceAcls::default();
    other.request(used).await.unwrap();
}

/// Lists of somebody else, and an interface that has them.
struct Foreign {
    loopback: SwIfIndex,
    acl: u32,
    macip: u32,
}

impl Foreign {
    async fn make(other: &Connection) -> Self {
        let made = other.request(CreateLoopback::default()).await.unwrap();
        let loopback = made.sw_if_index;
        let acl = other
            .request(replace(ACL_NONE, "somebody's"))
            .await
            .unwrap();
        let macip = MacipAclAddReplace {
            acl_index: ACL_NONE,
            ..MacipAclAddReplace::default()
        };
        let macip = other.request(macip).await.unwrap().acl_index;
        let bound = MacipAclInterfaceAddDel {
            is_add: true,
            sw_if_index: loopback,
            acl_index: macip,
        };
        other.request(bound).await.unwrap();
        Self {
            loopback,
            acl: acl.acl_index,
            macip,
        }
    }

    async fn remove(self, other: &Connection) {
        let loopback = DeleteLoopback {
            sw_if_index: self.loopback,
        };
        other.request(loopback).await.unwrap();
        let acl_index = self.acl;
        other.request(AclDel { acl_index }).await.unwrap();
        let acl_index = self.macip;
        other.request(MacipAclDel { acl_index }).await.unwrap();
    }
}

/// A policy far above what a host has: it must be read back as it was put.
#[tokio::test]
async fn many_rules_come_back_as_they_were() {
    let dataplane = Dataplane::find().await;
    let (connection, _events) = connect(&dataplane.socket).await;
    let mut session = Session::new(connection);
    let rules: Vec<AclRule> = (0..20_000_u32)
        .map(|n| {
            let [_, b, c, d] = n.to_be_bytes();
            let source = format!("10.{b}.{c}.{d}/32");
            rule(AclAction::PermitReflect, &source, ANY)
        })
        .collect();
    let wanted = [acl(group("big", Direction::Ingress), &rules)];
    settle(&mut session, &wanted).await;
    settle(&mut session, &[]).await;
}
