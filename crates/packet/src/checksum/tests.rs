use proptest::prelude::*;

use super::*;
use crate::offload::Offload;

/// RFC 1071 §4.1 as it stands there: 16 bits at a time.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn example_of_rfc_1071() {
    // §3: the sum is ddf2.
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(internet_checksum(&bytes), !0xddf2);
}

proptest! {
    #[test]
    fn sums_in_pieces_as_naively(bytes in prop::collection::vec(any::<u8>(), 0..300),
                                 cuts in prop::collection::vec(0usize..300, 0..4)) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut sum = Sum::default();
        let mut from = 0;
        for cut in cuts {
            sum.add(&bytes[from..cut]);
            from = cut;
        }
        sum.add(&bytes[from..]);
        prop_assert_eq!(sum.checksum(), naive(&bytes));
        prop_assert_eq!(internet_checksum(&bytes), naive(&bytes));
    }

    /// The field held some sum; once complete, everything from `start` on sums to that and the
    /// data, so that the naive sum of the whole, with the same start value, comes to nothing.
    #[test]
    fn completion_agrees_with_the_naive_sum(
        mut data in prop::collection::vec(any::<u8>(), 60..5000),
        start in 14u16..40,
        offset in 0u16..9,
        pseudo in any::<u16>(),
    ) {
        // Transport checksums lie at even places of their header.
        let offset = offset * 2;
        let field = usize::from(start + offset);
        data[field..field + 2].copy_from_slice(&pseudo.to_be_bytes());
        let wanted = match naive(&data[usize::from(start)..]) { 0 => 0xffff, other => other };

        let mut pool = BufferPool::new(8);
        let packet = pool.alloc_from(&data).unwrap();
        let checksum = Some(PartialChecksum { start, offset });
        pool.set_offload(packet, Offload { checksum, ..Offload::default() });
        complete_checksum(&mut pool, packet).unwrap();

        let found: Vec<u8> = pool.segments(packet).flatten().copied().collect();
        data[field..field + 2].copy_from_slice(&wanted.to_be_bytes());
        prop_assert_eq!(found, data);
        prop_assert_eq!(pool.offload(packet).checksum, None);
    }
}

#[test]
fn positions_outside_the_packet_are_refused() {
    let mut pool = BufferPool::new(4);
    let packet = pool.alloc_from(&[0; 60]).unwrap();
    let checksum = Some(PartialChecksum {
        start: 50,
        offset: 9,
    });
    pool.set_offload(
        packet,
        Offload {
            checksum,
            ..Offload::default()
        },
    );
    let error = ChecksumError::OutsidePacket {
        start: 50,
        offset: 9,
        length: 60,
    };
    assert_eq!(complete_checksum(&mut pool, packet), Err(error));

    let long = pool.alloc_from(&[0; 3000]).unwrap();
    let checksum = Some(PartialChecksum {
        start: 2047,
        offset: 0,
    });
    pool.set_offload(
        long,
        Offload {
            checksum,
            ..Offload::default()
        },
    );
    let error = ChecksumError::BehindFirstBuffer {
        start: 2047,
        offset: 0,
        length: 2048,
    };
    assert_eq!(complete_checksum(&mut pool, long), Err(error));
}

#[test]
fn a_result_of_zero_is_stored_as_all_ones() {
    let mut pool = BufferPool::new(1);
    let mut data = [0; 40];
    data[20..22].copy_from_slice(&[0xff, 0xff]);
    let packet = pool.alloc_from(&data).unwrap();
    let checksum = Some(PartialChecksum {
        start: 20,
        offset: 6,
    });
    pool.set_offload(
        packet,
        Offload {
            checksum,
            ..Offload::default()
        },
    );
    complete_checksum(&mut pool, packet).unwrap();
    assert_eq!(pool.data(packet)[26..28], [0xff, 0xff]);
}

proptest! {
    /// RFC 1624: the updated checksum is that of the changed bytes, but for the two zeros.
    #[test]
    fn an_updated_checksum_is_right(mut bytes in prop::collection::vec(any::<u8>(), 20), at in 0_usize..10, new: u16) {
        let before = internet_checksum(&bytes);
        let old = u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        bytes[2 * at..2 * at + 2].copy_from_slice(&new.to_be_bytes());
        let updated = update_checksum(before, old, new);
        let fresh = internet_checksum(&bytes);
        prop_assert!(updated == fresh || (updated == 0 && fresh == 0xffff) || (updated == 0xffff && fresh == 0));
    }
}
