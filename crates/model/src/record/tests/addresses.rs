use crate::record::{
    AddressGroup, GroupMember, InvalidRecord, PortBinding, decode_address_group,
    decode_group_member,
};

#[test]
fn a_member_is_a_list_of_both_ip_versions() {
    let member = decode_group_member(br#"["10.0.0.3","fd00::3","10.1.2.3/16"]"#).unwrap();
    let texts: Vec<String> = member.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["10.0.0.3", "fd00::3", "10.1.0.0/16"]);
    assert_eq!(GroupMember::from_json(&member.to_json()).unwrap(), member);
}

#[test]
fn an_address_group_goes_round() {
    let group = decode_address_group(br#"{"addresses": ["10.0.0.0/8", "fd00::1"]}"#).unwrap();
    assert_eq!(group.addresses.len(), 2);
    assert_eq!(AddressGroup::from_json(&group.to_json()).unwrap(), group);
}

#[test]
fn a_wrong_address_is_told_by_its_place() {
    let error = |bytes: &[u8]| decode_group_member(bytes).unwrap_err().to_string();
    assert_eq!(
        error(br#"["10.0.0.3", "10.0.0.0/40"]"#),
        "field `[1]`: `10.0.0.0/40` is neither an IP address nor a prefix"
    );
    assert_eq!(
        error(b"[7]"),
        "field `[0]`: the text of an address or prefix is wanted"
    );
    assert_eq!(
        decode_group_member(b"{}"),
        Err(InvalidRecord::NoList("an object"))
    );
    assert_eq!(
        decode_address_group(br#"{"addresses": ["x"]}"#)
            .unwrap_err()
            .to_string(),
        "field `addresses[0]`: `x` is neither an IP address nor a prefix"
    );
}

#[test]
fn a_port_brings_its_addresses_and_pairs_into_its_groups() {
    let port = PortBinding::from_json(&serde_json::json!({
        "mac_address": "fa:16:3e:03:ce:ff", "physnet": "p", "network_type": "flat",
        "binding_type": "tap",
        "fixed_ips": [{"ip_address": "fd00::1"}, {"ip_address": "10.0.0.1"}],
        "allowed_address_pairs": [
            {"ip_address": "10.0.0.1", "mac_address": "fa:16:3e:00:00:01"},
            {"ip_address": "10.0.1.0/24"}],
    }))
    .unwrap();
    assert_eq!(
        GroupMember::of(&port).to_json(),
        serde_json::json!(["10.0.0.1", "10.0.1.0/24", "fd00::1"])
    );
}
