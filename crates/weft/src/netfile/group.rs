//! Security groups and address groups of a file: rules as people write them, into rules of the store.
//!
//! ```yaml
//! security_groups:
//!   - id: web
//!     rules:
//!       - {direction: ingress, protocol: tcp, ports: 80}
//!       - {direction: ingress, protocol: tcp, ports: 8000-8080, remote: 10.0.0.0/8}
//!       - {direction: ingress, protocol: icmp}
//!       - {direction: ingress, remote_group: web}
//!       - {direction: egress, remote_address_group: offices}
//! address_groups:
//!   - {id: offices, addresses: [192.0.2.0/24, 2001:db8::/32]}
//! ```
//!
//! A rule that does not say whether it is of IPv4 or of IPv6, neither by `ethertype` nor by its
//! remote or protocol, is of both: it becomes two rules in the store.

use serde_json::{Map, Value};
use weft_model::{
    AddressGroup, AddressGroupId, IcmpMessages, IpPrefix, IpProtocol, IpVersion, PortProtocol,
    PortRange, Remote, SecurityGroup, SecurityGroupId, SecurityRule, Traffic,
};

use super::WantedGroup;
use super::entry::{Entry, text};

/// The fields of a rule.
const RULE: [&str; 10] = [
    "direction",
    "ethertype",
    "protocol",
    "ports",
    "icmp_type",
    "icmp_code",
    "remote",
    "remote_group",
    "remote_address_group",
    "description",
];

/// A rule that is being read.
struct Rule<'e, 'a> {
    entry: &'e mut Entry<'a>,
    position: usize,
    fields: &'e Map<String, Value>,
}

/// What is wrong was noted.
struct Refused;

/// Adds a security group.
pub(super) fn security_group(mut entry: Entry<'_>) {
    entry.only(&["id", "stateful", "rules", "description"]);
    let id = entry.required::<SecurityGroupId>("id");
    let stateful = match entry.get("stateful") {
        None => true,
        Some(Value::Bool(stateful)) => *stateful,
        Some(_) => {
            entry.refuse("stateful", "true or false is wanted");
            true
        }
    };
    let rules = match entry.get("rules") {
        None => Vec::new(),
        Some(Value::Array(rules)) => rules.clone(),
        Some(_) => {
            entry.refuse("rules", "a list of rules is wanted");
            return;
        }
    };
    let mut group = SecurityGroup {
        ingress_rules: Vec::new(),
        egress_rules: Vec::new(),
        stateful,
    };
    for (position, rule) in rules.iter().enumerate() {
        let Value::Object(fields) = rule else {
            let field = format!("rules[{position}]");
            entry.refuse(
                &field,
                "fields are wanted, as in `{direction: ingress, protocol: tcp}`",
            );
            continue;
        };
        let mut rule = Rule {
            entry: &mut entry,
            position,
            fields,
        };
        if let Ok((is_ingress, rules)) = rule.read() {
            let list = if is_ingress {
                &mut group.ingress_rules
            } else {
                &mut group.egress_rules
            };
            list.extend(rules);
        }
    }
    let Some(id) = id else { return };
    if !add(
        &mut entry.files.wanted.security_groups,
        &id,
        group.to_json(),
    ) {
        entry.refuse("id", format!("security group `{id}` stands already"));
    }
}

/// Adds an address group.
pub(super) fn address_group(mut entry: Entry<'_>) {
    entry.only(&["id", "addresses", "description"]);
    let id = entry.required::<AddressGroupId>("id");
    let listed = match entry.get("addresses") {
        None => Vec::new(),
        Some(Value::Array(addresses)) => addresses.clone(),
        Some(_) => {
            entry.refuse("addresses", "a list of addresses and prefixes is wanted");
            return;
        }
    };
    let mut addresses = Vec::new();
    for (position, address) in listed.iter().enumerate() {
        match text(address).unwrap_or_default().parse::<IpPrefix>() {
            Ok(prefix) => addresses.push(prefix),
            Err(error) => entry.refuse(&format!("addresses[{position}]"), error),
        }
    }
    let Some(id) = id else { return };
    let record = AddressGroup { addresses }.to_json();
    if !add(&mut entry.files.wanted.address_groups, &id, record) {
        entry.refuse("id", format!("address group `{id}` stands already"));
    }
}

/// Adds a group unless there is one of that name; returns whether it did.
fn add(groups: &mut Vec<WantedGroup>, id: &impl ToString, record: Value) -> bool {
    let id = id.to_string();
    let is_new = !groups.iter().any(|group| group.id == id);
    if is_new {
        groups.push(WantedGroup { id, record });
    }
    is_new
}

impl Rule<'_, '_> {
    /// Whether it is of ingress, and what it becomes.
    fn read(&mut self) -> Result<(bool, Vec<SecurityRule>), Refused> {
        for field in self.fields.keys() {
            if !RULE.contains(&field.as_str()) {
                let reason = format!("is not known; known are: {}", RULE.join(", "));
                self.refuse(field, reason);
            }
        }
        let is_ingress = match self.text("direction")?.as_deref() {
            Some("ingress") => true,
            Some("egress") => false,
            Some(other) => {
                return Err(self.refuse(
                    "direction",
                    format!(
                        "`{other}` is no direction: `ingress` (to the port) or `egress` is wanted"
                    ),
                ));
            }
            None => return Err(self.refuse("direction", "is missing")),
        };
        let protocol = self.parsed::<IpProtocol>("protocol")?;
        let (prefix, group, address_group) = (
            self.parsed::<IpPrefix>("remote")?,
            self.parsed::<SecurityGroupId>("remote_group")?,
            self.parsed::<AddressGroupId>("remote_address_group")?,
        );
        let remotes = [prefix.is_some(), group.is_some(), address_group.is_some()];
        if remotes.into_iter().filter(|given| *given).count() > 1 {
            let reason = "a rule has one of `remote`, `remote_group`, `remote_address_group`";
            return Err(self.refuse("remote", reason));
        }
        let rules = self.versions(protocol, prefix)?.into_iter().map(|version| {
            let remote = match (&prefix, &group, &address_group) {
                (Some(prefix), ..) => Remote::Prefix(*prefix),
                (None, Some(group), _) => Remote::Group(group.clone(), version),
                (None, None, Some(group)) => Remote::AddressGroup(group.clone(), version),
                (None, None, None) => Remote::Prefix(IpPrefix::any(version)),
            };
            Ok(SecurityRule {
                remote,
                traffic: self.traffic(protocol)?,
            })
        });
        let rules = rules.collect::<Result<_, Refused>>()?;
        Ok((is_ingress, rules))
    }

