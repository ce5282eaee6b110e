//! What a node writes about a packet, and how it reads.

use std::fmt;

use weft_packet::{
    BufferIndex, BufferPool, SwIfIndex,
    header::{
        ArpView, EtherType, EthernetView, IcmpView, IpProtocol, Ipv4View, Ipv6View, MacAddr,
        TcpView, UdpView, vlan_tags,
    },
};

use super::{
    acl::{AclRecord, AclVerdict},
    ip::{Decap, Encap, IpRecord, IpStep, RewriteRecord},
};
use crate::{
    acl::{macip::MacIpVerdict, tuple::Family},
    error::Error,
    feature::{Bitmap, InputFeature},
    fib::Value,
    ip::{AdjIndex, Adjacency},
};

/// Bytes of a packet that are kept to be decoded.
const HEADERS_LEN: usize = 96;

/// The record of one node.
#[derive(Clone, Debug)]
pub struct Record(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// `tap-input` and its like: where the packet came in, and how long it is.
    Input { rx: SwIfIndex, length: u32 },
    /// `ethernet-input`: the headers.
    Ethernet { headers: Box<[u8]> },
    /// Layer-2 nodes with a line of addresses and something of their own.
    L2 {
        node: &'static str,
        sw_if_index: SwIfIndex,
        macs: Macs,
        tail: Tail,
    },
    /// Access lists.
    Acl(Box<AclRecord>),
    /// `l2-input-feat-arc`, `l2-output-feat-arc`.
    FeatArc {
        is_input: bool,
        bitmap: u32,
        ethertype: u16,
        sw_if_index: SwIfIndex,
    },
    /// `l2-input-acl`.
    MacIp {
        sw_if_index: SwIfIndex,
        list: Option<u32>,
        verdict: MacIpVerdict,
    },
    /// The nodes of IP and ARP.
    Ip(IpRecord),
    /// `ip4-rewrite`, `ip6-rewrite`.
    Rewrite(Box<RewriteRecord>),
    /// `ip4-udp-lookup`, `ip6-udp-lookup`.
    Udp { ports: (u16, u16), bound: bool },
    /// `vxlan4-input` and its like.
    Decap(Decap),
    /// `vxlan4-encap` and its like.
    Encap(Encap),
    /// `interface-output`.
    Output { port: SwIfIndex, headers: Box<[u8]> },
    /// `error-drop`.
    Drop { rx: SwIfIndex, error: Error },
}

/// The first bytes of a packet, or of what is behind its Ethernet header.
#[derive(Clone, Debug)]
pub(super) struct Headers(Box<[u8]>);

/// Destination and source.
#[derive(Clone, Copy, Debug)]
struct Macs {
    destination: MacAddr,
    source: MacAddr,
}

#[derive(Clone, Copy, Debug)]
enum Tail {
    Features(Bitmap),
    Domain(u16),
    Lookup { bd_index: u16, value: Value },
    Raw([u8; 12]),
}

impl Macs {
    fn of(pool: &BufferPool, packet: BufferIndex) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *pool.head::<12>(packet);
        Self {
            destination: MacAddr([a, b, c, d, e, f]),
            source: MacAddr([g, h, i, j, k, l]),
        }
    }
}

