//! `interface.api`: what all interfaces have, and loopbacks (VPP `src/vnet/interface_api.c`,
//! `src/vnet/interface.c`, `src/vnet/ethernet/interface.c`).

use weft_graph::{DeviceClass, Interface, TagRewrite};
use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateLoopbackInstance, CreateLoopbackInstanceReply, CreateLoopbackReply,
    DeleteLoopback, DeleteLoopbackReply, HwInterfaceSetMtu, HwInterfaceSetMtuReply, IfStatusFlags,
    IfType, SubIfFlags, SwInterfaceDetails, SwInterfaceDump, SwInterfaceSetFlags,
    SwInterfaceSetFlagsReply, SwInterfaceSetMacAddress, SwInterfaceSetMacAddressReply,
    SwInterfaceSetMtu, SwInterfaceSetMtuReply, SwInterfaceTagAddDel, SwInterfaceTagAddDelReply,
    WantInterfaceEvents, WantInterfaceEventsReply,
};
use weft_vpp_wire::messages::l2::VtrOp;
use weft_vpp_wire::{FixedString, MacAddress, Retval};

use super::{Answer, Api, Call, Serve, ServeDump, existing, ours, theirs};
use crate::control::{Control, Device, EventKind, Loopback, Record, cut_to_field};

/// Ethernet header and two tags: what VPP adds to an MTU to get the greatest frame.
const FRAME_OVERHEAD: u32 = 22;
/// `VNET_API_ERROR_FEATURE_DISABLED`.
const FEATURE_DISABLED: Retval = Retval(-30);
/// The one flag that VPP keeps but does not tell (`SUB_IF_API_FLAG_MASK_VNET`).
const SUB_IF_FLAGS_TOLD: u32 = 254;

pub(super) fn register(api: &mut Api) {
    api.dump::<SwInterfaceDump>();
    api.request::<WantInterfaceEvents>();
    api.request::<SwInterfaceSetFlags>();
    api.request::<SwInterfaceSetMtu>();
    api.request::<HwInterfaceSetMtu>();
    api.request::<SwInterfaceTagAddDel>();
    api.request::<SwInterfaceSetMacAddress>();
    api.request::<CreateLoopback>();
    api.request::<CreateLoopbackInstance>();
    api.request::<DeleteLoopback>();
}

// ===== dump =====

impl ServeDump for SwInterfaceDump {
    /// One by index (an index that does not exist gives nothing), or all whose name contains the
    /// filter. Index 0 stands for all, as in VPP.
    fn serve(self, control: &Control) -> Vec<SwInterfaceDetails> {
        let index = ours(self.sw_if_index);
        if !self.name_filter_valid && index != SwIfIndex::NONE && index.0 != 0 {
            return details(control, index).into_iter().collect();
        }
        let filter = self.name_filter.to_str().to_lowercase();
        let is_wanted = |interface: &Interface| {
            !self.name_filter_valid || interface.name.to_lowercase().contains(&filter)
        };
        let wanted = control
            .tables
            .interfaces()
            .filter(|(_, interface)| is_wanted(interface));
        wanted
            .filter_map(|(index, _)| details(control, index))
            .collect()
    }
}

fn details(control: &Control, index: SwIfIndex) -> Option<SwInterfaceDetails> {
    if !control.is_visible(index) {
        return None;
    }
    let (interface, record) = control.interface(index)?;
    let port = control.port_of(index)?;
    let device = &control.record(port)?.device;
    let mut flags = IfStatusFlags::default();
    if interface.admin_up {
        flags = flags | IfStatusFlags::ADMIN_UP;
    }
    if interface.link_up {
        flags = flags | IfStatusFlags::LINK_UP;
    }
    let (vtr_op, vtr_push_dot1q, vtr_tag1, vtr_tag2) = rewrite_fields(interface.rewrite);
    let mut details = SwInterfaceDetails {
        sw_if_index: theirs(index),
        sup_sw_if_index: theirs(port),
        flags,
        link_mtu: device.link_mtu(),
        mtu: record.mtu,
        vtr_op,
        vtr_push_dot1q,
        vtr_tag1,
        vtr_tag2,
        interface_name: cut_to_field(interface.name.as_bytes()),
        interface_dev_type: cut_to_field(device.class_name().as_bytes()),
        tag: record.tag,
        ..SwInterfaceDetails::default()
    };
    if let Device::Sub(sub) = &record.device {
        details.r#type = IfType::SUB;
        details.sub_id = sub.id;
        details.sub_number_of_tags = sub.number_of_tags();
        details.sub_outer_vlan_id = sub.outer_vlan;
        details.sub_inner_vlan_id = sub.inner_vlan;
        details.sub_if_flags = SubIfFlags(sub.flags.0 & SUB_IF_FLAGS_TOLD);
    } else {
        details.l2_address = MacAddress(interface.mac.0);
    }
    Some(details)
}

