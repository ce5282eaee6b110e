//! `arp-input` and `arp-reply`: ARP on interfaces with IPv4 addresses (VPP `src/vnet/arp/arp.c`).
//!
//! Packets come with their Ethernet header, whose addresses `arp-reply` compares with the content's.
//! Answered is who is on a network of the interface; learned is who asks, and who answers.

use std::net::{IpAddr, Ipv4Addr};

use weft_packet::{
    BufferIndex, Flags,
    header::{ArpOperation, ArpView, ETHERNET_HEADER_LEN, EthernetView, MacAddr},
};

use crate::{
    error::Error,
    ip::{Adjacency, AdjacencyKind},
    node::{Context, Nexts, Node, NodeId},
    tables::{InterfaceIp, IpView},
    trace::IpStep,
};

pub(crate) struct ArpInput;

pub(crate) struct ArpReply;

/// What becomes of a packet.
enum Verdict {
    /// It goes back as a reply from the address asked for; the sender is learned.
    Reply,
    /// The sender is learned, and the packet ends.
    Learned,
}

impl Node for ArpInput {
    const ID: NodeId = NodeId::ArpInput;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Behind, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let l2_len = usize::from(cx.pool.meta(packet).l2.l2_len);
            let content = cx.pool.data(packet).get(l2_len..).unwrap_or_default();
            match (ArpView::parse(content), content) {
                (Some(arp), _) if arp.sender_ip().is_unspecified() => Err(Error::ArpInputUnset),
                (Some(_), _) => Ok(NodeId::ArpReply),
                (None, [0, 1, ..]) => Err(Error::ArpInputProtocol),
                (None, _) => Err(Error::ArpInputHardware),
            }
        });
    }
}

impl Node for ArpReply {
    const ID: NodeId = NodeId::ArpReply;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let mut replies = 0;
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Behind, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let (arp, verdict) = judge(cx, packet)?;
            let (mac, address) = arp.sender;
            cx.learn(packet, address.into(), mac);
            match verdict {
                Verdict::Reply => {
                    replies += 1;
                    Ok(reply(cx, packet, &arp))
                }
                Verdict::Learned => Err(Error::ArpReplyLearned),
            }
        });
        cx.count(Error::ArpReplySent, replies);
    }
}

/// What of a packet is needed when it is changed.
struct Arp {
    operation: ArpOperation,
    sender: (MacAddr, Ipv4Addr),
    target: Ipv4Addr,
}

fn judge(cx: &Context<'_>, packet: BufferIndex) -> Result<(Arp, Verdict), Error> {
    let meta = cx.pool.meta(packet);
    let rx = meta.rx_sw_if_index;
    let bytes = cx.pool.data(packet);
    let content = bytes.get(usize::from(meta.l2.l2_len)..).unwrap_or_default();
    let view = ArpView::parse(content).ok_or(Error::ArpInputHardware)?;
    let frame = EthernetView::parse(bytes).ok_or(Error::ArpInputHardware)?;
    let ip = cx.interface(rx).ip.as_deref();
    let arp = Arp {
        operation: view.operation(),
        sender: (view.sender_mac(), view.sender_ip()),
        target: view.target_ip(),
    };
    let lookup = |address: Ipv4Addr| -> &Adjacency {
        let fib: &IpView = &cx.tables.ip;
        fib.adjacency(fib.fib4.lookup(address.to_bits()))
    };
    let source = lookup(arp.sender.1);
    if source.kind == AdjacencyKind::Receive {
        return Err(Error::ArpReplySourceIsLocal);
    }
    let is_attached = |own: &InterfaceIp| own.is_connected(IpAddr::V4(arp.sender.1));
    if !ip.is_some_and(is_attached) {
        return Err(Error::ArpReplySourceNotLocal);
    }
    let target = lookup(arp.target);
    let is_here = target.sw_if_index == rx;
    match target.kind {
        // A neighbour that is known tells that it has another MAC address.
        AdjacencyKind::Rewrite | AdjacencyKind::Arp if is_here && arp.sender.1 == arp.target => {
            return Ok((arp, Verdict::Learned));
        }
        AdjacencyKind::Receive | AdjacencyKind::Glean => {}
        _ => return Err(Error::ArpReplyTargetNotLocal),
    }
    let is_local = target.kind == AdjacencyKind::Receive;
    let is_reply = arp.operation == ArpOperation::Reply;
    let is_vrrp = is_reply && arp.sender.0.is_vrrp4();
    if frame.source() != arp.sender.0 && !is_vrrp {
        return Err(Error::ArpReplyMismatch);
    }
    match (arp.operation, is_local) {
        (ArpOperation::Reply, true) => Ok((arp, Verdict::Learned)),
        (ArpOperation::Request, true) if !is_here => Err(Error::ArpReplyUnnumbered),
        (ArpOperation::Request, true) => Ok((arp, Verdict::Reply)),
        _ if arp.sender.1 == arp.target => Err(Error::ArpReplyGratuitous),
        _ => Err(Error::ArpReplyTargetNotLocal),
    }
}

/// Makes the request the reply to it.
fn reply(cx: &mut Context<'_>, packet: BufferIndex, arp: &Arp) -> NodeId {
    let rx = cx.pool.meta(packet).rx_sw_if_index;
    let mac = cx.interface(rx).mac;
    let content = ArpView::build(ArpOperation::Reply, (mac, arp.target), arp.sender);
    let l2_len = usize::from(cx.pool.meta(packet).l2.l2_len);
    let bytes = cx.pool.data_mut(packet);
    if let Some(place) = bytes.get_mut(l2_len..l2_len + ArpView::LEN) {
        place.copy_from_slice(&content);
    }
    send_back(bytes, mac);
    let meta = cx.pool.meta_mut(packet);
    meta.tx_sw_if_index = rx;
    meta.flags.insert(Flags::LOCALLY_ORIGINATED);
    NodeId::InterfaceOutput
}

/// Turns a frame back to its sender, from an address; `None` if there is no whole header.
pub(super) fn send_back(frame: &mut [u8], from: MacAddr) -> Option<()> {
    let header = frame.first_chunk_mut::<ETHERNET_HEADER_LEN>()?;
    header.copy_within(6..12, 0);
    header[6..12].copy_from_slice(&from.0);
    Some(())
}
