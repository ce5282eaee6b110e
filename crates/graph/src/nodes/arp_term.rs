//! `arp-term-l2bd`: ARP requests and neighbor solicitations answered from the bridge domain's table (VPP
//! `src/vnet/l2/l2_arp_term.c`), so that they need not be flooded to all hosts.
//!
//! Only what local members ask is answered: what comes from a split-horizon group is for the host from where
//! it was sent. What the table does not know is flooded.

use std::{collections::HashMap, net::IpAddr};

use weft_packet::{
    BufferIndex,
    checksum::Sum,
    header::{
        ArpOperation, ArpView, EtherType, IpProtocol, Ipv6View, MacAddr, NeighborMessage,
        NeighborView,
    },
};

use super::arp::send_back;
use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    node::{Context, Nexts, Node, NodeId},
    tables::BdIndex,
    trace::IpStep,
};

pub(crate) struct ArpTermL2bd;

/// What becomes of a packet.
enum Verdict {
    /// It goes back, made an ARP reply.
    Replied,
    /// It goes back, made a neighbor advertisement.
    Advertised,
    /// The next feature has it.
    Passed,
}

/// What a bridge domain knows.
type Neighbours = HashMap<IpAddr, MacAddr>;

impl Node for ArpTermL2bd {
    const ID: NodeId = NodeId::ArpTermL2bd;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let (mut replies, mut advertisements) = (0, 0);
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Behind, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let meta = *cx.pool.meta(packet);
            let l2_len = usize::from(meta.l2.l2_len);
            let domain = cx.tables.bridge_domain(BdIndex(meta.l2.bd_index));
            let verdict = if meta.l2.shg == 0 {
                terminate(cx.pool.data_mut(packet), l2_len, &domain.neighbours)?
            } else {
                Verdict::Passed
            };
            let meta = cx.pool.meta_mut(packet);
            match verdict {
                Verdict::Replied => replies += 1,
                Verdict::Advertised => advertisements += 1,
                Verdict::Passed => {
                    let left = Bitmap(meta.l2.feature_bitmap);
                    let left = left.without(InputFeature::ArpTerm.bit());
                    meta.l2.feature_bitmap = left.0;
                    return Ok(left.next_node());
                }
            }
            meta.tx_sw_if_index = meta.rx_sw_if_index;
            Ok(NodeId::L2Output)
        });
        cx.count(Error::ArpTermReplies, replies);
        // Counted there in VPP, too.
        cx.count(Error::Icmp6AdvertisementsSent, advertisements);
    }
}

fn terminate(frame: &mut [u8], l2_len: usize, known: &Neighbours) -> Result<Verdict, Error> {
    let Some((link, content)) = frame.split_at_mut_checked(l2_len) else {
        return Ok(Verdict::Passed);
    };
    let ethertype = link.last_chunk::<2>().copied().map(u16::from_be_bytes);
    match ethertype.map(EtherType) {
        Some(EtherType::ARP) => arp(link, content, known),
        Some(EtherType::IPV6) => {
            let answered = neighbour_discovery(link, content, known);
            Ok(answered.map_or(Verdict::Passed, |()| Verdict::Advertised))
        }
        _ => Ok(Verdict::Passed),
    }
}

fn arp(link: &mut [u8], content: &mut [u8], known: &Neighbours) -> Result<Verdict, Error> {
    let is_asked = |content: &[u8]| matches!(content, [_, _, _, _, _, _, 0, 1 | 2, ..]);
    if content.len() < ArpView::LEN || !is_asked(content) {
        return Ok(Verdict::Passed);
    }
    let Some(view) = ArpView::parse(content) else {
        return Err(match content {
            [0, 1, ..] => Error::ArpTermProtocol,
            _ => Error::ArpTermHardware,
        });
    };
    let (mac, sender, target) = (view.sender_mac(), view.sender_ip(), view.target_ip());
    let is_frames_own = link.get(6..12) == Some(&mac.0);
    let error = if (!is_frames_own || mac.is_group()) && !mac.is_vrrp4() {
        Some(Error::ArpTermMismatch)
    } else if sender.is_multicast() {
        Some(Error::ArpTermSourceNotLocal)
    } else {
        None
    };
    if let Some(error) = error {
        let is_gratuitous = sender.is_unspecified() || sender == target;
        return Err(if is_gratuitous {
            Error::ArpTermGratuitous
        } else {
            error
        });
    }
    let Some(&answer) = known.get(&IpAddr::V4(target)).filter(|_| sender != target) else {
        return Ok(Verdict::Passed);
    };
    let reply = ArpView::build(ArpOperation::Reply, (answer, target), (mac, sender));
    if let Some(place) = content.first_chunk_mut() {
        *place = reply;
    }
    send_back(link, answer);
    Ok(Verdict::Replied)
}

/// Makes a solicitation the advertisement that answers it; `None` if it is none, or not known here.
fn neighbour_discovery(link: &mut [u8], content: &mut [u8], known: &Neighbours) -> Option<()> {
    let view = Ipv6View::parse(content)?;
    let length = usize::from(view.payload_len());
    let message = NeighborView::parse(view.payload().get(..length)?)?;
    let (source, target) = (view.source(), message.target());
    let is_question = view.next_header() == IpProtocol::ICMPV6
        && message.message() == NeighborMessage::Solicitation
        && !source.is_unspecified();
    // Who asks tells its address, which makes room for the answer's.
    message.link_layer_address().filter(|_| is_question)?;
    let answer = *known.get(&IpAddr::V6(target))?;
    let advertisement = NeighborView::build(NeighborMessage::Advertisement, target, answer);
    let (header, message) = content.split_first_chunk_mut::<{ Ipv6View::LEN }>()?;
    let message = message.get_mut(..length)?;
    message
        .first_chunk_mut::<{ NeighborView::LEN }>()
        .map(|place| *place = advertisement)?;
    header[7] = 255;
    header[8..24].copy_from_slice(&target.octets());
    header[24..40].copy_from_slice(&source.octets());
    let mut sum = Sum::default();
    sum.add_pseudo_header(&header[8..40], IpProtocol::ICMPV6, length as u32);
    sum.add(message);
    message
        .get_mut(2..4)?
        .copy_from_slice(&sum.checksum().to_be_bytes());
    send_back(link, answer);
    Some(())
}
