//! `tapv2.api` and `af_packet.api`, with real devices in a namespace of their own.

use weft_vpp_wire::messages::af_packet::{
    AfPacketCreateV3, AfPacketDelete, AfPacketDump, AfPacketMode,
};
use weft_vpp_wire::messages::interface::HwInterfaceSetMtu;
use weft_vpp_wire::messages::tapv2::{
    Settable, SwInterfaceTapV2Dump, TapCreateV3, TapDeleteV2, TapFlags,
};
use weft_vpp_wire::{FixedString, MacAddress, Retval, SwIfIndex, VarString};

use super::{ABSENT, Client};
use crate::testing::TestNamespace;

fn text(text: &str) -> FixedString<64> {
    FixedString::try_from(text).expect("short")
}

fn tap(namespace: &TestNamespace, name: &str) -> TapCreateV3 {
    TapCreateV3 {
        id: u32::MAX,
        use_random_mac: true,
        num_rx_queues: 1,
        num_tx_queues: 1,
        host_if_name: text(name).into(),
        host_namespace: text(&namespace.name).into(),
        ..TapCreateV3::default()
    }
}

fn taps(client: &mut Client) -> Vec<(u32, String)> {
    let dump = SwInterfaceTapV2Dump {
        sw_if_index: SwIfIndex::NONE,
    };
    let taps = client.dump(&dump);
    taps.iter()
        .map(|tap| (tap.sw_if_index.0, tap.dev_name.to_string()))
        .collect()
}

#[test]
fn tap_is_as_vpp_shows_it() {
    let namespace = TestNamespace::new();
    let mut client = Client::new();
    let host_mac = MacAddress([2, 0, 0, 0, 0, 7]);
    let request = TapCreateV3 {
        use_random_mac: false,
        mac_address: MacAddress([2, 0, 0, 0, 0, 8]),
        host_mtu_size: 1450.into(),
        host_mac_addr: host_mac.into(),
        tap_flags: TapFlags::GSO,
        tag: VarString::from("weft:port"),
        ..tap(&namespace, "vm")
    };
    let index = client.ok(&request).sw_if_index;
    assert_eq!(client.events(), [(index.0, 2, false)]);
    let details = client.details(index);
    assert_eq!(details.interface_name, "tap0");
    assert_eq!(details.interface_dev_type, "tap");
    assert_eq!(details.flags.0, 2, "link is up from the start, as in VPP");
    assert_eq!(details.tag, "weft:port");
    assert_eq!((details.link_mtu, details.mtu), (9000, [9000, 0, 0, 0]));
    assert_eq!(details.l2_address, MacAddress([2, 0, 0, 0, 0, 8]));
    let dumped = client.dump(&SwInterfaceTapV2Dump { sw_if_index: index });
    let seen = &dumped[0];
    assert_eq!((seen.id, seen.rx_ring_sz, seen.tx_ring_sz), (0, 256, 256));
    assert_eq!((seen.host_mtu_size, seen.host_mac_addr), (1450, host_mac));
    assert_eq!(seen.host_if_name, "vm");
    assert_eq!(seen.host_namespace, namespace.name.as_str());
    assert_eq!(seen.tap_flags, TapFlags::GSO);
    let link = namespace.run(&["ip", "link", "show", "dev", "vm"]);
    assert!(
        link.contains("mtu 1450") && link.contains("02:00:00:00:00:07"),
        "{link}"
    );
}

#[test]
fn tap_numbers_are_the_callers_or_the_lowest_free() {
    let namespace = TestNamespace::new();
    let mut client = Client::new();
    client.ok(&TapCreateV3 {
        id: 1,
        ..tap(&namespace, "a1")
    });
    client.ok(&tap(&namespace, "a2"));
    client.ok(&tap(&namespace, "a3"));
    assert_eq!(client.names("tap"), ["tap1", "tap0", "tap2"]);
    let taken = TapCreateV3 {
        id: 1,
        ..tap(&namespace, "a4")
    };
    assert_eq!(client.refused(&taken), Retval::INVALID_INTERFACE);
    let beyond = TapCreateV3 {
        id: 8193,
        ..tap(&namespace, "a4")
    };
    assert_eq!(client.refused(&beyond), Retval::UNSPECIFIED);
}

