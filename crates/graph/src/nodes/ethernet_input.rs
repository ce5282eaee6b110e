//! `ethernet-input`: reads type and tags, finds the interface that the frame belongs to, and sends it
//! to layer 2, to ARP or, without its header, to IP (VPP `ethernet/node.c`).
//!
//! A port in layer-2 mode takes all of its frames that no sub-interface takes; one in layer-3 mode
//! only untagged and priority-tagged ones. Two tags are looked at, as in VPP's single-interface
//! path. Frames of layer-3 interfaces without addresses are dropped under the names of the nodes where
//! VPP drops them.

use weft_packet::{
    BufferIndex, Buffers, SwIfIndex,
    header::{ETHERNET_HEADER_LEN, EtherType, MacAddr, VLAN_TAG_LEN},
};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::{InterfaceView, Snapshot, ViewMode},
    trace::Record,
    vlan::{OuterTag, Tags},
};

/// Bytes up to the type behind two tags.
const TWO_TAGS_LEN: usize = ETHERNET_HEADER_LEN + 2 * VLAN_TAG_LEN;

/// Packets ahead of the current one whose lines are fetched; later nodes find them in the cache.
const AHEAD: usize = 8;

pub(crate) struct EthernetInput;

/// Where frames of one port and one set of tags go.
#[derive(Clone, Copy)]
struct Verdict {
    rx: SwIfIndex,
    /// Bytes of header, tags included.
    l2_len: u8,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Layer2,
    /// Of a layer-3 interface; what is inside decides under which name it is dropped.
    Layer3,
    Drop(Error),
}

/// The verdict on the last tagged frame and what of a frame's header it depends on: a trunk's frames
/// often come in runs.
#[derive(Clone, Copy)]
struct Cached {
    outer: EtherType,
    /// The eight bytes behind the outer type, those that matter.
    tags: u64,
    mask: u64,
    verdict: Verdict,
}

/// Of the bytes behind the outer type: a VLAN ID without priority, and the type behind it.
const ONE_TAG: u64 = u64::from_be_bytes([0x0f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/// The same for two tags.
const TWO_TAGS: u64 = ONE_TAG | ONE_TAG >> 32;

impl Node for EthernetInput {
    const ID: NodeId = NodeId::EthernetInput;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| Record::ethernet(pool, packet));
            }
        }
        let tables = cx.tables;
        let mut subs = SubCounts {
            tables,
            worker: cx.worker,
            sub: None,
            packets: 0,
            bytes: 0,
        };
        let mut buffers = cx.pool.buffers();
        let mut port_index = SwIfIndex::NONE;
        let mut port = tables.interface(port_index);
        let mut untagged = Outcome::of(port);
        let mut cached: Option<Cached> = None;

        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                buffers.prefetch(ahead);
            }
            let meta = buffers.meta(packet);
            let (rx, length) = (meta.rx_sw_if_index, usize::from(meta.length()));
            if rx != port_index {
                port_index = rx;
                port = tables.interface(rx);
                untagged = Outcome::of(port);
                cached = None;
            }
            let [.., high, low] = *buffers.head::<ETHERNET_HEADER_LEN>(packet);
            let outer = EtherType(u16::from_be_bytes([high, low]));
            if !outer.is_vlan() && untagged == Outcome::Layer2 && length >= ETHERNET_HEADER_LEN {
                buffers.meta_mut(packet).l2.l2_len = ETHERNET_HEADER_LEN as u8;
                *next = NodeId::L2Input;
                continue;
            }
            if !outer.is_vlan() || length < ETHERNET_HEADER_LEN + VLAN_TAG_LEN {
                *next = if untagged == Outcome::Layer3 && length >= ETHERNET_HEADER_LEN {
                    layer_3(&mut buffers, packet, port, port, ETHERNET_HEADER_LEN as u8)
                } else {
                    not_layer_2(&mut buffers, packet, port, untagged)
                };
                continue;
            }
            let [.., a, b, c, d, e, f, g, h] = *buffers.head::<TWO_TAGS_LEN>(packet);
            let tags = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            let verdict = match cached {
                Some(last) if last.outer == outer && last.tags == tags & last.mask => last.verdict,
                _ => {
                    let fresh = Cached::new(tables, port, rx, outer, tags);
                    cached = Some(fresh);
                    fresh.verdict
                }
            };
            let meta = buffers.meta_mut(packet);
            meta.l2.l2_len = verdict.l2_len;
            if verdict.rx != rx {
                meta.rx_sw_if_index = verdict.rx;
                let bytes = u64::from(meta.total_length());
                subs.add(verdict.rx, bytes);
            }
            *next = match verdict.outcome {
                _ if length < usize::from(verdict.l2_len) => {
                    not_layer_2(&mut buffers, packet, port, verdict.outcome)
                }
                Outcome::Layer2 => NodeId::L2Input,
                Outcome::Layer3 => {
                    let own = tables.interface(verdict.rx);
                    layer_3(&mut buffers, packet, port, own, verdict.l2_len)
                }
                Outcome::Drop(_) => not_layer_2(&mut buffers, packet, port, verdict.outcome),
            };
        }
        subs.flush();
    }
}

