//! `interface.api`: sub-interfaces (VPP `vnet_create_sub_interface` and
//! `ethernet_sw_interface_add_del`).

use weft_graph::SubInterfaceMatch;
use weft_packet::SwIfIndex;
use weft_vpp_wire::Retval;
use weft_vpp_wire::messages::interface::{
    CreateSubif, CreateSubifReply, CreateVlanSubif, CreateVlanSubifReply, DeleteSubif,
    DeleteSubifReply, SubIfFlags,
};

use super::{Answer, Api, Call, Serve, existing, theirs};
use crate::control::{Control, Device, EventKind, Record, SubInterface};

/// A VLAN has twelve bits. VPP's `create_subif` does not look (and writes beyond its table).
const VLAN_MAX: u16 = 4095;

pub(super) fn register(api: &mut Api) {
    api.request::<CreateSubif>();
    api.request::<CreateVlanSubif>();
    api.request::<DeleteSubif>();
}

impl Serve for CreateSubif {
    fn serve(self, call: &mut Call<'_>) -> Answer<CreateSubifReply> {
        let created = existing(call.control, self.sw_if_index).and_then(|parent| {
            let sub = SubInterface {
                parent,
                id: self.sub_id,
                flags: self.sub_if_flags,
                outer_vlan: self.outer_vlan_id,
                inner_vlan: self.inner_vlan_id,
            };
            create(call.control, sub, Retval::UNSPECIFIED)
        });
        created
            .map(|index| CreateSubifReply {
                sw_if_index: theirs(index),
            })
            .into()
    }
}

impl Serve for CreateVlanSubif {
    /// One exact 802.1Q tag. Of a sub-interface, a sibling is made, as in VPP.
    fn serve(self, call: &mut Call<'_>) -> Answer<CreateVlanSubifReply> {
        let created = existing(call.control, self.sw_if_index).and_then(|index| {
            let parent = call
                .control
                .port_of(index)
                .ok_or(Retval::INVALID_SW_IF_INDEX)?;
            let vlan = u16::try_from(self.vlan_id)
                .ok()
                .filter(|v| (1..=VLAN_MAX).contains(v));
            let outer_vlan = vlan.ok_or(Retval::INVALID_VLAN)?;
            let flags = SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH;
            let sub = SubInterface {
                parent,
                id: self.vlan_id,
                flags,
                outer_vlan,
                inner_vlan: 0,
            };
            create(call.control, sub, Retval::INVALID_REGISTRATION)
        });
        created
            .map(|index| CreateVlanSubifReply {
                sw_if_index: theirs(index),
            })
            .into()
    }
}

impl Serve for DeleteSubif {
    fn serve(self, call: &mut Call<'_>) -> Answer<DeleteSubifReply> {
        let deleted = existing(call.control, self.sw_if_index).and_then(|index| {
            match call.control.record(index).map(|record| &record.device) {
                Some(Device::Sub(_)) => {
                    call.control.delete_interface(index);
                    Ok(DeleteSubifReply {})
                }
                _ => Err(Retval::INVALID_SUB_SW_IF_INDEX),
            }
        });
        deleted.into()
    }
}

/// Makes a sub-interface. `in_use` is what the two messages answer if the frames belong to another.
///
/// A refusal changes nothing. (In VPP 26.06 the sub-interface that owns the frames loses them when
/// another is refused for that reason, because the undoing clears the entry that they share.)
fn create(control: &mut Control, sub: SubInterface, in_use: Retval) -> Result<SwIfIndex, Retval> {
    let port = control
        .tables
        .interface(sub.parent)
        .ok_or(Retval::INVALID_SW_IF_INDEX)?;
    let name = format!("{}.{}", port.name, sub.id);
    if control.sub_interface(sub.parent, sub.id).is_some() {
        return Err(Retval::VLAN_ALREADY_EXISTS);
    }
    let matched = matched(&sub).ok_or(in_use)?;
    let created = control
        .tables
        .add_sub_interface(sub.parent, &name, matched, 0);
    let index = created.map_err(|error| {
        tracing::debug!(%error, name, "sub-interface refused");
        in_use
    })?;
    control.set_record(index, Record::new(Device::Sub(sub), 0));
    control.events.push(index, EventKind::Added);
    control.touch();
    Ok(index)
}

/// Which frames the flags mean (`ethernet_sw_interface_get_config`, in its order of tests); `None`
/// for what VPP refuses: untagged frames, which are the port's own, and any outer VLAN.
fn matched(sub: &SubInterface) -> Option<SubInterfaceMatch> {
    let has = |flag| sub.flags.contains(flag);
    let exact = has(SubIfFlags::EXACT_MATCH);
    let any_outer = has(SubIfFlags::OUTER_VLAN_ID_ANY);
    let any_inner = has(SubIfFlags::INNER_VLAN_ID_ANY);
    if has(SubIfFlags::TWO_TAGS) && exact && (any_inner || any_outer) {
        return None;
    }
    if has(SubIfFlags::DEFAULT) {
        return Some(SubInterfaceMatch::Default);
    }
    if has(SubIfFlags::NO_TAGS) || sub.flags == SubIfFlags::default() {
        return None;
    }
    let (outer, vlan) = (sub.outer_tag(), sub.outer_vlan);
    if vlan > VLAN_MAX || sub.inner_vlan > VLAN_MAX || any_outer {
        return None;
    }
    if has(SubIfFlags::ONE_TAG) {
        return Some(SubInterfaceMatch::OneTag { outer, vlan, exact });
    }
    let inner = (!any_inner).then_some(sub.inner_vlan);
    Some(SubInterfaceMatch::TwoTags {
        outer,
        vlan,
        inner,
        exact,
    })
}
