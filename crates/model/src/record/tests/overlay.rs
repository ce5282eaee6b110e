use std::net::IpAddr;

use super::*;

fn ips(texts: &[&str]) -> Box<[IpAddr]> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_bare_address_is_an_advertisement_without_ips() {
    for value in ["192.0.2.11", "\"192.0.2.11\"", "192.0.2.11\n"] {
        let read = decode_mac_advertisement(value.as_bytes()).unwrap();
        assert_eq!(
            read.host,
            "192.0.2.11".parse::<IpAddr>().unwrap(),
            "{value:?}"
        );
        assert_eq!((read.ips.len(), read.revision), (0, 0));
    }
    let read = decode_mac_advertisement(b"2001:db8::11").unwrap();
    assert_eq!(read.host, "2001:db8::11".parse::<IpAddr>().unwrap());
}

#[test]
fn an_advertisement_goes_round_and_has_each_address_once() {
    let read = decode_mac_advertisement(
        br#"{"host": "192.0.2.11", "ips": ["fd00::5", "10.0.0.5", "10.0.0.5"], "revision": 7, "later": 1}"#,
    )
    .unwrap();
    assert_eq!(read.ips, ips(&["10.0.0.5", "fd00::5"]));
    let text = serde_json::to_vec(&read.to_json()).unwrap();
    assert_eq!(decode_mac_advertisement(&text).unwrap(), read);
    let least = decode_mac_advertisement(br#"{"host": "192.0.2.11"}"#).unwrap();
    assert_eq!((least.ips.len(), least.revision), (0, 0));
}

#[test]
fn what_is_no_advertisement_says_which_field_is_wrong() {
    for (value, message) in [
        ("{}", "field `host`: is missing"),
        (
            r#"{"host": "h", "ips": []}"#,
            "field `host`: invalid IP address syntax",
        ),
        (
            r#"{"host": "192.0.2.1", "ips": ["10.0.0.0/24"]}"#,
            "field `ips[0]`: `10.0.0.0/24` is no IP address",
        ),
        (
            r#"{"host": "192.0.2.1", "revision": -1}"#,
            "field `revision`: a revision of the store is wanted",
        ),
        (
            r#"{"host": "224.0.0.1"}"#,
            "field `host`: 224.0.0.1 is no address of one host",
        ),
        ("::", "field `host`: :: is no address of one host"),
        ("[]", "the record is no JSON object but a list"),
    ] {
        let error = decode_mac_advertisement(value.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{value}");
    }
    assert!(decode_mac_advertisement(b"host1").is_err());
}

#[test]
fn a_port_is_advertised_with_all_single_addresses_of_each_of_its_macs() {
    let port = with(serde_json::json!({
        "network_type": "gpe", "segmentation_id": 1007, "physnet": null,
        "allowed_address_pairs": [
            {"ip_address": "10.0.0.9"},
            {"ip_address": "10.1.0.0/16"},
            {"ip_address": "fd00::9", "mac_address": "fa:16:3e:03:ce:ff"},
            {"ip_address": "10.0.0.20", "mac_address": "fa:16:3e:00:00:20"},
            {"ip_address": "10.2.0.0/16", "mac_address": "fa:16:3e:00:00:21"}],
    }))
    .unwrap();
    let host: IpAddr = "192.0.2.11".parse().unwrap();
    let advertised = MacAdvertisement::of(&port, host, 7);
    let told: Vec<(String, Box<[IpAddr]>)> = advertised
        .into_iter()
        .map(|(mac, said)| {
            assert_eq!((said.host, said.revision), (host, 7));
            (mac.to_string(), said.ips)
        })
        .collect();
    let own = [
        "10.0.0.2",
        "10.0.0.9",
        "fd00::9",
        "fd59:3bf6:c35d:0:f816:3eff:fe03:ceff",
    ];
    assert_eq!(
        told,
        [
            ("fa:16:3e:00:00:20".to_owned(), ips(&["10.0.0.20"])),
            ("fa:16:3e:00:00:21".to_owned(), ips(&[])),
            ("fa:16:3e:03:ce:ff".to_owned(), ips(&own)),
        ]
    );
}

#[test]
fn a_network_floods_unless_it_says_otherwise() {
    assert_eq!(decode_network(b"{}").unwrap(), Network::default());
    let quiet = decode_network(br#"{"flood": false, "unknown_unicast_flood": null}"#).unwrap();
    assert_eq!((quiet.flood, quiet.unknown_unicast_flood), (false, true));
    assert_eq!(Network::from_json(&quiet.to_json()).unwrap(), quiet);
    let error = decode_network(br#"{"flood": "no"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field `flood`: true or false is wanted, not a text"
    );
}

#[test]
fn alive_says_what_it_says_and_a_bare_value_nothing() {
    for value in ["1", "", "\"1\"", "[]"] {
        assert_eq!(
            decode_alive(value.as_bytes()),
            Alive::default(),
            "{value:?}"
        );
    }
    let said = decode_alive(
        br#"{"version": "0.1.0", "underlay": "192.0.2.11", "network_types": ["flat", "gpe"],
             "vhost_user": {"directory": "/run/weft/vhost-user", "mode": "client"}}"#,
    );
    assert_eq!(said.underlay, "192.0.2.11".parse().ok());
    let text = serde_json::to_vec(&said).unwrap();
    assert_eq!(decode_alive(&text), said);
}
