//! Security groups and address groups in words.

use std::fmt::Write;

use serde::Serialize;
use weft_model::{AddressGroup, AddressGroupId, Remote, SecurityGroup, SecurityGroupId};
use weft_server::{AddressGroupView, RecordKind, RecordView, SecurityGroupView};

use super::describe::Lines;
use super::record;
use crate::client::Client;
use crate::output::{Cell, Paint, Table};

/// The result of `weft describe security-group`.
#[derive(Debug, Serialize)]
pub(super) struct Described {
    #[serde(flatten)]
    group: SecurityGroupView,
    /// What the agents of hosts whose ports use it say of it.
    conditions: Vec<RecordView>,
}

/// The result of `weft describe address-group`.
#[derive(Debug, Serialize)]
pub(super) struct DescribedAddresses {
    #[serde(flatten)]
    group: AddressGroupView,
    /// The security groups whose rules name it.
    security_groups: Vec<String>,
}

/// Security groups, one a row.
pub(super) fn security_table(groups: &[SecurityGroupView]) -> Table {
    let mut table = Table::new(&["SECURITY GROUP", "INGRESS", "EGRESS", "STATEFUL", "MEMBERS"]);
    for group in groups {
        let [ingress, egress, stateful] = match SecurityGroup::from_json(&group.record) {
            Ok(record) => [
                rules(record.ingress_rules.len()),
                rules(record.egress_rules.len()),
                if record.stateful { "yes" } else { "no" }.to_owned(),
            ],
            Err(_) => ["-".to_owned(), "-".to_owned(), "-".to_owned()],
        };
        table.row([
            Cell::from(&group.id),
            Cell::from(ingress),
            Cell::from(egress),
            Cell::from(stateful),
            Cell::from(group.members.len()),
        ]);
    }
    table
}

/// Address groups, one a row.
pub(super) fn address_table(groups: &[AddressGroupView]) -> Table {
    let mut table = Table::new(&["ADDRESS GROUP", "ADDRESSES"]);
    for group in groups {
        let addresses = match AddressGroup::from_json(&group.record) {
            Ok(group) => joined(&group.addresses),
            Err(error) => format!("invalid: {error}"),
        };
        table.row([Cell::from(&group.id), Cell::from(addresses)]);
    }
    table
}

fn rules(count: usize) -> String {
    format!("{count} rule{}", if count == 1 { "" } else { "s" })
}

fn joined(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

impl Described {
    /// Asks for everything about a group.
    pub(super) async fn security(id: &SecurityGroupId, client: &Client) -> anyhow::Result<Self> {
        let group = client.security_group(id).await?;
        let kind = record::kind(RecordKind::SecurityGroupCondition).to_owned();
        let mut conditions = client.state(None, &[kind]).await?.records;
        conditions.retain(|record| record.id.as_deref() == Some(id.as_str()));
        Ok(Self { group, conditions })
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("Security group", paint.bold(&self.group.id));
        lines.add("Revision", self.group.mod_revision);
        if let Some(error) = &self.group.invalid {
            lines.add("Invalid", paint.red(&error.message));
        }
        let record = SecurityGroup::from_json(&self.group.record).ok();
        if let Some(record) = &record {
            let stateful = if record.stateful {
                "yes: answers to what is allowed are allowed"
            } else {
                "no: answers need rules of their own"
            };
            lines.add("Stateful", stateful);
        }
        let mut text = lines.render();
        if let Some(record) = &record {
            for (head, rules) in [
                ("Ingress: what may go to its ports", &record.ingress_rules),
                ("Egress: what may come from its ports", &record.egress_rules),
            ] {
                let _ = writeln!(text, "{}", paint.bold(head));
                for rule in rules {
                    let _ = writeln!(text, "  {rule}");
                }
                if rules.is_empty() {
                    let _ = writeln!(text, "  nothing");
                }
            }
        }
        let _ = writeln!(text, "{}", paint.bold("Members"));
        for member in &self.group.members {
            let _ = writeln!(text, "  {}: {}", member.port, member.addresses.join(", "));
        }
        if self.group.members.is_empty() {
            let _ = writeln!(text, "  none");
        }
        if !self.conditions.is_empty() {
            let _ = writeln!(text, "{}", paint.bold("Hosts"));
        }
        for condition in &self.conditions {
            let _ = writeln!(text, "  {}: {}", condition.host, record::value(condition));
        }
        text
    }
}

impl DescribedAddresses {
    /// Asks for everything about a group.
    pub(super) async fn of(id: &AddressGroupId, client: &Client) -> anyhow::Result<Self> {
        let group = client.address_group(id).await?;
        let names = |view: &SecurityGroupView| {
            SecurityGroup::from_json(&view.record).is_ok_and(|record| {
                let mut rules = record.ingress_rules.iter().chain(&record.egress_rules);
                rules.any(
                    |rule| matches!(&rule.remote, Remote::AddressGroup(named, _) if named == id),
                )
            })
        };
        let groups = client.security_groups().await?.security_groups;
        let naming = groups.into_iter().filter(names).map(|view| view.id);
        Ok(Self {
            group,
            security_groups: naming.collect(),
        })
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("Address group", paint.bold(&self.group.id));
        lines.add("Revision", self.group.mod_revision);
        match AddressGroup::from_json(&self.group.record) {
            Ok(group) => lines.add("Addresses", joined(&group.addresses)),
            Err(error) => lines.add("Invalid", paint.red(&error.to_string())),
        }
        let named_by = match self.security_groups.join(", ") {
            none if none.is_empty() => "no security group".to_owned(),
            some => some,
        };
        lines.add("Named by", named_by);
        lines.render()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group() -> SecurityGroupView {
        serde_json::from_value(json!({
            "id": "web", "mod_revision": 7, "members": [{"port": "a", "addresses": ["10.0.0.1"]}],
            "record": {"ingress_rules": [
                {"is_ipv6": 0, "protocol": 6, "port_min": 80, "port_max": 80},
                {"is_ipv6": 1, "remote_group_id": "web"}]},
        }))
        .unwrap()
    }

    #[test]
    fn rules_are_told_in_words() {
        let condition = serde_json::from_value(json!({
            "kind": "security_group_condition", "host": "h", "id": "web", "mod_revision": 9,
            "value": {"status": "effective"}
        }));
        let described = Described {
            group: group(),
            conditions: vec![condition.unwrap()],
        };
        assert_eq!(
            described.text(Paint::OFF),
            "\
Security group: web
Revision:       7
Stateful:       yes: answers to what is allowed are allowed
Ingress: what may go to its ports
  tcp port 80 with 0.0.0.0/0
  any IPv6 with IPv6 of group web
Egress: what may come from its ports
  nothing
Members
  a: 10.0.0.1
Hosts
  h: effective
"
        );
    }

    #[test]
    fn groups_are_listed_with_their_sizes() {
        assert_eq!(
            security_table(&[group()]).render(Paint::OFF, ""),
            "SECURITY GROUP  INGRESS  EGRESS   STATEFUL  MEMBERS\n\
             web             2 rules  0 rules  yes       1\n"
        );
        let group: AddressGroupView = serde_json::from_value(json!({
            "id": "a", "mod_revision": 1, "record": {"addresses": ["10.0.0.0/8", "fd00::1"]}
        }))
        .unwrap();
        assert_eq!(
            address_table(&[group]).render(Paint::OFF, ""),
            "ADDRESS GROUP  ADDRESSES\na              10.0.0.0/8, fd00::1\n"
        );
    }
}
