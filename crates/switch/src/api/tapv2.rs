//! `tapv2.api`: TAPs (VPP `src/plugins/tap/tapv2_api.c`, `src/plugins/tap/tap.c`).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use weft_graph::DeviceClass;
use weft_ports::{PortError, Tap, TapConfig};
use weft_vpp_wire::messages::tapv2::{
    SwInterfaceTapV2Details, SwInterfaceTapV2Dump, TapCreateV3, TapCreateV3Reply, TapDeleteV2,
    TapDeleteV2Reply, TapFlags,
};
use weft_vpp_wire::{FixedString, MacAddress, Retval, SwIfIndex};

use super::{Answer, Api, Call, Serve, ServeDump, is_wanted, ours, theirs};
use crate::control::{
    Control, Device, PortRx, PortTx, TAP_MAX_ID, TapDevice, cut_to_field, random_mac,
};

/// `VNET_API_ERROR_NO_MATCHING_INTERFACE` is what VPP means, but its error path replaces it.
const ATTACH_WITHOUT_NAME: Retval = Retval::SYSCALL_ERROR_3;
/// Descriptors of a ring unless told otherwise.
const DEFAULT_RING: u16 = 256;
/// Most descriptors of a ring.
const MAX_RING: u16 = 32_768;
/// "The next free one" in the field `id`.
const ANY_ID: u32 = u32::MAX;

pub(super) fn register(api: &mut Api) {
    api.request::<TapCreateV3>();
    api.request::<TapDeleteV2>();
    api.dump::<SwInterfaceTapV2Dump>();
}

impl Serve for TapCreateV3 {
    fn serve(self, call: &mut Call<'_>) -> Answer<TapCreateV3Reply> {
        let created = create(call.control, &self);
        created
            .map(|sw_if_index| TapCreateV3Reply { sw_if_index })
            .into()
    }
}

fn create(control: &mut Control, request: &TapCreateV3) -> Result<SwIfIndex, Retval> {
    let id = choose_id(control, request.id)?;
    if request.tap_flags.contains(TapFlags::TUN) {
        return Err(Retval::UNSUPPORTED);
    }
    let attach = request.tap_flags.contains(TapFlags::ATTACH);
    if attach && request.host_if_name.0.is_none() {
        return Err(ATTACH_WITHOUT_NAME);
    }
    let config = config(request);
    let tap = Tap::create(&config).map_err(|error| {
        tracing::warn!(%error, "TAP refused");
        retval(&error)
    })?;
    // VPP looks at the rings only when the device is there.
    let (rx_ring_sz, tx_ring_sz) = (ring(request.rx_ring_sz)?, ring(request.tx_ring_sz)?);
    if !control.tap_ids.take(id) {
        return Err(Retval::INVALID_INTERFACE);
    }
    let mac = if request.use_random_mac {
        random_mac()
    } else {
        request.mac_address.0
    };
    let queues = tap.queues().to_vec();
    let details = SwInterfaceTapV2Details {
        sw_if_index: SwIfIndex::NONE,
        id,
        tx_ring_sz,
        rx_ring_sz,
        host_mtu_size: request.host_mtu_size.0.unwrap_or(0),
        host_mac_addr: MacAddress(config.host_mac),
        host_ip4_prefix: request.host_ip4_prefix.0.unwrap_or_default(),
        host_ip6_prefix: request.host_ip6_prefix.0.unwrap_or_default(),
        tap_flags: request.tap_flags,
        dev_name: cut_to_field(format!("tap{id}").as_bytes()),
        // The name as given, even where the kernel has cut it.
        host_if_name: request
            .host_if_name
            .0
            .unwrap_or_else(|| cut_to_field(tap.host_if_name().as_bytes())),
        host_namespace: request.host_namespace.0.unwrap_or_default(),
        host_bridge: request.host_bridge.0.unwrap_or_default(),
    };
    let link_mtu = control.config.default_mtu;
    let device = TapDevice {
        instance: 0,
        details,
        link_mtu,
        tap,
    };
    let device = Device::Tap(Box::new(device));
    let index = control.add_port(&format!("tap{id}"), DeviceClass::Tap, mac, device);
    let place = control.taps.insert(index);
    if let Some(record) = control.record_mut(index) {
        record.tag = cut_to_field(request.tag.as_bytes());
        if let Device::Tap(device) = &mut record.device {
            device.instance = place;
            device.details.sw_if_index = theirs(index);
        }
    }
    control.set_link_up(index, true);
    let tx: Vec<_> = queues
        .iter()
        .map(|queue| PortTx::Tap(Arc::clone(queue)))
        .collect();
    control
        .workers
        .attach(index, &tx, queues.into_iter().map(PortRx::Tap).collect());
    Ok(theirs(index))
}

