//! Access lists: what they add to a packet's clocks, for flows that are established, for packets that
//! each look at the rules, and for flows that begin.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr, time::Duration};

use anyhow::{Context, ensure};
use weft_graph::{
    AclAction, AclDirection, AclPrefixes, AclRule, BdFlags, BdId, DeviceClass, Graph, Ipv4Prefix,
    MacIpRule, NodeId, PortRange, PortType, SessionTimeout, SwIfIndex, Tables,
};
use weft_packet::{BufferPool, header::MacAddr};

use super::{VECTOR, mac, round};
use crate::report::median;

/// Flows that packets belong to in turn.
const FLOWS: usize = 1000;

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Case {
    /// Packets of established flows.
    Established,
    /// Packets that so many rules do not match and one more permits, without sessions.
    Rules(u16),
    /// Each packet begins a flow, and as many end.
    Beginning,
    /// A MACIP list of four rules.
    MacIp,
}

/// Clocks per packet of the nodes that only lists need.
#[derive(Debug)]
pub(crate) struct Figures {
    case: Case,
    nodes: Vec<(&'static str, f64)>,
}

impl Case {
    /// What VPP 26.06 takes in the same nodes, measured with its packet generator on such a machine.
    /// Those of access lists are `l2-input-feat-arc`, `acl-plugin-in-ip4-l2` (28, 36, 43, 56, 1,100)
    /// and the second node of the arc.
    const fn vpp_clocks(self) -> f64 {
        match self {
            Self::Established => 39.0,
            Self::Rules(0) => 48.0,
            Self::Rules(100) => 54.0,
            Self::Rules(_) => 66.0,
            Self::Beginning => 1110.0,
            Self::MacIp => 67.0,
        }
    }
}

/// Measures all cases over so many vectors each.
pub(crate) fn run(vectors: u32) -> anyhow::Result<Vec<Figures>> {
    [
        Case::Established,
        Case::Rules(0),
        Case::Rules(100),
        Case::Rules(10_000),
        Case::Beginning,
        Case::MacIp,
    ]
    .into_iter()
    .map(|case| measure(case, vectors).with_context(|| case.to_string()))
    .collect()
}

fn measure(case: Case, vectors: u32) -> anyhow::Result<Figures> {
    let mut tables = Tables::new(1);
    let [left, right] = wire(&mut tables)?;
    filter(&mut tables, case, left)?;
    tables.publish();
    let mut graph = Graph::new(&tables.handle(), 0);
    let mut pool = BufferPool::new(4 * VECTOR);
    let mut now = Duration::from_mins(1);
    // Both sides are learned first.
    round(&mut graph, &mut pool, right, &[udp(right, left, 0)], now)?;
    let mut samples: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
    let warm_up = vectors / 10;
    let mut before = tables.runtime();
    for turn in 0..warm_up + vectors {
        let first = turn as usize * VECTOR;
        let flow = |n: usize| match case {
            Case::Beginning => n,
            _ => n % FLOWS,
        };
        let vector: Vec<_> = (first..first + VECTOR)
            .map(|n| udp(left, right, flow(n)))
            .collect();
        now += Duration::from_millis(5);
        let (count, _) = round(&mut graph, &mut pool, left, &vector, now)?;
        ensure!(count == VECTOR, "{count} of {VECTOR} packets came out");
        let after = tables.runtime();
        if turn >= warm_up {
            for own in after.iter().filter(|own| is_of_lists(own.node)) {
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
    Ok(Figures { case, nodes })
}

fn is_of_lists(node: NodeId) -> bool {
    matches!(
        node,
        NodeId::L2InputFeatArc | NodeId::AclInIp4 | NodeId::L2InputAcl
    )
}

/// Two ports in a bridge domain.
fn wire(tables: &mut Tables) -> anyhow::Result<[SwIfIndex; 2]> {
    tables.add_bridge_domain(BdId(1), BdFlags::DEFAULT, 0)?;
    let mut ports = [SwIfIndex::NONE; 2];
    for slot in &mut ports {
        let class = DeviceClass::PacketGenerator;
        let port = tables.add_port("pg", class, MacAddr::default(), 9000);
        tables.set_admin_up(port, true)?;
        tables.set_link_up(port, true)?;
        tables.set_l2_bridge(port, BdId(1), PortType::Normal, 0)?;
        *slot = port;
    }
    Ok(ports)
}

/// Gives a port its lists.
fn filter(tables: &mut Tables, case: Case, port: SwIfIndex) -> anyhow::Result<()> {
    let rules = match case {
        Case::MacIp => {
            let rule = |end| MacIpRule {
                permit: true,
                mac: mac(port, 0),
                mac_mask: MacAddr([0xff; 6]),
                address: Ipv4Addr::new(10, 0, 0, end).into(),
                prefix_len: if end == 1 { 8 } else { 32 },
            };
            let list = tables.set_macip(None, b"", [1, 2, 3, 4].map(rule).to_vec())?;
            tables.set_interface_macip(port, Some(list))?;
            return Ok(());
        }
        Case::Rules(count) => {
            // As the members of a remote group have them: one address, one protocol, some ports.
            let others = (0..count).map(|n| {
                let [high, low] = n.to_be_bytes();
                member(Ipv4Addr::new(10, 9, high, low), n % 8)
            });
            others.chain([any(AclAction::Permit)]).collect()
        }
        Case::Established | Case::Beginning => vec![any(AclAction::PermitReflect)],
    };
    if matches!(case, Case::Beginning) {
        // Short enough that as many flows end as begin.
        tables.set_session_timeout(SessionTimeout::UdpIdle, 1);
    }
    let list = tables.set_acl(None, b"", rules)?;
    tables.set_acl_list(port, AclDirection::Input, &[list])?;
    Ok(())
}

fn any(action: AclAction) -> AclRule {
    AclRule {
        action,
        prefixes: AclPrefixes::V4 {
            source: ANY,
            destination: ANY,
        },
        protocol: 0,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        tcp_flags_mask: 0,
        tcp_flags_value: 0,
    }
}

/// All addresses.
const ANY: Ipv4Prefix = Ipv4Prefix::ANY;

fn member(address: Ipv4Addr, port: u16) -> AclRule {
    let source = Ipv4Prefix::new(address, 32).unwrap_or(ANY);
    AclRule {
        prefixes: AclPrefixes::V4 {
            source,
            destination: ANY,
        },
        protocol: 17,
        destination_ports: PortRange::new(port, port + 100).unwrap_or(PortRange::ANY),
        ..any(AclAction::Deny)
    }
}

/// UDP in 64 bytes, of a flow told by its number.
fn udp(from: SwIfIndex, to: SwIfIndex, flow: usize) -> Vec<u8> {
    let [.., a, b, c] = flow.to_be_bytes();
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(mac(to, 0).0);
    bytes.extend(mac(from, 0).0);
    bytes.extend([0x08, 0x00, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0]);
    bytes.extend([10, 0, 1, a, 10, 0, 2, 1]);
    bytes.extend([b, c, 0, 53, 0, 30, 0, 0]);
    bytes.resize(64, 0);
    bytes
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Established => write!(f, "access list, {FLOWS} established flows"),
            Self::Rules(count) => write!(f, "access list, each packet past {count} rules"),
            Self::Beginning => f.write_str("access list, each packet begins a flow"),
            Self::MacIp => f.write_str("MACIP list"),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.case)?;
        for (node, clocks) in &self.nodes {
            write!(f, "\n  {node:<24}{clocks:>8.1}")?;
        }
        let total: f64 = self.nodes.iter().map(|(_, clocks)| clocks).sum();
        let vpp = self.case.vpp_clocks();
        let ratio = total / vpp;
        write!(
            f,
            "\n  {:<24}{total:>8.1}   {ratio:.2} × VPP's {vpp}",
            "together"
        )
    }
}
