//! Ways of joining two machines.

use std::fmt;

use anyhow::{Context, Result, bail};
use weft_lab::{Lab, Namespace, Veth};
use weft_tests::{Dataplane, DataplaneKind};
use weft_vpp::{Connection, Timeouts};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketFlags, AfPacketMode};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceSetFlags};
use weft_vpp_wire::messages::l2::SwInterfaceSetL2Bridge;
use weft_vpp_wire::messages::tapv2::{TapCreateV3, TapFlags};
use weft_vpp_wire::{BdId, FixedString, SwIfIndex};

/// The device of a machine.
pub(super) const DEVICE: &str = "eth0";
/// Addresses of the machines.
pub(super) const ADDRESSES: [&str; 2] = ["10.99.0.1", "10.99.0.2"];

/// The bridge domain that joins them.
const BRIDGE_DOMAIN: u32 = 10;

/// How the machines are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Cables to a Linux bridge.
    Bridge,
    /// TAPs of the dataplane.
    Tap,
    /// Cables to the dataplane, which opens its ends with AF_PACKET.
    Veth,
}

/// Two machines that reach each other.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) machines: [Namespace; 2],
    _dataplane: Option<Dataplane>,
    _cables: Vec<Veth>,
    _host: Namespace,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "a Linux bridge",
            Self::Tap => "the dataplane, TAP to TAP",
            Self::Veth => "the dataplane, veth to veth",
        })
    }
}

/// Joins two machines.
pub(super) async fn join(lab: &Lab, kind: &DataplaneKind, path: Path) -> Result<Joined> {
    let host = lab.namespace("host")?;
    let machines = [lab.namespace("one")?, lab.namespace("two")?];
    let mut cables = Vec::new();
    if path != Path::Tap {
        for (number, machine) in machines.iter().enumerate() {
            cables.push(host.cable(&port(number), machine, DEVICE)?);
        }
    }
    let dataplane = match path {
        Path::Bridge => {
            bridge(&host)?;
            None
        }
        Path::Tap | Path::Veth => {
            let dataplane = kind.start(lab, &host, "dataplane").await?;
            configure(&dataplane, path, &machines).await?;
            Some(dataplane)
        }
    };
    for (machine, address) in machines.iter().zip(ADDRESSES) {
        machine.configure(DEVICE, &format!("{address}/24"))?;
    }
    Ok(Joined {
        machines,
        _dataplane: dataplane,
        _cables: cables,
        _host: host,
    })
}

/// The host's end of a machine's cable.
fn port(number: usize) -> String {
    format!("port{number}")
}

fn bridge(host: &Namespace) -> Result<()> {
    host.ip(&["link", "add", "br0", "type", "bridge"])?;
    host.ip(&["link", "set", "br0", "up"])?;
    for number in 0..ADDRESSES.len() {
        host.ip(&["link", "set", &port(number), "master", "br0"])?;
    }
    Ok(())
}

async fn configure(dataplane: &Dataplane, path: Path, machines: &[Namespace; 2]) -> Result<()> {
    let socket = dataplane.socket();
    let (api, _events) = Connection::connect(socket, "weft-bench", Timeouts::default())
        .await
        .context("the dataplane's API")?;
    for (number, machine) in machines.iter().enumerate() {
        let index = match path {
            Path::Bridge => bail!("a bridge has no API"),
            Path::Tap => tap(&api, machine).await?,
            Path::Veth => host_device(&api, &port(number), AfPacketFlags::QDISC_BYPASS).await?,
        };
        let flags = IfStatusFlags::ADMIN_UP;
        let up = SwInterfaceSetFlags {
            sw_if_index: index,
            flags,
        };
        api.request(up).await?;
        let member = SwInterfaceSetL2Bridge {
            rx_sw_if_index: index,
            bd_id: BdId(BRIDGE_DOMAIN),
            enable: true,
            ..SwInterfaceSetL2Bridge::default()
        };
        api.request(member).await?;
    }
    Ok(())
}

pub(super) async fn tap(api: &Connection, machine: &Namespace) -> Result<SwIfIndex> {
    let request = TapCreateV3 {
        id: u32::MAX,
        use_random_mac: true,
        num_rx_queues: 1,
        num_tx_queues: 1,
        tx_ring_sz: 1024,
        rx_ring_sz: 1024,
        tap_flags: TapFlags::GSO,
        host_if_name: FixedString::<64>::try_from(DEVICE)?.into(),
        host_namespace: FixedString::<64>::try_from(machine.name())?.into(),
        ..TapCreateV3::default()
    };
    Ok(api.request(request).await?.sw_if_index)
}

pub(super) async fn host_device(
    api: &Connection,
    device: &str,
    flags: AfPacketFlags,
) -> Result<SwIfIndex> {
    let request = AfPacketCreateV3 {
        mode: AfPacketMode::ETHERNET,
        use_random_hw_addr: true,
        host_if_name: FixedString::try_from(device)?,
        flags: flags | AfPacketFlags::CKSUM_GSO,
        num_rx_queues: 1,
        num_tx_queues: 1,
        ..AfPacketCreateV3::default()
    };
    Ok(api.request(request).await?.sw_if_index)
}
