//! Lists of source addresses: VPP's MACIP ACLs.

use std::sync::Arc;

use weft_model::{IpPrefix, Mac, PortId};

/// The list of source addresses that a port may use (`macip_acl_add_replace`). What no rule permits
/// is dropped, whatever its ethertype; ARP is held to the rules, too.
///
/// An empty list filters nothing in VPP, so that is never wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacIpAcl {
    /// The port.
    pub port: PortId,
    /// The rules; their order makes no difference as long as all permit.
    pub rules: Arc<[MacIpRule]>,
}

/// A rule of a MACIP ACL (`vl_api_macip_acl_rule_t`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacIpRule {
    /// Whether what it matches passes.
    pub permit: bool,
    /// The source MAC address, where the mask has ones.
    pub mac: Mac,
    /// Which bits of the MAC address count.
    pub mac_mask: Mac,
    /// The source addresses.
    pub prefix: IpPrefix,
}

impl MacIpRule {
    /// That the station `mac` may send from `prefix`.
    pub fn permit(mac: Mac, prefix: IpPrefix) -> Self {
        Self {
            permit: true,
            mac,
            mac_mask: Mac::new([0xff; 6]),
            prefix,
        }
    }
}
