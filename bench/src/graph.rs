//! The packet graph alone: clocks per packet and node, in vectors of 256 packets of 64 bytes.
//!
//! The figures are those of the graph's own `show runtime`, in ticks of the time stamp counter: the
//! median over many vectors after a warm-up, so that other load on the machine does not count.
//! Freeing the packets at the end stands for a port's transmit. Beside them stands what VPP 26.06,
//! built without AVX variants, took on such a machine.

pub(crate) mod acl;
pub(crate) mod tunnel;

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, ensure};
use weft_graph::{
    BdFlags, BdId, DeviceClass, Graph, NodeId, OuterTag, PortType, SubInterfaceMatch, SwIfIndex,
    Tables, TagRewrite,
};
use weft_packet::{BufferIndex, BufferPool, header::MacAddr};

use crate::report::median;

/// Packets of a vector.
const VECTOR: usize = 256;

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Scenario {
    /// Between two ports, all packets from one address to another.
    OneMac,
    /// Between two ports, each packet from one of 1,000 addresses to one of 1,000 others.
    ManyMacs,
    /// As `ManyMacs`, from a VLAN sub-interface, which pops its tag, to an untagged port.
    Pop,
    /// As `ManyMacs`, from an untagged port to a VLAN sub-interface, which pushes its tag.
    Push,
}

