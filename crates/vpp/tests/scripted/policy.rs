//! Access lists and MACIP lists: one message for each change, and what a refusal leaves.

use weft_model::{IpPrefix, Mac, SecurityGroupId};
use weft_plan::{
    Acl, AclAction, AclBinding, AclKey, AclRule, Direction, InterfaceKey, MacIpAcl, MacIpBinding,
    MacIpRule, Object, ObjectKey, Operation, Outcome, Surplus,
};
use weft_vpp::Session;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAddReplace, AclAddReplaceReply, AclDel, AclDetails, AclInterfaceListDetails,
    AclInterfaceSetAclList, AclInterfaceSetAclListReply, InterfaceAcls, MacipAclAddReplace,
    MacipAclAddReplaceReply, MacipAclDel, MacipAclDetails, MacipAclInterfaceAddDel,
    MacipAclInterfaceListDetails, MacipAclInterfaceListDump,
};
use weft_vpp_wire::messages::vlib::CliInband;
use weft_vpp_wire::{FixedString, List, Retval, SwIfIndex};

use crate::apply::{apply, left};
use crate::fake::{Fake, Peer, bounded, quick};
use crate::observe::{Held, connected_without, interface, tap};

const RULE: &str = "10.0.0.0/8";

fn group(name: &str) -> AclKey {
    let group: SecurityGroupId = name.parse().unwrap();
    AclKey::SecurityGroup {
        group,
        direction: Direction::Ingress,
    }
}

fn acl(name: &str, prefixes: &[&str]) -> Object {
    let rule = |prefix: &&str| {
        let prefix: IpPrefix = prefix.parse().unwrap();
        AclRule::with_remote(AclAction::PermitReflect, Direction::Ingress, prefix)
    };
    Object::Acl(Acl {
        key: group(name),
        rules: prefixes.iter().map(rule).collect(),
    })
}

fn port() -> InterfaceKey {
    InterfaceKey::Tap("p".parse().unwrap())
}

fn binding(input: &[AclKey], output: &[AclKey]) -> Object {
    let some = |keys: &[AclKey]| keys.iter().cloned().map(Some).collect();
    Object::AclBinding(AclBinding {
        interface: port(),
        input: some(input),
        output: some(output),
    })
}

fn macip(prefix: &str) -> Object {
    let mac = Mac::new([2, 0, 0, 0, 0, 1]);
    let rule = MacIpRule::permit(mac, prefix.parse().unwrap());
    Object::MacIpAcl(MacIpAcl {
        port: "p".parse().unwrap(),
        rules: [rule].into(),
    })
}

fn macip_binding(port_of_list: &str) -> Object {
    Object::MacIpBinding(MacIpBinding {
        interface: port(),
        acl: Some(port_of_list.parse().unwrap()),
    })
}

fn tag(tag: &str) -> FixedString<64> {
    FixedString::try_from(tag).unwrap()
}

/// A session that knows the TAP of port `p` (2), the lists `known` (5), `twice` (6, and again 7) and
/// the MACIP list of `p` (3, and again 4).
async fn session(fake: &Fake) -> (Session, weft_vpp::Events, Peer) {
    let (connection, events, mut peer) = fake.connected(quick()).await;
    let mut session = Session::new(connection);
    let list = |acl_index, name| AclDetails {
        acl_index,
        tag: tag(name),
        r: List::default(),
    };
    let macip = |acl_index| MacipAclDetails {
        acl_index,
        tag: tag("weft.macip.p"),
        r: List::default(),
    };
    let held = Held {
        interfaces: vec![interface(2, "tap0", "weft.tap.p")],
        taps: vec![tap(2, "p")],
        acls: vec![
            list(5, "weft.acl.known.ingress"),
            list(6, "weft.acl.twice.ingress"),
            list(7, "weft.acl.twice.ingress"),
        ],
        acl_lists: vec![AclInterfaceListDetails::default()],
        macip_acls: vec![macip(3), macip(4)],
        ..Held::default()
    };
    let serve = peer.observed(&held);
    let observed = bounded(async { tokio::join!(session.observe(), serve) }).await;
    observed.0.unwrap();
    (session, events, peer)
}

fn create(object: Object) -> Operation {
    Operation::Create(object.into())
}

fn update(from: Object, to: Object) -> Operation {
    let (from, to) = (from.into(), to.into());
    Operation::Update { from, to }
}

