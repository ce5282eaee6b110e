//! The keys of the store, in networking-vpp's layout, under one lead-in.

use crate::group_id::{AddressGroupId, SecurityGroupId};
use crate::mac::Mac;
use crate::name::{HostName, PhysnetName};
use crate::overlay::{OverlayProtocol, OverlaySegment};
use crate::port_id::PortId;
use crate::resource::Resource;
use crate::status::ConditionKind;
use crate::vni::InvalidVni;

/// The most parts, between slashes, that a key has behind the lead-in.
const MOST_PARTS: usize = 6;

/// All keys that begin with one lead-in. Builds and parses them; the only place that knows the
/// layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyspace {
    /// With the slash at its end.
    lead_in: String,
}

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `nodes/{host}/ports/{port}`: the port is wanted there.
    Port(HostName, PortId),
    /// `state/{host}/alive`: the host's agent lives (under its lease).
    Alive(HostName),
    /// `state/{host}/physnets/{physnet}`: the host serves the physical network (under its lease).
    Physnet(HostName, PhysnetName),
    /// `state/{host}/ports/{port}`: the port is effective.
    PortState(HostName, PortId),
    /// `state/{host}/conditions/{kind}/{id}`: the status of one desired object. The identifier is
    /// as it stands in the desired key, legal or not, so that illegal ones can be told of, too.
    Condition(HostName, ConditionKind, String),
    /// `global/secgroups/{group}`: the rules of a security group.
    SecurityGroup(SecurityGroupId),
    /// `global/remote_group/{group}/{port}`: the addresses that a port brings into a security
    /// group.
    GroupMember(SecurityGroupId, PortId),
    /// `global/address_groups/{group}`: the addresses of an address group.
    AddressGroup(AddressGroupId),
    /// `global/networks/{type}/{vni}`: how an overlay network forwards.
    Network(OverlaySegment),
    /// `global/networks/{type}/{vni}/{host}/{mac}`: the MAC address is behind the host (under the
    /// lease of its agent).
    MacAdvertisement(OverlaySegment, HostName, Mac),
}

/// Why a key has no meaning here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It begins with something else than the lead-in, or follows no layout that is known.
    #[error("the key `{0}` is none of ours")]
    Foreign(String),
    /// It follows the layout, but a part of it is illegal.
    #[error("the key `{key}` has an illegal part: {reason}")]
    Part {
        /// The whole key.
        key: String,
        /// Which part, and what is wrong.
        reason: String,
    },
}

/// Why a text is no lead-in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no lead-in: it begins with `/`, goes on with a name and does not end with `/`, as `/networking-vpp` does"
)]
pub struct InvalidLeadIn(String);

impl Keyspace {
    /// The lead-in of networking-vpp, and ours where nothing else is configured.
    pub const DEFAULT_LEAD_IN: &'static str = "/networking-vpp";

    /// The keys under `lead_in`, for instance `/networking-vpp`.
    pub fn new(lead_in: &str) -> Result<Self, InvalidLeadIn> {
        let body = lead_in.strip_prefix('/').unwrap_or_default();
        if body.is_empty() || body.split('/').any(str::is_empty) {
            return Err(InvalidLeadIn(lead_in.to_owned()));
        }
        Ok(Self {
            lead_in: format!("{lead_in}/"),
        })
    }

    /// The key's text.
    pub fn text(&self, key: &Key) -> String {
        let lead_in = self.lead_in.as_str();
        match key {
            Key::Port(host, port) => {
                [lead_in, "nodes/", host.as_str(), "/ports/", port.as_str()].concat()
            }
            Key::Alive(host) => [lead_in, "state/", host.as_str(), "/alive"].concat(),
            Key::Physnet(host, physnet) => {
                let (host, physnet) = (host.as_str(), physnet.as_str());
                [lead_in, "state/", host, "/physnets/", physnet].concat()
            }
            Key::PortState(host, port) => {
                [lead_in, "state/", host.as_str(), "/ports/", port.as_str()].concat()
            }
            Key::Condition(host, kind, id) => {
                let (host, kind) = (host.as_str(), kind.as_str());
                [lead_in, "state/", host, "/conditions/", kind, "/", id].concat()
            }
            Key::SecurityGroup(group) => [lead_in, "global/secgroups/", group.as_str()].concat(),
            Key::GroupMember(group, port) => {
                let (group, port) = (group.as_str(), port.as_str());
                [lead_in, "global/remote_group/", group, "/", port].concat()
            }
            Key::AddressGroup(group) => {
                [lead_in, "global/address_groups/", group.as_str()].concat()
            }
            Key::Network(OverlaySegment { protocol, vni }) => {
                format!("{lead_in}global/networks/{protocol}/{vni}")
            }
            Key::MacAdvertisement(segment, host, mac) => {
                format!("{}{host}/{mac}", self.mac_advertisements_of(*segment))
            }
        }
    }

