use proptest::prelude::*;

use super::*;
use crate::{
    header::EtherType,
    meta::SwIfIndex,
    offload::{GsoType, Offload, PartialChecksum},
    vlan,
};

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn contents(pool: &BufferPool, packet: BufferIndex) -> Vec<u8> {
    pool.segments(packet).flatten().copied().collect()
}

#[test]
fn a_packet_longer_than_a_buffer_is_a_chain_with_all_of_its_bytes() {
    let mut pool = BufferPool::new(64);
    for length in [0, 1, DATA_SIZE, DATA_SIZE + 1, 65_550] {
        let packet = pool.alloc_from(&bytes(length)).unwrap();
        assert_eq!(pool.total_length(packet), length);
        assert_eq!(contents(&pool, packet), bytes(length));
        assert_eq!(pool.is_chained(packet), length > DATA_SIZE);
        pool.free(packet);
        assert_eq!(pool.stats().free, 64, "length {length}");
    }
}

#[test]
fn received_bytes_fill_buffers_in_order_and_leave_the_rest_to_the_caller() {
    let mut pool = BufferPool::new(8);
    let mut buffers = [BufferIndex::PLACEHOLDER; 4];
    assert_eq!(pool.alloc_many(&mut buffers), 4);
    assert_eq!(pool.set_received(&buffers, DATA_SIZE + 10), Ok(2));
    assert_eq!(
        pool.segments(buffers[0])
            .map(<[u8]>::len)
            .collect::<Vec<_>>(),
        [DATA_SIZE, 10]
    );
    assert_eq!(
        pool.set_received(&buffers[2..], 3 * DATA_SIZE),
        Err(BoundsError::NoRoom {
            wanted: 3 * DATA_SIZE,
            available: 2 * DATA_SIZE
        })
    );
    pool.free(buffers[0]);
    pool.free_many(&buffers[2..]);
    assert_eq!(pool.stats().free, 8);
}

#[test]
fn exhaustion_is_counted_and_changes_nothing() {
    let mut pool = BufferPool::new(3);
    let mut buffers = [BufferIndex::PLACEHOLDER; 5];
    assert_eq!(pool.alloc_many(&mut buffers), 3);
    assert_eq!(
        pool.stats(),
        PoolStats {
            capacity: 3,
            free: 0,
            exhausted: 2
        }
    );
    assert_eq!(pool.alloc(), None);
    assert_eq!(pool.alloc_from(&bytes(10)), None);
    assert_eq!(pool.stats().exhausted, 4);
    pool.free(buffers[0]);
    assert_eq!(
        pool.alloc_from(&bytes(2 * DATA_SIZE)),
        None,
        "one buffer is not enough"
    );
    assert_eq!(
        pool.stats().free,
        1,
        "a packet that cannot be had whole gives its buffers back"
    );
}

#[test]
fn a_buffer_freed_twice_is_handed_out_once() {
    let mut pool = BufferPool::new(2);
    let packet = pool.alloc().unwrap();
    pool.free(packet);
    pool.free(packet);
    assert_eq!(pool.stats().free, 2);
    assert_ne!(pool.alloc(), pool.alloc());
}

#[test]
fn bounds_move_within_headroom_and_data_only() {
    let mut pool = BufferPool::new(1);
    let packet = pool.alloc_from(&bytes(20)).unwrap();
    assert_eq!(
        pool.prepend(packet, HEADROOM + 1).unwrap_err(),
        BoundsError::NoHeadroom {
            wanted: HEADROOM + 1,
            available: HEADROOM
        }
    );
    pool.prepend(packet, 4).unwrap().copy_from_slice(b"abcd");
    assert_eq!(pool.total_length(packet), 24);
    assert_eq!(&pool.head::<6>(packet)[..], b"abcd\x00\x01");
    assert_eq!(
        pool.advance(packet, 25),
        Err(BoundsError::TooShort {
            wanted: 25,
            available: 24
        })
    );
    assert_eq!(pool.advance(packet, 24), Ok(()));
    assert!(pool.data(packet).is_empty());
}