    /// Of which versions it is.
    fn versions(
        &mut self,
        protocol: Option<IpProtocol>,
        prefix: Option<IpPrefix>,
    ) -> Result<Vec<IpVersion>, Refused> {
        let said = match self
            .text("ethertype")?
            .as_deref()
            .map(str::to_ascii_lowercase)
        {
            None => None,
            Some(word) if word == "ipv4" => Some(IpVersion::V4),
            Some(word) if word == "ipv6" => Some(IpVersion::V6),
            Some(other) => {
                let reason = format!("`{other}` is not known: `ipv4` or `ipv6` is wanted");
                return Err(self.refuse("ethertype", reason));
            }
        };
        let by_remote = prefix.map(IpPrefix::version);
        // The numbers of ICMP's types are others in ICMPv6.
        let of_icmp = protocol == Some(IpProtocol::ICMP) && self.get("icmp_type").is_some();
        let by_protocol = match protocol {
            Some(IpProtocol::ICMPV6) => Some(IpVersion::V6),
            Some(IpProtocol::ICMP) if of_icmp && said.or(by_remote).is_none() => {
                Some(IpVersion::V4)
            }
            _ => None,
        };
        let mut given = [
            ("ethertype", said),
            ("remote", by_remote),
            ("protocol", by_protocol),
        ]
        .into_iter()
        .filter_map(|(field, version)| Some((field, version?)));
        let Some((first, version)) = given.next() else {
            return Ok(vec![IpVersion::V4, IpVersion::V6]);
        };
        if let Some((field, other)) = given.find(|(_, other)| *other != version) {
            let reason = format!("is of {other}, which contradicts `{first}`, of {version}");
            return Err(self.refuse(field, reason));
        }
        Ok(vec![version])
    }

    fn traffic(&mut self, protocol: Option<IpProtocol>) -> Result<Traffic, Refused> {
        let of_icmp = matches!(protocol, Some(IpProtocol::ICMP | IpProtocol::ICMPV6));
        let with_ports = protocol.and_then(PortProtocol::of);
        if with_ports.is_none() && self.get("ports").is_some() {
            let reason = "needs a `protocol` that has ports: tcp, udp, sctp, dccp or udplite";
            return Err(self.refuse("ports", reason));
        }
        for field in ["icmp_type", "icmp_code"] {
            if !of_icmp && self.get(field).is_some() {
                return Err(self.refuse(field, "needs `protocol: icmp` or `protocol: icmpv6`"));
            }
        }
        let (kind, code) = (self.octet("icmp_type")?, self.octet("icmp_code")?);
        Ok(match (protocol, with_ports) {
            (None, _) => Traffic::Any,
            (Some(_), Some(protocol)) => Traffic::Ports(protocol, self.ports()?),
            (Some(_), None) if of_icmp => Traffic::Icmp(match (kind, code) {
                (None, None) => IcmpMessages::All,
                (Some(kind), None) => IcmpMessages::Type(kind),
                (Some(kind), Some(code)) => IcmpMessages::TypeCode(kind, code),
                (None, Some(_)) => {
                    return Err(self.refuse("icmp_code", "needs an `icmp_type`"));
                }
            }),
            (Some(protocol), None) if protocol.number() == 0 => Traffic::Any,
            (Some(protocol), None) => Traffic::Protocol(protocol),
        })
    }

    /// `80`, `8000-8080`; all if absent.
    fn ports(&mut self) -> Result<PortRange, Refused> {
        let Some(written) = self.text("ports")? else {
            return Ok(PortRange::ALL);
        };
        let (first, last) = written.split_once('-').unwrap_or((&written, &written));
        let port = |text: &str| text.trim().parse::<u16>().ok();
        let (Some(first), Some(last)) = (port(first), port(last)) else {
            let reason =
                format!("`{written}` is neither a port as `80` nor a range as `8000-8080`");
            return Err(self.refuse("ports", reason));
        };
        PortRange::new(first, last).map_err(|error| self.refuse("ports", error))
    }

    fn octet(&mut self, field: &str) -> Result<Option<u8>, Refused> {
        match self.text(field)? {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.refuse(field, "a number from 0 to 255 is wanted")),
            },
        }
    }

    fn parsed<T>(&mut self, field: &str) -> Result<Option<T>, Refused>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        match self.text(field)? {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.refuse(field, error)),
            },
        }
    }

    fn text(&mut self, field: &str) -> Result<Option<String>, Refused> {
        match self.get(field).map(text) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text)),
            Some(None) => Err(self.refuse(field, "a text is wanted; put it in quotes")),
        }
    }

    /// A field's value; null is as absent.
    fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn refuse(&mut self, field: &str, reason: impl ToString) -> Refused {
        let field = format!("rules[{}].{field}", self.position);
        self.entry.refuse(&field, reason);
        Refused
    }
}

#[cfg(test)]
mod tests;