/// Operation, whether the first tag pushed is 802.1Q, and tags, as `l2vtr_get` tells them: only
/// what the operation pushes.
fn rewrite_fields(rewrite: TagRewrite) -> (VtrOp, u32, u32, u32) {
    let dot1q = |outer| u32::from(outer == weft_graph::OuterTag::Dot1q);
    let one = |op, outer, tag| (op, dot1q(outer), u32::from(tag), 0);
    let two = |op, outer, [first, second]: [u16; 2]| {
        (op, dot1q(outer), u32::from(first), u32::from(second))
    };
    match rewrite {
        TagRewrite::Disabled => (VtrOp::DISABLED, 0, 0, 0),
        TagRewrite::Pop1 => (VtrOp::POP_1, 0, 0, 0),
        TagRewrite::Pop2 => (VtrOp::POP_2, 0, 0, 0),
        TagRewrite::Push1 { outer, tag } => one(VtrOp::PUSH_1, outer, tag),
        TagRewrite::Push2 { outer, tags } => two(VtrOp::PUSH_2, outer, tags),
        TagRewrite::Translate1To1 { outer, tag } => one(VtrOp::TRANSLATE_1_1, outer, tag),
        TagRewrite::Translate1To2 { outer, tags } => two(VtrOp::TRANSLATE_1_2, outer, tags),
        TagRewrite::Translate2To1 { outer, tag } => one(VtrOp::TRANSLATE_2_1, outer, tag),
        TagRewrite::Translate2To2 { outer, tags } => two(VtrOp::TRANSLATE_2_2, outer, tags),
    }
}

// ===== state =====

impl Serve for WantInterfaceEvents {
    /// Asking twice, or giving up what was not asked for, is refused (`pub_sub_handler`).
    fn serve(self, call: &mut Call<'_>) -> Answer<WantInterfaceEventsReply> {
        let wants = self.enable_disable != 0;
        let result = if wants == call.session.events.is_some() {
            Err(Retval::INVALID_REGISTRATION)
        } else {
            call.session.events = wants.then_some(self.pid);
            Ok(WantInterfaceEventsReply {})
        };
        result.into()
    }
}

impl Serve for SwInterfaceSetFlags {
    fn serve(self, call: &mut Call<'_>) -> Answer<SwInterfaceSetFlagsReply> {
        let up = self.flags.contains(IfStatusFlags::ADMIN_UP);
        let done = existing(call.control, self.sw_if_index)
            .and_then(|index| set_admin_up(call.control, index, up));
        done.map(|()| SwInterfaceSetFlagsReply {}).into()
    }
}

/// A port's link follows its administrative state, whatever the device behind it does: that is all
/// that VPP's drivers for TAPs, host devices and loopbacks tell; a virtual machine's card must be
/// there, too. A sub-interface comes up only if
/// its port is up.
fn set_admin_up(control: &mut Control, index: SwIfIndex, up: bool) -> Result<(), Retval> {
    let port = control.port_of(index).ok_or(Retval::INVALID_SW_IF_INDEX)?;
    let is_up = |control: &Control, own| control.tables.interface(own).is_some_and(|i| i.admin_up);
    if port != index && up && !is_up(control, port) {
        return Err(Retval::UNSPECIFIED);
    }
    if is_up(control, index) == up {
        return Ok(());
    }
    control
        .tables
        .set_admin_up(index, up)
        .map_err(|_| Retval::INVALID_SW_IF_INDEX)?;
    control.touch();
    control.events.push(
        index,
        if up {
            EventKind::AdminUp
        } else {
            EventKind::AdminDown
        },
    );
    match control.record(index).map(|record| &record.device) {
        Some(Device::AfPacket(device)) => {
            // VPP goes on if the system refuses (`af_packet_interface_admin_up_down`).
            if let Err(error) = device.port.set_up(up) {
                tracing::warn!(%error, "host device");
            }
            control.set_link_up(index, up);
        }
        Some(Device::Tap(_) | Device::Loopback(_) | Device::Vxlan(_) | Device::VxlanGpe(_)) => {
            control.set_link_up(index, up);
        }
        // Also needs a peer (`vui_is_link_up`).
        Some(Device::VhostUser(device)) => {
            let is_ready = device.port.is_ready();
            control.set_link_up(index, up && is_ready);
        }
        Some(Device::Local | Device::Sub(_)) | None => {}
    }
    Ok(())
}

