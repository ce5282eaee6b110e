mod addresses;
mod overlay;
mod security_group;

use super::*;
use crate::segment::NetworkSegment;

const SAMPLE: &str = r#"{"allowed_address_pairs": [], "segmentation_id": 194, "mtu": 1500,
 "binding_type": "plugtap", "physnet": "physnet",
 "mac_address": "fa:16:3e:03:ce:ff", "port_security_enabled": false,
 "fixed_ips": [{"subnet_id": "006fce47-6072-4099-a695-c3caa140fff7", "ip_address": "10.0.0.2"},
               {"subnet_id": "81b2fbdc-c350-4f35-9b9b-909cf33a4426",
                "ip_address": "fd59:3bf6:c35d:0:f816:3eff:fe03:ceff"}],
 "network_type": "vlan", "security_groups": []}"#;

/// The sample with some fields replaced, or removed where the new value is null.
fn with(changes: serde_json::Value) -> Result<PortBinding, InvalidRecord> {
    let mut record: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
    let fields = record.as_object_mut().unwrap();
    for (field, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(field)
        } else {
            fields.insert(field.clone(), value.clone())
        };
    }
    PortBinding::from_json(&record)
}

#[test]
fn the_documented_sample_is_read() {
    let port = decode_port(SAMPLE.as_bytes()).unwrap();
    assert_eq!(
        port.binding_type,
        BindingType::Tap,
        "`plugtap` is the old word for `tap`"
    );
    assert_eq!(port.segment.to_string(), "physnet.vlan.194");
    assert_eq!(port.fixed_ips.len(), 2);
    assert!(!port.port_security_enabled);
}

#[test]
fn a_record_goes_round() {
    let port = with(serde_json::json!({
        "allowed_address_pairs": [{"ip_address": "10.1.0.0/16"},
                                  {"ip_address": "fd00::1", "mac_address": "fa:16:3e:00:00:01"}],
        "security_groups": ["2be282a7-0a04-4411-9a8f-4eeb1c676454"], "device_id": "dhcp",
    }))
    .unwrap();
    assert_eq!(PortBinding::from_json(&port.to_json()).unwrap(), port);
}

#[test]
fn flat_has_no_segmentation_id_or_zero() {
    for id in [serde_json::json!(null), serde_json::json!(0)] {
        let port =
            with(serde_json::json!({"network_type": "flat", "segmentation_id": id})).unwrap();
        assert!(matches!(port.segment, NetworkSegment::Flat { .. }));
    }
}

#[test]
fn an_overlay_has_a_vni_and_no_physnet() {
    for (network_type, physnet) in [("gpe", serde_json::json!(null)), ("vxlan", "".into())] {
        let mut record: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
        record["network_type"] = network_type.into();
        record["segmentation_id"] = 1007.into();
        record["physnet"] = physnet.clone();
        let read = PortBinding::from_json(&record);
        if physnet.is_null() {
            let port = read.unwrap();
            assert_eq!(port.segment.to_string(), "gpe.1007");
            assert_eq!(PortBinding::from_json(&port.to_json()).unwrap(), port);
        } else {
            assert_eq!(
                read.unwrap_err().to_string(),
                "field `physnet`: `` contradicts `network_type`: an overlay network has none"
            );
        }
    }
    for (id, reason) in [
        (serde_json::json!(null), "is missing"),
        (0.into(), "0 is no VNI: 1 to 16777215 is wanted"),
        (
            (1 << 24).into(),
            "16777216 is no VNI: 1 to 16777215 is wanted",
        ),
    ] {
        let changes = serde_json::json!(
            {"network_type": "vxlan", "physnet": null, "segmentation_id": id});
        assert_eq!(
            with(changes).unwrap_err().to_string(),
            format!("field `segmentation_id`: {reason}")
        );
    }
}

#[test]
fn what_may_be_absent_has_a_default() {
    let port = with(serde_json::json!({
        "mtu": null, "allowed_address_pairs": null, "fixed_ips": null, "security_groups": null,
        "port_security_enabled": null,
    }))
    .unwrap();
    assert_eq!(port.mtu, Mtu::DEFAULT);
    assert!(port.port_security_enabled, "the safe default");
}

#[test]
fn unknown_fields_are_ignored() {
    assert!(with(serde_json::json!({"later": {"than": "us"}})).is_ok());
}

