//! `vhost_user.api`, without peers.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use weft_vpp_wire::messages::interface::{HwInterfaceSetMtu, SwInterfaceSetMacAddress};
use weft_vpp_wire::messages::vhost_user::{
    CreateVhostUserIfV2, DeleteVhostUserIf, ModifyVhostUserIfV2, SwInterfaceVhostUserDump,
};
use weft_vpp_wire::{FixedString, MacAddress, Retval, SwIfIndex};

use super::{ABSENT, Client};

fn text<const N: usize>(text: &str) -> FixedString<N> {
    FixedString::try_from(text).expect("short")
}

/// A directory for sockets.
struct Sockets(tempfile::TempDir);

impl Sockets {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn field(&self, name: &str) -> FixedString<256> {
        text(self.path(name).to_str().expect("text"))
    }

    fn client(&self, name: &str) -> CreateVhostUserIfV2 {
        CreateVhostUserIfV2 {
            sock_filename: self.field(name),
            ..CreateVhostUserIfV2::default()
        }
    }

    fn server(&self, name: &str) -> CreateVhostUserIfV2 {
        CreateVhostUserIfV2 {
            is_server: true,
            ..self.client(name)
        }
    }

    fn modify(&self, sw_if_index: SwIfIndex, name: &str) -> ModifyVhostUserIfV2 {
        ModifyVhostUserIfV2 {
            sw_if_index,
            sock_filename: self.field(name),
            ..ModifyVhostUserIfV2::default()
        }
    }
}

/// Name and socket of each.
fn all(client: &mut Client) -> Vec<(u32, String, bool)> {
    let dump = SwInterfaceVhostUserDump {
        sw_if_index: SwIfIndex::NONE,
    };
    let details = client.dump(&dump);
    details
        .iter()
        .map(|one| {
            (
                one.sw_if_index.0,
                one.interface_name.to_string(),
                one.is_server,
            )
        })
        .collect()
}

#[test]
fn interface_is_as_vpp_shows_it() {
    let sockets = Sockets::new();
    let mut client = Client::new();
    let index = client
        .ok(&CreateVhostUserIfV2 {
            tag: text("weft"),
            ..sockets.client("a")
        })
        .sw_if_index;
    assert_eq!(client.events(), [(index.0, 0, false)]);
    let details = client.details(index);
    assert_eq!(details.interface_name, "VirtualEthernet0/0/0");
    assert_eq!(details.interface_dev_type, "vhost-user");
    assert_eq!(details.tag, "weft");
    assert_eq!((details.flags.0, details.link_mtu), (0, 9000));
    assert_eq!(details.mtu, [9000, 0, 0, 0]);
    assert_eq!(details.l2_address.0[..2], [2, 0xfe]);
    assert_eq!(client.admin(index, true), Retval::OK);
    assert_eq!(client.events(), [(index.0, 1, false)], "no peer, no link");
    let mut dump = client.dump(&SwInterfaceVhostUserDump { sw_if_index: index });
    let one = dump.remove(0);
    assert_eq!(one.sock_filename, sockets.field("a"));
    assert_eq!(
        (one.is_server, one.num_regions, one.virtio_net_hdr_sz),
        (false, 0, 0)
    );
    assert!(
        client
            .dump(&SwInterfaceVhostUserDump {
                sw_if_index: ABSENT
            })
            .is_empty()
    );
    let mtu = |mtu| HwInterfaceSetMtu {
        sw_if_index: index,
        mtu,
    };
    assert_eq!(client.refused(&mtu(1500)), Retval::UNSUPPORTED);
    client.ok(&mtu(9000));
    client.ok(&SwInterfaceSetMacAddress {
        sw_if_index: index,
        mac_address: MacAddress([2, 0, 0, 0, 0, 9]),
    });
    assert_eq!(client.details(index).l2_address.0, [2, 0, 0, 0, 0, 9]);
}

