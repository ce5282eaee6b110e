use proptest::prelude::*;

use super::*;
use crate::gso::{segment, segment_received};

/// What a machine would have given to be cut.
#[derive(Clone, Debug)]
struct Stream {
    is_ipv4: bool,
    is_tagged: bool,
    payload: Vec<u8>,
    size: u16,
    /// The last segment has it.
    is_pushed: bool,
}

fn streams() -> impl Strategy<Value = Stream> {
    let payload = prop::collection::vec(any::<u8>(), 1..20_000);
    (any::<[bool; 3]>(), payload, 500..1400_u16).prop_map(|(bits, payload, size)| Stream {
        is_ipv4: bits[0],
        is_tagged: bits[1],
        payload,
        size,
        is_pushed: bits[2],
    })
}

impl Stream {
    /// The headers of a super-packet, and where those of IP and of TCP begin.
    fn headers(&self) -> (Vec<u8>, usize, usize) {
        let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        if self.is_tagged {
            bytes.extend([0x81, 0, 0, 100]);
        }
        let ip = bytes.len() + 2;
        if self.is_ipv4 {
            bytes.extend([8, 0, 0x45, 0, 0, 0, 0xff, 0xfe, 0x40, 0, 64, 6, 0, 0]);
            bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        } else {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6, 64]);
            bytes.extend([0xfd; 32]);
        }
        let tcp = bytes.len();
        let flags = ACK | if self.is_pushed { TcpView::PSH } else { 0 };
        bytes.extend([
            0, 80, 0x9c, 0x40, 0xff, 0xff, 0xf0, 0, 1, 2, 3, 4, 0x80, flags,
        ]);
        bytes.extend([0x12, 0x34, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        (bytes, ip, tcp)
    }

    fn segments(&self, pool: &mut BufferPool) -> Vec<BufferIndex> {
        let (headers, _, tcp) = self.headers();
        let packet = pool.alloc_from(&[headers, self.payload.clone()].concat());
        let packet = packet.expect("buffers");
        let offload = Offload {
            checksum: Some(PartialChecksum {
                start: tcp as u16,
                offset: 16,
            }),
            gso_type: if self.is_ipv4 {
                GsoType::TcpV4
            } else {
                GsoType::TcpV6
            },
            gso_size: self.size,
            ..Offload::default()
        };
        pool.set_offload(packet, offload);
        let mut out = Vec::new();
        segment(pool, packet, &mut out).expect("segments");
        out
    }
}

fn bytes(pool: &BufferPool, packet: BufferIndex) -> Vec<u8> {
    let mut bytes = vec![0; pool.total_length(packet)];
    pool.copy_to(packet, &mut bytes);
    bytes
}

fn all(pool: &BufferPool, packets: &[BufferIndex]) -> Vec<Vec<u8>> {
    packets.iter().map(|&packet| bytes(pool, packet)).collect()
}

fn joined(pool: &mut BufferPool, joins: Joins, packets: &[BufferIndex]) -> Vec<Joined> {
    let mut out = Vec::new();
    join(pool, joins, packets, &mut out);
    let segments: usize = out.iter().map(|joined| joined.segments).sum();
    assert_eq!(segments, packets.len());
    out
}

/// Cuts and completes what was joined.
fn cut(pool: &mut BufferPool, packets: Vec<Joined>) -> Vec<BufferIndex> {
    let mut out = Vec::new();
    for Joined { packet, segments } in packets {
        if segments == 1 {
            out.push(packet);
        } else {
            assert_eq!(segment(pool, packet, &mut out), Ok(segments));
        }
    }
    out
}

