//! Addresses and routes. Return codes are those that a running VPP 26.06 gave.

use std::net::IpAddr;

use weft_vpp_wire::messages::fib::{
    FibPath, FibPathNhProto, FibPathType, FibSource, FibSourceAdd, FibSourceDump,
};
use weft_vpp_wire::messages::interface::SwInterfaceAddDelAddress;
use weft_vpp_wire::messages::ip::{
    IpAddressDump, IpRouteAddDelV2, IpRouteV2, IpRouteV2Dump, IpTable,
};
use weft_vpp_wire::{FixedString, List, Prefix, Retval, SwIfIndex};

use super::Client;

fn prefix(text: &str) -> Prefix {
    let (address, len) = text.split_once('/').expect("prefix");
    Prefix {
        address: address.parse().expect("address"),
        len: len.parse().expect("length"),
    }
}

impl Client {
    fn address(&mut self, sw_if_index: SwIfIndex, text: &str, is_add: bool) -> Retval {
        let request = SwInterfaceAddDelAddress {
            sw_if_index,
            is_add,
            del_all: false,
            prefix: prefix(text),
        };
        self.call(&request).0
    }

    fn addresses(&mut self, sw_if_index: SwIfIndex, is_ipv6: bool) -> Vec<String> {
        let all = self.dump(&IpAddressDump {
            sw_if_index,
            is_ipv6,
        });
        all.iter()
            .map(|own| format!("{}/{}", own.prefix.address, own.prefix.len))
            .collect()
    }

    fn route(&mut self, src: u8, text: &str, via: Option<&str>, is_add: bool) -> Retval {
        let paths: Vec<_> = via.into_iter().map(path).collect();
        let request = IpRouteAddDelV2 {
            is_add,
            is_multipath: false,
            route: IpRouteV2 {
                prefix: prefix(text),
                src,
                paths: List::try_from(paths).expect("paths"),
                ..IpRouteV2::default()
            },
        };
        self.call(&request).0
    }

    /// Prefix, best source and path of all routes that a source has the best of.
    fn routes(&mut self, src: u8, is_ip6: bool) -> Vec<(String, u8, String)> {
        let table = IpTable {
            is_ip6,
            ..IpTable::default()
        };
        let all = self.dump(&IpRouteV2Dump { src, table });
        let read = |route: &IpRouteV2| {
            let paths: Vec<_> = route.paths.iter().collect();
            assert_eq!(paths.len(), 1);
            let path = paths[0];
            let [a, b, c, d, ..] = path.nh_address;
            let next_hop = match path.proto {
                FibPathNhProto::IP4 => IpAddr::from([a, b, c, d]),
                _ => IpAddr::from(path.nh_address),
            };
            let kind = match path.r#type {
                FibPathType::NORMAL => "via",
                FibPathType::LOCAL => "local",
                _ => "drop",
            };
            let prefix = format!("{}/{}", route.prefix.address, route.prefix.len);
            (
                prefix,
                route.src,
                format!("{kind} {next_hop} {}", path.sw_if_index.0),
            )
        };
        all.iter().map(|own| read(&own.route)).collect()
    }
}

fn path(via: &str) -> FibPath {
    let mut nh_address = [0; 16];
    let proto = match via.parse().expect("address") {
        IpAddr::V4(own) => {
            nh_address[..4].copy_from_slice(&own.octets());
            FibPathNhProto::IP4
        }
        IpAddr::V6(own) => {
            nh_address = own.octets();
            FibPathNhProto::IP6
        }
    };
    FibPath {
        nh_address,
        proto,
        ..FibPath::default()
    }
}

