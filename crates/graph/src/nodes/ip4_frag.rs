//! `ip4-frag`: packets too large for their interface (VPP `src/vnet/ip/ip_frag.c`; RFC 791 §3.2).
//!
//! Fragments go to `ip4-rewrite` again, whose adjacency they have from the packet. Those of what a tunnel
//! sends are numbered here, as its header leaves the identification at zero (RFC 6864 §4.1).

use weft_packet::{BufferIndex, BufferPool, Flags, checksum::Sum, header::Ipv4View};

use crate::{
    error::Error,
    frame::Pending,
    ip::AdjIndex,
    node::{Context, NodeId},
    trace::IpStep,
};

/// Most bytes of an IPv4 packet.
const PACKET_MAX: usize = 65_535;

pub(crate) fn process<const TRACE: bool>(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    identification: &mut u16,
    pending: &mut Pending,
) {
    if TRACE {
        cx.trace_ip(NodeId::Ip4Frag, IpStep::Forward, packets);
    }
    for &packet in packets {
        let index = AdjIndex(cx.pool.meta(packet).adjacency);
        let mtu = cx.tables.ip.adjacency(index).mtu as usize;
        let is_ours = cx.pool.meta(packet).flags.intersects(Flags::ENCAPSULATED);
        let number = is_ours.then(|| {
            *identification = identification.wrapping_add(1);
            *identification
        });
        let error = match fragment(cx.pool, packet, mtu, number) {
            Ok(fragments) => {
                cx.count(Error::Ip4FragSent, fragments.len());
                pending.extend(NodeId::Ip4Rewrite, &fragments);
                Error::Ip4FragDone
            }
            Err(error) => error,
        };
        let next = cx.drop(packet, error);
        pending.push(next, packet);
    }
}

/// The fragments of a packet, each of at most `mtu` bytes.
fn fragment(
    pool: &mut BufferPool,
    packet: BufferIndex,
    mtu: usize,
    number: Option<u16>,
) -> Result<Vec<BufferIndex>, Error> {
    // A checksum left to others would be theirs to complete over all fragments.
    weft_packet::complete_checksum(pool, packet).map_err(|_| Error::Ip4FragMalformed)?;
    let view = Ipv4View::parse(pool.data(packet)).ok_or(Error::Ip4FragMalformed)?;
    let (header_len, total) = (view.header_len(), usize::from(view.total_len()));
    let (offset, more) = (usize::from(view.fragment_offset()), view.more_fragments());
    let mut bytes = vec![0; pool.total_length(packet).min(PACKET_MAX)];
    pool.copy_to(packet, &mut bytes);
    let content = bytes
        .get(header_len..total)
        .ok_or(Error::Ip4FragMalformed)?;
    let header = bytes.get(..header_len).ok_or(Error::Ip4FragMalformed)?;
    // Offsets count in units of eight bytes.
    let size = mtu.saturating_sub(header_len) & !7;
    if size == 0 {
        return Err(Error::Ip4FragMalformed);
    }
    let mut fragments = Vec::new();
    let count = content.len().div_ceil(size);
    for (at, piece) in content.chunks(size).enumerate() {
        let mut fragment = [header, piece].concat();
        let is_last = at + 1 == count && !more;
        if let Some((field, number)) = fragment.get_mut(4..6).zip(number) {
            field.copy_from_slice(&number.to_be_bytes());
        }
        finish(&mut fragment, header_len, offset + at * size / 8, is_last);
        let Some(made) = pool.alloc_from(&fragment) else {
            pool.free_many(&fragments);
            return Err(Error::Ip4FragMemory);
        };
        let meta = *pool.meta(packet);
        let own = pool.meta_mut(made);
        own.rx_sw_if_index = meta.rx_sw_if_index;
        own.tx_sw_if_index = meta.tx_sw_if_index;
        own.adjacency = meta.adjacency;
        own.flags = meta.flags;
        own.trace = meta.trace;
        fragments.push(made);
    }
    Ok(fragments)
}

/// Gives a fragment its own length, offset and checksum.
fn finish(fragment: &mut [u8], header_len: usize, offset: usize, is_last: bool) {
    let length = fragment.len() as u16;
    let place = offset as u16 & 0x1fff | if is_last { 0 } else { 0x2000 };
    let header = &mut fragment[..header_len];
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[6..8].copy_from_slice(&place.to_be_bytes());
    header[10..12].fill(0);
    let mut sum = Sum::default();
    sum.add(header);
    header[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
}
