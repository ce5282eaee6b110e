//! Records of the store in words.

use serde_json::Value;
use weft_model::PortBinding;
use weft_server::{PortView, RecordKind, RecordView};

/// The word for how far a port has come, and why it is no better.
pub(super) fn status(port: &PortView) -> (&str, String) {
    let Some(condition) = &port.condition else {
        return (
            "unreported",
            "the host's agent has said nothing of it".to_owned(),
        );
    };
    let mut reason = condition.reason.clone().unwrap_or_default();
    if !condition.current {
        let separator = if reason.is_empty() { "" } else { "; " };
        reason.push_str(separator);
        reason.push_str("said of an earlier revision of the record");
    }
    (&condition.status, reason)
}

/// The network, the MAC address and the addresses of a port; what cannot be read is a dash.
pub(super) fn binding(port: &PortView) -> [String; 3] {
    let Ok(binding) = PortBinding::from_json(&port.record) else {
        return ["-", "-", "-"].map(str::to_owned);
    };
    let ips: Vec<String> = binding
        .fixed_ips
        .iter()
        .map(|ip| ip.ip_address.to_string())
        .collect();
    [
        binding.segment.to_string(),
        binding.mac.to_string(),
        ips.join(","),
    ]
}

/// The word for what a record is about.
pub(super) fn kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Port => "port",
        RecordKind::Alive => "alive",
        RecordKind::Physnet => "physnet",
        RecordKind::PortState => "port_state",
        RecordKind::PortCondition => "port_condition",
        RecordKind::PhysnetCondition => "physnet_condition",
        RecordKind::SecurityGroupCondition => "security_group_condition",
        RecordKind::SecurityGroup => "security_group",
        RecordKind::GroupMember => "group_member",
        RecordKind::AddressGroup => "address_group",
        RecordKind::NetworkCondition => "network_condition",
        RecordKind::Network => "network",
        RecordKind::MacAdvertisement => "mac_advertisement",
    }
}

/// A record's value in one line: of a condition the status and its reason, of others all of it.
pub(super) fn value(record: &RecordView) -> String {
    let Some(value) = &record.value else {
        return String::new();
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    match record.kind {
        RecordKind::PortCondition
        | RecordKind::PhysnetCondition
        | RecordKind::SecurityGroupCondition
        | RecordKind::NetworkCondition => match (text("status"), text("reason")) {
            (Some(status), Some(reason)) => format!("{status}: {reason}"),
            (Some(status), None) => status.to_owned(),
            (None, _) => value.to_string(),
        },
        RecordKind::Port => match PortBinding::from_json(value) {
            Ok(binding) => format!("{}, {}", binding.segment, binding.mac),
            Err(error) => format!("invalid: {error}"),
        },
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn port(condition: Value) -> PortView {
        serde_json::from_value(json!({
            "host": "h", "port": "a", "mod_revision": 7, "condition": condition,
            "record": {"mac_address": "fa:16:3e:00:00:01", "physnet": "p", "network_type": "flat",
                       "binding_type": "tap", "fixed_ips": [{"ip_address": "10.0.0.1"}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_status_of_an_earlier_record_is_told_as_such() {
        let condition = |current| json!({"status": "effective", "revision": 6, "current": current, "since": "now"});
        assert_eq!(status(&port(condition(true))), ("effective", String::new()));
        assert!(
            status(&port(condition(false)))
                .1
                .contains("earlier revision")
        );
        assert_eq!(status(&port(Value::Null)).0, "unreported");
    }

    #[test]
    fn a_record_is_told_in_a_few_words_or_not_at_all() {
        assert_eq!(
            binding(&port(Value::Null)),
            ["p.flat", "fa:16:3e:00:00:01", "10.0.0.1"]
        );
        let broken = PortView {
            record: json!("?"),
            ..port(Value::Null)
        };
        assert_eq!(binding(&broken), ["-", "-", "-"]);
    }

    #[test]
    fn a_condition_is_its_status_and_reason() {
        let record = |value| RecordView {
            kind: RecordKind::PortCondition,
            host: "h".into(),
            group: None,
            network: None,
            id: Some("a".into()),
            mod_revision: 1,
            value: Some(value),
        };
        assert_eq!(
            value(&record(json!({"status": "failed", "reason": "no"}))),
            "failed: no"
        );
        assert_eq!(value(&record(json!({"status": "effective"}))), "effective");
        assert_eq!(value(&record(json!("?"))), "\"?\"");
    }
}