/// Clocks per packet.
#[derive(Debug)]
pub(crate) struct Figures {
    scenario: Scenario,
    nodes: Vec<(&'static str, f64)>,
    transmit: f64,
}

impl Scenario {
    /// What VPP takes from `ethernet-input` to the port's transmit, measured with its own packet
    /// generator, one address a side: `ethernet-input` 6, `l2-input` 7, `l2-learn` 9, `l2-fwd` 6,
    /// `l2-output` 5, output and tx 8; to pop a tag or to push one costs it what it adds here.
    const fn vpp_clocks(self) -> f64 {
        match self {
            Self::OneMac | Self::ManyMacs => 41.0,
            Self::Pop => 78.0,
            Self::Push => 57.0,
        }
    }
}

impl Figures {
    /// All nodes and the transmit.
    pub(crate) fn total(&self) -> f64 {
        self.nodes.iter().map(|(_, clocks)| clocks).sum::<f64>() + self.transmit
    }
}

/// Measures all scenarios over so many vectors each (some 10,000 make it steady).
pub(crate) fn run(vectors: u32) -> anyhow::Result<Vec<Figures>> {
    [
        Scenario::OneMac,
        Scenario::ManyMacs,
        Scenario::Pop,
        Scenario::Push,
    ]
    .into_iter()
    .map(|scenario| measure(scenario, vectors).with_context(|| scenario.to_string()))
    .collect()
}

/// Measures one scenario.
fn measure(scenario: Scenario, vectors: u32) -> anyhow::Result<Figures> {
    let mut tables = Tables::new(1);
    let (left, right) = wire(&mut tables, scenario)?;
    tables.publish();
    let mut graph = Graph::new(&tables.handle(), 0);
    let mut pool = BufferPool::new(4 * VECTOR);
    let now = Duration::from_mins(1);
    let macs = if matches!(scenario, Scenario::OneMac) {
        1
    } else {
        1000
    };

    // Both sides' addresses are learned before anything is measured.
    for number in 0..macs {
        let back = frame(
            mac(right, number),
            mac(left, number),
            tag_on_right(scenario),
        );
        round(&mut graph, &mut pool, right, &[back], now)?;
    }
    let templates: Vec<_> = (0..macs)
        .map(|n| {
            frame(
                mac(left, n),
                mac(right, n * 7 % macs),
                tag_on_left(scenario),
            )
        })
        .collect();
    let mut samples: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
    let mut transmits = Vec::new();
    let warm_up = vectors / 10;
    let mut before = tables.runtime();
    for turn in 0..warm_up + vectors {
        let first = turn as usize * VECTOR;
        let vector: Vec<_> = (first..first + VECTOR)
            .map(|n| templates[n % templates.len()].as_slice())
            .collect();
        let (count, clocks) = round(&mut graph, &mut pool, left, &vector, now)?;
        ensure!(count == VECTOR, "{count} of {VECTOR} packets came out");
        let after = tables.runtime();
        if turn >= warm_up {
            transmits.push(clocks as f64 / VECTOR as f64);
            // The input node belongs to the port, as does what stands for it here.
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
    let nodes = samples
        .into_iter()
        .map(|(node, own)| (node.name(), median(own)))
        .collect();
    Ok(Figures {
        scenario,
        nodes,
        transmit: median(transmits),
    })
}

/// Two ports in a bridge domain, or one and a sub-interface.
fn wire(tables: &mut Tables, scenario: Scenario) -> anyhow::Result<(SwIfIndex, SwIfIndex)> {
    let bd = BdId(1);
    tables.add_bridge_domain(bd, BdFlags::DEFAULT, 0)?;
    let tagged = match scenario {
        Scenario::OneMac | Scenario::ManyMacs => None,
        Scenario::Pop => Some(0),
        Scenario::Push => Some(1),
    };
    let mut ports = [SwIfIndex::NONE; 2];
    for (at, slot) in ports.iter_mut().enumerate() {
        let port = tables.add_port("pg", DeviceClass::PacketGenerator, MacAddr::default(), 9000);
        *slot = port;
        tables.set_admin_up(port, true)?;
        tables.set_link_up(port, true)?;
        let mut member = port;
        if tagged == Some(at) {
            let matched = SubInterfaceMatch::OneTag {
                outer: OuterTag::Dot1q,
                vlan: 100,
                exact: true,
            };
            member = tables.add_sub_interface(port, "pg.100", matched, 9000)?;
            tables.set_admin_up(member, true)?;
        }
        tables.set_l2_bridge(member, bd, PortType::Normal, 0)?;
        if member != port {
            tables.set_tag_rewrite(member, TagRewrite::Pop1)?;
        }
    }
    Ok((ports[0], ports[1]))
}

fn tag_on_left(scenario: Scenario) -> bool {
    matches!(scenario, Scenario::Pop)
}

fn tag_on_right(scenario: Scenario) -> bool {
    matches!(scenario, Scenario::Push)
}

/// An address behind a port.
fn mac(port: SwIfIndex, number: usize) -> MacAddr {
    let [.., high, low] = number.to_be_bytes();
    let [.., port] = port.0.to_be_bytes();
    MacAddr([0x02, 0xfe, port, 0, high, low])
}

/// A frame of 64 bytes.
fn frame(source: MacAddr, destination: MacAddr, tagged: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&destination.0);
    bytes.extend_from_slice(&source.0);
    if tagged {
        bytes.extend_from_slice(&[0x81, 0x00, 0, 100]);
    }
    bytes.extend_from_slice(&[0x08, 0x00]);
    bytes.resize(64, 0);
    bytes
}

/// Sends a vector through the graph; returns how many packets came out, and the clocks that their
/// transmit took.
fn round(
    graph: &mut Graph,
    pool: &mut BufferPool,
    port: SwIfIndex,
    frames: &[impl AsRef<[u8]>],
    now: Duration,
) -> anyhow::Result<(usize, u64)> {
    let packets: Vec<BufferIndex> = frames
        .iter()
        .map(|bytes| pool.alloc_from(bytes.as_ref()).context("out of buffers"))
        .collect::<anyhow::Result<_>>()?;
    graph.input(pool, port, &packets, now);
    graph.run(pool, now);
    let mut count = 0;
    let start = clocks();
    graph.drain_tx(|_, sent| {
        count += sent.len();
        pool.free_many(sent);
    });
    Ok((count, clocks() - start))
}

/// The time stamp counter, which the graph's own figures are in.
fn clocks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "the only way to read the time stamp counter")]
    // SAFETY: every x86-64 has the instruction.
    let ticks = unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    let ticks = 0;
    ticks
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneMac => "unicast, one address a side",
            Self::ManyMacs => "unicast, 1,000 addresses a side",
            Self::Pop => "unicast, 1,000 addresses, tag popped",
            Self::Push => "unicast, 1,000 addresses, tag pushed",
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for (node, clocks) in &self.nodes {
            writeln!(f, "  {node:<20}{clocks:>8.1}")?;
        }
        writeln!(f, "  {:<20}{:>8.1}", "tx (free)", self.transmit)?;
        let vpp = self.scenario.vpp_clocks();
        let ratio = self.total() / vpp;
        write!(
            f,
            "  {:<20}{:>8.1}   {ratio:.2} × VPP's {vpp}",
            "clocks/packet",
            self.total()
        )
    }
}
