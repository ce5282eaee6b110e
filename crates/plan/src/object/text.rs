//! Objects in words, as plans and explanations show them.

use std::fmt;

use weft_model::{IpPrefix, IpProtocol, PortRange};

use super::{
    AclAction, AclKey, AclRule, BridgeFlags, Direction, InterfaceKey, MacIpRule, Object, ObjectKey,
    TagRewrite, TunnelKey, VhostUserMode,
};

/// A prefix with its length, also where that is one address.
struct Cidr(IpPrefix);

/// The names of access lists in their order.
struct Names<'a>(&'a [Option<AclKey>]);

/// How many there are of what.
struct Count(usize, &'static str);

impl fmt::Display for InterfaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uplink(physnet) => write!(f, "uplink {physnet}"),
            Self::SubInterface(physnet, vlan) => write!(f, "sub-interface {physnet}.vlan.{vlan}"),
            Self::Tap(port) => write!(f, "tap {port}"),
            Self::VhostUser(port) => write!(f, "vhost-user {port}"),
            Self::Tunnel(TunnelKey { segment, remote }) => {
                write!(f, "tunnel {segment} to {remote}")
            }
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(key) => key.fmt(f),
            Self::BridgeDomain(segment) => write!(f, "bridge-domain {segment}"),
            Self::BridgeMember(key) => write!(f, "bridge-member {key}"),
            Self::Acl(key) => write!(f, "acl {key}"),
            Self::AclBinding(key) => write!(f, "acl-binding {key}"),
            Self::MacIpAcl(port) => write!(f, "macip-acl {port}"),
            Self::MacIpBinding(key) => write!(f, "macip-binding {key}"),
            Self::Address(key, address) => write!(f, "address {address} of {key}"),
            Self::Route(prefix) => write!(f, "route {}", Cidr(*prefix)),
            Self::StaticMac(segment, mac) => write!(f, "static-mac {mac} in {segment}"),
            Self::Neighbour(segment, address) => write!(f, "neighbour {address} in {segment}"),
            Self::Surplus(key, number) => write!(f, "surplus {key} ({number})"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |up: bool| if up { "up" } else { "down" };
        write!(f, "{}: ", self.key())?;
        match self {
            Self::Uplink(uplink) => {
                write!(f, "{}, ", uplink.device.vpp_name())?;
                if let Some(mtu) = uplink.mtu {
                    write!(f, "mtu {mtu}, ")?;
                }
                f.write_str(state(uplink.admin_up))
            }
            Self::SubInterface(sub) => f.write_str(state(sub.admin_up)),
            Self::Tap(tap) => write!(
                f,
                "device {}, mac {}, mtu {}, {}",
                tap.host_if_name,
                tap.host_mac,
                tap.mtu,
                state(tap.admin_up)
            ),
            Self::VhostUser(vhost) => write!(
                f,
                "{} of socket {}, mtu {}, {}",
                vhost.mode,
                vhost.socket,
                vhost.mtu,
                state(vhost.admin_up)
            ),
            Self::Tunnel(tunnel) => {
                write!(f, "from {}, {}", tunnel.local, state(tunnel.admin_up))
            }
            Self::BridgeDomain(bridge) => {
                write!(f, "{}, mac-age {} min", bridge.flags, bridge.mac_age)
            }
            Self::Acl(acl) => write!(f, "{}", Count(acl.rules.len(), "rule")),
            Self::AclBinding(binding) => write!(
                f,
                "input {}; output {}",
                Names(&binding.input),
                Names(&binding.output)
            ),
            Self::MacIpAcl(acl) => write!(f, "{}", Count(acl.rules.len(), "rule")),
            Self::MacIpBinding(binding) => match &binding.acl {
                Some(port) => write!(f, "macip-acl {port}"),
                None => f.write_str("a list that is not ours"),
            },
            Self::Address(address) => write!(f, "prefix length {}", address.prefix_len),
            Self::Route(route) => write!(f, "via {}", route.gateway),
            Self::StaticMac(entry) => match &entry.interface {
                Some(interface) => write!(f, "behind {interface}"),
                None => f.write_str("behind an interface that is not ours"),
            },
            Self::Neighbour(entry) => write!(f, "has {}", entry.mac),
            Self::Surplus(_) => f.write_str("made twice"),
            Self::BridgeMember(member) => {
                match &member.bridge {
                    Some(segment) => write!(f, "in {segment}")?,
                    None => f.write_str("in a bridge domain that is not ours")?,
                }
                match member.tag_rewrite {
                    TagRewrite::Disabled => {}
                    TagRewrite::Pop1 => f.write_str(", pop 1 tag")?,
                    TagRewrite::Other(operation) => write!(f, ", tag rewrite {operation}")?,
                }
                if member.split_horizon_group != 0 {
                    write!(f, ", split horizon group {}", member.split_horizon_group)?;
                }
                if !member.learn {
                    f.write_str(", no learning")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for BridgeFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [
            (self.learn, "learn"),
            (self.forward, "forward"),
            (self.flood, "flood"),
            (self.uu_flood, "uu-flood"),
            (self.arp_term, "arp-term"),
        ];
        let set: Vec<&str> = flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&if set.is_empty() {
            "no flags".to_owned()
        } else {
            set.join(" ")
        })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.address(), self.0.length())
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

impl fmt::Display for AclKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AntiSpoofing(direction) => write!(f, "anti-spoofing {direction}"),
            Self::SecurityGroup { group, direction } => write!(f, "group {group} {direction}"),
        }
    }
}

impl fmt::Display for VhostUserMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (at, name) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            match name {
                Some(key) => key.fmt(f)?,
                None => f.write_str("a list that is not ours")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, what) = self;
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for AclAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deny => f.pad("deny"),
            Self::Permit => f.pad("permit"),
            Self::PermitReflect => f.pad("permit+reflect"),
            Self::Other(number) => write!(f, "action {number}"),
        }
    }
}

impl fmt::Display for AclRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, destination) = (self.source(), self.destination());
        write!(f, "{} ", self.action())?;
        let protocol = self.of_protocol();
        if protocol.number() == 0 {
            return write!(f, "any from {source} to {destination}");
        }
        let icmp = matches!(protocol, IpProtocol::ICMP | IpProtocol::ICMPV6);
        let (first, second) = if icmp {
            ("type", "code")
        } else {
            ("port", "port")
        };
        let whole = |range: PortRange| {
            range == PortRange::ALL || (icmp && range.first() == 0 && range.last() >= 255)
        };
        let (types, codes) = (
            self.source_ports_or_types(),
            self.destination_ports_or_codes(),
        );
        protocol.fmt(f)?;
        if icmp {
            if !whole(types) {
                write!(f, " {first} {types}")?;
            }
            if !whole(codes) {
                write!(f, " {second} {codes}")?;
            }
            return write!(f, " from {source} to {destination}");
        }
        write!(f, " from {source}")?;
        if !whole(types) {
            write!(f, " {first} {types}")?;
        }
        write!(f, " to {destination}")?;
        if !whole(codes) {
            write!(f, " {second} {codes}")?;
        }
        let flags = self.of_tcp_flags();
        if flags.mask != 0 {
            write!(f, " flags {:#04x}/{:#04x}", flags.value, flags.mask)?;
        }
        Ok(())
    }
}

impl fmt::Display for MacIpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = if self.permit { "permit" } else { "deny" };
        write!(f, "{action} {} from {}", self.prefix, self.mac)?;
        if self.mac_mask.octets() != [0xff; 6] {
            write!(f, " mask {}", self.mac_mask)?;
        }
        Ok(())
    }
}
