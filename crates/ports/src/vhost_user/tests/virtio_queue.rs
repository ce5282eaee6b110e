//! What `virtio-queue`'s `Queue` does that this port must not: why the ring is written here. Should
//! one of these fail with a newer crate, the ring's reasons are to be looked at again.

use std::sync::atomic::Ordering;

use virtio_queue::desc::split::Descriptor;
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

const SIZE: u16 = 16;
const DESCRIPTORS: u64 = 0x1000;
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const BUFFER: u64 = 0x4000;
const NEXT: u16 = 1;

/// A ring in which one chain of these descriptors waits.
fn ring(chain: &[Descriptor]) -> (GuestMemoryMmap, Queue) {
    let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x1_0000)]).expect("memory");
    for (index, descriptor) in chain.iter().enumerate() {
        let at = GuestAddress(DESCRIPTORS + 16 * index as u64);
        memory.write_obj(*descriptor, at).expect("descriptor");
    }
    let store = |value: u16, at: u64| {
        let stored = memory.store(value, GuestAddress(at), Ordering::Release);
        stored.expect("field");
    };
    store(0, AVAILABLE + 4);
    store(1, AVAILABLE + 2);
    let mut queue = Queue::new(SIZE).expect("queue");
    let made = queue.try_set_desc_table_address(GuestAddress(DESCRIPTORS));
    made.expect("descriptors");
    let made = queue.try_set_avail_ring_address(GuestAddress(AVAILABLE));
    made.expect("available ring");
    let made = queue.try_set_used_ring_address(GuestAddress(USED));
    made.expect("used ring");
    queue.set_ready(true);
    assert!(queue.is_valid(&memory));
    (memory, queue)
}

fn taken(chain: &[Descriptor]) -> usize {
    let (memory, mut queue) = ring(chain);
    let mut chains = queue.iter(&memory).expect("available");
    chains.next().expect("a chain").count()
}

#[test]
fn first_buffer_of_a_merged_packet_is_shown_before_the_second() {
    let (memory, mut queue) = ring(&[]);
    let shown = || {
        let index = memory.load::<u16>(GuestAddress(USED + 2), Ordering::Acquire);
        index.expect("index")
    };
    queue.add_used(&memory, 0, 100).expect("used");
    assert_eq!(shown(), 1, "§5.1.6.4: only together with the second");
    queue.add_used(&memory, 1, 100).expect("used");
    assert_eq!(shown(), 2);
}

#[test]
fn chain_with_a_bad_descriptor_looks_like_a_shorter_one() {
    let whole = [
        Descriptor::new(BUFFER, 100, NEXT, 1),
        Descriptor::new(BUFFER, 100, 0, 0),
    ];
    assert_eq!(taken(&whole), 2);
    let beyond_the_table = [Descriptor::new(BUFFER, 100, NEXT, SIZE)];
    assert_eq!(taken(&beyond_the_table), 1, "no word of the rest");
    let bad_table = [
        Descriptor::new(BUFFER, 100, NEXT, 1),
        Descriptor::new(BUFFER, 15, 4, 0),
    ];
    assert_eq!(taken(&bad_table), 1, "no word of the table");
    let endless = [Descriptor::new(BUFFER, 0, NEXT, 0)];
    assert_eq!(taken(&endless), usize::from(SIZE), "no word of the circle");
}

#[test]
fn driver_that_wants_no_interrupt_gets_one() {
    const NO_INTERRUPT: u16 = 1;
    let (memory, mut queue) = ring(&[]);
    let stored = memory.store(NO_INTERRUPT, GuestAddress(AVAILABLE), Ordering::Release);
    stored.expect("flags");
    queue.add_used(&memory, 0, 100).expect("used");
    assert!(queue.needs_notification(&memory).expect("an answer"));
}