/// Packets of a layer-3 interface: for IP, where it has addresses, and for this station.
#[inline]
fn layer_3(
    buffers: &mut Buffers<'_>,
    packet: BufferIndex,
    port: &InterfaceView,
    own: &InterfaceView,
    l2_len: u8,
) -> NodeId {
    let head = buffers.head::<TWO_TAGS_LEN>(packet);
    let destination = MacAddr([head[0], head[1], head[2], head[3], head[4], head[5]]);
    let at = usize::from(l2_len).clamp(ETHERNET_HEADER_LEN, TWO_TAGS_LEN);
    let ethertype = EtherType(u16::from_be_bytes([head[at - 2], head[at - 1]]));
    let is_for_us = destination == port.mac || destination.is_group();
    let Some(ip) = own.ip.as_ref().filter(|_| is_for_us) else {
        return not_layer_2(buffers, packet, port, Outcome::Layer3);
    };
    buffers.meta_mut(packet).l2.l2_len = l2_len;
    let node = match ethertype {
        EtherType::IPV4 if !ip.ip4.is_empty() => NodeId::Ip4Input,
        EtherType::IPV6 if !ip.ip6.is_empty() => NodeId::Ip6Input,
        // Its node wants to see the frame's addresses.
        EtherType::ARP if !ip.ip4.is_empty() => return NodeId::ArpInput,
        _ => return not_layer_2(buffers, packet, port, Outcome::Layer3),
    };
    // Checked by the caller to be there.
    buffers.grow_front(packet, -i16::from(l2_len));
    node
}

/// All that is not for layer 2: always a drop, the question is under which name.
#[cold]
fn not_layer_2(
    buffers: &mut Buffers<'_>,
    packet: BufferIndex,
    port: &InterfaceView,
    outcome: Outcome,
) -> NodeId {
    let meta = buffers.meta(packet);
    let length = usize::from(meta.length());
    let head = *buffers.head::<TWO_TAGS_LEN>(packet);
    let word = |at: usize| EtherType(u16::from_be_bytes([head[at], head[at + 1]]));
    let outer = word(12);
    let (behind, header_len) = match (outer.is_vlan(), word(16)) {
        (false, _) => (outer, ETHERNET_HEADER_LEN),
        (true, EtherType::DOT1Q) => (word(20), TWO_TAGS_LEN),
        (true, behind) => (behind, ETHERNET_HEADER_LEN + VLAN_TAG_LEN),
    };
    let destination = MacAddr([head[0], head[1], head[2], head[3], head[4], head[5]]);
    let is_for_us = destination == port.mac || destination.is_group();
    let error = match outcome {
        _ if length < header_len => Error::EthernetTooShort,
        Outcome::Drop(error) => error,
        // Unicast to others is filtered unless layer-2 users made the port promiscuous.
        _ if port.l2_count == 0 && !is_for_us => Error::EthernetL3MacMismatch,
        _ => match behind {
            EtherType::IPV4 => Error::Ip4NotEnabled,
            EtherType::IPV6 => Error::Ip6NotEnabled,
            EtherType::ARP => Error::ArpDisabled,
            _ => Error::EthernetUnknownType,
        },
    };
    drop_for(buffers.meta_mut(packet), error)
}

