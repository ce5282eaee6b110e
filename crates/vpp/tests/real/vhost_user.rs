//! vhost-user interfaces without a peer; what a peer changes is for a virtual machine to show.

use weft_model::{Mtu, PortId};
use weft_plan::{InterfaceKey, Notice, Object, TagRewrite, VhostUser, VhostUserMode};
use weft_vpp::Session;
use weft_vpp_wire::messages::vhost_user::{
    CreateVhostUserIfV2, DeleteVhostUserIf, SwInterfaceVhostUserDump,
};
use weft_vpp_wire::{FixedString, SwIfIndex};

use crate::network::{bridge, member};
use crate::support::{Dataplane, connect, everything, notice, reconcile, settle};

fn port() -> PortId {
    "port-v".parse().unwrap()
}

fn vhost(socket: &str, mode: VhostUserMode, mtu: u32) -> Object {
    Object::VhostUser(VhostUser {
        port: port(),
        socket: socket.parse().unwrap(),
        mode,
        mtu: Mtu::new(mtu).unwrap(),
        admin_up: true,
    })
}

#[tokio::test]
async fn a_port_waits_for_its_machine_on_either_side_of_the_socket() {
    let dataplane = Dataplane::find().await;
    let (connection, mut events) = connect(&dataplane.socket).await;
    let (other, _other_events) = connect(&dataplane.socket).await;
    let mut session = Session::new(connection);
    let before = everything(&other).await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first"), path("second"));
    let (server, client) = (VhostUserMode::Server, VhostUserMode::Client);
    let key = InterfaceKey::VhostUser(port());
    let network = |vhost| {
        let member = member(InterfaceKey::VhostUser(port()), TagRewrite::Disabled);
        [vhost, bridge(5, true), member]
    };

    for (socket, mode, mtu) in [
        (&first, server, 1450),
        (&first, server, 1400),
        (&second, server, 1400),
        (&second, client, 1400),
    ] {
        let observed = settle(&mut session, &network(vhost(socket, mode, mtu))).await;
        assert!(!observed.link_up(&key), "nobody is connected");
        let exists = std::path::Path::new(socket).exists();
        assert_eq!(exists, mode == server, "who listens makes the socket");
    }

    // A socket has one interface.
    let foreign = CreateVhostUserIfV2 {
        sock_filename: FixedString::try_from(first.as_str()).unwrap(),
        ..CreateVhostUserIfV2::default()
    };
    let foreign = other.request(foreign).await.unwrap().sw_if_index;
    let refusals = reconcile(&mut session, &network(vhost(&first, client, 1400))).await;
    assert!(
        refusals[0].contains("another vhost-user interface of VPP has the socket"),
        "{refusals:#?}"
    );
    let delete = |sw_if_index| DeleteVhostUserIf { sw_if_index };
    other.request(delete(foreign)).await.unwrap();
    let nowhere = path("nonesuch/socket");
    let refusals = reconcile(&mut session, &network(vhost(&nowhere, server, 1400))).await;
    assert!(
        refusals[0].contains("VPP cannot make the socket"),
        "{refusals:#?}"
    );
    settle(&mut session, &network(vhost(&first, client, 1400))).await;

    // What somebody else deletes is told.
    let all = SwInterfaceVhostUserDump {
        sw_if_index: SwIfIndex::NONE,
    };
    let found = other.dump(all).await.unwrap();
    let ours = found
        .iter()
        .find(|found| found.sock_filename.to_str() == first);
    let ours = ours.unwrap().sw_if_index;
    other.request(delete(ours)).await.unwrap();
    let told = notice(&mut session, &mut events, |notice| {
        matches!(notice, Notice::Deleted(_))
    })
    .await;
    assert_eq!(told, Notice::Deleted(key));
    settle(&mut session, &network(vhost(&first, client, 1400))).await;

    settle(&mut session, &[]).await;
    assert_eq!(everything(&other).await, before);
}
