//! Packets between machines of two hosts, whose dataplanes put them into VXLAN, beside Linux's own VXLAN.
//!
//! Both ways have the machines on a device that the host's side opens: TAPs of the dataplanes; a cable whose
//! other end is in a bridge with Linux's VXLAN device. A cable joins the hosts. The machines' MTU is that of
//! the cable less a tunnel's headers.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use weft_lab::{Lab, Namespace, Veth};
use weft_tests::{Dataplane, DataplaneKind};
use weft_vpp::{Connection, Timeouts};
use weft_vpp_wire::messages::af_packet::AfPacketFlags;
use weft_vpp_wire::messages::interface::{
    IfStatusFlags, SwInterfaceAddDelAddress, SwInterfaceSetFlags, SwInterfaceSetMtu,
};
use weft_vpp_wire::messages::l2::SwInterfaceSetL2Bridge;
use weft_vpp_wire::messages::vxlan::VxlanAddDelTunnelV3;
use weft_vpp_wire::{Address, BdId, Prefix, SwIfIndex};

use super::load::{self, Load};
use super::path::{ADDRESSES, DEVICE, host_device, tap};
use super::{KIND, alone, gigabits, microseconds, millions};
use crate::report::Table;

/// The hosts' ends of the cable between them.
const UPLINK: &str = "up0";
/// Bytes of an IP packet on it.
const UNDERLAY_MTU: u16 = 1500;
/// Bytes of IPv4, UDP, VXLAN and the Ethernet header inside (RFC 7348 §5).
const OVERHEAD: u16 = 50;
const VNI: u32 = 7;
const BRIDGE_DOMAIN: BdId = BdId(10);

/// Two hosts with a machine each.
struct Hosts {
    machines: [Namespace; 2],
    _dataplanes: Vec<Dataplane>,
    _cables: Vec<Veth>,
    _sides: [Namespace; 2],
}

/// Measures both ways; `show` gets each table as soon as it is there.
pub(crate) async fn run(
    kind: &DataplaneKind,
    quick: bool,
    mut show: impl FnMut(Table),
) -> Result<()> {
    let time = Duration::from_secs(if quick { 1 } else { 5 });
    let linux = {
        let lab = Lab::new(KIND)?;
        let hosts = linux(&lab).context("Linux's VXLAN")?;
        load::measure(&hosts.machines, time)?
    };
    show(alone("machines of two hosts, Linux's VXLAN", &linux));
    let lab = Lab::new(KIND)?;
    let hosts = dataplanes(&lab, kind).await.context("two dataplanes")?;
    let own = load::measure(&hosts.machines, time)?;
    show(beside(&own, &linux));
    Ok(())
}

fn beside(own: &Load, linux: &Load) -> Table {
    let mut table = Table::new("machines of two hosts, VXLAN of the dataplanes, TAP to TAP");
    let peer = "(Linux's VXLAN)";
    let ratio = linux.bits_per_second / own.bits_per_second;
    table.ratio("TCP", gigabits(own.bits_per_second), peer, ratio, None);
    let ratio = linux.packets_per_second / own.packets_per_second;
    let packets = millions(own.packets_per_second);
    table.ratio("64-byte packets", packets, peer, ratio, None);
    let ratio = own.round_trip / linux.round_trip;
    let time = microseconds(own.round_trip);
    table.ratio("shortest round trip", time, peer, ratio, None);
    table
}

/// Underlay address of a host, counted from 0.
fn host_address(number: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, [1, 2][number]])
}

/// Two hosts joined by a cable.
fn hosts(lab: &Lab) -> Result<([Namespace; 2], Veth)> {
    let hosts = [lab.namespace("host-one")?, lab.namespace("host-two")?];
    let cable = hosts[0].cable(UPLINK, &hosts[1], UPLINK)?;
    for host in &hosts {
        let mtu = UNDERLAY_MTU.to_string();
        host.ip(&["link", "set", UPLINK, "mtu", &mtu, "up"])?;
    }
    Ok((hosts, cable))
}

fn configure(machines: &[Namespace; 2]) -> Result<()> {
    for (machine, address) in machines.iter().zip(ADDRESSES) {
        let mtu = (UNDERLAY_MTU - OVERHEAD).to_string();
        machine.ip(&["link", "set", DEVICE, "mtu", &mtu])?;
        machine.configure(DEVICE, &format!("{address}/24"))?;
    }
    Ok(())
}

