//! `weft describe`: everything about one thing.

use serde_json::Value;
use weft_server::{HostView, PortView, PortsReply, RecordKind, RecordView};

use super::get::ports_table;
use super::{group, record};
use crate::cli::Describe;
use crate::client::{Client, PortFilter};
use crate::exit::Exit;
use crate::output::{Output, Paint};

/// Describes a port, a group or a host.
pub(super) async fn describe(
    what: Describe,
    client: &Client,
    output: Output,
) -> anyhow::Result<Exit> {
    match what {
        Describe::Port { id } => {
            let reply = client.port(&id).await?;
            output.result(&reply, |paint| describe_ports(&reply, paint))?;
        }
        Describe::SecurityGroup { id } => {
            let described = group::Described::security(&id, client).await?;
            output.result(&described, |paint| described.text(paint))?;
        }
        Describe::AddressGroup { id } => {
            let described = group::DescribedAddresses::of(&id, client).await?;
            output.result(&described, |paint| described.text(paint))?;
        }
        Describe::Host { name } => {
            let host = client.host(&name).await?;
            let filter = PortFilter {
                host: Some(name.clone()),
                ..PortFilter::default()
            };
            let ports = client.ports(&filter).await?;
            let state = client
                .state(Some(&name), &["physnet_condition".to_owned()])
                .await?;
            let all = serde_json::json!({
                "host": host, "physnets": state.records, "ports": ports.ports,
            });
            output.result(&all, |paint| {
                describe_host(&host, &state.records, &ports.ports, paint)
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn describe_ports(reply: &PortsReply, paint: Paint) -> String {
    let ports: Vec<String> = reply
        .ports
        .iter()
        .map(|port| describe_port(port, paint))
        .collect();
    ports.join("\n")
}

/// Lines `name: value` with the values in one column, and headings.
#[derive(Default)]
pub(super) struct Lines(Vec<(String, String)>);

impl Lines {
    pub(super) fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push((format!("{name}:"), value.to_string()));
    }

    pub(super) fn head(&mut self, paint: Paint, text: &str) {
        self.0.push((paint.bold(text), String::new()));
    }

    pub(super) fn render(&self) -> String {
        let named = self.0.iter().filter(|(_, value)| !value.is_empty());
        let width = named
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let line = |(name, value): &(String, String)| match value.as_str() {
            "" => format!("{name}\n"),
            value => format!("{name:<width$} {value}\n"),
        };
        self.0.iter().map(line).collect()
    }
}

fn describe_port(port: &PortView, paint: Paint) -> String {
    let mut lines = Lines::default();
    lines.add("Port", paint.bold(&port.port));
    lines.add("Host", &port.host);
    lines.add("Revision", port.mod_revision);
    let (status, reason) = record::status(port);
    lines.add("Status", painted(status, paint));
    if !reason.is_empty() {
        lines.add("  Reason", reason);
    }
    if let Some(condition) = &port.condition {
        lines.add("  Since", &condition.since);
        if let Some(tries) = condition.tries {
            let tries = match tries {
                0 => "trying is pointless until the record changes".to_owned(),
                tries => tries.to_string(),
            };
            lines.add("  Tries", tries);
        }
        if let Some(next_try) = &condition.next_try {
            lines.add("  Next try", next_try);
        }
    }
    if let Some(error) = &port.invalid {
        lines.add("Invalid", paint.red(&error.message));
        if let Some(hint) = &error.hint {
            lines.add("  Hint", hint);
        }
    }
    lines.head(paint, "Record");
    fields(&mut lines, &port.record);
    if let Some(state) = &port.state {
        lines.head(paint, "In effect");
        fields(&mut lines, state);
    }
    lines.render()
}

/// The fields of an object, one a line.
fn fields(lines: &mut Lines, value: &Value) {
    let Value::Object(object) = value else {
        return lines.add("  Value", value);
    };
    for (name, value) in object {
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::String(text) => lines.add(&format!("  {name}"), text),
            other => lines.add(&format!("  {name}"), other),
        }
    }
}

fn describe_host(
    host: &HostView,
    physnets: &[RecordView],
    ports: &[PortView],
    paint: Paint,
) -> String {
    let mut lines = Lines::default();
    lines.add("Host", paint.bold(&host.host));
    let agent = if host.alive {
        paint.green("alive")
    } else {
        paint.red("not alive")
    };
    lines.add("Agent", agent);
    lines.head(paint, "Physical networks");
    for name in &host.physnets {
        let is_it = |record: &&RecordView| {
            record.kind == RecordKind::PhysnetCondition && record.id.as_deref() == Some(name)
        };
        let status = physnets.iter().find(is_it).map(record::value);
        lines.add(
            &format!("  {name}"),
            status.unwrap_or_else(|| "served".to_owned()),
        );
    }
    let is_served = |record: &RecordView| {
        record
            .id
            .as_ref()
            .is_some_and(|id| host.physnets.contains(id))
    };
    for record in physnets.iter().filter(|record| !is_served(record)) {
        lines.add(
            &format!("  {}", record.id.as_deref().unwrap_or("-")),
            record::value(record),
        );
    }
    lines.head(paint, "Ports");
    lines.render() + &ports_table(ports).render(paint, "none")
}

fn painted(status: &str, paint: Paint) -> String {
    match status {
        "effective" => paint.green(status),
        "failed" => paint.red(status),
        _ => paint.yellow(status),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_port_says_why_and_when_it_is_tried_again() {
        let port: PortView = serde_json::from_value(json!({
            "host": "host-a", "port": "web-1", "mod_revision": 7,
            "record": {"physnet": "p", "mtu": 1500, "device_id": null, "fixed_ips": []},
            "condition": {"status": "failed", "reason": "tap web-1: no", "tries": 2,
                          "next_try": "2026-11-21T08:30:05Z", "revision": 7, "current": true,
                          "since": "2026-11-21T08:30:00Z"},
            "state": {"int_tap_name": "tapweb-1"},
        }))
        .unwrap();
        assert_eq!(
            describe_port(&port, Paint::OFF),
            "\
Port:           web-1
Host:           host-a
Revision:       7
Status:         failed
  Reason:       tap web-1: no
  Since:        2026-11-21T08:30:00Z
  Tries:        2
  Next try:     2026-11-21T08:30:05Z
Record
  mtu:          1500
  physnet:      p
In effect
  int_tap_name: tapweb-1
"
        );
    }

    #[test]
    fn a_host_is_told_with_physnets_and_ports() {
        let host: HostView = serde_json::from_value(
            json!({"host": "h", "alive": true, "physnets": ["p"], "ports": {}}),
        )
        .unwrap();
        let conditions: Vec<RecordView> = serde_json::from_value(json!([
            {"kind": "physnet_condition", "host": "h", "id": "p", "mod_revision": 1,
             "value": {"status": "effective"}},
            {"kind": "physnet_condition", "host": "h", "id": "q", "mod_revision": 1,
             "value": {"status": "failed", "reason": "no device"}},
        ]))
        .unwrap();
        assert_eq!(
            describe_host(&host, &conditions, &[], Paint::OFF),
            "\
Host:  h
Agent: alive
Physical networks
  p:   effective
  q:   failed: no device
Ports
none
"
        );
    }
}
