//! Finding interfaces that are there already.

use weft_model::{PhysnetName, VppIfName};
use weft_plan::InterfaceKey;
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceDetails, SwInterfaceDump};
use weft_vpp_wire::messages::l2::{BridgeDomainDump, VtrOp};
use weft_vpp_wire::{BdId, SwIfIndex, VarString};

use super::interface::ONE_TAG;
use super::{Context, Failure};

impl Context<'_> {
    /// The interface that the configuration names as an uplink. It must be there, and free.
    pub(super) async fn find_uplink(
        self,
        name: &VppIfName,
        physnet: &PhysnetName,
    ) -> Result<SwIfIndex, Failure> {
        let details = self.find(name.as_str()).await?;
        let details =
            details.ok_or_else(|| Failure::Refused(format!("VPP has no interface {name}")))?;
        let tagged_otherwise = !details.tag.is_empty()
            && self.handles.key(details.sw_if_index)
                != Some(&InterfaceKey::Uplink(physnet.clone()));
        if tagged_otherwise {
            let reason = format!("{name} is in use: it has the tag `{}`", details.tag);
            return Err(Failure::Refused(reason));
        }
        Ok(details.sw_if_index)
    }

    /// The interface over a device of the kernel, which VPP says is there already, if it is one that
    /// was made and never marked.
    pub(super) async fn adopt_host_interface(self, device: &str) -> Result<SwIfIndex, Failure> {
        let name = format!("host-{device}");
        match self.find(&name).await? {
            Some(details) if self.is_untouched(&details).await? => Ok(details.sw_if_index),
            _ => Err(Failure::Refused(format!(
                "VPP has an interface {name} already, which is not ours; if it shall be the \
                 uplink, name it as an existing interface of VPP"
            ))),
        }
    }

    /// The sub-interface of `parent` for `vlan`, which VPP says is there already, if it is one that
    /// was made and never marked.
    pub(super) async fn adopt_sub_interface(
        self,
        parent: SwIfIndex,
        vlan: u32,
    ) -> Result<SwIfIndex, Failure> {
        let one = SwInterfaceDump {
            sw_if_index: parent,
            ..SwInterfaceDump::default()
        };
        let parents = self.connection.dump(one).await?;
        let parent = parents.first().map(|details| details.interface_name);
        let name = format!("{}.{vlan}", parent.unwrap_or_default());
        match self.find(&name).await? {
            Some(details)
                if details.sub_if_flags == ONE_TAG
                    && u32::from(details.sub_outer_vlan_id) == vlan
                    && self.is_untouched(&details).await? =>
            {
                Ok(details.sw_if_index)
            }
            _ => Err(Failure::Refused(format!(
                "VPP has a sub-interface {name} already, which is not ours"
            ))),
        }
    }

    /// The interface with exactly this name.
    async fn find(self, name: &str) -> Result<Option<SwInterfaceDetails>, Failure> {
        let named = SwInterfaceDump {
            sw_if_index: SwIfIndex::NONE,
            name_filter_valid: true,
            name_filter: VarString::from(name),
        };
        // The filter takes any name that contains it.
        let found = self.connection.dump(named).await?;
        Ok(found
            .into_iter()
            .find(|details| details.interface_name == name))
    }

    /// Whether nobody has done anything with an interface since it was made.
    async fn is_untouched(self, details: &SwInterfaceDetails) -> Result<bool, Failure> {
        let plain = details.tag.is_empty()
            && !details.flags.contains(IfStatusFlags::ADMIN_UP)
            && details.vtr_op == VtrOp::DISABLED;
        Ok(plain && !self.is_bridged(details.sw_if_index).await?)
    }

    /// Whether an interface is in any bridge domain.
    pub(super) async fn is_bridged(self, sw_if_index: SwIfIndex) -> Result<bool, Failure> {
        let all = BridgeDomainDump {
            bd_id: BdId::ANY,
            sw_if_index: SwIfIndex::NONE,
        };
        let bridges = self.connection.dump(all).await?;
        let mut members = bridges
            .iter()
            .flat_map(|bridge| bridge.sw_if_details.iter());
        Ok(members.any(|member| member.sw_if_index == sw_if_index))
    }
}
