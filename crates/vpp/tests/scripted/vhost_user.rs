//! vhost-user interfaces.

use weft_model::Mtu;
use weft_plan::{Object, Operation, Outcome, VhostUser, VhostUserMode};
use weft_vpp_wire::messages::interface::{SwInterfaceDump, SwInterfaceSetFlags, SwInterfaceSetMtu};
use weft_vpp_wire::messages::vhost_user::{
    CreateVhostUserIfV2, CreateVhostUserIfV2Reply, DeleteVhostUserIf,
};
use weft_vpp_wire::{Retval, SwIfIndex};

use crate::apply::{apply, left, session};
use crate::fake::Fake;
use crate::observe::interface;

fn vhost(mode: VhostUserMode, mtu: u32, admin_up: bool) -> Object {
    Object::VhostUser(VhostUser {
        port: "p1".parse().unwrap(),
        socket: "/run/vhost/p1".parse().unwrap(),
        mode,
        mtu: Mtu::new(mtu).unwrap(),
        admin_up,
    })
}

fn at(index: u32) -> CreateVhostUserIfV2Reply {
    CreateVhostUserIfV2Reply {
        sw_if_index: SwIfIndex(index),
    }
}

#[tokio::test]
async fn it_is_made_with_its_mark_changed_and_deleted() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        let made = peer.answer::<CreateVhostUserIfV2>(Retval::OK, at(9)).await;
        assert_eq!(made.sock_filename.to_str(), "/run/vhost/p1");
        assert_eq!(made.tag, "weft.vhost-user.p1");
        assert!(made.is_server && !made.renumber && !made.use_custom_mac);
        let mtu = peer.grant::<SwInterfaceSetMtu>().await;
        assert_eq!((mtu.sw_if_index, mtu.mtu), (SwIfIndex(9), [1450, 0, 0, 0]));
        peer.grant::<SwInterfaceSetFlags>().await;
    };
    let create = Operation::Create(vhost(VhostUserMode::Server, 1450, true).into());
    assert_eq!(apply(&mut session, create, serve).await, Outcome::Done);

    let serve = async {
        peer.grant::<SwInterfaceSetMtu>().await;
        peer.refuse::<SwInterfaceSetFlags>(Retval::BUSY).await;
    };
    let update = Operation::Update {
        from: vhost(VhostUserMode::Server, 1450, true).into(),
        to: vhost(VhostUserMode::Server, 1400, false).into(),
    };
    let (_, rest) = left(apply(&mut session, update, serve).await);
    assert_eq!(rest, Some(vhost(VhostUserMode::Server, 1400, true)));

    let serve = async {
        let deleted = peer.grant::<DeleteVhostUserIf>().await;
        assert_eq!(deleted.sw_if_index, SwIfIndex(9));
    };
    let delete = Operation::Delete(vhost(VhostUserMode::Server, 1400, true).into());
    assert_eq!(apply(&mut session, delete, serve).await, Outcome::Done);
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong_with_the_socket() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let create = Operation::Create(vhost(VhostUserMode::Server, 1450, true).into());
    let serve = async {
        peer.refuse::<CreateVhostUserIfV2>(Retval::SYSCALL_ERROR_2)
            .await;
    };
    let (reason, rest) = left(apply(&mut session, create, serve).await);
    assert!(
        reason.contains("cannot make the socket /run/vhost/p1"),
        "{reason}"
    );
    assert_eq!(rest, None);
}

#[tokio::test]
async fn a_socket_that_is_taken_is_ours_only_with_our_mark() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    for tag in ["", "weft.vhost-user.p2", "weft.vhost-user.p1"] {
        let serve = async {
            peer.answer::<CreateVhostUserIfV2>(Retval::IF_ALREADY_EXISTS, at(7))
                .await;
            let found = interface(7, "VirtualEthernet0/0/0", tag);
            let dump = peer.dumped::<SwInterfaceDump>(&[found]).await;
            assert_eq!(dump.sw_if_index, SwIfIndex(7));
            if tag == "weft.vhost-user.p1" {
                let up = peer.grant::<SwInterfaceSetMtu>().await;
                assert_eq!(up.sw_if_index, SwIfIndex(7));
                peer.grant::<SwInterfaceSetFlags>().await;
            }
        };
        let create = Operation::Create(vhost(VhostUserMode::Client, 1450, true).into());
        match apply(&mut session, create, serve).await {
            Outcome::Done => assert_eq!(tag, "weft.vhost-user.p1"),
            Outcome::Refused { reason, left } => {
                assert_ne!(tag, "weft.vhost-user.p1", "{reason}");
                assert!(
                    reason.starts_with("another vhost-user interface"),
                    "{reason}"
                );
                assert_eq!(left, None);
            }
        }
    }
}
