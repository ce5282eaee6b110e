//! `show vhost-user`.

use std::fmt::Write as _;

use weft_packet::SwIfIndex;
use weft_ports::{VhostUserRole, VhostUserStatus};

use super::{CliError, interface_of, name_of, unknown};
use crate::control::Control;

const COMMAND: &str = "show vhost-user";

/// Bits of features and their names (`foreach_virtio_net_features`).
const FEATURES: &[(u32, &str)] = &[
    (0, "VIRTIO_NET_F_CSUM"),
    (1, "VIRTIO_NET_F_GUEST_CSUM"),
    (7, "VIRTIO_NET_F_GUEST_TSO4"),
    (8, "VIRTIO_NET_F_GUEST_TSO6"),
    (11, "VIRTIO_NET_F_HOST_TSO4"),
    (12, "VIRTIO_NET_F_HOST_TSO6"),
    (15, "VIRTIO_NET_F_MRG_RXBUF"),
    (17, "VIRTIO_NET_F_CTRL_VQ"),
    (21, "VIRTIO_NET_F_GUEST_ANNOUNCE"),
    (22, "VIRTIO_NET_F_MQ"),
    (27, "VIRTIO_F_ANY_LAYOUT"),
    (28, "VIRTIO_RING_F_INDIRECT_DESC"),
    (29, "VIRTIO_RING_F_EVENT_IDX"),
    (30, "VHOST_USER_F_PROTOCOL_FEATURES"),
    (32, "VIRTIO_F_VERSION_1"),
];

pub(super) fn show(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let chosen: Vec<_> = match arguments {
        [] => control
            .vhost_users
            .iter()
            .map(|(_, index)| *index)
            .collect(),
        names => names
            .iter()
            .map(|name| one(control, name))
            .collect::<Result<_, _>>()?,
    };
    let mut text = "Virtio vhost-user interfaces\n".to_owned();
    for index in chosen {
        if let Some(device) = control.vhost_user(index) {
            let _ = writeln!(
                text,
                "Interface: {} (ifindex {index})",
                name_of(control, index)
            );
            let config = device.port.config();
            let role = match config.role {
                VhostUserRole::Client => "client",
                VhostUserRole::Server => "server",
            };
            let socket = format!("{} type {role}", config.socket.display());
            describe(&mut text, &socket, &device.port.status());
        }
    }
    Ok(text)
}

fn one(control: &Control, name: &str) -> Result<SwIfIndex, CliError> {
    let index = interface_of(control, COMMAND, name)?;
    match control.vhost_user(index) {
        Some(_) => Ok(index),
        None => Err(unknown(COMMAND, &[name])),
    }
}

fn describe(text: &mut String, socket: &str, status: &VhostUserStatus) {
    let _ = writeln!(text, "  Number of qids {}", status.ring_count);
    let _ = writeln!(text, "virtio_net_hdr_sz {}", status.header_len);
    let _ = writeln!(text, " features offered ({:#x}): ", status.offered);
    let _ = writeln!(text, " features ({:#x}): ", status.features);
    for (bit, name) in FEATURES {
        if status.features & (1 << bit) != 0 {
            let _ = writeln!(text, "   {name} ({bit})");
        }
    }
    let protocol = status.protocol_features;
    let _ = writeln!(text, "  protocol features ({protocol:#x})");
    if protocol & 1 != 0 {
        let _ = writeln!(text, "   VHOST_USER_PROTOCOL_F_MQ (0)");
    }
    let errno = std::io::Error::from_raw_os_error(status.socket_errno).to_string();
    // Without the number that Rust appends.
    let errno = errno.split(" (os error").next().unwrap_or_default();
    let _ = writeln!(text, "\n socket filename {socket} errno \"{errno}\"\n");
    if let (false, Some(end)) = (status.is_connected, &status.last_end) {
        let _ = writeln!(text, " disconnected: {end}\n");
    }
    let _ = writeln!(text, " Memory regions (total {})", status.regions.len());
    if !status.regions.is_empty() {
        let _ = writeln!(
            text,
            " region guest_phys_addr    memory_size        userspace_addr     mmap_offset\n \
             ====== ================== ================== ================== =================="
        );
    }
    for (number, region) in status.regions.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {number:<6}{:#018x} {:#018x} {:#018x} {:#018x}",
            region.guest_address, region.size, region.user_address, region.offset
        );
    }
    for ring in &status.rings {
        let kind = if ring.number % 2 == 0 { "TX" } else { "RX" };
        let disabled = if ring.enabled { "" } else { " disabled" };
        let _ = writeln!(text, "\n Virtqueue {} ({kind}{disabled})", ring.number);
        let position = match ring.position {
            Some(position) => format!("last_avail_idx {position}"),
            None => "stopped".to_owned(),
        };
        let _ = writeln!(text, "  qsz {} {position}", ring.size);
    }
    if !status.faults.is_empty() {
        let _ = writeln!(text, "\n Faults");
    }
    for (fault, count) in &status.faults {
        let _ = writeln!(text, "  {count:>10}  {}", fault.name());
    }
    let _ = writeln!(text);
}
