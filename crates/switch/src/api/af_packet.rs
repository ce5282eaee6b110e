//! `af_packet.api`: devices of the host (VPP `src/plugins/af_packet/af_packet_api.c` and
//! `af_packet.c`).

use std::sync::Arc;

use weft_graph::DeviceClass;
use weft_ports::{PacketPort, PacketPortConfig, PortError};
use weft_vpp_wire::messages::af_packet::{
    AfPacketCreateV3, AfPacketCreateV3Reply, AfPacketDelete, AfPacketDeleteReply, AfPacketDetails,
    AfPacketDump, AfPacketFlags, AfPacketMode,
};
use weft_vpp_wire::{Retval, SwIfIndex};

use super::{Answer, Api, Call, Serve, ServeDump, theirs};
use crate::control::{AfPacketDevice, Control, Device, PortRx, PortTx, cut_to_field, random_mac};

pub(super) fn register(api: &mut Api) {
    api.request::<AfPacketCreateV3>();
    api.request::<AfPacketDelete>();
    api.dump::<AfPacketDump>();
}

impl Serve for AfPacketCreateV3 {
    /// With an error the index is that of the interface which exists already, else 0.
    fn serve(self, call: &mut Call<'_>) -> Answer<AfPacketCreateV3Reply> {
        let refused =
            |retval, sw_if_index| Answer::refused(retval, AfPacketCreateV3Reply { sw_if_index });
        match self.mode {
            AfPacketMode::ETHERNET => {}
            AfPacketMode::IP => return refused(Retval::UNSUPPORTED, SwIfIndex::NONE),
            _ => return refused(Retval::INVALID_VALUE, SwIfIndex::NONE),
        }
        let name = self.host_if_name.to_string();
        if let Some((_, index)) = find(call.control, &name) {
            return refused(Retval::IF_ALREADY_EXISTS, theirs(index));
        }
        match create(call.control, &self, name) {
            Ok(sw_if_index) => Answer::ok(AfPacketCreateV3Reply { sw_if_index }),
            Err(retval) => refused(retval, SwIfIndex(0)),
        }
    }
}

fn create(
    control: &mut Control,
    request: &AfPacketCreateV3,
    name: String,
) -> Result<SwIfIndex, Retval> {
    let config = PacketPortConfig {
        host_if_name: name.clone(),
        rx_frame_size: request.rx_frame_size,
        rx_frames: request.rx_frames_per_block,
        qdisc_bypass: request.flags.contains(AfPacketFlags::QDISC_BYPASS),
    };
    let (port, rx) = PacketPort::open(&config).map_err(|error| {
        tracing::warn!(%error, "host device refused");
        match error {
            PortError::NoSuchDevice { .. } => Retval::INVALID_INTERFACE,
            _ => Retval::SYSCALL_ERROR_1,
        }
    })?;
    let tx = PortTx::Packet(Arc::clone(port.tx()));
    let mac = if request.use_random_hw_addr {
        random_mac()
    } else {
        request.hw_addr.0
    };
    let interface_name = format!("host-{name}");
    let link_mtu = control.config.default_mtu;
    let device = Device::AfPacket(Box::new(AfPacketDevice {
        instance: 0,
        link_mtu,
        port,
    }));
    let index = control.add_port(&interface_name, DeviceClass::AfPacket, mac, device);
    let place = control.af_packets.insert((name, index));
    if let Some(Device::AfPacket(device)) = control.record_mut(index).map(|r| &mut r.device) {
        device.instance = place;
    }
    control.set_link_up(index, true);
    control
        .workers
        .attach(index, &[tx], vec![PortRx::Packet(rx)]);
    Ok(theirs(index))
}

/// Place in the pool and interface of a host device.
fn find(control: &Control, name: &str) -> Option<(usize, weft_packet::SwIfIndex)> {
    let mut all = control.af_packets.iter();
    all.find_map(|(place, (own, index))| (own == name).then_some((place, *index)))
}

impl Serve for AfPacketDelete {
    fn serve(self, call: &mut Call<'_>) -> Answer<AfPacketDeleteReply> {
        let Some((place, index)) = find(call.control, &self.host_if_name.to_str()) else {
            return Err(Retval::SYSCALL_ERROR_1).into();
        };
        call.control.af_packets.remove(place);
        call.control.delete_interface(index);
        Answer::ok(AfPacketDeleteReply {})
    }
}

impl ServeDump for AfPacketDump {
    fn serve(self, control: &Control) -> Vec<AfPacketDetails> {
        let all = control
            .af_packets
            .iter()
            .map(|(_, (name, index))| AfPacketDetails {
                sw_if_index: theirs(*index),
                host_if_name: cut_to_field(name.as_bytes()),
            });
        all.collect()
    }
}
