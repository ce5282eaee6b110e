//! Everything that a dataplane holds, read by a connection of the test's own.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use weft_vpp::Connection;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclDetails, AclDump, AclInterfaceListDetails, AclInterfaceListDump, MacipAclDetails,
    MacipAclDump,
};
use weft_vpp_wire::messages::af_packet::{AfPacketDetails, AfPacketDump};
use weft_vpp_wire::messages::interface::{SwInterfaceDetails, SwInterfaceDump};
use weft_vpp_wire::messages::l2::{
    BridgeDomainDetails, BridgeDomainDump, L2FibTableDetails, L2FibTableDump,
};
use weft_vpp_wire::messages::tapv2::{SwInterfaceTapV2Details, SwInterfaceTapV2Dump};
use weft_vpp_wire::{BdId, SwIfIndex};

/// What the tags of everything that Weft makes begin with.
const OURS: &str = "weft.";

/// Interfaces, TAPs, packet sockets, bridge domains, fixed MAC addresses and access lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    interfaces: BTreeMap<String, SwInterfaceDetails>,
    taps: Vec<SwInterfaceTapV2Details>,
    af_packets: Vec<AfPacketDetails>,
    bridges: BTreeMap<u32, BridgeDomainDetails>,
    fixed_macs: Vec<L2FibTableDetails>,
    acls: Vec<AclDetails>,
    macip_acls: Vec<MacipAclDetails>,
    bindings: Vec<AclInterfaceListDetails>,
}

impl Contents {
    /// Reads all of it.
    pub async fn read(api: &Connection) -> Result<Self> {
        let all = SwInterfaceDump {
            sw_if_index: SwIfIndex::NONE,
            ..SwInterfaceDump::default()
        };
        let any = BridgeDomainDump {
            bd_id: BdId::ANY,
            sw_if_index: SwIfIndex::NONE,
        };
        let taps = SwInterfaceTapV2Dump {
            sw_if_index: SwIfIndex::NONE,
        };
        let acls = AclDump {
            acl_index: ACL_NONE,
        };
        let macip_acls = MacipAclDump {
            acl_index: ACL_NONE,
        };
        let bindings = AclInterfaceListDump {
            sw_if_index: SwIfIndex::NONE,
        };
        let interfaces = api.dump(all).await?;
        let mut fixed_macs = Vec::new();
        let bridges = api.dump(any).await?;
        for bridge in &bridges {
            let entries = api
                .dump(L2FibTableDump {
                    bd_id: bridge.bd_id,
                })
                .await?;
            fixed_macs.extend(entries.into_iter().filter(|entry| entry.static_mac));
        }
        Ok(Self {
            interfaces: interfaces
                .into_iter()
                .map(|details| (details.interface_name.to_string(), details))
                .collect(),
            taps: api.dump(taps).await?,
            af_packets: api.dump(AfPacketDump {}).await?,
            bridges: bridges
                .into_iter()
                .map(|details| (details.bd_id.0, details))
                .collect(),
            fixed_macs,
            acls: api.dump(acls).await?,
            macip_acls: api.dump(macip_acls).await?,
            bindings: api.dump(bindings).await?,
        })
    }

    /// An interface by VPP's name of it.
    pub fn interface(&self, name: &str) -> Option<&SwInterfaceDetails> {
        self.interfaces.get(name)
    }

    /// All interfaces.
    pub fn interfaces(&self) -> impl Iterator<Item = &SwInterfaceDetails> {
        self.interfaces.values()
    }

    /// All bridge domains.
    pub fn bridges(&self) -> impl Iterator<Item = &BridgeDomainDetails> {
        self.bridges.values()
    }

    /// What only TAPs have.
    pub fn taps(&self) -> impl Iterator<Item = &SwInterfaceTapV2Details> {
        self.taps.iter()
    }

    /// The MAC addresses that are fixed to an interface.
    pub fn fixed_macs(&self) -> impl Iterator<Item = &L2FibTableDetails> {
        self.fixed_macs.iter()
    }

    /// The interface with this tag.
    pub fn tagged(&self, tag: &str) -> Option<&SwInterfaceDetails> {
        self.interfaces.values().find(|details| details.tag == *tag)
    }

    /// The TAP of a port.
    pub fn tap(&self, port: &str) -> Option<&SwInterfaceDetails> {
        self.tagged(&format!("{OURS}tap.{port}"))
    }