impl Cached {
    /// Classifies a tagged frame of a port.
    #[inline(never)]
    fn new(
        tables: &Snapshot,
        port: &InterfaceView,
        rx: SwIfIndex,
        outer: EtherType,
        word: u64,
    ) -> Self {
        let [a, b, c, d, e, f, ..] = word.to_be_bytes();
        let has_two = EtherType(u16::from_be_bytes([c, d])) == EtherType::DOT1Q;
        let tags = Tags {
            outer: if outer == EtherType::DOT1AD {
                OuterTag::Dot1ad
            } else {
                OuterTag::Dot1q
            },
            vlan: u16::from_be_bytes([a, b]) & 0x0fff,
            inner: has_two.then(|| u16::from_be_bytes([e, f]) & 0x0fff),
        };
        let mask = if has_two { TWO_TAGS } else { ONE_TAG };
        let l2_len = if has_two {
            TWO_TAGS_LEN
        } else {
            ETHERNET_HEADER_LEN + VLAN_TAG_LEN
        };
        let (rx, outcome) = classify(tables, port, rx, tags);
        let verdict = Verdict {
            rx,
            l2_len: l2_len as u8,
            outcome,
        };
        Self {
            outer,
            tags: word & mask,
            mask,
            verdict,
        }
    }
}

/// The interface that tagged frames of a port belong to, and what becomes of them.
fn classify(
    tables: &Snapshot,
    port: &InterfaceView,
    rx: SwIfIndex,
    tags: Tags,
) -> (SwIfIndex, Outcome) {
    if !port.admin_up {
        // A port that is down hears nothing, for its sub-interfaces neither.
        return (rx, Outcome::Drop(Error::EthernetDown));
    }
    let is_priority_tag = tags.vlan == 0 && tags.inner.is_none();
    let sub = match &port.vlans {
        Some(vlans) if !is_priority_tag => vlans.classify(tags),
        _ => None,
    };
    match sub.map(|sub| (sub, Outcome::of(tables.interface(sub)))) {
        // A sub-interface that is down does not get the packet as its own.
        Some((_, outcome @ Outcome::Drop(_))) => (rx, outcome),
        Some(found) => found,
        None if port.mode == ViewMode::L3 && !is_priority_tag => {
            (rx, Outcome::Drop(Error::EthernetUnknownVlan))
        }
        None => (rx, Outcome::of(port)),
    }
}

impl Outcome {
    /// Of frames that belong to the interface.
    fn of(interface: &InterfaceView) -> Self {
        match interface.mode {
            ViewMode::Deleted => Self::Drop(Error::EthernetDown),
            _ if !interface.admin_up => Self::Drop(Error::EthernetDown),
            ViewMode::L3 => Self::Layer3,
            ViewMode::Bridge | ViewMode::Xconnect => Self::Layer2,
        }
    }
}

/// Packets of the sub-interface seen last, not counted yet.
struct SubCounts<'run> {
    tables: &'run Snapshot,
    worker: usize,
    sub: Option<SwIfIndex>,
    packets: u64,
    bytes: u64,
}

impl SubCounts<'_> {
    #[inline]
    fn add(&mut self, sub: SwIfIndex, bytes: u64) {
        if self.sub != Some(sub) {
            self.flush();
            self.sub = Some(sub);
        }
        self.packets += 1;
        self.bytes += bytes;
    }

    fn flush(&mut self) {
        if let Some(sub) = self.sub.take()
            && let Some(counters) = &self.tables.interface(sub).counters
            && let Some(counters) = counters.of(self.worker)
        {
            counters.rx_packets.add(self.packets);
            counters.rx_bytes.add(self.bytes);
        }
        (self.packets, self.bytes) = (0, 0);
    }
}
