//! `ethernet-input`: reads type and tags, finds the interface that the frame belongs to, and sends it
//! to layer 2 (VPP `ethernet/node.c`).
//!
//! A port in layer-2 mode takes all of its frames that no sub-interface takes; one in layer-3 mode
//! only untagged and priority-tagged ones. Two tags are looked at, as in VPP's single-interface
//! path. Nothing is routed here: frames of layer-3 interfaces are dropped where VPP without
//! addresses would drop them.

use weft_packet::{
    BufferIndex, SwIfIndex,
    header::{ETHERNET_HEADER_LEN, EtherType, MacAddr, VLAN_TAG_LEN},
};

use super::AHEAD;
use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    tables::{InterfaceView, ViewMode},
    trace::Record,
    vlan::{OuterTag, Tags},
};

/// Bytes up to the type behind two tags.
const TWO_TAGS_LEN: usize = ETHERNET_HEADER_LEN + 2 * VLAN_TAG_LEN;

pub(crate) struct EthernetInput;

/// Where frames of one port and one set of tags go.
#[derive(Clone, Copy)]
struct Verdict {
    rx: SwIfIndex,
    /// Bytes of header, tags included.
    l2_len: u8,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
enum Outcome {
    Layer2,
    /// Of a layer-3 interface; what is inside decides under which name it is dropped.
    Layer3,
    Drop(Error),
}

/// The frame's header as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Header {
    tags: Option<Tags>,
    /// The type behind the tags.
    ethertype: EtherType,
}

impl Node for EthernetInput {
    const ID: NodeId = NodeId::EthernetInput;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let mut port_index = SwIfIndex::NONE;
        let mut port = cx.interface(SwIfIndex::NONE);
        let mut untagged = Verdict::of_port(port, SwIfIndex::NONE);
        // The last tagged header and its verdict: a trunk's frames often come in runs.
        let mut last: Option<(Header, Verdict)> = None;
        let mut subs = SubCounts::default();

        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                cx.pool.prefetch(ahead);
            }
            if TRACE {
                cx.trace(Self::ID, packet, |pool| Record::ethernet(pool, packet));
            }
            let meta = cx.pool.meta(packet);
            let rx = meta.rx_sw_if_index;
            if rx != port_index {
                port_index = rx;
                port = cx.interface(rx);
                untagged = Verdict::of_port(port, rx);
                last = None;
            }
            if usize::from(meta.length()) < ETHERNET_HEADER_LEN {
                *next = cx.drop(packet, Error::EthernetTooShort);
                continue;
            }
            let head = cx.pool.head::<TWO_TAGS_LEN>(packet);
            let outer = EtherType(u16::from_be_bytes([head[12], head[13]]));
            if !outer.is_vlan() {
                if let Outcome::Layer2 = untagged.outcome {
                    cx.pool.meta_mut(packet).l2.l2_len = ETHERNET_HEADER_LEN as u8;
                    *next = NodeId::L2Input;
                } else {
                    *next = slow(cx, packet, port, untagged, outer);
                }
                continue;
            }
            let length = usize::from(meta.length());
            let Some(header) = Header::parse(head, outer, length) else {
                *next = cx.drop(packet, Error::EthernetTooShort);
                continue;
            };
            let verdict = match last {
                Some((known, verdict)) if known == header => verdict,
                _ => {
                    let verdict = Verdict::of_tagged(cx, port, rx, header);
                    last = Some((header, verdict));
                    verdict
                }
            };
            let bytes = u64::from(cx.pool.meta(packet).total_length());
            let meta = cx.pool.meta_mut(packet);
            meta.l2.l2_len = verdict.l2_len;
            if verdict.rx != rx {
                meta.rx_sw_if_index = verdict.rx;
                subs.add(cx, verdict.rx, bytes);
            }
            *next = match verdict.outcome {
                Outcome::Layer2 => NodeId::L2Input,
                _ => slow(cx, packet, port, verdict, header.ethertype),
            };
        }
        subs.flush(cx);
    }
}