impl Headers {
    pub(super) fn of(pool: &BufferPool, packet: BufferIndex, skip: usize) -> Self {
        let all = headers(pool, packet);
        Self(all.get(skip..).unwrap_or_default().into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn headers(pool: &BufferPool, packet: BufferIndex) -> Box<[u8]> {
    let mut bytes = [0; HEADERS_LEN];
    let length = pool.copy_to(packet, &mut bytes);
    bytes[..length].into()
}

impl Record {
    pub(crate) fn input(pool: &BufferPool, packet: BufferIndex) -> Self {
        let meta = pool.meta(packet);
        Self(Kind::Input {
            rx: meta.rx_sw_if_index,
            length: meta.total_length(),
        })
    }

    pub(crate) fn ethernet(pool: &BufferPool, packet: BufferIndex) -> Self {
        Self(Kind::Ethernet {
            headers: headers(pool, packet),
        })
    }

    pub(crate) fn l2_input(pool: &BufferPool, packet: BufferIndex) -> Self {
        let meta = pool.meta(packet);
        let tail = Tail::Features(Bitmap(meta.l2.feature_bitmap));
        Self::l2("l2-input", meta.rx_sw_if_index, pool, packet, tail)
    }

    /// `l2-learn` and `l2-flood`.
    pub(crate) fn l2_domain(node: &'static str, pool: &BufferPool, packet: BufferIndex) -> Self {
        let meta = pool.meta(packet);
        Self::l2(
            node,
            meta.rx_sw_if_index,
            pool,
            packet,
            Tail::Domain(meta.l2.bd_index),
        )
    }

    pub(crate) fn l2_fwd(pool: &BufferPool, packet: BufferIndex, value: Value) -> Self {
        let meta = pool.meta(packet);
        let tail = Tail::Lookup {
            bd_index: meta.l2.bd_index,
            value,
        };
        Self::l2("l2-fwd", meta.rx_sw_if_index, pool, packet, tail)
    }

    /// `l2-input-vtr`, `l2-output`, `l2-efp-filter`: the bytes behind the addresses.
    pub(crate) fn l2_raw(
        node: &'static str,
        sw_if_index: SwIfIndex,
        pool: &BufferPool,
        packet: BufferIndex,
    ) -> Self {
        let mut raw = [0; 12];
        raw.copy_from_slice(&pool.head::<24>(packet)[12..]);
        Self::l2(node, sw_if_index, pool, packet, Tail::Raw(raw))
    }

    pub(crate) fn acl<A: Family>(
        (sw_if_index, is_input): (SwIfIndex, bool),
        context: Option<u32>,
        verdict: AclVerdict,
        pool: &BufferPool,
        packet: BufferIndex,
    ) -> Self {
        let l3 = usize::from(pool.meta(packet).l2.l2_len);
        let tuple = A::tuple(pool.data(packet), l3).unwrap_or_default();
        let place = (sw_if_index, is_input);
        let record = AclRecord::new(&tuple, place, context, verdict);
        Self(Kind::Acl(Box::new(record)))
    }

    pub(crate) fn l2_feat_arc(is_input: bool, pool: &BufferPool, packet: BufferIndex) -> Self {
        let meta = pool.meta(packet);
        let l2_len = usize::from(meta.l2.l2_len);
        let ethertype = pool.data(packet).get(l2_len.wrapping_sub(2)..l2_len);
        let ethertype = ethertype.and_then(<[u8]>::first_chunk).copied();
        Self(Kind::FeatArc {
            is_input,
            bitmap: meta.l2.feature_bitmap,
            ethertype: ethertype.map_or(0, u16::from_be_bytes),
            sw_if_index: if is_input {
                meta.rx_sw_if_index
            } else {
                meta.tx_sw_if_index
            },
        })
    }

    pub(crate) fn l2_input_acl(
        sw_if_index: SwIfIndex,
        list: Option<u32>,
        verdict: MacIpVerdict,
    ) -> Self {
        Self(Kind::MacIp {
            sw_if_index,
            list,
            verdict,
        })
    }

    pub(crate) fn output(port: SwIfIndex, pool: &BufferPool, packet: BufferIndex) -> Self {
        Self(Kind::Output {
            port,
            headers: headers(pool, packet),
        })
    }

    pub(crate) fn ip(step: IpStep, pool: &BufferPool, packet: BufferIndex) -> Self {
        Self(Kind::Ip(IpRecord::new(step, pool, packet)))
    }

    pub(crate) fn ip_rewrite(
        adjacency: &Adjacency,
        index: AdjIndex,
        pool: &BufferPool,
        packet: BufferIndex,
    ) -> Self {
        let record = RewriteRecord::new(adjacency, index, pool, packet);
        Self(Kind::Rewrite(Box::new(record)))
    }

    /// `ports` are source and destination.
    pub(crate) fn udp(ports: (u16, u16), bound: bool) -> Self {
        Self(Kind::Udp { ports, bound })
    }

    pub(crate) fn decap(record: Decap) -> Self {
        Self(Kind::Decap(record))
    }

    /// `tunnel` is its number and VNI.
    pub(crate) fn encap(is_gpe: bool, tunnel: Option<(u32, u32)>) -> Self {
        Self(Kind::Encap(Encap { is_gpe, tunnel }))
    }

    pub(crate) fn drop(pool: &BufferPool, packet: BufferIndex, error: Error) -> Self {
        Self(Kind::Drop {
            rx: pool.meta(packet).rx_sw_if_index,
            error,
        })
    }

    fn l2(
        node: &'static str,
        sw_if_index: SwIfIndex,
        pool: &BufferPool,
        packet: BufferIndex,
        tail: Tail,
    ) -> Self {
        Self(Kind::L2 {
            node,
            sw_if_index,
            macs: Macs::of(pool, packet),
            tail,
        })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Input { rx, length } => write!(f, "sw_if_index {rx} length {length}"),
            Kind::Ethernet { headers } => frame(f, headers),
            Kind::L2 {
                node,
                sw_if_index,
                macs,
                tail,
            } => {
                let Macs {
                    destination,
                    source,
                } = macs;
                let gap = if matches!(tail, Tail::Lookup { .. }) {
                    "   "
                } else {
                    " "
                };
                write!(f, "{node}:{gap}sw_if_index {sw_if_index}")?;
                write!(f, " dst {destination} src {source}")?;
                tail.fmt(f)
            }
            Kind::Acl(record) => record.fmt(f),
            Kind::FeatArc {
                is_input,
                bitmap,
                ethertype,
                sw_if_index,
            } => {
                let name = if *is_input { "IN" } else { "OUT" };
                write!(f, "{name}-FEAT-ARC: head 1 feature_bitmap {bitmap:x}")?;
                write!(
                    f,
                    " ethertype {ethertype:x} sw_if_index {sw_if_index}, next_index 1"
                )
            }
            Kind::MacIp {
                sw_if_index,
                list,
                verdict,
            } => {
                // A table is a list here, and an entry a rule.
                let (next, rule) = match verdict {
                    MacIpVerdict::Permit(rule) => (1, i64::from(*rule)),
                    MacIpVerdict::Deny(rule) => (0, i64::from(*rule)),
                    MacIpVerdict::Miss => (0, -1),
                };
                let list = list.map_or(-1, i64::from);
                write!(f, "INACL: sw_if_index {sw_if_index}, next_index {next}")?;
                write!(f, ", table {list}, offset {rule}")
            }
            Kind::Ip(record) => record.fmt(f),
            Kind::Rewrite(record) => record.fmt(f),
            Kind::Udp {
                ports: (source, destination),
                bound,
            } => {
                let listener = if *bound { "" } else { " (no listener)" };
                write!(f, "UDP: src-port {source} dst-port {destination}{listener}")
            }
            Kind::Decap(record) => record.fmt(f),
            Kind::Encap(record) => record.fmt(f),
            Kind::Output { port, headers } => {
                writeln!(f, "sw_if_index {port}")?;
                frame(f, headers)
            }
            Kind::Drop { rx, error } => {
                writeln!(f, "rx: sw_if_index {rx}")?;
                write!(f, "{}: {}", error.node(), error.description())
            }
        }
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Features(bitmap) => {
                f.write_str(" [")?;
                InputFeature::names(*bitmap).try_for_each(|name| write!(f, "{name} "))?;
                f.write_str("]")
            }
            Self::Domain(bd_index) => write!(f, " bd_index {bd_index}"),
            Self::Lookup { bd_index, value } => {
                let Value(raw) = value;
                write!(
                    f,
                    " bd_index {bd_index} result [0x{raw:x}, {}]",
                    value.sw_if_index()
                )?;
                if value.is_absent() {
                    return Ok(());
                }
                if value.is_learned() {
                    return f.write_str(" none");
                }
                value
                    .flags()
                    .names()
                    .try_for_each(|name| write!(f, " {name}"))
            }
            Self::Raw(raw) => {
                f.write_str(" data")?;
                raw.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
        }
    }
}

/// A frame in VPP's way: `IP4: source -> destination 802.1q vlan 100`, then what it carries.
fn frame(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let Some(ethernet) = EthernetView::parse(bytes) else {
        return write!(f, "{} bytes", bytes.len());
    };
    let mut tags = Vec::new();
    let payload = vlan_tags(bytes, |tag| tags.push(tag));
    let ethertype = payload.map_or(ethernet.ethertype(), |(ethertype, _)| ethertype);
    write!(
        f,
        "{ethertype}: {} -> {}",
        ethernet.source(),
        ethernet.destination()
    )?;
    for tag in tags {
        let kind = if tag.tpid == EtherType::DOT1AD {
            "802.1ad"
        } else {
            "802.1q"
        };
        write!(f, " {kind} vlan {}", tag.vlan_id())?;
        if tag.priority() > 0 {
            write!(f, " priority {}", tag.priority())?;
        }
    }
    let Some((_, packet)) = payload else {
        return Ok(());
    };
    match ethertype {
        EtherType::ARP => ArpView::parse(packet).map_or(Ok(()), |arp| {
            let (from, to) = (arp.sender_mac(), arp.target_mac());
            let (sender, target) = (arp.sender_ip(), arp.target_ip());
            write!(
                f,
                "\n{:?}: {from}/{sender} -> {to}/{target}",
                arp.operation()
            )
        }),
        EtherType::IPV4 => Ipv4View::parse(packet).map_or(Ok(()), |ip| {
            let (source, destination) = (ip.source(), ip.destination());
            write!(
                f,
                "\n{}: {source} -> {destination}, ttl {}",
                ip.protocol(),
                ip.ttl()
            )?;
            if ip.is_later_fragment() {
                Ok(())
            } else {
                upper(f, ip.protocol(), ip.payload())
            }
        }),
        EtherType::IPV6 => Ipv6View::parse(packet).map_or(Ok(()), |ip| {
            let (protocol, rest) = ip.upper_layer().unwrap_or((ip.next_header(), &[]));
            let (source, destination) = (ip.source(), ip.destination());
            write!(
                f,
                "\n{protocol}: {source} -> {destination}, hop limit {}",
                ip.hop_limit()
            )?;
            upper(f, protocol, rest)
        }),
        _ => Ok(()),
    }
}

/// Ports or ICMP type.
fn upper(f: &mut fmt::Formatter<'_>, protocol: IpProtocol, bytes: &[u8]) -> fmt::Result {
    let ports = match protocol {
        IpProtocol::TCP => {
            TcpView::parse(bytes).map(|tcp| (tcp.source_port(), tcp.destination_port()))
        }
        IpProtocol::UDP => {
            UdpView::parse(bytes).map(|udp| (udp.source_port(), udp.destination_port()))
        }
        _ => None,
    };
    if let Some((source, destination)) = ports {
        write!(f, ", port {source} -> {destination}")?;
    }
    if matches!(protocol, IpProtocol::ICMP | IpProtocol::ICMPV6)
        && let Some(icmp) = IcmpView::parse(bytes)
    {
        write!(f, ", type {} code {}", icmp.kind(), icmp.code())?;
    }
    Ok(())
}
