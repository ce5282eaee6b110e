//! How IP packets read in a trace, as VPP's `format_ip4_header` and `format_ip6_header` have it.

use std::fmt;

use weft_packet::{
    BufferIndex, BufferPool, SwIfIndex,
    header::{
        ArpOperation, ArpView, IcmpView, IpProtocol, Ipv4View, Ipv6View, UdpView, VxlanGpeView,
        VxlanView,
    },
};

use super::record::Headers;
use crate::{
    error::Error,
    ip::{AdjIndex, Adjacency},
    tables::Snapshot,
};

/// Which of the ways to read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IpStep {
    /// The packet.
    Input,
    /// What its destination leads to, and the packet.
    Lookup,
    /// What was decided of it before, and the packet.
    Forward,
    /// The packet behind its Ethernet header.
    Behind,
}

/// A packet on its way through IP.
#[derive(Clone, Debug)]
pub(super) struct IpRecord {
    step: IpStep,
    adjacency: u32,
    headers: Headers,
}

/// A packet with its next hop's header.
#[derive(Clone, Debug)]
pub(super) struct RewriteRecord {
    index: u32,
    adjacency: Adjacency,
    headers: Headers,
}

/// What was taken out of a tunnel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decap {
    is_gpe: bool,
    instance: Option<u32>,
    vni: u32,
    /// Number of the counter under which it ends, 0 if it does not.
    error: u8,
}

/// What was put into a tunnel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encap {
    pub(super) is_gpe: bool,
    pub(super) tunnel: Option<(u32, u32)>,
}

impl IpRecord {
    pub(super) fn new(step: IpStep, pool: &BufferPool, packet: BufferIndex) -> Self {
        let meta = pool.meta(packet);
        let skip = if matches!(step, IpStep::Behind) {
            usize::from(meta.l2.l2_len)
        } else {
            0
        };
        Self {
            step,
            adjacency: meta.adjacency,
            headers: Headers::of(pool, packet, skip),
        }
    }
}

impl RewriteRecord {
    pub(super) fn new(
        adjacency: &Adjacency,
        index: AdjIndex,
        pool: &BufferPool,
        packet: BufferIndex,
    ) -> Self {
        Self {
            index: index.0,
            adjacency: adjacency.clone(),
            headers: Headers::of(pool, packet, 0),
        }
    }
}

impl Decap {
    /// Of a packet that begins with its outer IP header.
    pub(crate) fn of(
        is_gpe: bool,
        found: Result<(SwIfIndex, usize), Error>,
        tables: &Snapshot,
        bytes: &[u8],
        is_ip6: bool,
    ) -> Self {
        let ip_len = match bytes.first() {
            Some(first) if !is_ip6 => usize::from(first & 0x0f) * 4,
            _ => Ipv6View::LEN,
        };
        let vxlan = bytes.get(ip_len + UdpView::LEN..).unwrap_or_default();
        let vni = if is_gpe {
            VxlanGpeView::parse(vxlan).map(|view| view.vni())
        } else {
            VxlanView::parse(vxlan).map(|view| view.vni())
        };
        let instance = found.ok().and_then(|(tunnel, _)| {
            let own = tables.interface(tunnel).tunnel.as_ref()?;
            Some(own.instance)
        });
        // Their places in `vxlan_error.def`.
        let error = match found {
            Ok(_) => 0,
            Err(
                Error::Vxlan4BadFlags
                | Error::Vxlan6BadFlags
                | Error::VxlanGpe4BadFlags
                | Error::VxlanGpe6BadFlags,
            ) => 2,
            Err(_) => 1,
        };
        Self {
            is_gpe,
            instance,
            vni: vni.map_or(0, weft_packet::header::Vni::get),
            error,
        }
    }
}

impl fmt::Display for IpRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adjacency = self.adjacency;
        match self.step {
            IpStep::Input | IpStep::Behind => {}
            IpStep::Lookup => writeln!(f, "fib 0 dpo-idx {adjacency} flow hash: 0x00000000")?,
            IpStep::Forward => writeln!(f, "  fib:0 adj:{adjacency} flow:0x00000000")?,
        }
        packet(f, self.headers.as_bytes())
    }
}