    /// The vhost-user interface of a port.
    pub fn vhost_user(&self, port: &str) -> Option<&SwInterfaceDetails> {
        self.tagged(&format!("{OURS}vhost-user.{port}"))
    }

    /// The bridge domain of a network, such as `physnet1.vlan.100`.
    pub fn bridge(&self, segment: &str) -> Option<&BridgeDomainDetails> {
        let tag = format!("{OURS}bridge.{segment}");
        self.bridges
            .values()
            .find(|details| details.bd_tag == *tag.as_str())
    }

    /// The access list with this tag.
    pub fn acl(&self, tag: &str) -> Option<&AclDetails> {
        self.acls.iter().find(|details| details.tag == *tag)
    }

    /// The MACIP list with this tag.
    pub fn macip_acl(&self, tag: &str) -> Option<&MacipAclDetails> {
        self.macip_acls.iter().find(|details| details.tag == *tag)
    }

    /// The access lists of an interface.
    pub fn binding(&self, interface: SwIfIndex) -> Option<&AclInterfaceListDetails> {
        let mut bindings = self.bindings.iter();
        bindings.find(|details| details.sw_if_index == interface)
    }

    /// What Weft has not made.
    #[must_use]
    pub fn foreign(&self) -> Self {
        let mut foreign = self.clone();
        foreign
            .interfaces
            .retain(|_, details| !is_ours(&details.tag.to_str()));
        foreign
            .bridges
            .retain(|_, details| !is_ours(&details.bd_tag.to_str()));
        let theirs: Vec<SwIfIndex> = foreign
            .interfaces
            .values()
            .map(|details| details.sw_if_index)
            .collect();
        foreign
            .taps
            .retain(|details| theirs.contains(&details.sw_if_index));
        foreign
            .af_packets
            .retain(|details| theirs.contains(&details.sw_if_index));
        foreign
            .fixed_macs
            .retain(|entry| theirs.contains(&entry.sw_if_index));
        foreign
            .acls
            .retain(|details| !is_ours(&details.tag.to_str()));
        foreign
            .macip_acls
            .retain(|details| !is_ours(&details.tag.to_str()));
        foreign
            .bindings
            .retain(|details| theirs.contains(&details.sw_if_index));
        foreign
    }

    /// The names of what Weft has made: tags of interfaces, bridge domains and access lists.
    pub fn ours(&self) -> Vec<String> {
        let interfaces = self
            .interfaces
            .values()
            .map(|details| details.tag.to_string());
        let bridges = self
            .bridges
            .values()
            .map(|details| details.bd_tag.to_string());
        let acls = self.acls.iter().map(|details| details.tag.to_string());
        let macip_acls = self
            .macip_acls
            .iter()
            .map(|details| details.tag.to_string());
        interfaces
            .chain(bridges)
            .chain(acls)
            .chain(macip_acls)
            .filter(|tag| is_ours(tag))
            .collect()
    }

    /// All of it, for people: a thing a line.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (name, details) in &self.interfaces {
            let _ = writeln!(
                text,
                "  {:>3} {name:<18} {:?} vtr {:?} mtu {:?} {}",
                details.sw_if_index, details.flags, details.vtr_op, details.mtu, details.tag
            );
        }
        for (id, details) in &self.bridges {
            let members: Vec<String> = details
                .sw_if_details
                .iter()
                .map(|member| member.sw_if_index.to_string())
                .collect();
            let _ = writeln!(
                text,
                "  bridge {id} [{}] {}",
                members.join(" "),
                details.bd_tag
            );
        }
        for details in &self.acls {
            let (index, rules) = (details.acl_index, details.r.iter().count());
            let _ = writeln!(text, "  acl {index}: {rules} rules {}", details.tag);
        }
        for details in &self.macip_acls {
            let (index, rules) = (details.acl_index, details.r.iter().count());
            let _ = writeln!(text, "  macip acl {index}: {rules} rules {}", details.tag);
        }
        for details in &self.bindings {
            let (input, output) = (details.acls.input(), details.acls.output());
            if !input.is_empty() || !output.is_empty() {
                let index = details.sw_if_index;
                let _ = writeln!(
                    text,
                    "  acls of {index}: input {input:?}, output {output:?}"
                );
            }
        }
        text
    }
}

fn is_ours(tag: &str) -> bool {
    tag.starts_with(OURS)
}