    /// What `text` stands for.
    pub fn parse(&self, text: &str) -> Result<Key, InvalidKey> {
        let foreign = || InvalidKey::Foreign(text.to_owned());
        let part = |reason: &dyn ToString| InvalidKey::Part {
            key: text.to_owned(),
            reason: reason.to_string(),
        };
        let rest = text.strip_prefix(&self.lead_in).ok_or_else(foreign)?;
        let (parts, count) = split(rest).ok_or_else(foreign)?;
        let id = |text: &str| PortId::new(text).map_err(|error| part(&error));
        let security_group = |text: &str| SecurityGroupId::new(text).map_err(|error| part(&error));
        let segment = |protocol: &str, vni: &str| {
            let protocol = OverlayProtocol::parse(protocol).ok_or_else(foreign)?;
            let vni = vni.parse().map_err(|error: InvalidVni| part(&error))?;
            Ok(OverlaySegment { protocol, vni })
        };
        let (tree, host, rest) = match parts.get(..count).unwrap_or_default() {
            ["global", "secgroups", group] => {
                return Ok(Key::SecurityGroup(security_group(group)?));
            }
            ["global", "remote_group", group, port] => {
                return Ok(Key::GroupMember(security_group(group)?, id(port)?));
            }
            ["global", "address_groups", group] => {
                let group = AddressGroupId::new(*group).map_err(|error| part(&error))?;
                return Ok(Key::AddressGroup(group));
            }
            ["global", "networks", protocol, vni] => {
                return Ok(Key::Network(segment(protocol, vni)?));
            }
            ["global", "networks", protocol, vni, host, mac] => {
                let host = HostName::new(*host).map_err(|error| part(&error))?;
                let mac: Mac = mac.parse().map_err(|error| part(&error))?;
                if !mac.is_unicast() {
                    return Err(part(&format!("{mac} is no address of one station")));
                }
                return Ok(Key::MacAdvertisement(segment(protocol, vni)?, host, mac));
            }
            [tree, host, rest @ ..] => (*tree, *host, rest),
            _ => return Err(foreign()),
        };
        let host = || HostName::new(host).map_err(|error| part(&error));
        match (tree, rest) {
            ("nodes", ["ports", port]) => Ok(Key::Port(host()?, id(port)?)),
            ("state", ["alive"]) => Ok(Key::Alive(host()?)),
            ("state", ["physnets", physnet]) => Ok(Key::Physnet(
                host()?,
                PhysnetName::new(*physnet).map_err(|error| part(&error))?,
            )),
            ("state", ["ports", port]) => Ok(Key::PortState(host()?, id(port)?)),
            ("state", ["conditions", kind, id]) => Ok(Key::Condition(
                host()?,
                ConditionKind::parse(kind).ok_or_else(foreign)?,
                (*id).to_owned(),
            )),
            _ => Err(foreign()),
        }
    }

    /// `global/revisions/{kind}/{id}`: the state of a resource that was written last. For writers
    /// alone; [`Self::parse`] does not know it.
    pub fn revision_of(&self, resource: &Resource) -> String {
        let (lead_in, kind, id) = (&self.lead_in, resource.kind(), resource.id());
        format!("{lead_in}global/revisions/{kind}/{id}")
    }

    /// The prefix of these of all resources of one kind.
    pub fn revisions_of(&self, kind: &str) -> String {
        format!("{}global/revisions/{kind}/", self.lead_in)
    }

    /// The prefix of everything that is wanted of all hosts.
    pub fn nodes(&self) -> String {
        format!("{}nodes/", self.lead_in)
    }

    /// The prefix of everything that all hosts say of themselves.
    pub fn states(&self) -> String {
        format!("{}state/", self.lead_in)
    }

    /// The prefix of the ports that are wanted of `host`.
    pub fn ports_of(&self, host: &HostName) -> String {
        format!("{}nodes/{host}/ports/", self.lead_in)
    }

    /// The prefix of all security groups.
    pub fn security_groups(&self) -> String {
        format!("{}global/secgroups/", self.lead_in)
    }

    /// The prefix of the members of all security groups.
    pub fn group_members(&self) -> String {
        format!("{}global/remote_group/", self.lead_in)
    }

    /// The prefix of the members of one security group.
    pub fn members_of(&self, group: &SecurityGroupId) -> String {
        format!("{}global/remote_group/{group}/", self.lead_in)
    }

    /// The prefix of all address groups.
    pub fn address_groups(&self) -> String {
        format!("{}global/address_groups/", self.lead_in)
    }

