//! `ip4-icmp-input` and `ip4-icmp-echo-request` (VPP `src/vnet/ip/icmp4.c`, `src/plugins/ping`): echo
//! requests are answered, all else is for nobody here.

use weft_packet::{
    BufferIndex, Flags,
    checksum::{Sum, update_checksum},
    header::{IcmpView, Ipv4View},
};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    trace::IpStep,
};

pub(crate) struct Ip4IcmpInput;

pub(crate) struct Ip4IcmpEchoRequest;

/// Type "echo request" (RFC 792).
const ECHO_REQUEST: u8 = 8;
/// Bytes of an echo message without data.
const ECHO_LEN: usize = 8;
/// Time to live of replies.
const TTL: u8 = 64;

impl Node for Ip4IcmpInput {
    const ID: NodeId = NodeId::Ip4IcmpInput;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let view = Ipv4View::parse(cx.pool.data(packet));
            let icmp = view.and_then(|view| IcmpView::parse(view.payload()));
            match icmp.map(|icmp| icmp.kind()) {
                Some(ECHO_REQUEST) => Ok(NodeId::Ip4IcmpEchoRequest),
                Some(_) => Err(Error::Icmp4UnknownType),
                None => Err(Error::Icmp4TooSmall),
            }
        });
    }
}

impl Node for Ip4IcmpEchoRequest {
    const ID: NodeId = NodeId::Ip4IcmpEchoRequest;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let mut sent = 0;
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            answer(cx.pool.data_mut(packet)).ok_or(Error::Icmp4TooSmall)?;
            let meta = cx.pool.meta_mut(packet);
            meta.flags.insert(Flags::LOCALLY_ORIGINATED);
            sent += 1;
            Ok(NodeId::Ip4Lookup)
        });
        cx.count(Error::Icmp4EchoReplies, sent);
    }
}

/// Makes a request the reply to it; `None` if it is cut off.
fn answer(bytes: &mut [u8]) -> Option<()> {
    let header_len = Ipv4View::parse(bytes)?.header_len();
    let (header, message) = bytes.split_at_mut_checked(header_len)?;
    let message = message.first_chunk_mut::<ECHO_LEN>()?;
    // Type and code change, from "request" to "reply".
    let old = u16::from_be_bytes([message[0], message[1]]);
    let checksum = u16::from_be_bytes([message[2], message[3]]);
    message[0] = 0;
    let new = u16::from_be_bytes([0, message[1]]);
    message[2..4].copy_from_slice(&update_checksum(checksum, old, new).to_be_bytes());

    let mut addresses = [0; 8];
    addresses.copy_from_slice(header.get(12..20)?);
    addresses.rotate_left(4);
    header.get_mut(12..20)?.copy_from_slice(&addresses);
    header[8] = TTL;
    header[10..12].fill(0);
    let mut sum = Sum::default();
    sum.add(header);
    header[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
    Some(())
}