proptest! {
    #[test]
    fn segments_of_what_was_joined_are_the_segments(stream in streams()) {
        let mut pool = BufferPool::new(256);
        let segments = stream.segments(&mut pool);
        let before = all(&pool, &segments);
        let packets = joined(&mut pool, Joins::Tcp, &segments);
        prop_assert_eq!(packets.len(), 1);
        if segments.len() > 1 {
            let offload = pool.offload(packets[0].packet);
            prop_assert_eq!(offload.gso_size, stream.size);
            // The whole's checksum, which the receiver may want without cutting.
            let (_, ip, tcp) = stream.headers();
            complete_checksum(&mut pool, packets[0].packet).expect("partial");
            let whole = bytes(&pool, packets[0].packet);
            let layout = Layout::parse(&whole, Start::Ethernet).expect("TCP");
            prop_assert_eq!((layout.ip, layout.transport), (ip, tcp));
            let mut sum = layout.pseudo_header(&whole, whole.len() - tcp);
            sum.add(&whole[tcp..]);
            prop_assert_eq!(sum.folded(), 0xffff);
        }
        let segments = cut(&mut pool, packets);
        prop_assert_eq!(all(&pool, &segments), before);
        pool.free_many(&segments);
        prop_assert_eq!(pool.stats().free, pool.stats().capacity);
    }

    /// One byte of one segment is another: of the headers, or of the payload. Whatever comes of it,
    /// what arrives is what was sent.
    #[test]
    fn what_was_changed_on_the_way_is_not_mended(
        stream in streams(),
        at in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut pool = BufferPool::new(256);
        let segments = stream.segments(&mut pool);
        let victim = *at.get(&segments);
        let place = place.index(pool.data(victim).len().min(120));
        pool.data_mut(victim)[place] ^= change;
        let before = all(&pool, &segments);
        let packets = joined(&mut pool, Joins::Tcp, &segments);
        let segments = cut(&mut pool, packets);
        prop_assert_eq!(all(&pool, &segments), before);
    }

    #[test]
    fn any_bytes_are_passed_on(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..8)) {
        let mut pool = BufferPool::new(256);
        let packets: Vec<_> = frames.iter().map(|frame| pool.alloc_from(frame).expect("buffer")).collect();
        for joins in [Joins::Tcp, Joins::Tunnelled(1500)] {
            let same = joined(&mut pool, joins, &packets);
            prop_assert!(same.iter().map(|joined| joined.packet).eq(packets.iter().copied()));
        }
        prop_assert_eq!(all(&pool, &packets), frames);
    }

    #[test]
    fn datagrams_of_a_tunnel_are_cut_again_as_they_were(
        is_ipv4 in any::<bool>(),
        payload in prop::collection::vec(any::<u8>(), 8..1400),
        count in 2..20_usize,
        last in 1..8_usize,
    ) {
        let mut pool = BufferPool::new(256);
        let mut datagrams: Vec<_> = (0..count).map(|_| payload.clone()).collect();
        datagrams[count - 1].truncate(last);
        let packets: Vec<_> = datagrams
            .iter()
            .map(|payload| tunnelled(&mut pool, is_ipv4, 4789, payload))
            .collect();
        let before = all(&pool, &packets);
        let one = joined(&mut pool, Joins::Tunnelled(1500), &packets);
        prop_assert_eq!(one.len(), 1);
        // As the far end takes it in.
        let packet = one[0].packet;
        pool.advance(packet, 14).expect("Ethernet");
        let mut segments = Vec::new();
        prop_assert_eq!(segment_received(&mut pool, packet, &mut segments), Ok(count));
        for (number, (&segment, before)) in segments.iter().zip(&before).enumerate() {
            let layout = Layout::parse(pool.data(segment), Start::Ip).expect("UDP");
            prop_assert!(pool.meta(segment).flags.intersects(Flags::NEEDS_CSUM));
            complete_checksum(&mut pool, segment).expect("partial");
            let bytes = bytes(&pool, segment);
            let mut sum = layout.pseudo_header(&bytes, bytes.len() - layout.transport);
            sum.add(&bytes[layout.transport..]);
            prop_assert_eq!(sum.folded(), 0xffff);
            prop_assert_eq!(&bytes[layout.payload..], &before[14 + layout.payload..]);
            if is_ipv4 {
                prop_assert_eq!(internet_checksum(&bytes[..20]), 0);
                prop_assert_eq!(usize::from(bytes[5]), number);
            }
        }
    }
}

