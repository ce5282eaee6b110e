//! Joining segments to super-packets: the reverse of [`crate::gso`], for ports whose receiver does not
//! want them cut, or has a card that cuts.
//!
//! Neighbours in a vector are joined, nothing waits for the next vector, and no packet overtakes another.
//! Payload is not copied: that of later segments is chained behind the first.
//!
//! TCP is joined by the rules of Linux (`tcp_gro_receive` in `net/ipv4/tcp_offload.c`, `inet_gro_receive`,
//! `ipv6_gro_receive`), but that windows must be equal, too, and that there are no options of IP: cutting
//! the super-packet gives the segments again, byte by byte. (Identifications that all are the same, in
//! packets that nobody may fragment, have no meaning and are counted up then; RFC 6864 §4.1.)
//!
//! Datagrams are joined if a tunnel of this switch made them. Their checksums are left to the receiver,
//! so that those over IPv4, of which the tunnel has none, get one.

#[cfg(test)]
mod tests;

use crate::{
    checksum::{complete_checksum, internet_checksum},
    header::{IpProtocol, Ipv4View, Ipv6View, TcpView},
    layout::{Layout, Start, put},
    meta::Flags,
    offload::{GsoType, Offload, PartialChecksum},
    pool::{BufferIndex, BufferPool},
};

/// Most segments in a super-packet: Linux takes no more datagrams (`UDP_MAX_SEGMENTS` before 6.9).
pub const SEGMENTS_MAX: usize = 64;

/// Most bytes from the IP header on; what the header's length can say.
const LENGTH_MAX: usize = u16::MAX as usize;

const ACK: u8 = 0x10;

/// What a port's receiver takes as super-packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Joins {
    /// TCP.
    Tcp,
    /// Datagrams of tunnels, if each of them, with its IP header, has at most so many bytes: the
    /// device's MTU, which is not looked at in a super-packet.
    Tunnelled(u32),
}

/// A packet to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Joined {
    /// The packet, itself or with others behind.
    pub packet: BufferIndex,
    /// How many packets it was before.
    pub segments: usize,
}

/// Puts `packets` into `out` in their order, joined as far as may be.
pub fn join(pool: &mut BufferPool, joins: Joins, packets: &[BufferIndex], out: &mut Vec<Joined>) {
    let mut open: Option<Run> = None;
    for &packet in packets {
        // Alone, it need not be looked at.
        let segment = (packets.len() > 1)
            .then(|| Segment::of(pool, joins, packet))
            .flatten();
        if let (Some(run), Some(segment)) = (&mut open, &segment)
            && run.take(pool, segment)
        {
            continue;
        }
        out.extend(open.take().map(|run| run.finish(pool)));
        match segment {
            Some(segment) => open = Some(Run::begin(segment)),
            None => out.push(Joined {
                packet,
                segments: 1,
            }),
        }
    }
    out.extend(open.map(|run| run.finish(pool)));
}

/// A packet that could be part of a super-packet, as far as its headers tell.
#[derive(Clone, Copy)]
struct Segment {
    packet: BufferIndex,
    layout: Layout,
    /// Bytes of payload, at least one.
    payload: usize,
    /// Sequence number of TCP; 0 of datagrams.
    sequence: u32,
    /// Nothing may follow (TCP's PSH).
    is_last: bool,
}

/// Segments that follow each other.
struct Run {
    first: Segment,
    /// Whether the checksums of the first one were looked at.
    is_ready: bool,
    /// Last buffer of what was joined.
    tail: BufferIndex,
    segments: usize,
    /// Bytes of payload of all of them.
    payload: usize,
    /// What identifications are apart, once there are two.
    step: Option<u16>,
    /// Nothing may follow.
    is_closed: bool,
}

