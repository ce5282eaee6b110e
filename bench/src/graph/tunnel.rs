//! Tunnels: clocks per packet and node, in vectors of 256 packets of 64 bytes, from a port into a tunnel and
//! out of one.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use anyhow::{Context, ensure};
use weft_graph::{
    BdFlags, BdId, DeviceClass, Encapsulation, Graph, InterfaceAddress, MacTarget, NodeId,
    PortType, SwIfIndex, Tables, Tunnel,
};
use weft_packet::{
    BufferPool,
    header::{MacAddr, VXLAN_GPE_PORT, VXLAN_PORT, Vni},
};

use super::{VECTOR, frame, mac, round};
use crate::report::median;

/// What is measured.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    encapsulation: Encapsulation,
    /// Into the tunnels, else out of them.
    is_encap: bool,
    /// Each to a host of its own; packets go to all of them in turns.
    tunnels: u8,
}

/// Clocks per packet.
#[derive(Debug)]
pub(crate) struct Figures {
    scenario: Scenario,
    nodes: Vec<(&'static str, f64)>,
    transmit: f64,
}

/// A switch with a port and tunnels over an uplink.
struct Bed {
    tables: Tables,
    port: SwIfIndex,
    uplink: SwIfIndex,
}

impl Scenario {
    /// What VPP 26.06, built without AVX variants, takes from `ethernet-input` to the port's transmit, of
    /// its own packet generator's packets of one flow through one tunnel on such a machine: the least of twelve
    /// runs, node by node; of what it is, stands below. Nothing was measured of many tunnels.
    const fn vpp_clocks(self) -> Option<f64> {
        match (self.encapsulation, self.is_encap, self.tunnels) {
            (Encapsulation::Vxlan, true, 1) => Some(VPP_VXLAN_ENCAP),
            (Encapsulation::Vxlan, false, 1) => Some(VPP_VXLAN_DECAP),
            (Encapsulation::VxlanGpe, true, 1) => Some(VPP_GPE_ENCAP),
            (Encapsulation::VxlanGpe, false, 1) => Some(VPP_GPE_DECAP),
            _ => None,
        }
    }

    fn port(self) -> u16 {
        match self.encapsulation {
            Encapsulation::Vxlan => VXLAN_PORT,
            Encapsulation::VxlanGpe => VXLAN_GPE_PORT,
        }
    }
}

/// `ethernet-input` to `l2-output` 37, `vxlan4-encap` 92, `ip4-rewrite` 13, output and tx 11.
const VPP_VXLAN_ENCAP: f64 = 153.0;
/// `ethernet-input` 11, `ip4-input` 12, `ip4-lookup` 13, `ip4-receive` 48, `ip4-udp-lookup` 26,
/// `vxlan4-input` 21, `l2-input` to `l2-output` 18, output and tx 10. Its `l2-learn`, 11 more, is left out:
/// tunnels do not learn here.
const VPP_VXLAN_DECAP: f64 = 159.0;
/// As into VXLAN, but `vxlan-gpe-encap` 37 and `ip4-lookup` 12.
const VPP_GPE_ENCAP: f64 = 110.0;
/// As out of VXLAN, but `vxlan4-gpe-input` 59.
const VPP_GPE_DECAP: f64 = 197.0;

const BD: BdId = BdId(1);
const NETWORK: [u8; 3] = [192, 0, 2];
const NOW: Duration = Duration::from_mins(1);

/// Measures all scenarios over so many vectors each.
pub(crate) fn run(vectors: u32) -> anyhow::Result<Vec<Figures>> {
    let both = [Encapsulation::Vxlan, Encapsulation::VxlanGpe];
    let mut scenarios = Vec::new();
    for encapsulation in both {
        for (is_encap, tunnels) in [(true, 1), (false, 1), (true, 200), (false, 200)] {
            scenarios.push(Scenario {
                encapsulation,
                is_encap,
                tunnels,
            });
        }
    }
    let measured = scenarios.into_iter().map(|scenario| {
        let figures = measure(scenario, vectors);
        figures.with_context(|| scenario.to_string())
    });
    measured.collect()
}

/// The underlay address of a host; this switch is host 1.
fn host(number: u8) -> IpAddr {
    let [a, b, c] = NETWORK;
    IpAddr::from([a, b, c, number])
}

/// Numbers of the hosts at the other ends.
fn far(scenario: Scenario) -> impl Iterator<Item = u8> {
    (0..scenario.tunnels).map(|at| at + 2)
}

/// The machine on the other host, whose address is static on the tunnel.
fn remote_mac(number: u8) -> MacAddr {
    MacAddr([0x02, 0xfe, 0, 1, 0, number])
}

fn bed(scenario: Scenario) -> anyhow::Result<Bed> {
    let mut tables = Tables::new(1);
    tables.add_bridge_domain(BD, BdFlags::DEFAULT, 0)?;
    let mut ports = [SwIfIndex::NONE; 2];
    for (at, slot) in ports.iter_mut().enumerate() {
        let own = MacAddr([2, 0, 0, 0, 0, at.to_le_bytes()[0]]);
        *slot = tables.add_port("pg", DeviceClass::PacketGenerator, own, 9000);
        tables.set_admin_up(*slot, true)?;
        tables.set_link_up(*slot, true)?;
    }
    let [port, uplink] = ports;
    tables.set_l2_bridge(port, BD, PortType::Normal, 0)?;
    let address = InterfaceAddress {
        address: host(1),
        len: 24,
    };
    tables.add_address(uplink, address)?;
    for number in far(scenario) {
        tables.add_neighbour(uplink, host(number), remote_mac(number), NOW)?;
        let tunnel = Tunnel {
            encapsulation: scenario.encapsulation,
            local: host(1),
            remote: host(number),
            local_port: scenario.port(),
            remote_port: scenario.port(),
            vni: Vni::new(7).context("a VNI")?,
            instance: u32::from(number),
        };
        let index = tables.add_tunnel("tunnel", tunnel, MacAddr::default(), 9000)?;
        tables.set_l2_bridge(index, BD, PortType::Normal, 1)?;
        let flags = weft_graph::L2Flags {
            learn: false,
            ..weft_graph::L2Flags::ALL
        };
        tables.set_l2_flags(index, flags)?;
        tables.add_mac(BD, remote_mac(number), MacTarget::StaticInterface(index))?;
    }
    tables.publish();
    Ok(Bed {
        tables,
        port,
        uplink,
    })
}

/// What goes in: frames to the machines of the other hosts, or frames from them in their tunnels.
fn templates(scenario: Scenario, bed: &Bed) -> Vec<Vec<u8>> {
    let own = mac(bed.port, 0);
    let numbers = far(scenario);
    if scenario.is_encap {
        return numbers
            .map(|number| frame(own, remote_mac(number), false))
            .collect();
    }
    let header = match scenario.encapsulation {
        Encapsulation::Vxlan => [8, 0, 0, 0, 0, 0, 7, 0],
        Encapsulation::VxlanGpe => [12, 0, 0, 3, 0, 0, 7, 0],
    };
    numbers
        .map(|number| {
            let inner = frame(remote_mac(number), own, false);
            encapsulated(number, scenario.port(), header, &inner)
        })
        .collect()
}

/// A frame from another host's tunnel.
fn encapsulated(number: u8, port: u16, header: [u8; 8], inner: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let [a, b, c] = NETWORK;
    let udp_len = 8 + header.len() + inner.len();
    let mut ip = vec![0x45, 0];
    ip.extend_from_slice(&length(20 + udp_len));
    ip.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0, a, b, c, number, a, b, c, 1]);
    let checksum = weft_packet::checksum::internet_checksum(&ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut bytes = vec![2, 0, 0, 0, 0, 1];
    bytes.extend_from_slice(&remote_mac(number).0);
    bytes.extend_from_slice(&[0x08, 0x00]);
    bytes.extend_from_slice(&ip);
    bytes.extend_from_slice(&50_000_u16.to_be_bytes());
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes.extend_from_slice(&length(udp_len));
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(inner);
    bytes
}