impl Serve for SwInterfaceSetMtu {
    fn serve(self, call: &mut Call<'_>) -> Answer<SwInterfaceSetMtuReply> {
        let done = existing(call.control, self.sw_if_index).map(|index| {
            set_mtu(call.control, index, self.mtu);
            SwInterfaceSetMtuReply {}
        });
        done.into()
    }
}

/// Sets the greatest packet: all protocols, IPv4, IPv6, MPLS.
fn set_mtu(control: &mut Control, index: SwIfIndex, mtu: [u32; 4]) {
    if let Some(record) = control.record_mut(index) {
        record.mtu = mtu;
    }
    let [all, ip4, ip6, _] = mtu;
    if let Err(error) = control.tables.set_mtu(index, all, [ip4, ip6]) {
        tracing::error!(%error, "MTU");
    }
    control.touch();
}

impl Serve for HwInterfaceSetMtu {
    fn serve(self, call: &mut Call<'_>) -> Answer<HwInterfaceSetMtuReply> {
        let done = existing(call.control, self.sw_if_index)
            .and_then(|index| set_link_mtu(call.control, index, self.mtu));
        done.map(|()| HwInterfaceSetMtuReply {}).into()
    }
}

/// Sets the greatest frame of a device, and with it the MTU of its sub-interfaces
/// (`vnet_hw_interface_set_max_frame_size`).
fn set_link_mtu(control: &mut Control, index: SwIfIndex, mtu: u16) -> Result<(), Retval> {
    let record = control
        .record_mut(index)
        .ok_or(Retval::INVALID_SW_IF_INDEX)?;
    match &mut record.device {
        Device::Sub(_) => return Err(Retval::INVALID_VALUE),
        Device::Local => return Err(FEATURE_DISABLED),
        Device::Loopback(loopback) if loopback.link_mtu == mtu => return Ok(()),
        Device::VhostUser(device) if device.link_mtu == mtu => return Ok(()),
        Device::Loopback(_) | Device::VhostUser(_) | Device::Vxlan(_) | Device::VxlanGpe(_) => {
            return Err(Retval::UNSUPPORTED);
        }
        Device::Tap(tap) if tap.link_mtu == mtu => return Ok(()),
        Device::Tap(tap) => tap.link_mtu = mtu,
        Device::AfPacket(device) if device.link_mtu == mtu => return Ok(()),
        Device::AfPacket(device) => {
            // VPP adds the overhead twice: once to get the greatest frame, once more before it asks
            // the host (`af_packet_eth_set_max_frame_size`).
            let host_mtu = u32::from(mtu) + 2 * FRAME_OVERHEAD;
            if let Err(error) = device.port.set_mtu(host_mtu) {
                tracing::warn!(%error, "host device");
                return Err(Retval::SYSCALL_ERROR_1);
            }
            device.link_mtu = mtu;
        }
    }
    let of_port: Vec<_> = control
        .tables
        .interfaces()
        .map(|(own, _)| own)
        .filter(|own| control.port_of(*own) == Some(index))
        .collect();
    for own in of_port {
        let Some([_, ip4, ip6, mpls]) = control.record(own).map(|record| record.mtu) else {
            continue;
        };
        set_mtu(control, own, [u32::from(mtu), ip4, ip6, mpls]);
    }
    Ok(())
}