#[test]
fn a_wrong_value_names_its_field_and_the_reason() {
    let cases = [
        (
            serde_json::json!({"mac_address": null}),
            "field `mac_address`: is missing",
        ),
        (
            serde_json::json!({"mac_address": "01:00:5e:00:00:01"}),
            "field `mac_address`: 01:00:5e:00:00:01 is no address of one station",
        ),
        (
            serde_json::json!({"mac_address": 5}),
            "field `mac_address`: a text is wanted, not a number",
        ),
        (
            serde_json::json!({"segmentation_id": 4095}),
            "field `segmentation_id`: 4095 is no VLAN id: 1 to 4094 is wanted",
        ),
        (
            serde_json::json!({"segmentation_id": null}),
            "field `segmentation_id`: is missing",
        ),
        (
            serde_json::json!({"segmentation_id": -1}),
            "field `segmentation_id`: a whole number from 0 to 4294967295 is wanted, not a number",
        ),
        (
            serde_json::json!({"network_type": "flat"}),
            "field `segmentation_id`: 194 contradicts `network_type` flat, which has none",
        ),
        (
            serde_json::json!({"network_type": "gre"}),
            "field `network_type`: `gre` is not served; `flat`, `vlan`, `gpe` and `vxlan` are",
        ),
        (
            serde_json::json!({"binding_type": "hostdev"}),
            "field `binding_type`: `hostdev` is not served; `tap` and `vhostuser` are",
        ),
        (
            serde_json::json!({"mtu": 67}),
            "field `mtu`: 67 is no MTU: 68 to 65535 bytes are wanted",
        ),
        (
            serde_json::json!({"fixed_ips": [{"ip_address": "10.0.0.2"}, {"ip_address": "10.0.0"}]}),
            "field `fixed_ips[1].ip_address`: invalid IP address syntax",
        ),
        (
            serde_json::json!({"allowed_address_pairs": [{"ip_address": "10.0.0.0/33"}]}),
            "field `allowed_address_pairs[0].ip_address`: `10.0.0.0/33` is neither an IP address nor a prefix",
        ),
        (
            serde_json::json!({"allowed_address_pairs": [
                {"ip_address": "10.0.0.1", "mac_address": "ff:ff:ff:ff:ff:ff"}]}),
            "field `allowed_address_pairs[0].mac_address`: ff:ff:ff:ff:ff:ff is no address of one station",
        ),
        (
            serde_json::json!({"security_groups": [7]}),
            "field `security_groups[0]`: the text of an identifier is wanted",
        ),
        (
            serde_json::json!({"security_groups": ["web", "a/b"]}),
            "field `security_groups[1]`: `a/b` is no security group id: a UUID, or 1 to 36 letters, digits, `.`, `-` and `_` that begin with a letter or digit, are wanted",
        ),
    ];
    for (changes, message) in cases {
        assert_eq!(
            with(changes.clone()).unwrap_err().to_string(),
            message,
            "{changes}"
        );
    }
}

#[test]
fn what_is_no_object_is_an_error() {
    assert!(matches!(decode_port(b"{"), Err(InvalidRecord::NoJson(_))));
    assert!(matches!(
        decode_port(b"\xff\xfe"),
        Err(InvalidRecord::NoJson(_))
    ));
    assert_eq!(decode_port(b"[]"), Err(InvalidRecord::NoObject("a list")));
}

#[test]
fn the_state_record_speaks_of_the_port_and_goes_round() {
    let port = decode_port(SAMPLE.as_bytes()).unwrap();
    let tap: crate::IfName = "tapc367e21f-ae".parse().unwrap();
    let state = PortState::of(&port, tap, 7);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<PortState>(&text).unwrap(), state);
    assert!(
        text.contains(r#""int_tap_name":"tapc367e21f-ae""#),
        "{text}"
    );
    assert!(text.contains(
        r#""net_data":{"physnet":"physnet","network_type":"vlan","segmentation_id":194}"#
    ));
}

#[test]
fn the_state_record_of_a_vhost_user_port_tells_its_socket() {
    let port = with(serde_json::json!({"binding_type": "vhostuser"})).unwrap();
    let socket: crate::SocketPath = "/run/weft/vhost-user/web".parse().unwrap();
    let state = PortState::of(&port, socket, 7);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<PortState>(&text).unwrap(), state);
    assert!(text.contains(r#""bind_type":"vhostuser""#), "{text}");
    assert!(
        text.contains(r#""path":"/run/weft/vhost-user/web""#),
        "{text}"
    );
}
