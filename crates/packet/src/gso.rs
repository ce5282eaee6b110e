//! Software segmentation: what a network card would do with a super-packet.
//!
//! Each segment gets the headers of the super-packet with lengths, IPv4 identification and
//! checksum, TCP sequence number and flags, and transport checksum of its own. Works for TCP over
//! IPv4 and IPv6 and for UDP (one datagram a segment), behind up to two VLAN tags.

#[cfg(test)]
mod tests;

use crate::{
    checksum::internet_checksum,
    header::{IpProtocol, Ipv6View, TcpView},
    layout::{HEADERS_MAX, Layout, Start, put},
    meta::Flags,
    offload::GsoType,
    pool::{BufferIndex, BufferPool, HEADROOM},
};

/// Why a packet could not be segmented. It is unchanged and still the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SegmentError {
    /// It is not marked for segmentation, or with a segment size of 0.
    #[error("the packet is not marked for segmentation")]
    NotMarked,
    /// Its headers are not those that the mark says, or not within its first 256 bytes.
    #[error("the packet's headers do not match its segmentation type {0:?}")]
    Headers(GsoType),
    /// A segment would not fit into one buffer.
    #[error("segments of {0} bytes with headers are more than a buffer holds")]
    TooLarge(usize),
    /// The pool ran out of buffers; counted there.
    #[error("no buffers for {0} segments")]
    NoBuffers(usize),
}

/// Cuts `packet` into segments of its `gso_size`, appends them to `out` in order and frees it.
///
/// Metadata other than the offload goes with every segment; checksums are complete.
pub fn segment(
    pool: &mut BufferPool,
    packet: BufferIndex,
    out: &mut Vec<BufferIndex>,
) -> Result<usize, SegmentError> {
    cut(pool, packet, Start::Ethernet, Checksums::Complete, out)
}

/// As [`segment`], for a packet that has come to its destination and begins with its IP header.
///
/// What was left undone of its checksum, as it never was on a wire, or was found right, stays so with
/// every segment.
pub fn segment_received(
    pool: &mut BufferPool,
    packet: BufferIndex,
    out: &mut Vec<BufferIndex>,
) -> Result<usize, SegmentError> {
    let flags = pool.meta(packet).flags;
    let is_known = flags.intersects(Flags::NEEDS_CSUM) || flags.intersects(Flags::DATA_VALID);
    let checksums = if is_known {
        Checksums::Partial
    } else {
        Checksums::Complete
    };
    cut(pool, packet, Start::Ip, checksums, out)
}

/// What becomes of the transport checksum of segments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checksums {
    Complete,
    Partial,
}

fn cut(
    pool: &mut BufferPool,
    packet: BufferIndex,
    start: Start,
    checksums: Checksums,
    out: &mut Vec<BufferIndex>,
) -> Result<usize, SegmentError> {
    let offload = pool.offload(packet);
    let size = usize::from(offload.gso_size);
    if offload.gso_type == GsoType::None || size == 0 {
        return Err(SegmentError::NotMarked);
    }
    let mut headers = [0; HEADERS_MAX];
    let copied = pool.copy_to(packet, &mut headers);
    let layout = Layout::parse(&headers[..copied], start);
    let Some(layout) = layout.filter(|layout| is_of(layout, offload.gso_type)) else {
        return Err(SegmentError::Headers(offload.gso_type));
    };
    let headers = &headers[..layout.payload];
    let payload = pool.total_length(packet) - layout.payload;
    let count = payload.div_ceil(size).max(1);
    if layout.payload + size.min(payload) > crate::pool::DATA_SIZE {
        return Err(SegmentError::TooLarge(layout.payload + size));
    }

    let first = out.len();
    out.resize(first + count, BufferIndex::PLACEHOLDER);
    let granted = pool.alloc_many(&mut out[first..]);
    if granted < count {
        pool.free_many(&out[first..first + granted]);
        out.truncate(first);
        return Err(SegmentError::NoBuffers(count));
    }

    let mut reader = Reader::new(packet, layout.payload);
    for (index, &buffer) in out[first..].iter().enumerate() {
        let here = size.min(payload - index * size);
        let length = layout.payload + here;
        reader.read(pool, buffer, layout.payload, here);
        let space = &mut pool.space_mut(buffer)[..length];
        space[..headers.len()].copy_from_slice(headers);
        let place = Place {
            index,
            size,
            last: index + 1 == count,
        };
        layout.finish(space, offload.gso_type, checksums, place);
        let meta = *pool.meta(packet);
        let copy = pool.meta_mut(buffer);
        let refs = copy.refs;
        *copy = meta;
        copy.refs = refs;
        copy.offset = HEADROOM as u16;
        copy.length = length as u16;
        copy.total_length = length as u32;
        copy.next = crate::pool::NO_BUFFER;
        copy.gso_type = GsoType::None;
        copy.gso_size = 0;
        copy.payload_start = 0;
        copy.flags.remove(Flags::NEEDS_CSUM);
        if checksums == Checksums::Partial {
            copy.flags.insert(Flags::NEEDS_CSUM);
            copy.csum_start = (HEADROOM + layout.transport) as u16;
            copy.csum_offset = layout.checksum_offset() as u16;
        }
    }
    pool.free(packet);
    Ok(count)
}

