//! Reading the record of a security group.

use std::net::IpAddr;

use serde_json::Value;

use super::{IcmpMessages, PortProtocol, PortRange, Remote, SecurityGroup, SecurityRule, Traffic};
use crate::ip_prefix::{IpPrefix, IpVersion};
use crate::ip_protocol::IpProtocol;
use crate::record::fields::{Fields, InvalidRecord};
use crate::record::json::Json;

/// Reads the value of `global/secgroups/{group}`.
pub fn decode_security_group(bytes: &[u8]) -> Result<SecurityGroup, InvalidRecord> {
    SecurityGroup::read(&Json::of(bytes)?)
}

impl SecurityGroup {
    /// Reads the record from JSON.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRecord> {
        Self::read(&Json::of_value(value)?)
    }

    fn read(json: &Json<'_>) -> Result<Self, InvalidRecord> {
        let fields = Fields::of(json)?;
        Ok(Self {
            ingress_rules: fields.objects("ingress_rules", rule)?,
            egress_rules: fields.objects("egress_rules", rule)?,
            stateful: fields.boolean_or("stateful", true)?,
        })
    }
}

fn rule(fields: &Fields<'_>) -> Result<SecurityRule, InvalidRecord> {
    let version = match fields.get("is_ipv6") {
        Some(Json::Bool(true)) => IpVersion::V6,
        Some(Json::Bool(false)) => IpVersion::V4,
        Some(value) if value.whole() == Some(1) => IpVersion::V6,
        Some(value) if value.whole() == Some(0) => IpVersion::V4,
        Some(_) => return Err(fields.wrong("is_ipv6", "0, 1, true or false is wanted")),
        None => return Err(fields.missing("is_ipv6")),
    };
    Ok(SecurityRule {
        remote: remote(fields, version)?,
        traffic: traffic(fields, version)?,
    })
}

fn remote(fields: &Fields<'_>, version: IpVersion) -> Result<Remote, InvalidRecord> {
    let given = |field: &str| fields.get(field).is_some();
    let group = given("remote_group_id");
    let address_group = given("remote_address_group_id");
    if group && address_group {
        return Err(fields.wrong(
            "remote_address_group_id",
            "contradicts `remote_group_id`: a rule has one of them",
        ));
    }
    if (group || address_group) && given("remote_ip_addr") {
        return Err(fields.wrong(
            "remote_ip_addr",
            "contradicts the rule's remote group: a rule has one of them",
        ));
    }
    if group {
        return Ok(Remote::Group(fields.parsed("remote_group_id")?, version));
    }
    if address_group {
        let group = fields.parsed("remote_address_group_id")?;
        return Ok(Remote::AddressGroup(group, version));
    }
    if !given("remote_ip_addr") {
        return Ok(Remote::Prefix(IpPrefix::any(version)));
    }
    let address: IpAddr = fields.parsed("remote_ip_addr")?;
    if IpVersion::of(address) != version {
        return Err(fields.wrong(
            "remote_ip_addr",
            format!("{address} contradicts `is_ipv6`: an {version} address is wanted"),
        ));
    }
    let length = fields
        .optional_number("ip_prefix_len")?
        .ok_or_else(|| fields.missing("ip_prefix_len"))?;
    u8::try_from(length)
        .ok()
        .and_then(|length| IpPrefix::new(address, length).ok())
        .map(Remote::Prefix)
        .ok_or_else(|| {
            let most = version.address_bits();
            fields.wrong(
                "ip_prefix_len",
                format!("{length} is more than the {most} bits of an {version} address"),
            )
        })
}

fn traffic(fields: &Fields<'_>, version: IpVersion) -> Result<Traffic, InvalidRecord> {
    let Some(protocol) = protocol(fields)? else {
        return portless(fields, Traffic::Any);
    };
    if let Some(protocol) = PortProtocol::of(protocol) {
        return Ok(Traffic::Ports(protocol, ports(fields)?));
    }
    // Neutron lets `icmp` stand for ICMPv6 in rules of IPv6.
    let icmp = match version {
        IpVersion::V4 => protocol == IpProtocol::ICMP,
        IpVersion::V6 => matches!(protocol, IpProtocol::ICMP | IpProtocol::ICMPV6),
    };
    if icmp {
        return Ok(Traffic::Icmp(messages(fields)?));
    }
    portless(fields, Traffic::Protocol(protocol))
}

/// The rule's protocol by number or by name; `None` for any.
fn protocol(fields: &Fields<'_>) -> Result<Option<IpProtocol>, InvalidRecord> {
    const FIELD: &str = "protocol";
    let protocol = match fields.get(FIELD) {
        None => None,
        Some(Json::Text(text)) if matches!(&**text, "any" | "0") => None,
        Some(Json::Text(text)) => {
            let protocol: IpProtocol = text.parse().map_err(|error| fields.wrong(FIELD, error))?;
            if protocol.number() == 0 {
                return Err(fields.wrong(
                    FIELD,
                    format!("`{text}` cannot be told from any protocol, whose number is 0, too"),
                ));
            }
            Some(protocol)
        }
        Some(value) => {
            let number = value
                .whole()
                .ok_or_else(|| fields.wrong(FIELD, "a number from 0 to 255 or a name is wanted"))?;
            (number != 0).then_some(IpProtocol::new(number))
        }
    };
    Ok(protocol)
}

/// A bound of ports, or an ICMP type or code: absent, `null` and -1 are none.
fn bound(fields: &Fields<'_>, field: &str, most: u16) -> Result<Option<u16>, InvalidRecord> {
    match fields.get(field).map(Json::whole::<i64>) {
        None | Some(Some(-1)) => Ok(None),
        Some(Some(number)) => match u16::try_from(number) {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(fields.wrong(field, format!("{number} is not in 0 to {most}"))),
        },
        Some(None) => Err(fields.wrong(field, format!("a number from 0 to {most} is wanted"))),
    }
}

fn ports(fields: &Fields<'_>) -> Result<PortRange, InvalidRecord> {
    match (
        bound(fields, "port_min", u16::MAX)?,
        bound(fields, "port_max", u16::MAX)?,
    ) {
        (None, None) => Ok(PortRange::ALL),
        (Some(first), Some(last)) => {
            PortRange::new(first, last).map_err(|error| fields.wrong("port_max", error))
        }
        (None, Some(_)) => Err(fields.missing("port_min")),
        (Some(_), None) => Err(fields.missing("port_max")),
    }
}

fn messages(fields: &Fields<'_>) -> Result<IcmpMessages, InvalidRecord> {
    let octet = |field: &str| -> Result<Option<u8>, InvalidRecord> {
        let number = bound(fields, field, u8::MAX.into())?;
        Ok(number.and_then(|number| u8::try_from(number).ok()))
    };
    match (octet("port_min")?, octet("port_max")?) {
        (None, None) => Ok(IcmpMessages::All),
        (Some(kind), None) => Ok(IcmpMessages::Type(kind)),
        (Some(kind), Some(code)) => Ok(IcmpMessages::TypeCode(kind, code)),
        (None, Some(_)) => Err(fields.wrong(
            "port_min",
            "is missing: a code of ICMP (`port_max`) needs its type",
        )),
    }
}

/// `traffic`, which has no ports: only 0 and nothing at all may stand where they would be.
fn portless(fields: &Fields<'_>, traffic: Traffic) -> Result<Traffic, InvalidRecord> {
    for field in ["port_min", "port_max"] {
        if bound(fields, field, u16::MAX)?.is_some_and(|number| number != 0) {
            return Err(fields.wrong(field, "the rule's protocol has no ports"));
        }
    }
    Ok(traffic)
}