impl Segment {
    fn of(pool: &BufferPool, joins: Joins, packet: BufferIndex) -> Option<Self> {
        let meta = pool.meta(packet);
        let is_tunnelled = meta.flags.intersects(Flags::ENCAPSULATED);
        if pool.is_chained(packet) || meta.gso_type() != GsoType::None {
            return None;
        }
        let bytes = pool.data(packet);
        let layout = Layout::parse(bytes, Start::Ethernet)?;
        let length = bytes.len() - layout.ip;
        let is_plain = if layout.is_ipv4 {
            let view = Ipv4View::parse(&bytes[layout.ip..])?;
            view.header_len() == Ipv4View::MIN_LEN
                && !view.is_fragment()
                && usize::from(view.total_len()) == length
        } else {
            let view = Ipv6View::parse(&bytes[layout.ip..])?;
            layout.transport == layout.ip + Ipv6View::LEN
                && usize::from(view.payload_len()) == length - Ipv6View::LEN
        };
        let upper = &bytes[layout.transport..];
        let (sequence, is_last) = match (joins, layout.protocol) {
            (Joins::Tcp, IpProtocol::TCP) => {
                let view = TcpView::parse(upper)?;
                if view.flags() & !TcpView::PSH != ACK {
                    return None;
                }
                (view.sequence(), view.flags() & TcpView::PSH != 0)
            }
            (Joins::Tunnelled(mtu), IpProtocol::UDP) => {
                let said = u16::from_be_bytes([upper[4], upper[5]]);
                if !is_tunnelled || usize::from(said) != upper.len() || length > mtu as usize {
                    return None;
                }
                (0, false)
            }
            _ => return None,
        };
        let payload = bytes.len() - layout.payload;
        (is_plain && payload > 0).then_some(Self {
            packet,
            layout,
            payload,
            sequence,
            is_last,
        })
    }

    /// Whether what a joined packet says of its checksums would be right of this one.
    ///
    /// TCP's must be right already, or left to be made. Of a datagram all is that a tunnel put inside.
    fn make_ready(&self, pool: &mut BufferPool) -> bool {
        let Layout { ip, transport, .. } = self.layout;
        let bytes = pool.data(self.packet);
        if self.layout.is_ipv4 && internet_checksum(&bytes[ip..transport]) != 0 {
            return false;
        }
        let offload = pool.offload(self.packet);
        let own = PartialChecksum {
            start: transport as u16,
            offset: self.layout.checksum_offset() as u16,
        };
        if offload.checksum == Some(own) {
            return true;
        }
        if self.layout.protocol == IpProtocol::UDP {
            return complete_checksum(pool, self.packet).is_ok();
        }
        if offload.checksum.is_some() {
            return false;
        }
        let mut sum = self.layout.pseudo_header(bytes, bytes.len() - transport);
        sum.add(&bytes[transport..]);
        offload.data_valid || sum.folded() == 0xffff
    }

    fn identification(&self, pool: &BufferPool) -> u16 {
        let at = self.layout.ip + 4;
        match pool.data(self.packet).get(at..) {
            Some([high, low, ..]) if self.layout.is_ipv4 => u16::from_be_bytes([*high, *low]),
            _ => 0,
        }
    }
}

impl Run {
    fn begin(first: Segment) -> Self {
        Self {
            is_ready: false,
            tail: first.packet,
            segments: 1,
            payload: first.payload,
            step: None,
            is_closed: first.is_last,
            first,
        }
    }

    /// Takes a segment in, if it follows.
    fn take(&mut self, pool: &mut BufferPool, next: &Segment) -> bool {
        let Layout { ip, payload, .. } = self.first.layout;
        let follows = !self.is_closed
            && next.layout == self.first.layout
            && next.payload <= self.first.payload
            && self.segments < SEGMENTS_MAX
            && payload - ip + self.payload + next.payload <= LENGTH_MAX
            && (next.layout.protocol == IpProtocol::UDP
                || next.sequence == self.first.sequence.wrapping_add(self.payload as u32))
            && self.has_headers_of(pool, next)
            && self.identifies(pool, next);
        if !follows {
            return false;
        }
        self.is_ready = self.is_ready || self.first.make_ready(pool);
        if !self.is_ready || !next.make_ready(pool) {
            return false;
        }
        if pool.advance(next.packet, payload).is_err() {
            return false;
        }
        pool.link(self.first.packet, self.tail, next.packet);
        self.tail = next.packet;
        self.segments += 1;
        self.payload += next.payload;
        self.is_closed = next.is_last || next.payload < self.first.payload;
        if next.is_last {
            let flags = self.first.layout.transport + 13;
            pool.data_mut(self.first.packet)[flags] |= TcpView::PSH;
        }
        true
    }