impl Serve for SwInterfaceTagAddDel {
    fn serve(self, call: &mut Call<'_>) -> Answer<SwInterfaceTagAddDelReply> {
        let done = existing(call.control, self.sw_if_index).and_then(|index| {
            if self.is_add && self.tag.is_empty() {
                return Err(Retval::INVALID_VALUE);
            }
            if let Some(record) = call.control.record_mut(index) {
                record.tag = if self.is_add {
                    self.tag
                } else {
                    FixedString::EMPTY
                };
            }
            Ok(SwInterfaceTagAddDelReply {})
        });
        done.into()
    }
}

impl Serve for SwInterfaceSetMacAddress {
    fn serve(self, call: &mut Call<'_>) -> Answer<SwInterfaceSetMacAddressReply> {
        let done = existing(call.control, self.sw_if_index)
            .and_then(|index| set_mac(call.control, index, self.mac_address));
        done.map(|()| SwInterfaceSetMacAddressReply {}).into()
    }
}

/// Changes a port's address; of a host device also the host's (`mac_addr_change_function`).
fn set_mac(control: &mut Control, index: SwIfIndex, mac: MacAddress) -> Result<(), Retval> {
    match control.record(index).map(|record| &record.device) {
        Some(Device::AfPacket(device)) => {
            // VPP goes on if the system refuses.
            if let Err(error) = device.port.set_mac(mac.0) {
                tracing::warn!(%error, "host device");
            }
        }
        Some(Device::Tap(_) | Device::Loopback(_) | Device::VhostUser(_) | Device::Vxlan(_)) => {}
        Some(Device::Local | Device::Sub(_) | Device::VxlanGpe(_)) | None => {
            return Err(Retval::UNIMPLEMENTED);
        }
    }
    control.touch();
    control
        .tables
        .set_mac(index, MacAddr(mac.0))
        .map_err(|_| Retval::UNIMPLEMENTED)
}

// ===== loopbacks =====

impl Serve for CreateLoopback {
    fn serve(self, call: &mut Call<'_>) -> Answer<CreateLoopbackReply> {
        let created = create_loopback(call.control, self.mac_address, None);
        created
            .map(|index| CreateLoopbackReply {
                sw_if_index: theirs(index),
            })
            .into()
    }
}

impl Serve for CreateLoopbackInstance {
    fn serve(self, call: &mut Call<'_>) -> Answer<CreateLoopbackInstanceReply> {
        let instance = self.is_specified.then_some(self.user_instance);
        let created = create_loopback(call.control, self.mac_address, instance);
        created
            .map(|index| CreateLoopbackInstanceReply {
                sw_if_index: theirs(index),
            })
            .into()
    }
}

fn create_loopback(
    control: &mut Control,
    mac: MacAddress,
    instance: Option<u32>,
) -> Result<SwIfIndex, Retval> {
    let instance = instance.or_else(|| control.loopback_ids.first_free());
    let instance = instance.filter(|&instance| control.loopback_ids.take(instance));
    let instance = instance.ok_or(Retval::INVALID_REGISTRATION)?;
    // VPP's default address ends in the low byte of the number.
    let default = [0xde, 0xad, 0, 0, 0, instance.to_le_bytes()[0]];
    let mac = if mac == MacAddress::default() {
        default
    } else {
        mac.0
    };
    let link_mtu = control.config.default_mtu;
    let device = Device::Loopback(Loopback { instance, link_mtu });
    Ok(control.add_port(
        &format!("loop{instance}"),
        DeviceClass::Loopback,
        mac,
        device,
    ))
}

impl Serve for DeleteLoopback {
    /// Of a sub-interface, the loopback itself is deleted, as in VPP.
    fn serve(self, call: &mut Call<'_>) -> Answer<DeleteLoopbackReply> {
        let control = &mut *call.control;
        let port = control.port_of(ours(self.sw_if_index));
        let instance = port.and_then(|port| match control.record(port) {
            Some(Record {
                device: Device::Loopback(loopback),
                ..
            }) => Some(loopback.instance),
            _ => None,
        });
        let (Some(port), Some(instance)) = (port, instance) else {
            return Err(Retval::INVALID_SW_IF_INDEX).into();
        };
        control.loopback_ids.release(instance);
        control.delete_interface(port);
        Answer::ok(DeleteLoopbackReply {})
    }
}