#[tokio::test]
async fn a_list_is_made_replaced_in_place_bound_and_deleted_each_with_one_message() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        let asked = peer.grant::<CliInband>().await;
        assert_eq!(asked.cmd.to_str(), "set acl-plugin reclassify-sessions 1");
        let reply = AclAddReplaceReply { acl_index: 9 };
        let made = peer.answer::<AclAddReplace>(Retval::OK, reply).await;
        assert_eq!((made.acl_index, made.r.len()), (ACL_NONE, 1));
        assert_eq!(made.tag, "weft.acl.web.ingress");
    };
    let outcome = apply(&mut session, create(acl("web", &[RULE])), serve).await;
    assert_eq!(outcome, Outcome::Done);

    let serve = async {
        let reply = AclAddReplaceReply { acl_index: 9 };
        let made = peer.answer::<AclAddReplace>(Retval::OK, reply).await;
        assert_eq!((made.acl_index, made.r.len()), (9, 2));
    };
    let operation = update(acl("web", &[RULE]), acl("web", &[RULE, "fd00::/8"]));
    assert_eq!(apply(&mut session, operation, serve).await, Outcome::Done);

    let serve = async {
        let bound = peer.grant::<AclInterfaceSetAclList>().await;
        let acls = InterfaceAcls::new(vec![9, 5], vec![5]).unwrap();
        assert_eq!((bound.sw_if_index, bound.acls), (SwIfIndex(2), acls));
    };
    let bound = binding(&[group("web"), group("known")], &[group("known")]);
    let outcome = apply(&mut session, create(bound.clone()), serve).await;
    assert_eq!(outcome, Outcome::Done);

    let serve = async {
        let unbound = peer.grant::<AclInterfaceSetAclList>().await;
        assert_eq!(unbound.acls, InterfaceAcls::default());
    };
    let outcome = apply(&mut session, Operation::Delete(bound.into()), serve).await;
    assert_eq!(outcome, Outcome::Done);

    let serve = async {
        assert_eq!(peer.grant::<AclDel>().await.acl_index, 9);
    };
    let delete = Operation::Delete(acl("web", &[RULE]).into());
    let outcome = apply(&mut session, delete.clone(), serve).await;
    assert_eq!(outcome, Outcome::Done);
    // Its index is forgotten: nothing is sent that could hit another list.
    assert_eq!(apply(&mut session, delete, async {}).await, Outcome::Done);
}

#[tokio::test]
async fn what_is_refused_is_as_it_was() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let was = acl("known", &[]);
    let serve = async {
        // A switch without this setting works for all that.
        peer.refuse::<CliInband>(Retval::UNSPECIFIED).await;
        peer.refuse::<AclAddReplace>(Retval::INVALID_SRC_ADDRESS)
            .await;
    };
    let operation = update(was.clone(), acl("known", &[RULE]));
    let (reason, rest) = left(apply(&mut session, operation, serve).await);
    assert!(reason.contains("INVALID_SRC_ADDRESS (-57)"), "{reason}");
    assert_eq!(rest, Some(was.clone()));

    let serve = async {
        peer.refuse::<AclDel>(Retval::ACL_IN_USE_INBOUND).await;
    };
    let (reason, rest) =
        left(apply(&mut session, Operation::Delete(was.clone().into()), serve).await);
    assert!(reason.contains("ACL_IN_USE_INBOUND (-142)"), "{reason}");
    assert_eq!(rest, Some(was));
}

#[tokio::test]
async fn one_is_a_refusal_of_a_binding() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        peer.grant::<CliInband>().await;
        let reply = AclInterfaceSetAclListReply {};
        peer.answer::<AclInterfaceSetAclList>(Retval(1), reply)
            .await;
    };
    let operation = create(binding(&[group("known")], &[]));
    let (reason, rest) = left(apply(&mut session, operation, serve).await);
    assert_eq!(
        reason,
        "VPP refuses acl_interface_set_acl_list: UNSPECIFIED (-1): VPP gives no reason"
    );
    assert_eq!(rest, None);
}

#[tokio::test]
async fn a_binding_to_a_list_that_vpp_does_not_have_is_not_sent() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        peer.grant::<CliInband>().await;
    };
    let operation = create(binding(&[group("nonesuch")], &[]));
    let (reason, _) = left(apply(&mut session, operation, serve).await);
    assert_eq!(reason, "VPP has no access list for group nonesuch ingress");
    let operation = create(macip_binding("nonesuch"));
    let (reason, _) = left(apply(&mut session, operation, async {}).await);
    assert_eq!(reason, "VPP has no MACIP list for tap p");
}

