//! Software segmentation: what a network card would do with a super-packet.
//!
//! Each segment gets the headers of the super-packet with lengths, IPv4 identification and
//! checksum, TCP sequence number and flags, and transport checksum of its own. Works for TCP over
//! IPv4 and IPv6 and for UDP (one datagram a segment), behind up to two VLAN tags.

#[cfg(test)]
mod tests;

use crate::{
    checksum::{Sum, internet_checksum},
    header::{EtherType, IpProtocol, Ipv4View, Ipv6View, TcpView, UdpView, vlan_tags},
    meta::Flags,
    offload::GsoType,
    pool::{BufferIndex, BufferPool, HEADROOM},
};

/// Most header bytes: Ethernet, two tags, IPv6 with extensions or IPv4 with options, TCP with
/// options.
const HEADERS_MAX: usize = 256;

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

/// Where the headers of a super-packet start and end.
struct Layout {
    /// First byte of the IP header.
    ip: usize,
    is_ipv4: bool,
    /// First byte of the transport header.
    transport: usize,
    /// First byte of payload.
    payload: usize,
}

/// Cuts `packet` into segments of its `gso_size`, appends them to `out` in order and frees it.
///
/// Metadata other than the offload goes with every segment; checksums are complete.
pub fn segment(
    pool: &mut BufferPool,
    packet: BufferIndex,
    out: &mut Vec<BufferIndex>,
) -> Result<usize, SegmentError> {
    let offload = pool.offload(packet);
    let size = usize::from(offload.gso_size);
    if offload.gso_type == GsoType::None || size == 0 {
        return Err(SegmentError::NotMarked);
    }
    let mut headers = [0; HEADERS_MAX];
    let copied = pool.copy_to(packet, &mut headers);
    let Some(layout) = Layout::parse(&headers[..copied], offload.gso_type) else {
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
        layout.finish(space, offload.gso_type, place);
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
    }
    pool.free(packet);
    Ok(count)
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
    fn parse(headers: &[u8], gso_type: GsoType) -> Option<Self> {
        let (ethertype, ip_packet) = vlan_tags(headers, |_| ())?;
        let ip = headers.len() - ip_packet.len();
        let (is_ipv4, protocol, upper) = match ethertype {
            EtherType::IPV4 => {
                let view = Ipv4View::parse(ip_packet)?;
                (true, view.protocol(), view.payload())
            }
            EtherType::IPV6 => {
                let (protocol, upper) = Ipv6View::parse(ip_packet)?.upper_layer()?;
                (false, protocol, upper)
            }
            _ => return None,
        };
        let transport = headers.len() - upper.len();
        let header_len = match (gso_type, protocol, is_ipv4) {
            (GsoType::TcpV4 | GsoType::TcpV4Ecn, IpProtocol::TCP, true)
            | (GsoType::TcpV6 | GsoType::TcpV6Ecn, IpProtocol::TCP, false) => {
                TcpView::parse(upper)?.header_len()
            }
            (GsoType::UdpL4, IpProtocol::UDP, _) => {
                UdpView::parse(upper)?;
                UdpView::LEN
            }
            _ => return None,
        };
        Some(Self {
            ip,
            is_ipv4,
            transport,
            payload: transport + header_len,
        })
    }

    /// Gives a segment, which starts with the super-packet's headers, headers of its own.
    fn finish(&self, segment: &mut [u8], gso_type: GsoType, place: Place) {
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
        let field = if gso_type == GsoType::UdpL4 {
            put(
                segment,
                self.transport + 4,
                (segment.len() - self.transport) as u16,
            );
            self.transport + 6
        } else {
            self.finish_tcp(segment, gso_type, place);
            self.transport + 16
        };
        put(segment, field, 0);
        let protocol = if gso_type == GsoType::UdpL4 {
            IpProtocol::UDP
        } else {
            IpProtocol::TCP
        };
        let mut sum = Sum::default();
        let addresses = if self.is_ipv4 {
            self.ip + 12..self.ip + 20
        } else {
            self.ip + 8..self.ip + 40
        };
        sum.add(&segment[addresses]);
        sum.add_u16(u16::from(protocol.0));
        sum.add_u16((segment.len() - self.transport) as u16);
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

/// Writes a number in the order of the wire.
fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
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