/// All that is not layer 2: always a drop, the question is under which name.
#[cold]
fn slow(
    cx: &mut Context<'_>,
    packet: BufferIndex,
    port: &InterfaceView,
    verdict: Verdict,
    ethertype: EtherType,
) -> NodeId {
    let error = match verdict.outcome {
        Outcome::Drop(error) => error,
        // Unicast to others is filtered unless layer-2 users made the port promiscuous.
        _ if port.l2_count == 0 && !is_for(cx, packet, port.mac) => Error::EthernetL3MacMismatch,
        _ => match ethertype {
            EtherType::IPV4 => Error::Ip4NotEnabled,
            EtherType::IPV6 => Error::Ip6NotEnabled,
            EtherType::ARP => Error::ArpDisabled,
            _ => Error::EthernetUnknownType,
        },
    };
    cx.drop(packet, error)
}

fn is_for(cx: &Context<'_>, packet: BufferIndex, mac: MacAddr) -> bool {
    let destination = MacAddr(*cx.pool.head::<6>(packet));
    destination == mac || destination.is_group()
}

impl Header {
    /// Reads the tags of a frame of `length` bytes in its first buffer; `None` if it ends in one.
    #[inline]
    fn parse(head: &[u8; TWO_TAGS_LEN], outer: EtherType, length: usize) -> Option<Self> {
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        if length < ETHERNET_HEADER_LEN + VLAN_TAG_LEN {
            return None;
        }
        let kind = if outer == EtherType::DOT1AD {
            OuterTag::Dot1ad
        } else {
            OuterTag::Dot1q
        };
        let vlan = word(14) & 0x0fff;
        let behind = EtherType(word(16));
        if behind != EtherType::DOT1Q {
            let tags = Tags {
                outer: kind,
                vlan,
                inner: None,
            };
            return Some(Self {
                tags: Some(tags),
                ethertype: behind,
            });
        }
        if length < TWO_TAGS_LEN {
            return None;
        }
        let tags = Tags {
            outer: kind,
            vlan,
            inner: Some(word(18) & 0x0fff),
        };
        Some(Self {
            tags: Some(tags),
            ethertype: EtherType(word(20)),
        })
    }
}

impl Verdict {
    /// Of untagged frames.
    fn of_port(port: &InterfaceView, rx: SwIfIndex) -> Self {
        Self {
            rx,
            l2_len: ETHERNET_HEADER_LEN as u8,
            outcome: Outcome::of(port),
        }
    }

    #[inline(never)]
    fn of_tagged(cx: &Context<'_>, port: &InterfaceView, rx: SwIfIndex, header: Header) -> Self {
        let Some(tags) = header.tags else {
            return Self::of_port(port, rx);
        };
        let count = if tags.inner.is_some() { 2 } else { 1 };
        let l2_len = (ETHERNET_HEADER_LEN + count * VLAN_TAG_LEN) as u8;
        if !port.admin_up {
            // A port that is down hears nothing, for its sub-interfaces neither.
            return Self {
                rx,
                l2_len,
                outcome: Outcome::Drop(Error::EthernetDown),
            };
        }
        let is_priority_tag = tags.vlan == 0 && tags.inner.is_none();
        let sub = match &port.vlans {
            Some(vlans) if !is_priority_tag => vlans.classify(tags),
            _ => None,
        };
        if let Some(sub) = sub {
            let outcome = Outcome::of(cx.interface(sub));
            // A sub-interface that is down does not get the packet as its own.
            let rx = if matches!(outcome, Outcome::Drop(_)) {
                rx
            } else {
                sub
            };
            return Self {
                rx,
                l2_len,
                outcome,
            };
        }
        let outcome = match port.mode {
            ViewMode::L3 if !is_priority_tag => Outcome::Drop(Error::EthernetUnknownVlan),
            _ => Outcome::of(port),
        };
        Self {
            rx,
            l2_len,
            outcome,
        }
    }
}

impl Outcome {
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
#[derive(Default)]
struct SubCounts {
    sub: Option<SwIfIndex>,
    packets: u64,
    bytes: u64,
}

impl SubCounts {
    #[inline]
    fn add(&mut self, cx: &Context<'_>, sub: SwIfIndex, bytes: u64) {
        if self.sub != Some(sub) {
            self.flush(cx);
            self.sub = Some(sub);
        }
        self.packets += 1;
        self.bytes += bytes;
    }

    fn flush(&mut self, cx: &Context<'_>) {
        if let Some(sub) = self.sub.take()
            && let Some(counters) = cx.of_interface(cx.interface(sub))
        {
            counters.rx_packets.add(self.packets);
            counters.rx_bytes.add(self.bytes);
        }
        (self.packets, self.bytes) = (0, 0);
    }
}
