//! What is no error of one record, but will keep it from working: told to whoever writes it.
//!
//! These are warnings and not refusals because the store is written by others, too, and changes
//! at any moment: what contradicts now may be right when the other half of the change comes. The
//! host's agent judges what is in effect, and says so in the port's condition.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weft_model::{HostName, PortBinding, PortId, Remote, SecurityGroup, SecurityGroupId};

use super::Overview;
use crate::record::Record;

/// What kind of warning it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// No agent lives on the host.
    HostNotAlive,
    /// The host does not serve the physical network.
    PhysnetNotServed,
    /// Another port has the same MAC address on the same network.
    DuplicateMac,
    /// A security group or address group that the record names is not there.
    GroupMissing,
    /// Ports still name the security group that was deleted.
    GroupInUse,
    /// The record has a field that Weft does not know; it is kept and has no effect.
    UnknownField,
}

/// Something that will keep a record from taking effect, or that is likely a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// For programs.
    pub code: WarningCode,
    /// For people.
    pub message: String,
    /// The field that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Warning {
    fn new(code: WarningCode, field: Option<&str>, message: String) -> Self {
        Self {
            code,
            message,
            field: field.map(str::to_owned),
        }
    }

    /// A field that Weft does not know.
    pub(crate) fn unknown(field: &str) -> Self {
        let message = format!("field `{field}` is not known; it is kept, and has no effect");
        Self::new(WarningCode::UnknownField, Some(field), message)
    }
}

impl Overview {
    /// What is to be said about `record` as port `port` of `host`.
    pub(crate) fn warnings(
        &self,
        host: &HostName,
        port: &PortId,
        record: &Record<PortBinding>,
    ) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let binding = &record.content;
        let served = self.physnets.get(host);
        if !self.alive.contains(host) {
            let message =
                format!("no agent lives on host `{host}`: nothing happens until one does");
            warnings.push(Warning::new(WarningCode::HostNotAlive, None, message));
        } else if let Some(physnet) = binding.segment.physnet()
            && !served.is_some_and(|served| served.contains(physnet))
        {
            let served: Vec<_> = served
                .into_iter()
                .flatten()
                .map(ToString::to_string)
                .collect();
            let served = if served.is_empty() {
                "none".to_owned()
            } else {
                served.join(", ")
            };
            let message =
                format!("host `{host}` does not serve physnet `{physnet}`, but: {served}");
            warnings.push(Warning::new(
                WarningCode::PhysnetNotServed,
                Some("physnet"),
                message,
            ));
        }
        for (other_host, other) in self.rivals(port, &binding.segment, binding.mac) {
            let message = format!(
                "port `{other}` on host `{other_host}` has the MAC address {} on the same network, \
                 {}: one of the two will not work",
                binding.mac, binding.segment
            );
            warnings.push(Warning::new(
                WarningCode::DuplicateMac,
                Some("mac_address"),
                message,
            ));
        }
        for (at, group) in binding.security_groups.iter().enumerate() {
            if !self.security_groups.contains(group) {
                let message = format!(
                    "there is no security group `{group}`: it allows nothing until there is"
                );
                let field = format!("security_groups[{at}]");
                warnings.push(Warning::new(
                    WarningCode::GroupMissing,
                    Some(&field),
                    message,
                ));
            }
        }
        warnings.extend(record.unknown.iter().map(|field| Warning::unknown(field)));
        warnings
    }

    /// What is to be said about a security group.
    pub(crate) fn security_group_warnings(&self, group: &Record<SecurityGroup>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (list, rules) in [
            ("ingress_rules", &group.content.ingress_rules),
            ("egress_rules", &group.content.egress_rules),
        ] {
            for (at, rule) in rules.iter().enumerate() {
                if let Remote::AddressGroup(group, _) = &rule.remote
                    && !self.address_groups.contains(group)
                {
                    let field = format!("{list}[{at}].remote_address_group_id");
                    let message = format!(
                        "there is no address group `{group}`: the rule allows nothing until there is"
                    );
                    warnings.push(Warning::new(
                        WarningCode::GroupMissing,
                        Some(&field),
                        message,
                    ));
                }
            }
        }
        warnings.extend(group.unknown.iter().map(|field| Warning::unknown(field)));
        warnings
    }

    /// What is to be said about taking a security group away: which ports still name it.
    pub(crate) fn orphans_of(&self, group: &SecurityGroupId) -> Vec<Warning> {
        let mut ports: Vec<&super::Place> = self
            .ports
            .iter()
            .filter(|(_, port)| port.groups.contains(group))
            .map(|(place, _)| place)
            .collect();
        ports.sort();
        let Some((host, port)) = ports.first() else {
            return Vec::new();
        };
        let others = match ports.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let message = format!(
            "port `{port}` on host `{host}`{others} still names the group: nothing is allowed by it"
        );
        vec![Warning::new(WarningCode::GroupInUse, None, message)]
    }
}