#[test]
fn numbers_are_those_of_the_pool_unless_given() {
    let sockets = Sockets::new();
    let mut client = Client::new();
    let first = client.ok(&sockets.client("a")).sw_if_index;
    let second = client
        .ok(&CreateVhostUserIfV2 {
            renumber: true,
            custom_dev_instance: 77,
            use_custom_mac: true,
            mac_address: MacAddress([2, 0, 0, 0, 0, 1]),
            ..sockets.server("b")
        })
        .sw_if_index;
    assert_eq!(client.details(second).l2_address.0, [2, 0, 0, 0, 0, 1]);
    let sub = client.vlan(second, 100);
    client.ok(&DeleteVhostUserIf { sw_if_index: first });
    assert_eq!(
        client.refused(&DeleteVhostUserIf { sw_if_index: first }),
        Retval::INVALID_SW_IF_INDEX
    );
    client.ok(&sockets.client("c"));
    let name = |number: u32| format!("VirtualEthernet0/0/{number}");
    assert_eq!(all(&mut client), [(1, name(0), false), (2, name(77), true)]);
    client.ok(&ModifyVhostUserIfV2 {
        renumber: true,
        custom_dev_instance: 5,
        ..sockets.modify(sub, "d")
    });
    assert_eq!(
        client.details(sub).interface_name,
        "VirtualEthernet0/0/5.100"
    );
    assert_eq!(all(&mut client)[1], (2, name(5), false));
    client.ok(&DeleteVhostUserIf { sw_if_index: sub });
    assert_eq!(client.names(""), ["local0", "VirtualEthernet0/0/0"]);
}

#[test]
fn what_vpp_refuses_and_with_which_index() {
    let sockets = Sockets::new();
    let mut client = Client::new();
    let (retval, reply) = client.call(&CreateVhostUserIfV2::default());
    assert_eq!(
        (retval, reply.sw_if_index),
        (Retval::INVALID_ARGUMENT, SwIfIndex::NONE)
    );
    let (retval, reply) = client.call(&sockets.server("no/directory"));
    assert_eq!(
        (retval, reply.sw_if_index),
        (Retval::SYSCALL_ERROR_2, SwIfIndex::NONE)
    );
    let index = client.ok(&sockets.client("a")).sw_if_index;
    let other = client.ok(&sockets.client("b")).sw_if_index;
    let (retval, reply) = client.call(&sockets.server("a"));
    assert_eq!(
        (retval, reply.sw_if_index),
        (Retval::IF_ALREADY_EXISTS, index)
    );
    let loopback = client.loopback();
    for wrong in [ABSENT, SwIfIndex(0), loopback] {
        let modify = sockets.modify(wrong, "c");
        assert_eq!(client.refused(&modify), Retval::INVALID_SW_IF_INDEX);
        let delete = DeleteVhostUserIf { sw_if_index: wrong };
        assert_eq!(client.refused(&delete), Retval::INVALID_SW_IF_INDEX);
    }
    let empty = ModifyVhostUserIfV2 {
        sw_if_index: index,
        ..ModifyVhostUserIfV2::default()
    };
    assert_eq!(client.refused(&empty), Retval::INVALID_ARGUMENT);
    assert_eq!(
        client.refused(&sockets.modify(index, "b")),
        Retval::IF_ALREADY_EXISTS
    );
    let nowhere = ModifyVhostUserIfV2 {
        is_server: true,
        ..sockets.modify(other, "no/directory")
    };
    assert_eq!(client.refused(&nowhere), Retval::SYSCALL_ERROR_2);
    assert_eq!(all(&mut client).len(), 2);
}

#[test]
fn sockets_of_servers_come_and_go_with_them() {
    let sockets = Sockets::new();
    let mut client = Client::new();
    let index = client.ok(&sockets.server("a")).sw_if_index;
    assert!(UnixStream::connect(sockets.path("a")).is_ok());
    let again = ModifyVhostUserIfV2 {
        is_server: true,
        ..sockets.modify(index, "a")
    };
    client.ok(&again);
    assert!(
        UnixStream::connect(sockets.path("a")).is_ok(),
        "VPP removes it here"
    );
    client.ok(&ModifyVhostUserIfV2 {
        is_server: true,
        ..sockets.modify(index, "b")
    });
    assert!(!sockets.path("a").exists());
    client.ok(&sockets.modify(index, "b"));
    assert!(!sockets.path("b").exists(), "now it is the peer's to make");
    let long = "x".repeat(150);
    let longest = client.ok(&sockets.server(&long)).sw_if_index;
    client.ok(&DeleteVhostUserIf {
        sw_if_index: longest,
    });
    let left = std::fs::read_dir(sockets.0.path()).expect("directory");
    assert_eq!(
        left.count(),
        0,
        "of the long name, too, of which a part was used"
    );
}
