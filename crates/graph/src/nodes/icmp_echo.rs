//! `ip4-icmp-echo-request` and `ip6-icmp-echo-request` (VPP `src/plugins/ping`): the request goes back as the
//! reply to it.

use weft_packet::{
    BufferIndex, Flags,
    checksum::{Sum, update_checksum},
    header::{Ipv4View, Ipv6View},
};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    trace::IpStep,
};

/// `ip6-icmp-echo-request`, or with `IP6` false `ip4-icmp-echo-request`.
pub(crate) struct IcmpEchoRequest<const IP6: bool>;

/// Bytes of an echo message without data.
pub(super) const ECHO_LEN: usize = 8;
/// Type "echo reply" (RFC 792).
const ECHO_REPLY_4: u8 = 0;
/// Type "echo reply" (RFC 4443 §4.2).
const ECHO_REPLY_6: u8 = 129;
/// Time to live, or hop limit, of replies.
const TTL: u8 = 64;

impl<const IP6: bool> Node for IcmpEchoRequest<IP6> {
    const ID: NodeId = if IP6 {
        NodeId::Ip6IcmpEchoRequest
    } else {
        NodeId::Ip4IcmpEchoRequest
    };

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let (lookup, replies, too_small) = if IP6 {
            let (replies, too_small) = (Error::Icmp6EchoReplies, Error::Icmp6TooSmall);
            (NodeId::Ip6Lookup, replies, too_small)
        } else {
            let (replies, too_small) = (Error::Icmp4EchoReplies, Error::Icmp4TooSmall);
            (NodeId::Ip4Lookup, replies, too_small)
        };
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        let mut sent = 0;
        cx.decide(packets, nexts, |cx, packet| {
            let bytes = cx.pool.data_mut(packet);
            let answered = if IP6 { answer6(bytes) } else { answer4(bytes) };
            answered.ok_or(too_small)?;
            let meta = cx.pool.meta_mut(packet);
            meta.flags.insert(Flags::LOCALLY_ORIGINATED);
            sent += 1;
            Ok(lookup)
        });
        cx.count(replies, sent);
    }
}

/// Makes a request the reply to it; `None` if it is cut off.
fn answer4(bytes: &mut [u8]) -> Option<()> {
    let header_len = Ipv4View::parse(bytes)?.header_len();
    let (header, message) = bytes.split_at_mut_checked(header_len)?;
    set_type(message.first_chunk_mut()?, ECHO_REPLY_4);
    header.get_mut(12..20)?.rotate_left(4);
    header[8] = TTL;
    header[10..12].fill(0);
    let mut sum = Sum::default();
    sum.add(header);
    header[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
    Some(())
}

/// Makes a request the reply to it; `None` if it is cut off or to a group.
fn answer6(bytes: &mut [u8]) -> Option<()> {
    let view = Ipv6View::parse(bytes)?;
    if view.destination().is_multicast() {
        return None;
    }
    let (header, message) = bytes.split_first_chunk_mut::<{ Ipv6View::LEN }>()?;
    // The sum over the pseudo-header stays the same when its addresses change places.
    set_type(message.first_chunk_mut()?, ECHO_REPLY_6);
    header[8..40].rotate_left(16);
    header[7] = TTL;
    Some(())
}

/// Changes the type of a message, and its checksum with it.
fn set_type(message: &mut [u8; ECHO_LEN], kind: u8) {
    let old = u16::from_be_bytes([message[0], message[1]]);
    let checksum = u16::from_be_bytes([message[2], message[3]]);
    message[0] = kind;
    let new = u16::from_be_bytes([message[0], message[1]]);
    message[2..4].copy_from_slice(&update_checksum(checksum, old, new).to_be_bytes());
}