impl fmt::Display for RewriteRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index, adjacency, ..
        } = self;
        let (tx, next_hop) = (adjacency.sw_if_index, adjacency.next_hop);
        let family = if next_hop.is_ipv4() { "ipv4" } else { "ipv6" };
        write!(
            f,
            "tx_sw_if_index {tx} dpo-idx {index} : {family} via {next_hop} sw_if_index {tx}: mtu:{} ",
            adjacency.mtu
        )?;
        hex(f, adjacency.link.as_bytes())?;
        for (at, line) in self.headers.as_bytes().chunks(32).enumerate().take(4) {
            write!(f, "\n{:08x}: ", at * 32)?;
            hex(f, line)?;
        }
        Ok(())
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for Decap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vni, error, .. } = self;
        let next = u8::from(*error == 0);
        match (self.is_gpe, self.instance) {
            (false, None) => write!(f, "VXLAN decap error - tunnel for vni {vni} does not exist"),
            (false, Some(instance)) => write!(
                f,
                "VXLAN decap from vxlan_tunnel{instance} vni {vni} next {next} error {error}"
            ),
            (true, None) => write!(f, "VXLAN-GPE: no tunnel next {next} error {error}"),
            (true, Some(instance)) => {
                write!(f, "VXLAN-GPE: tunnel {instance} next {next} error {error}")
            }
        }
    }
}

impl fmt::Display for Encap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instance, vni) = self.tunnel.unwrap_or_default();
        if self.is_gpe {
            write!(f, "VXLAN-GPE-ENCAP: tunnel {instance}")
        } else {
            write!(f, "VXLAN encap to vxlan_tunnel{instance} vni {vni}")
        }
    }
}

/// An IP or ARP packet.
fn packet(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    if let Some(view) = Ipv4View::parse(bytes) {
        ip4(f, &view)
    } else if let Some(view) = Ipv6View::parse(bytes) {
        ip6(f, &view)
    } else if let Some(view) = ArpView::parse(bytes) {
        arp(f, view)
    } else {
        write!(f, "{} bytes", bytes.len())
    }
}

fn arp(f: &mut fmt::Formatter<'_>, view: ArpView<'_>) -> fmt::Result {
    match view.operation() {
        ArpOperation::Request => f.write_str("request")?,
        ArpOperation::Reply => f.write_str("reply")?,
        ArpOperation::Other(other) => write!(f, "0x{other:x}")?,
    }
    writeln!(f, ", type ethernet/IP4, address size 6/4")?;
    let (from, to) = (view.sender_mac(), view.target_mac());
    write!(
        f,
        "{from}/{} -> {to}/{}",
        view.sender_ip(),
        view.target_ip()
    )
}

fn ip4(f: &mut fmt::Formatter<'_>, view: &Ipv4View<'_>) -> fmt::Result {
    let (source, destination) = (view.source(), view.destination());
    writeln!(f, "{}: {source} -> {destination}", view.protocol())?;
    writeln!(
        f,
        "  tos 0x{:02x}, ttl {}, length {}, checksum 0x{:04x}",
        view.tos(),
        view.ttl(),
        view.total_len(),
        view.checksum()
    )?;
    write!(f, "  fragment id 0x{:04x}", view.identification())?;
    if view.is_fragment() {
        write!(f, " offset {}", u32::from(view.fragment_offset()) * 8)?;
    }
    if view.dont_fragment() {
        f.write_str(", flags DONT_FRAGMENT")?;
    }
    if view.more_fragments() {
        f.write_str(", flags MORE_FRAGMENTS")?;
    }
    if view.is_later_fragment() {
        return Ok(());
    }
    upper(f, view.protocol(), view.payload())
}

fn ip6(f: &mut fmt::Formatter<'_>, view: &Ipv6View<'_>) -> fmt::Result {
    let (source, destination) = (view.source(), view.destination());
    writeln!(f, "{}: {source} -> {destination}", view.next_header())?;
    write!(
        f,
        "  tos 0x{:02x}, flow label 0x{:x}, hop limit {}, payload length {}",
        view.traffic_class(),
        view.flow_label(),
        view.hop_limit(),
        view.payload_len()
    )?;
    upper(f, view.next_header(), view.payload())
}

fn upper(f: &mut fmt::Formatter<'_>, protocol: IpProtocol, bytes: &[u8]) -> fmt::Result {
    match protocol {
        IpProtocol::UDP => UdpView::parse(bytes).map_or(Ok(()), |udp| {
            let (source, destination) = (udp.source_port(), udp.destination_port());
            let (length, checksum) = (udp.length(), udp.checksum());
            write!(f, "\nUDP: {source} -> {destination}")?;
            write!(f, "\n  length {length}, checksum 0x{checksum:04x}")
        }),
        IpProtocol::ICMP | IpProtocol::ICMPV6 => IcmpView::parse(bytes).map_or(Ok(()), |icmp| {
            write!(f, "\nICMP type {} code {}", icmp.kind(), icmp.code())
        }),
        _ => Ok(()),
    }
}
