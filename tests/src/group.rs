//! Records of security groups, as a cloud would write them.

use serde_json::{Value, json};

/// The record of a security group, made rule by rule.
#[derive(Clone, Debug, Default)]
pub struct Group {
    ingress: Vec<Value>,
    egress: Vec<Value>,
    stateless: bool,
}

/// One rule: what traffic, and with whom. Without more, all of one version of IP with anybody.
#[derive(Clone, Debug)]
pub struct Rule {
    record: Value,
}

impl Group {
    /// A group that allows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with something more that may go to its ports.
    #[must_use]
    pub fn ingress(mut self, rule: Rule) -> Self {
        self.ingress.push(rule.record);
        self
    }

    /// The same, with something more that may come from its ports.
    #[must_use]
    pub fn egress(mut self, rule: Rule) -> Self {
        self.egress.push(rule.record);
        self
    }

    /// The same, but what answers needs rules of its own.
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.stateless = true;
        self
    }

    /// The record.
    pub fn record(&self) -> Value {
        let mut record = json!({"ingress_rules": self.ingress, "egress_rules": self.egress});
        if self.stateless {
            record["stateful"] = false.into();
        }
        record
    }
}

impl Rule {
    fn new(is_ipv6: u8, protocol: Value) -> Self {
        Self {
            record: json!({"is_ipv6": is_ipv6, "protocol": protocol}),
        }
    }

    /// Over IPv4: a protocol by number or name, 0 for any.
    pub fn v4(protocol: impl Into<Value>) -> Self {
        Self::new(0, protocol.into())
    }

    /// Over IPv6.
    pub fn v6(protocol: impl Into<Value>) -> Self {
        Self::new(1, protocol.into())
    }

    /// From one to the other: destination ports, or type and code of ICMP.
    #[must_use]
    pub fn range(self, first: impl Into<Value>, last: impl Into<Value>) -> Self {
        self.with("port_min", first).with("port_max", last)
    }

    /// With the addresses of a prefix only.
    #[must_use]
    pub fn prefix(self, address: &str, length: u8) -> Self {
        self.with("remote_ip_addr", address)
            .with("ip_prefix_len", length)
    }

    /// With the members of a group only.
    #[must_use]
    pub fn members_of(self, group: &str) -> Self {
        self.with("remote_group_id", group)
    }

    /// With the addresses of an address group only.
    #[must_use]
    pub fn addresses_of(self, group: &str) -> Self {
        self.with("remote_address_group_id", group)
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.record[field] = value.into();
        self
    }
}