#[tokio::test]
async fn more_rules_than_could_be_read_back_are_not_sent() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        peer.grant::<CliInband>().await;
    };
    let many = vec![RULE; 349_600];
    let operation = create(acl("many", &many));
    let (reason, _) = left(apply(&mut session, operation, serve).await);
    assert!(reason.starts_with("349600 rules are more"), "{reason}");
}

#[tokio::test]
async fn a_macip_list_goes_the_same_way() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        let reply = MacipAclAddReplaceReply { acl_index: 3 };
        let made = peer.answer::<MacipAclAddReplace>(Retval::OK, reply).await;
        assert_eq!((made.acl_index, made.r.len()), (3, 1));
        assert_eq!(made.tag, "weft.macip.p");
    };
    let operation = update(macip("10.0.0.1"), macip("10.0.0.2"));
    assert_eq!(apply(&mut session, operation, serve).await, Outcome::Done);

    let serve = async {
        let bound = peer.grant::<MacipAclInterfaceAddDel>().await;
        assert!(bound.is_add);
        assert_eq!((bound.sw_if_index, bound.acl_index), (SwIfIndex(2), 3));
    };
    let outcome = apply(&mut session, create(macip_binding("p")), serve).await;
    assert_eq!(outcome, Outcome::Done);

    for retval in [
        Retval::OK,
        Retval::NO_SUCH_ENTRY,
        Retval::INVALID_SW_IF_INDEX,
    ] {
        let serve = async {
            assert!(!peer.refuse::<MacipAclInterfaceAddDel>(retval).await.is_add);
        };
        let operation = Operation::Delete(macip_binding("p").into());
        let outcome = apply(&mut session, operation, serve).await;
        assert_eq!(outcome, Outcome::Done, "{retval}");
    }
    let serve = async {
        assert_eq!(peer.grant::<MacipAclDel>().await.acl_index, 3);
    };
    let operation = Operation::Delete(macip("10.0.0.2").into());
    assert_eq!(apply(&mut session, operation, serve).await, Outcome::Done);

    let serve = async {
        let reply = MacipAclAddReplaceReply { acl_index: 8 };
        let made = peer.answer::<MacipAclAddReplace>(Retval::OK, reply).await;
        assert_eq!(made.acl_index, ACL_NONE);
    };
    let outcome = apply(&mut session, create(macip("10.0.0.2")), serve).await;
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn a_surplus_macip_list_is_deleted_only_if_no_interface_has_it() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let surplus = |of| Operation::Delete(Object::Surplus(Surplus { of, number: 1 }).into());
    let delete = surplus(ObjectKey::MacIpAcl("p".parse().unwrap()));
    let used = |acl: u32| MacipAclInterfaceListDetails {
        sw_if_index: SwIfIndex(2),
        acls: vec![acl].try_into().unwrap(),
    };
    let serve = async {
        peer.dumped::<MacipAclInterfaceListDump>(&[used(4)]).await;
    };
    let (reason, _) = left(apply(&mut session, delete.clone(), serve).await);
    assert!(
        reason.contains("sw_if_index 2 has MACIP list 4"),
        "{reason}"
    );

    let serve = async {
        peer.dumped::<MacipAclInterfaceListDump>(&[used(3)]).await;
        assert_eq!(peer.grant::<MacipAclDel>().await.acl_index, 4);
    };
    assert_eq!(apply(&mut session, delete, serve).await, Outcome::Done);

    let serve = async {
        assert_eq!(peer.grant::<AclDel>().await.acl_index, 7);
    };
    let delete = surplus(ObjectKey::Acl(group("twice")));
    assert_eq!(apply(&mut session, delete, serve).await, Outcome::Done);
}

#[tokio::test]
async fn without_the_acl_plugin_a_list_fails_and_says_why() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = connected_without(&fake, &["acl_"]).await;
    let mut session = Session::new(connection);
    let serve = async {
        peer.grant::<CliInband>().await;
    };
    let (reason, rest) = left(apply(&mut session, create(acl("web", &[RULE])), serve).await);
    assert_eq!(
        reason,
        "VPP cannot do this: message acl_add_replace (CRC ee5c2f18) is in VPP 23.10 to 26.06; this \
         VPP does not have it: is it another release, or is the plugin of acl.api not loaded?"
    );
    assert_eq!(rest, None);
}
