//! `show hardware-interfaces`, `show tap`, `show buffers`.

use std::fmt::Write as _;

use weft_packet::SwIfIndex;
use weft_packet::pool::{DATA_SIZE, HEADROOM};

use super::table::{center, centered_row, natural_order};
use super::{CliError, interface_of, name_of, no_more, unknown};
use crate::control::{Control, Device, TapDevice};

pub(super) fn show(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    const COMMAND: &str = "show hardware-interfaces";
    let is_port = |index: &SwIfIndex| control.port_of(*index) == Some(*index);
    let mut ports: Vec<_> = match arguments {
        [] => control
            .tables
            .interfaces()
            .map(|(index, _)| index)
            .filter(is_port)
            .collect(),
        names => names
            .iter()
            .map(|name| interface_of(control, COMMAND, name))
            .collect::<Result<_, _>>()?,
    };
    ports.sort_by(|a, b| natural_order(name_of(control, *a), name_of(control, *b)));
    let columns = [("Name", 32), ("Idx", 6), ("Link", 8)];
    let mut text = format!("{}Hardware\n", centered_row(&columns, ""));
    for port in ports {
        let Some((interface, record)) = control.interface(port) else {
            continue;
        };
        let link = center(if interface.link_up { "up" } else { "down" }, 8);
        let index = center(&port.to_string(), 6);
        let name = &interface.name;
        let _ = writeln!(
            text,
            "{name:<32}{index}{link}{}",
            record.device.class_name()
        );
        let placement = control.workers.placement(port);
        if !placement.is_empty() {
            let _ = writeln!(text, "  RX Queues:\n    queue thread");
            for (queue, worker) in placement.iter().enumerate() {
                let _ = writeln!(text, "    {queue:<6}weft_wk_{worker} ({})", worker + 1);
            }
        }
        if matches!(record.device, Device::Local) {
            let _ = writeln!(text, "  local");
        } else {
            let _ = writeln!(text, "  Ethernet address {}", interface.mac);
        }
        match &record.device {
            Device::Tap(tap) => {
                let _ = writeln!(text, "  host device {}", tap.details.host_if_name);
            }
            Device::AfPacket(device) => {
                let carrier = if device.port.has_carrier() {
                    "up"
                } else {
                    "down"
                };
                let (name, mtu) = (device.port.host_if_name(), device.port.mtu());
                let _ = writeln!(text, "  host device {name} mtu {mtu} carrier {carrier}");
            }
            Device::VhostUser(device) => {
                let socket = device.port.config().socket.display();
                let _ = writeln!(text, "  socket {socket}");
            }
            Device::Local
            | Device::Loopback(_)
            | Device::Vxlan(_)
            | Device::VxlanGpe(_)
            | Device::Sub(_) => {}
        }
    }
    Ok(text)
}

pub(super) fn show_tap(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    const COMMAND: &str = "show tap";
    let only = match arguments {
        [] => None,
        [name] => Some(interface_of(control, COMMAND, name)?),
        rest => return Err(unknown(COMMAND, rest)),
    };
    let mut text = String::new();
    for (_, index) in control
        .taps
        .iter()
        .filter(|(_, own)| only.is_none_or(|i| i == **own))
    {
        if let Some(Device::Tap(tap)) = control.record(*index).map(|record| &record.device) {
            one_tap(&mut text, control, *index, tap);
        }
    }
    Ok(text)
}

fn one_tap(text: &mut String, control: &Control, index: SwIfIndex, tap: &TapDevice) {
    let details = &tap.details;
    let _ = writeln!(text, "Interface: {}", details.dev_name);
    let _ = writeln!(text, "  name \"{}\"", details.host_if_name);
    if !details.host_namespace.is_empty() {
        let _ = writeln!(text, "  host-ns \"{}\"", details.host_namespace);
    }
    if !details.host_bridge.is_empty() {
        let _ = writeln!(text, "  host-bridge \"{}\"", details.host_bridge);
    }
    if details.host_mtu_size > 0 {
        let _ = writeln!(text, "  host-mtu-size \"{}\"", details.host_mtu_size);
    }
    let _ = writeln!(text, "  host-mac-addr: {}", details.host_mac_addr);
    if let Some(interface) = control.tables.interface(index) {
        let _ = writeln!(text, "  mac Address: {}", interface.mac);
        let state = if interface.admin_up { "up" } else { "down" };
        let _ = writeln!(text, "  admin state: {state}");
    }
    let _ = writeln!(text, "  queues: {}", tap.tap.queues().len());
}

pub(super) fn show_buffers(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show buffers", arguments)?;
    let columns = [
        ("Index", 6),
        ("Size", 6),
        ("Data Size", 11),
        ("Total", 8),
        ("Avail", 8),
        ("Used", 8),
        ("Exhausted", 11),
    ];
    let mut text = format!("{:<20}{}\n", "Pool Name", centered_row(&columns, ""));
    for (number, pool) in control.workers.buffers().iter().enumerate() {
        let used = pool.capacity.saturating_sub(pool.free);
        let numbers = [
            number.to_string(),
            (HEADROOM + DATA_SIZE).to_string(),
            DATA_SIZE.to_string(),
            pool.capacity.to_string(),
            pool.free.to_string(),
            used.to_string(),
            pool.exhausted.to_string(),
        ];
        let row: Vec<_> = numbers
            .iter()
            .zip(columns)
            .map(|(text, (_, width))| (text.as_str(), width))
            .collect();
        let name = format!("weft_wk_{number}");
        let _ = writeln!(text, "{name:<20}{}", centered_row(&row, ""));
    }
    Ok(text)
}