/// Whether a packet's headers are those that its mark says.
fn is_of(layout: &Layout, gso_type: GsoType) -> bool {
    match (gso_type, layout.protocol) {
        (GsoType::TcpV4 | GsoType::TcpV4Ecn, IpProtocol::TCP) => layout.is_ipv4,
        (GsoType::TcpV6 | GsoType::TcpV6Ecn, IpProtocol::TCP) => !layout.is_ipv4,
        (GsoType::UdpL4, IpProtocol::UDP) => true,
        _ => false,
    }
}

/// Which of the segments one is.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    size: usize,
    last: bool,
}

/// Reads a chain piece by piece.
struct Reader {
    segment: Option<BufferIndex>,
    at: usize,
}

// ===== impl Layout =====

impl Layout {
    /// Gives a segment, which starts with the super-packet's headers, headers of its own.
    fn finish(&self, segment: &mut [u8], gso_type: GsoType, checksums: Checksums, place: Place) {
        let ip_len = segment.len() - self.ip;
        if self.is_ipv4 {
            let header = &mut segment[self.ip..self.transport];
            put(header, 2, ip_len as u16);
            let identification = u16::from_be_bytes([header[4], header[5]]);
            put(header, 4, identification.wrapping_add(place.index as u16));
            put(header, 10, 0);
            let checksum = internet_checksum(header);
            put(header, 10, checksum);
        } else {
            put(segment, self.ip + 4, (ip_len - Ipv6View::LEN) as u16);
        }
        let length = segment.len() - self.transport;
        if gso_type == GsoType::UdpL4 {
            put(segment, self.transport + 4, length as u16);
        } else {
            self.finish_tcp(segment, gso_type, place);
        }
        let field = self.transport + self.checksum_offset();
        let mut sum = self.pseudo_header(segment, length);
        if checksums == Checksums::Partial {
            put(segment, field, sum.folded());
            return;
        }
        put(segment, field, 0);
        sum.add(&segment[self.transport..]);
        let checksum = match sum.checksum() {
            0 => 0xffff,
            value => value,
        };
        put(segment, field, checksum);
    }

    /// Sequence number on from the first segment's; FIN and PSH only in the last segment; CWR only
    /// in the first (RFC 3168 §6.1.2).
    fn finish_tcp(&self, segment: &mut [u8], gso_type: GsoType, place: Place) {
        let header = &mut segment[self.transport..self.payload];
        let sequence = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let sequence = sequence.wrapping_add((place.index * place.size) as u32);
        header[4..8].copy_from_slice(&sequence.to_be_bytes());
        if !place.last {
            header[13] &= !(TcpView::FIN | TcpView::PSH);
        }
        let has_ecn = matches!(gso_type, GsoType::TcpV4Ecn | GsoType::TcpV6Ecn);
        if has_ecn && place.index > 0 {
            header[13] &= !TcpView::CWR;
        }
    }
}

// ===== impl Reader =====

impl Reader {
    fn new(packet: BufferIndex, skip: usize) -> Self {
        Self {
            segment: Some(packet),
            at: skip,
        }
    }

    /// Copies the next `length` bytes to the space of `to`, from `at` on.
    fn read(&mut self, pool: &mut BufferPool, to: BufferIndex, at: usize, length: usize) {
        let mut done = 0;
        while done < length {
            let Some(from) = self.segment else { return };
            let have = pool.data(from).len();
            if self.at >= have {
                self.at -= have;
                self.segment = pool.next(from);
                continue;
            }
            let here = (have - self.at).min(length - done);
            let start = usize::from(pool.meta(from).offset);
            pool.copy_bytes(from, start + self.at, to, HEADROOM + at + done, here);
            self.at += here;
            done += here;
        }
    }
}
