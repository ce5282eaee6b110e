//! The Internet checksum (RFC 1071).

#[cfg(test)]
mod tests;

use crate::{
    header::IpProtocol,
    meta::Flags,
    offload::PartialChecksum,
    pool::{BufferIndex, BufferPool},
};

/// A ones' complement sum in progress, over bytes that come in pieces of any length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    /// Sum of 16-bit words in the order of the wire, not yet folded.
    total: u64,
    /// Whether an odd number of bytes was added so far.
    odd: bool,
}

/// Why a checksum could not be completed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChecksumError {
    /// The sender's positions point outside the packet.
    #[error("partial checksum at {start}+{offset} lies outside a packet of {length} bytes")]
    OutsidePacket {
        /// First byte to sum.
        start: u16,
        /// Where the result goes, from `start`.
        offset: u16,
        /// Bytes of the packet.
        length: usize,
    },
    /// The checksum field lies in a part of the packet that copies share.
    #[error("partial checksum at {start}+{offset} lies behind the first buffer's {length} bytes")]
    BehindFirstBuffer {
        /// First byte to sum.
        start: u16,
        /// Where the result goes, from `start`.
        offset: u16,
        /// Bytes of the packet in its first buffer.
        length: usize,
    },
}

// ===== impl Sum =====

impl Sum {
    /// Adds a piece. Sums its halves of words side by side, in the machine's own order: the carries meet
    /// in the fold, which is put in the order of the wire (RFC 1071 §2 (B), (C)). That leaves the compiler
    /// no carry to wait for: 1448 bytes take a quarter of the time of a sum with carries.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if self.odd
            && let Some((&low, rest)) = bytes.split_first()
        {
            self.total += u64::from(low);
            self.odd = false;
            bytes = rest;
        }
        let (words, tail) = bytes.as_chunks::<8>();
        // Of less than 2^31 words each, so that their sum fits.
        let (mut low, mut high) = (0_u64, 0_u64);
        for word in words {
            let word = u64::from_ne_bytes(*word);
            low += word & 0xffff_ffff;
            high += word >> 32;
        }
        self.total += u64::from(u16::from_be(fold(low + high)));
        let (pairs, last) = tail.as_chunks::<2>();
        for pair in pairs {
            self.total += u64::from(u16::from_be_bytes(*pair));
        }
        if let [high] = last {
            self.total += u64::from(*high) << 8;
            self.odd = true;
        }
    }

    /// Adds a number as two bytes of the wire would. Only between pieces of even length.
    pub fn add_u16(&mut self, value: u16) {
        self.total += u64::from(value);
    }

    /// Adds the two addresses, protocol and length of a pseudo-header (RFC 768, RFC 8200 §8.1). Only
    /// between pieces of even length.
    pub fn add_pseudo_header(&mut self, addresses: &[u8], protocol: IpProtocol, length: u32) {
        self.add(addresses);
        self.total += u64::from(protocol.0) + u64::from(length);
    }

    /// Adds a packet's bytes from `from` on, `length` of them or as many as there are.
    pub fn add_packet(
        &mut self,
        pool: &BufferPool,
        packet: BufferIndex,
        from: usize,
        length: usize,
    ) {
        let (mut skip, mut left) = (from, length);
        for segment in pool.segments(packet) {
            let start = skip.min(segment.len());
            skip -= start;
            let here = left.min(segment.len() - start);
            left -= here;
            self.add(&segment[start..start + here]);
        }
    }

    /// The folded sum, not complemented: what a partial checksum field holds.
    pub fn folded(self) -> u16 {
        fold(self.total)
    }

    /// The checksum: the complement of the folded sum.
    pub fn checksum(self) -> u16 {
        !self.folded()
    }
}

/// Adds the upper halves to the lower ones until 16 bits are left.
const fn fold(mut total: u64) -> u16 {
    total = (total >> 32) + (total & 0xffff_ffff);
    total = (total >> 32) + (total & 0xffff_ffff);
    total = (total >> 16) + (total & 0xffff);
    total = (total >> 16) + (total & 0xffff);
    ((total >> 16) + (total & 0xffff)) as u16
}

/// The checksum of contiguous bytes.
pub fn internet_checksum(bytes: &[u8]) -> u16 {
    let mut sum = Sum::default();
    sum.add(bytes);
    sum.checksum()
}

/// What a checksum becomes when one 16-bit word that it covers changes (RFC 1624 §3, equation 3).
pub const fn update_checksum(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let sum = (sum >> 16) + (sum & 0xffff);
    !(((sum >> 16) + (sum & 0xffff)) as u16)
}

/// Completes the checksum of a packet whose sender left it partial, and clears the mark; does
/// nothing to other packets.
///
/// The field holds the pseudo-header's sum, so that the sum from `start` to the packet's end gives
/// the whole. A result of 0 is stored as 0xffff, which is the same number in ones' complement and,
/// for UDP, the only one that does not mean "no checksum" (RFC 768).
pub fn complete_checksum(pool: &mut BufferPool, packet: BufferIndex) -> Result<(), ChecksumError> {
    let Some(PartialChecksum { start, offset }) = pool.offload(packet).checksum else {
        return Ok(());
    };
    let length = pool.total_length(packet);
    let (from, field) = (usize::from(start), usize::from(start) + usize::from(offset));
    if field + 2 > length {
        return Err(ChecksumError::OutsidePacket {
            start,
            offset,
            length,
        });
    }
    let first = pool.data(packet).len();
    if field + 2 > first {
        return Err(ChecksumError::BehindFirstBuffer {
            start,
            offset,
            length: first,
        });
    }
    let mut sum = Sum::default();
    sum.add_packet(pool, packet, from, length);
    let value = match sum.checksum() {
        0 => 0xffff,
        value => value,
    };
    pool.data_mut(packet)[field..field + 2].copy_from_slice(&value.to_be_bytes());
    pool.meta_mut(packet).flags.remove(Flags::NEEDS_CSUM);
    Ok(())
}