#[test]
fn an_offload_stays_at_its_bytes_when_the_packet_grows_in_front() {
    let mut pool = BufferPool::new(1);
    let packet = pool.alloc_from(&bytes(100)).unwrap();
    let offload = Offload {
        checksum: Some(PartialChecksum {
            start: 34,
            offset: 16,
        }),
        data_valid: false,
        gso_type: GsoType::TcpV4,
        gso_size: 20,
        hdr_len: 54,
    };
    pool.set_offload(packet, offload);
    assert_eq!(pool.offload(packet), offload);
    vlan::push_tag(&mut pool, packet, EtherType::DOT1Q, 100).unwrap();
    let moved = PartialChecksum {
        start: 38,
        offset: 16,
    };
    assert_eq!(
        pool.offload(packet),
        Offload {
            checksum: Some(moved),
            hdr_len: 58,
            ..offload
        }
    );
    assert_eq!(pool.data(packet)[..12], bytes(12));
    assert_eq!(pool.data(packet)[12..16], [0x81, 0x00, 0, 100]);
    assert_eq!(pool.data(packet)[16..], bytes(100)[12..]);
}

#[test]
fn copies_have_heads_of_their_own() {
    let mut pool = BufferPool::new(64);
    for length in [60, 384, 385, 1500, 9000] {
        let packet = pool.alloc_from(&bytes(length)).unwrap();
        pool.meta_mut(packet).rx_sw_if_index = SwIfIndex(7);
        let mut copies = [BufferIndex::PLACEHOLDER; 3];
        assert_eq!(pool.replicate(packet, &mut copies), 3);
        pool.data_mut(copies[1])[0] = 0xee;
        let mut changed = bytes(length);
        changed[0] = 0xee;
        assert_eq!(contents(&pool, copies[0]), bytes(length), "length {length}");
        assert_eq!(contents(&pool, copies[1]), changed, "length {length}");
        assert_eq!(contents(&pool, copies[2]), bytes(length), "length {length}");
        assert_eq!(pool.meta(copies[2]).rx_sw_if_index, SwIfIndex(7));
        assert_eq!(pool.total_length(copies[2]), length);
        pool.free(copies[1]);
        pool.free(copies[0]);
        assert_eq!(
            contents(&pool, copies[2]),
            bytes(length),
            "the last copy keeps the tail"
        );
        pool.free(copies[2]);
        assert_eq!(pool.stats().free, 64, "length {length}");
    }
}

#[test]
fn replication_without_buffers_still_gives_one_packet() {
    for length in [60, 1500] {
        let mut pool = BufferPool::new(1);
        let packet = pool.alloc_from(&bytes(length)).unwrap();
        let mut copies = [BufferIndex::PLACEHOLDER; 2];
        assert_eq!(pool.replicate(packet, &mut copies), 1);
        assert_eq!(contents(&pool, copies[0]), bytes(length));
        pool.free(copies[0]);
        assert_eq!(
            pool.stats(),
            PoolStats {
                capacity: 1,
                free: 1,
                exhausted: 1
            }
        );
    }
}

#[test]
fn replication_to_nobody_frees_the_packet() {
    let mut pool = BufferPool::new(4);
    let packet = pool.alloc_from(&bytes(5000)).unwrap();
    assert_eq!(pool.replicate(packet, &mut []), 0);
    assert_eq!(pool.stats().free, 4);
}

proptest! {
    /// Whatever is replicated, copied again and freed in any order: contents stay, nothing leaks.
    #[test]
    fn copies_of_copies_share_and_free(
        length in 0usize..6000,
        first in 1usize..5,
        second in 1usize..5,
        order in any::<u64>(),
    ) {
        let mut pool = BufferPool::new(64);
        let packet = pool.alloc_from(&bytes(length)).unwrap();
        let mut copies = vec![BufferIndex::PLACEHOLDER; first];
        prop_assert_eq!(pool.replicate(packet, &mut copies), first);
        let again = copies.swap_remove(order as usize % first);
        let mut more = vec![BufferIndex::PLACEHOLDER; second];
        prop_assert_eq!(pool.replicate(again, &mut more), second);
        copies.extend(more);
        let mut order = order;
        while !copies.is_empty() {
            for &copy in &copies {
                prop_assert_eq!(contents(&pool, copy), bytes(length));
            }
            let at = order as usize % copies.len();
            order = order.rotate_right(7);
            pool.free(copies.swap_remove(at));
        }
        prop_assert_eq!(pool.stats().free, 64);
    }
}