/// The number asked for, or the lowest free one. 8192 is the greatest.
fn choose_id(control: &mut Control, wanted: u32) -> Result<u32, Retval> {
    if wanted == ANY_ID {
        return control.tap_ids.first_free().ok_or(Retval::UNSPECIFIED);
    }
    if wanted > TAP_MAX_ID {
        return Err(Retval::UNSPECIFIED);
    }
    if !control.tap_ids.take(wanted) {
        return Err(Retval::INVALID_INTERFACE);
    }
    // Only looked at: the device has to be made first.
    control.tap_ids.release(wanted);
    Ok(wanted)
}

fn config(request: &TapCreateV3) -> TapConfig {
    let text = |field: Option<FixedString<64>>| field.map(|text| text.to_string());
    let host_mac = request
        .host_mac_addr
        .0
        .filter(|mac| *mac != MacAddress::default());
    let ip4 = request.host_ip4_prefix.0.filter(|prefix| prefix.len > 0);
    let ip6 = request.host_ip6_prefix.0.filter(|prefix| prefix.len > 0);
    TapConfig {
        host_if_name: text(request.host_if_name.0),
        namespace: text(request.host_namespace.0),
        host_mac: host_mac.map_or_else(random_mac, |mac| mac.0),
        host_mtu: request.host_mtu_size.0,
        host_bridge: text(request.host_bridge.0),
        host_ip4: ip4.map(|prefix| (prefix.address, prefix.len)),
        host_ip6: ip6.map(|prefix| (prefix.address, prefix.len)),
        host_ip4_gateway: request.host_ip4_gw.0.map(Ipv4Addr::from),
        host_ip6_gateway: request.host_ip6_gw.0.map(Ipv6Addr::from),
        queues: request.num_rx_queues,
        persistent: request.tap_flags.contains(TapFlags::PERSIST),
        attach: request.tap_flags.contains(TapFlags::ATTACH),
    }
}

/// What VPP answers where this step fails.
fn retval(error: &PortError) -> Retval {
    match error {
        PortError::OpenNamespace { .. } | PortError::OpenTun { .. } => Retval::SYSCALL_ERROR_2,
        PortError::Netlink { .. } | PortError::NoSuchDevice { .. } => Retval::NETLINK_ERROR,
        PortError::EnterNamespace { .. }
        | PortError::Tap { .. }
        | PortError::PacketSocket { .. }
        | PortError::VhostUser { .. }
        | PortError::RingSize { .. } => Retval::SYSCALL_ERROR_3,
    }
}

/// A ring has a power of two of descriptors. TAPs here have no rings; the number is only told.
fn ring(wanted: u16) -> Result<u16, Retval> {
    match wanted {
        0 => Ok(DEFAULT_RING),
        size if size.is_power_of_two() && size <= MAX_RING => Ok(size),
        _ => Err(Retval::INIT_FAILED),
    }
}

impl Serve for TapDeleteV2 {
    /// Of a sub-interface, the TAP itself is deleted, as in VPP. A persistent host device goes too.
    fn serve(self, call: &mut Call<'_>) -> Answer<TapDeleteV2Reply> {
        let control = &mut *call.control;
        let port = control.port_of(ours(self.sw_if_index));
        let tap = port.and_then(
            |port| match control.record(port).map(|record| &record.device) {
                Some(Device::Tap(tap)) => Some((port, tap.instance, tap.details.id)),
                _ => None,
            },
        );
        let Some((port, instance, id)) = tap else {
            return Err(Retval::INVALID_SW_IF_INDEX).into();
        };
        if let Some(Device::Tap(tap)) = control.record(port).map(|record| &record.device)
            && let Err(error) = tap.tap.set_persistent(false)
        {
            tracing::warn!(%error, "TAP");
        }
        control.taps.remove(instance);
        control.tap_ids.release(id);
        control.delete_interface(port);
        Answer::ok(TapDeleteV2Reply {})
    }
}

impl ServeDump for SwInterfaceTapV2Dump {
    fn serve(self, control: &Control) -> Vec<SwInterfaceTapV2Details> {
        let all = control.taps.iter().map(|(_, index)| *index);
        let wanted = all.filter(|index| is_wanted(self.sw_if_index, *index));
        let details = wanted.filter_map(|index| match &control.record(index)?.device {
            Device::Tap(tap) => Some(tap.details.clone()),
            _ => None,
        });
        details.collect()
    }
}