fn measure(scenario: Scenario, vectors: u32) -> anyhow::Result<Figures> {
    let bed = bed(scenario)?;
    let mut graph = Graph::new(&bed.tables.handle(), 0);
    let mut pool = BufferPool::new(4 * VECTOR);
    // The port's own machine is learned before anything is measured.
    let hello = frame(mac(bed.port, 0), mac(bed.port, 0), false);
    round(&mut graph, &mut pool, bed.port, &[hello], NOW)?;
    let templates = templates(scenario, &bed);
    let input = if scenario.is_encap {
        bed.port
    } else {
        bed.uplink
    };
    let mut samples: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
    let mut transmits = Vec::new();
    let warm_up = vectors / 10;
    let mut before = bed.tables.runtime();
    for turn in 0..warm_up + vectors {
        let vector: Vec<_> = (0..VECTOR)
            .map(|n| templates[n % templates.len()].as_slice())
            .collect();
        let (count, clocks) = round(&mut graph, &mut pool, input, &vector, NOW)?;
        ensure!(count == VECTOR, "{count} of {VECTOR} packets came out");
        let after = bed.tables.runtime();
        if turn >= warm_up {
            transmits.push(clocks as f64 / VECTOR as f64);
            for own in after.iter().filter(|own| !own.node.is_input()) {
                let start = before.iter().find(|start| start.node == own.node);
                let (packets, clocks) = start.map_or((0, 0), |own| (own.vectors, own.clocks));
                if own.vectors > packets {
                    let per_packet = (own.clocks - clocks) as f64 / (own.vectors - packets) as f64;
                    samples.entry(own.node).or_default().push(per_packet);
                }
            }
        }
        before = after;
    }
    let nodes = samples.into_iter();
    Ok(Figures {
        scenario,
        nodes: nodes
            .map(|(node, own)| (node.name(), median(own)))
            .collect(),
        transmit: median(transmits),
    })
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.encapsulation {
            Encapsulation::Vxlan => "VXLAN",
            Encapsulation::VxlanGpe => "VXLAN-GPE",
        };
        let way = if self.is_encap { "into" } else { "out of" };
        write!(f, "{way} {} {name} tunnels over IPv4", self.tunnels)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for (node, clocks) in &self.nodes {
            writeln!(f, "  {node:<20}{clocks:>8.1}")?;
        }
        writeln!(f, "  {:<20}{:>8.1}", "tx (free)", self.transmit)?;
        let total = self.nodes.iter().map(|(_, clocks)| clocks).sum::<f64>() + self.transmit;
        write!(f, "  {:<20}{total:>8.1}", "clocks/packet")?;
        if let Some(vpp) = self.scenario.vpp_clocks() {
            write!(f, "   {:.2} × VPP's {vpp}", total / vpp)?;
        }
        Ok(())
    }
}