#[test]
fn tap_that_vpp_refuses_leaves_nothing_behind() {
    let namespace = TestNamespace::new();
    namespace.run(&[
        "ip", "link", "add", "taken", "type", "veth", "peer", "name", "other",
    ]);
    let mut client = Client::new();
    let ok = tap(&namespace, "vm");
    let cases = [
        (tap(&namespace, "taken"), Retval::SYSCALL_ERROR_3),
        (tap(&namespace, "a/b"), Retval::SYSCALL_ERROR_3),
        (
            TapCreateV3 {
                host_namespace: text("weft-none").into(),
                ..ok.clone()
            },
            Retval::SYSCALL_ERROR_2,
        ),
        (
            TapCreateV3 {
                rx_ring_sz: 100,
                ..ok.clone()
            },
            Retval::INIT_FAILED,
        ),
        (
            TapCreateV3 {
                host_mtu_size: 100_000.into(),
                ..ok.clone()
            },
            Retval::NETLINK_ERROR,
        ),
        (
            TapCreateV3 {
                tap_flags: TapFlags::ATTACH,
                host_if_name: Settable(None),
                ..ok.clone()
            },
            Retval::SYSCALL_ERROR_3,
        ),
        (
            TapCreateV3 {
                tap_flags: TapFlags::TUN,
                ..ok.clone()
            },
            Retval::UNSUPPORTED,
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(client.refused(&request), expected, "{request:?}");
    }
    assert_eq!(taps(&mut client), []);
    assert!(!namespace.run(&["ip", "link"]).contains("vm"));
    assert_eq!(client.ok(&ok).sw_if_index, SwIfIndex(1));
    assert_eq!(client.names("tap"), ["tap0"]);
}

#[test]
fn deleted_tap_is_gone_from_the_host() {
    let namespace = TestNamespace::new();
    let mut client = Client::new();
    let index = client.ok(&tap(&namespace, "vm")).sw_if_index;
    let loopback = client.loopback();
    for wrong in [ABSENT, loopback, SwIfIndex(0)] {
        let delete = TapDeleteV2 { sw_if_index: wrong };
        assert_eq!(client.refused(&delete), Retval::INVALID_SW_IF_INDEX);
    }
    client.events();
    client.ok(&TapDeleteV2 { sw_if_index: index });
    assert_eq!(client.events(), [(index.0, 0, true)]);
    assert!(!namespace.run(&["ip", "link"]).contains("vm"));
    assert_eq!(taps(&mut client), []);
}

#[test]
fn persistent_tap_goes_when_it_is_deleted() {
    let namespace = TestNamespace::new();
    let mut client = Client::new();
    let request = TapCreateV3 {
        tap_flags: TapFlags::PERSIST,
        ..tap(&namespace, "vm")
    };
    client.ok(&request);
    drop(client);
    assert!(
        namespace.run(&["ip", "link"]).contains("vm"),
        "outlives the switch"
    );
    let mut client = Client::new();
    let attach = TapCreateV3 {
        tap_flags: TapFlags::ATTACH,
        ..tap(&namespace, "vm")
    };
    let index = client.ok(&attach).sw_if_index;
    client.ok(&TapDeleteV2 { sw_if_index: index });
    assert!(!namespace.run(&["ip", "link"]).contains("vm"));
}

#[test]
fn mtu_of_a_tap_is_not_the_hosts() {
    let namespace = TestNamespace::new();
    let mut client = Client::new();
    let index = client.ok(&tap(&namespace, "vm")).sw_if_index;
    let sub = client.vlan(index, 100);
    client.ok(&HwInterfaceSetMtu {
        sw_if_index: index,
        mtu: 1400,
    });
    assert_eq!(client.details(index).link_mtu, 1400);
    assert_eq!(client.details(index).mtu, [1400, 0, 0, 0]);
    assert_eq!(client.details(sub).mtu, [1400, 0, 0, 0]);
    assert!(
        namespace
            .run(&["ip", "link", "show", "dev", "vm"])
            .contains("mtu 1500"),
        "as in VPP"
    );
}

fn host(name: &str) -> AfPacketCreateV3 {
    AfPacketCreateV3 {
        mode: AfPacketMode::ETHERNET,
        use_random_hw_addr: true,
        host_if_name: text(name),
        num_rx_queues: 1,
        num_tx_queues: 1,
        ..AfPacketCreateV3::default()
    }
}

#[test]
fn host_device_is_as_vpp_shows_it() {
    let namespace = TestNamespace::new();
    namespace.run(&[
        "ip", "link", "add", "left", "type", "veth", "peer", "name", "right",
    ]);
    namespace.enter(|| {
        let mut client = Client::new();
        let index = client.ok(&host("left")).sw_if_index;
        assert_eq!(client.events(), [(index.0, 2, false)]);
        let details = client.details(index);
        assert_eq!(details.interface_name, "host-left");
        assert_eq!(details.interface_dev_type, "af-packet");
        assert_eq!((details.flags.0, details.link_mtu), (2, 9000));
        let all = client.dump(&AfPacketDump {});
        assert_eq!(
            (all[0].sw_if_index, all[0].host_if_name),
            (index, text("left"))
        );
        let (retval, _) = client.call(&host("left"));
        assert_eq!(retval, Retval::IF_ALREADY_EXISTS);
        client.admin(index, true);
        let up = namespace.run(&["ip", "link", "show", "dev", "left"]);
        assert!(up.contains(",UP"), "{up}");
        client.ok(&HwInterfaceSetMtu {
            sw_if_index: index,
            mtu: 1500,
        });
        let link = namespace.run(&["ip", "link", "show", "dev", "left"]);
        assert!(link.contains("mtu 1544"), "as in VPP: {link}");
        client.admin(index, false);
        let down = namespace.run(&["ip", "link", "show", "dev", "left"]);
        assert!(!down.contains(",UP"), "{down}");
        client.ok(&AfPacketDelete {
            host_if_name: text("left"),
        });
        assert_eq!(client.dump(&AfPacketDump {}), []);
        let absent = AfPacketDelete {
            host_if_name: text("left"),
        };
        assert_eq!(client.refused(&absent), Retval::SYSCALL_ERROR_1);
    });
}

#[test]
fn host_device_that_vpp_refuses() {
    let namespace = TestNamespace::new();
    namespace.enter(|| {
        let mut client = Client::new();
        assert_eq!(client.refused(&host("absent")), Retval::INVALID_INTERFACE);
        let mode = |mode| AfPacketCreateV3 { mode, ..host("lo") };
        assert_eq!(
            client.refused(&mode(AfPacketMode(0))),
            Retval::INVALID_VALUE
        );
        assert_eq!(client.refused(&mode(AfPacketMode::IP)), Retval::UNSUPPORTED);
        let ring = AfPacketCreateV3 {
            rx_frame_size: 1000,
            rx_frames_per_block: 10,
            ..host("lo")
        };
        assert_eq!(client.refused(&ring), Retval::SYSCALL_ERROR_1);
        assert_eq!(client.names("host"), Vec::<String>::new());
    });
}