fn linux(lab: &Lab) -> Result<Hosts> {
    let (hosts, cable) = hosts(lab)?;
    let machines = [lab.namespace("one")?, lab.namespace("two")?];
    let mut cables = vec![cable];
    let vni = VNI.to_string();
    for (number, (host, machine)) in hosts.iter().zip(&machines).enumerate() {
        let local = host_address(number).to_string();
        let remote = host_address(1 - number).to_string();
        host.ip(&["addr", "add", &format!("{local}/24"), "dev", UPLINK])?;
        cables.push(host.cable("port0", machine, DEVICE)?);
        host.ip(&["link", "add", "br0", "type", "bridge"])?;
        host.ip(&[
            "link", "add", "vxlan0", "type", "vxlan", "id", &vni, "local", &local, "remote",
            &remote, "dstport", "4789", "dev", UPLINK,
        ])?;
        for device in ["vxlan0", "port0"] {
            host.ip(&["link", "set", device, "master", "br0", "up"])?;
        }
        host.ip(&["link", "set", "br0", "up"])?;
    }
    configure(&machines)?;
    Ok(Hosts {
        machines,
        _dataplanes: Vec::new(),
        _cables: cables,
        _sides: hosts,
    })
}

async fn dataplanes(lab: &Lab, kind: &DataplaneKind) -> Result<Hosts> {
    let (hosts, cable) = hosts(lab)?;
    let machines = [lab.namespace("one")?, lab.namespace("two")?];
    let mut dataplanes = Vec::new();
    for (number, (host, machine)) in hosts.iter().zip(&machines).enumerate() {
        let name = ["dataplane-one", "dataplane-two"][number];
        let dataplane = kind.start(lab, host, name).await?;
        let socket = dataplane.socket();
        let (api, _events) = Connection::connect(socket, "weft-bench", Timeouts::default())
            .await
            .context("the dataplane's API")?;
        // As an agent opens it: the kernel may cut what the device cannot.
        let uplink = host_device(&api, UPLINK, AfPacketFlags::default()).await?;
        underlay(&api, uplink, host_address(number)).await?;
        let tunnel = tunnel(&api, number).await?;
        let port = tap(&api, machine).await?;
        up(&api, port).await?;
        for (index, shg) in [(port, 0), (tunnel, 1)] {
            api.request(SwInterfaceSetL2Bridge {
                rx_sw_if_index: index,
                bd_id: BRIDGE_DOMAIN,
                shg,
                enable: true,
                ..SwInterfaceSetL2Bridge::default()
            })
            .await?;
        }
        dataplanes.push(dataplane);
    }
    configure(&machines)?;
    Ok(Hosts {
        machines,
        _dataplanes: dataplanes,
        _cables: vec![cable],
        _sides: hosts,
    })
}

async fn up(api: &Connection, index: SwIfIndex) -> Result<()> {
    let flags = IfStatusFlags::ADMIN_UP;
    let up = SwInterfaceSetFlags {
        sw_if_index: index,
        flags,
    };
    api.request(up).await?;
    Ok(())
}

async fn underlay(api: &Connection, uplink: SwIfIndex, address: IpAddr) -> Result<()> {
    up(api, uplink).await?;
    api.request(SwInterfaceSetMtu {
        sw_if_index: uplink,
        mtu: [u32::from(UNDERLAY_MTU), 0, 0, 0],
    })
    .await?;
    api.request(SwInterfaceAddDelAddress {
        sw_if_index: uplink,
        is_add: true,
        del_all: false,
        prefix: Prefix { address, len: 24 },
    })
    .await?;
    Ok(())
}

async fn tunnel(api: &Connection, number: usize) -> Result<SwIfIndex> {
    let request = VxlanAddDelTunnelV3 {
        is_add: true,
        instance: u32::MAX,
        src_address: Address(host_address(number)),
        dst_address: Address(host_address(1 - number)),
        src_port: 0,
        dst_port: 0,
        mcast_sw_if_index: SwIfIndex::NONE,
        encap_vrf_id: 0,
        decap_next_index: u32::MAX,
        vni: VNI,
        is_l3: false,
    };
    Ok(api.request(request).await?.sw_if_index)
}