/// A datagram with headers as tunnels write them.
fn tunnelled(pool: &mut BufferPool, is_ipv4: bool, port: u16, payload: &[u8]) -> BufferIndex {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let udp = (8 + payload.len()) as u16;
    if is_ipv4 {
        bytes.extend([8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 253, 17, 0, 0]);
        bytes.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        put(&mut bytes, 16, udp + 20);
        let checksum = internet_checksum(&bytes[14..]);
        put(&mut bytes, 24, checksum);
    } else {
        bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        bytes.extend(udp.to_be_bytes());
        bytes.extend([17, 254]);
        bytes.extend([0xfd; 32]);
    }
    bytes.extend(0xc001_u16.to_be_bytes());
    bytes.extend(port.to_be_bytes());
    bytes.extend(udp.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    let packet = pool.alloc_from(&bytes).expect("buffer");
    pool.meta_mut(packet).flags.insert(Flags::ENCAPSULATED);
    packet
}

fn stream(payload: usize) -> Stream {
    Stream {
        is_ipv4: true,
        is_tagged: false,
        payload: vec![7; payload],
        size: 1000,
        is_pushed: false,
    }
}

/// What becomes of a stream's segments when one of them is changed: how many each packet was.
fn lengths(
    payload: usize,
    change: impl FnOnce(&mut BufferPool, &mut Vec<BufferIndex>),
) -> Vec<usize> {
    let mut pool = BufferPool::new(256);
    let mut segments = stream(payload).segments(&mut pool);
    change(&mut pool, &mut segments);
    let packets = joined(&mut pool, Joins::Tcp, &segments);
    packets.iter().map(|joined| joined.segments).collect()
}

/// Writes to a segment and makes its checksums right again.
fn rewrite(pool: &mut BufferPool, packet: BufferIndex, at: usize, value: u8) {
    let bytes = pool.data_mut(packet);
    bytes[at] = value;
    put(bytes, 24, 0);
    let checksum = internet_checksum(&bytes[14..34]);
    put(bytes, 24, checksum);
    let layout = Layout::parse(bytes, Start::Ethernet).expect("TCP");
    put(bytes, 50, 0);
    let mut sum = layout.pseudo_header(bytes, bytes.len() - 34);
    sum.add(&bytes[34..]);
    put(bytes, 50, sum.checksum());
}

#[test]
fn what_linux_would_not_join_is_not_joined() {
    assert_eq!(lengths(5000, |_, _| ()), [5]);
    for (what, at, value) in [
        ("type of service", 15, 1),
        ("identification", 19, 99),
        ("may be fragmented", 20, 0),
        ("more fragments", 20, 0x60),
        ("time to live", 22, 63),
        ("source", 29, 9),
        ("destination", 33, 9),
        ("source port", 35, 9),
        ("destination port", 37, 9),
        ("sequence", 41, 9),
        ("acknowledgment", 45, 9),
        ("FIN", 47, 0x11),
        ("SYN", 47, 0x12),
        ("RST", 47, 0x14),
        ("URG", 47, 0x30),
        ("ECE", 47, 0x50),
        ("CWR", 47, 0x90),
        ("no ACK", 47, 0),
        ("window", 49, 9),
        ("urgent", 53, 9),
        ("time stamp", 61, 9),
    ] {
        let found = lengths(5000, |pool, all| rewrite(pool, all[2], at, value));
        assert_eq!(found, [2, 1, 2], "{what}");
    }
}

#[test]
fn order_and_ends_are_kept() {
    let swap = |_: &mut BufferPool, all: &mut Vec<BufferIndex>| all.swap(1, 2);
    assert_eq!(lengths(4000, swap), [1, 1, 1, 1]);
    // Pushed, a segment ends what is joined; a shorter one does, too.
    let push = |pool: &mut BufferPool, all: &mut Vec<BufferIndex>| rewrite(pool, all[1], 47, 0x18);
    assert_eq!(lengths(4000, push), [2, 2]);
    assert_eq!(lengths(3500, |_, _| ()), [4]);
    // What super-packets may hold.
    assert_eq!(lengths(70_000, |_, _| ()), [SEGMENTS_MAX, 6]);
    let twice = |_: &mut BufferPool, all: &mut Vec<BufferIndex>| all.truncate(1);
    assert_eq!(lengths(3000, twice), [1]);
}

#[test]
fn a_constant_identification_is_joined_where_it_means_nothing() {
    let constant = |pool: &mut BufferPool, all: &mut Vec<BufferIndex>| {
        for &segment in all.iter() {
            rewrite(pool, segment, 18, 0);
            rewrite(pool, segment, 19, 0);
        }
    };
    assert_eq!(lengths(3000, constant), [3]);
    let fragmentable = |pool: &mut BufferPool, all: &mut Vec<BufferIndex>| {
        constant(pool, all);
        for &segment in all.iter() {
            rewrite(pool, segment, 20, 0);
        }
    };
    assert_eq!(lengths(3000, fragmentable), [1, 1, 1]);
}

#[test]
fn padding_is_no_payload() {
    let mut pool = BufferPool::new(64);
    let segments = stream(2000).segments(&mut pool);
    let padded = [bytes(&pool, segments[1]), vec![0; 4]].concat();
    let padded = pool.alloc_from(&padded).expect("buffer");
    let packets = joined(&mut pool, Joins::Tcp, &[segments[0], padded]);
    assert_eq!(packets.len(), 2);
}

#[test]
fn only_what_tunnels_made_is_joined_as_datagrams() {
    let mut pool = BufferPool::new(64);
    let mut send = |change: fn(&mut BufferPool, BufferIndex), mtu| {
        let packets: Vec<_> = (0..3)
            .map(|_| tunnelled(&mut pool, true, 4789, &[9; 100]))
            .collect();
        change(&mut pool, packets[1]);
        joined(&mut pool, Joins::Tunnelled(mtu), &packets).len()
    };
    assert_eq!(send(|_, _| (), 1500), 1);
    let foreign =
        |pool: &mut BufferPool, packet| pool.meta_mut(packet).flags.remove(Flags::ENCAPSULATED);
    assert_eq!(send(foreign, 1500), 3);
    assert_eq!(send(|_, _| (), 127), 3, "longer than the MTU");
    assert_eq!(send(|_, _| (), 128), 1);
    let elsewhere = |pool: &mut BufferPool, packet| pool.data_mut(packet)[37] ^= 1;
    assert_eq!(send(elsewhere, 1500), 3, "another port");
}

#[test]
fn a_partial_checksum_inside_is_made_when_the_outer_one_takes_its_place() {
    let mut pool = BufferPool::new(64);
    // Inside: eight bytes to sum behind the place of the sum.
    let inside = [0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let packets: Vec<_> = (0..2)
        .map(|_| {
            let packet = tunnelled(&mut pool, true, 4789, &inside);
            let offload = Offload {
                checksum: Some(PartialChecksum {
                    start: 42,
                    offset: 0,
                }),
                ..Offload::default()
            };
            pool.set_offload(packet, offload);
            packet
        })
        .collect();
    let one = joined(&mut pool, Joins::Tunnelled(1500), &packets);
    assert_eq!(one.len(), 1);
    let all = bytes(&pool, one[0].packet);
    for inside in [&all[42..52], &all[52..]] {
        assert_eq!(internet_checksum(inside), 0, "{inside:?}");
    }
}

#[test]
fn shared_buffers_are_left_alone() {
    let mut pool = BufferPool::new(64);
    let mut segments = stream(2000).segments(&mut pool);
    let mut copies = [BufferIndex::PLACEHOLDER; 2];
    assert_eq!(pool.replicate(segments[0], &mut copies), 2);
    segments[0] = copies[0];
    assert_eq!(joined(&mut pool, Joins::Tcp, &segments).len(), 2);
}