    /// The prefix of all overlay networks and of where their MAC addresses are.
    pub fn networks(&self) -> String {
        format!("{}global/networks/", self.lead_in)
    }

    /// The prefix of where the MAC addresses of an overlay network are.
    pub fn mac_advertisements_of(&self, segment: OverlaySegment) -> String {
        let OverlaySegment { protocol, vni } = segment;
        format!("{}global/networks/{protocol}/{vni}/", self.lead_in)
    }

    /// The prefix of what `host` says of itself.
    pub fn state_of(&self, host: &HostName) -> String {
        format!("{}state/{host}/", self.lead_in)
    }
}

/// The parts between slashes, and how many they are; none if they are too many.
fn split(text: &str) -> Option<([&str; MOST_PARTS], usize)> {
    let mut parts = [""; MOST_PARTS];
    let mut count = 0;
    let mut begin = 0;
    let slashes = text.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    for end in slashes.map(|(at, _)| at).chain([text.len()]) {
        *parts.get_mut(count)? = text.get(begin..end)?;
        count += 1;
        begin = end + 1;
    }
    Some((parts, count))
}

impl Default for Keyspace {
    fn default() -> Self {
        Self {
            lead_in: format!("{}/", Self::DEFAULT_LEAD_IN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_round() {
        let keys = Keyspace::default();
        for text in [
            "/networking-vpp/nodes/vpp-rocks/ports/c367e21f-ae39-4549-b87d-2e69636155c6",
            "/networking-vpp/state/vpp-rocks/alive",
            "/networking-vpp/state/bxb-ds-51.bxb.os/physnets/physnet1",
            "/networking-vpp/state/vpp-rocks/ports/web-1",
            "/networking-vpp/state/vpp-rocks/conditions/port/web-1",
            "/networking-vpp/state/vpp-rocks/conditions/physnet/physnet1",
            "/networking-vpp/state/vpp-rocks/conditions/security-group/web",
            "/networking-vpp/global/secgroups/2be282a7-0a04-4411-9a8f-4eeb1c676454",
            "/networking-vpp/global/remote_group/2be282a7-0a04-4411-9a8f-4eeb1c676454/web-1",
            "/networking-vpp/global/address_groups/offices",
            "/networking-vpp/global/networks/vxlan/1007",
            "/networking-vpp/global/networks/gpe/1007/sjo-smf-ubuntu-server-3/fa:16:3e:ba:a8:12",
            "/networking-vpp/state/vpp-rocks/conditions/network/gpe.1007",
        ] {
            assert_eq!(keys.text(&keys.parse(text).unwrap()), text);
        }
    }

    #[test]
    fn a_prefix_of_one_host_holds_no_other_hosts_keys() {
        let keys = Keyspace::default();
        let host1 = keys.ports_of(&"host1".parse().unwrap());
        assert!(
            !keys
                .ports_of(&"host10".parse().unwrap())
                .starts_with(&host1)
        );
    }

    #[test]
    fn a_prefix_of_one_network_holds_no_other_networks_keys() {
        let keys = Keyspace::default();
        let prefix = keys.mac_advertisements_of("gpe.100".parse().unwrap());
        let other = Key::Network("gpe.1007".parse().unwrap());
        assert!(!keys.text(&other).starts_with(&prefix));
    }

    #[test]
    fn what_is_not_ours_is_told_from_what_is_wrong() {
        let keys = Keyspace::default();
        for text in [
            "/networking-vpp/global/routers/r",
            "/other/nodes/h/ports/p",
            "/networking-vpp/nodes/h",
            "/networking-vpp/nodes/h/x/p",
            "/networking-vpp/global/networks/gre/7",
            "/networking-vpp/global/networks/gpe/7/h",
        ] {
            assert!(
                matches!(keys.parse(text), Err(InvalidKey::Foreign(_))),
                "{text}"
            );
        }
        for text in [
            "/networking-vpp/nodes/h/ports/a b",
            "/networking-vpp/nodes/a b/ports/p",
            "/networking-vpp/global/secgroups/a b",
            "/networking-vpp/global/remote_group/web/a b",
            "/networking-vpp/global/networks/gpe/0",
            "/networking-vpp/global/networks/gpe/7/h/10.0.0.1",
            "/networking-vpp/global/networks/gpe/7/h/ff:ff:ff:ff:ff:ff",
        ] {
            assert!(
                matches!(keys.parse(text), Err(InvalidKey::Part { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_lead_in_is_a_path() {
        assert!(Keyspace::new("/a/b").is_ok());
        for text in ["", "/", "a", "/a/", "//a"] {
            assert!(Keyspace::new(text).is_err(), "{text:?}");
        }
    }
}