    /// Whether the headers differ in nothing but what every segment has of its own.
    fn has_headers_of(&self, pool: &BufferPool, next: &Segment) -> bool {
        let (one, two) = (pool.data(self.first.packet), pool.data(next.packet));
        let Layout {
            ip,
            transport,
            payload,
            is_ipv4,
            protocol,
        } = self.first.layout;
        // Not: lengths, identification, checksums, sequence number; flags are known.
        let of_ip = if is_ipv4 {
            [0..ip + 2, ip + 6..ip + 10, ip + 12..transport]
        } else {
            [0..ip + 4, ip + 6..transport, 0..0]
        };
        let of_transport = if protocol == IpProtocol::TCP {
            [
                transport..transport + 4,
                transport + 8..transport + 13,
                transport + 14..transport + 16,
                transport + 18..payload,
            ]
        } else {
            [transport..transport + 4, 0..0, 0..0, 0..0]
        };
        let mut ranges = of_ip.into_iter().chain(of_transport);
        ranges.all(|range| one.get(range.clone()) == two.get(range))
    }

    /// Whether the identification of IPv4 is what a card would write (which tunnels leave to it).
    fn identifies(&mut self, pool: &BufferPool, next: &Segment) -> bool {
        if !next.layout.is_ipv4 || next.layout.protocol == IpProtocol::UDP {
            return true;
        }
        let first = self.first.identification(pool);
        let apart = next.identification(pool).wrapping_sub(first);
        let is_counted = apart == self.segments as u16;
        let is_constant = apart == 0
            && Ipv4View::parse(&pool.data(next.packet)[next.layout.ip..])
                .is_some_and(|view| view.dont_fragment());
        let step = u16::from(is_counted);
        let is_right = (is_counted || is_constant) && self.step.is_none_or(|own| own == step);
        if is_right {
            self.step = Some(step);
        }
        is_right
    }

    /// Gives the joined packet its headers.
    fn finish(self, pool: &mut BufferPool) -> Joined {
        let Segment {
            packet,
            layout,
            payload,
            ..
        } = self.first;
        let joined = Joined {
            packet,
            segments: self.segments,
        };
        if self.segments == 1 {
            return joined;
        }
        let from_ip = layout.payload - layout.ip + self.payload;
        let from_transport = layout.payload - layout.transport + self.payload;
        let headers = &mut pool.data_mut(packet)[..layout.payload];
        if layout.is_ipv4 {
            put(headers, layout.ip + 2, from_ip as u16);
            put(headers, layout.ip + 10, 0);
            let checksum = internet_checksum(&headers[layout.ip..layout.transport]);
            put(headers, layout.ip + 10, checksum);
        } else {
            put(headers, layout.ip + 4, (from_ip - Ipv6View::LEN) as u16);
        }
        let gso_type = match (layout.protocol, layout.is_ipv4) {
            (IpProtocol::UDP, _) => {
                put(headers, layout.transport + 4, from_transport as u16);
                GsoType::UdpL4
            }
            (_, true) => GsoType::TcpV4,
            (_, false) => GsoType::TcpV6,
        };
        let partial = layout.pseudo_header(headers, from_transport).folded();
        put(
            headers,
            layout.transport + layout.checksum_offset(),
            partial,
        );
        let offload = Offload {
            checksum: Some(PartialChecksum {
                start: layout.transport as u16,
                offset: layout.checksum_offset() as u16,
            }),
            data_valid: false,
            gso_type,
            gso_size: payload as u16,
            hdr_len: layout.payload as u16,
        };
        pool.set_offload(packet, offload);
        joined
    }
}