#[test]
fn addresses_as_in_vpp() {
    let mut client = Client::new();
    let (one, two) = (client.loopback(), client.loopback());
    for (index, text, is_add, retval) in [
        (one, "192.0.2.11/24", true, 0),
        (one, "192.0.2.11/24", true, -105),
        (one, "192.0.2.11/25", true, -105),
        (two, "192.0.2.11/24", true, -105),
        (one, "192.0.2.13/24", true, 0),
        (two, "192.0.2.14/24", true, -105),
        (two, "192.0.2.129/25", true, -105),
        (one, "0.0.0.0/0", true, -105),
        (one, "198.51.100.1/33", true, -105),
        (one, "192.0.2.99/24", false, -60),
        (one, "192.0.2.11/25", false, 0),
        (one, "2001:db8::11/64", true, 0),
        (one, "2001:db8::11/64", true, -127),
        (one, "2001:db8::11/65", true, -127),
        (two, "2001:db8::12/64", true, -127),
        (one, "fe80::1/64", true, -59),
        (one, "2001:db8::99/64", false, -60),
        (one, "::/0", true, -127),
        (SwIfIndex(9999), "192.0.2.11/24", true, -2),
    ] {
        assert_eq!(
            client.address(index, text, is_add),
            Retval(retval),
            "{text} {is_add}"
        );
    }
    assert_eq!(client.addresses(one, false), ["192.0.2.13/24"]);
    assert_eq!(client.addresses(one, true), ["2001:db8::11/64"]);
    assert!(client.addresses(SwIfIndex(9999), false).is_empty());
    client.ok(&SwInterfaceAddDelAddress {
        sw_if_index: one,
        del_all: true,
        ..SwInterfaceAddDelAddress::default()
    });
    assert!(client.addresses(one, false).is_empty());
    assert!(client.addresses(one, true).is_empty());
}

#[test]
fn routes_as_in_vpp() {
    let mut client = Client::new();
    let uplink = client.loopback();
    client.address(uplink, "192.0.2.11/24", true);
    let name: FixedString<64> = crate::control::cut_to_field(b"weft");
    let source = |priority| FibSourceAdd {
        src: FibSource {
            priority,
            id: 0,
            name,
        },
    };
    // Each call makes another one.
    let own = client.ok(&source(0x70)).id;
    let worse = client.ok(&source(0x90)).id;
    assert_eq!((own, worse), (37, 38));
    let sources = client.dump(&FibSourceDump {});
    let found = sources.iter().filter(|own| own.src.name == name);
    let found: Vec<_> = found.map(|own| (own.src.id, own.src.priority)).collect();
    assert_eq!(found, [(37, 0x70), (38, 0x90)]);

    for (src, text, via, is_add, retval) in [
        (own, "0.0.0.0/0", Some("192.0.2.1"), true, 0),
        (worse, "0.0.0.0/0", Some("192.0.2.3"), true, 0),
        (own, "10.9.1.1/16", Some("192.0.2.1"), true, 0),
        (own, "10.8.0.0/16", None, true, -52),
        (own, "10.8.0.0/16", None, false, 0),
        (0, "10.9.0.0/16", Some("192.0.2.7"), true, 0),
        (own, "::/0", Some("2001:db8::1"), true, 0),
    ] {
        assert_eq!(
            client.route(src, text, via, is_add),
            Retval(retval),
            "{text}"
        );
    }
    let via = |text: &str| format!("via {text} {}", u32::MAX);
    assert_eq!(
        client.routes(own, false),
        [
            ("0.0.0.0/0".to_owned(), own, via("192.0.2.1")),
            ("10.9.0.0/16".to_owned(), own, via("192.0.2.1")),
        ]
    );
    assert_eq!(
        client.routes(own, true),
        [("::/0".to_owned(), own, via("2001:db8::1"))]
    );
    assert!(client.routes(worse, false).is_empty(), "it is not the best");
    client.route(own, "0.0.0.0/0", None, false);
    assert_eq!(
        client.routes(worse, false),
        [("0.0.0.0/0".to_owned(), worse, via("192.0.2.3"))]
    );
    client.route(worse, "0.0.0.0/0", None, false);
    let drop = format!("drop 0.0.0.0 {}", u32::MAX);
    let local = format!("local 0.0.0.0 {}", uplink.0);
    let on = format!("via 0.0.0.0 {}", uplink.0);
    let all = client.routes(0, false);
    for expected in [
        ("0.0.0.0/0", 20, &drop),
        ("192.0.2.0/24", 4, &on),
        ("192.0.2.0/32", 4, &drop),
        ("192.0.2.11/32", 4, &local),
        ("192.0.2.255/32", 4, &drop),
        ("224.0.0.0/4", 1, &drop),
    ] {
        let expected = (expected.0.to_owned(), expected.1, expected.2.clone());
        assert!(all.contains(&expected), "{expected:?} in {all:?}");
    }
    let mut foreign = IpRouteAddDelV2 {
        is_add: true,
        ..IpRouteAddDelV2::default()
    };
    foreign.route.table_id = 5;
    assert_eq!(client.refused(&foreign), Retval::NO_SUCH_FIB);
}
