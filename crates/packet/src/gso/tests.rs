use proptest::prelude::*;

use super::*;
use crate::{
    checksum::Sum,
    header::{Ipv4View, vlan_tags},
    meta::SwIfIndex,
    offload::{Offload, PartialChecksum},
};

/// A TCP super-packet over IPv4 or IPv6 with these flags, and the length of its headers.
fn tcp(is_ipv4: bool, tagged: bool, payload: &[u8], flags: u8) -> (Vec<u8>, usize) {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    if tagged {
        frame.extend_from_slice(&[0x81, 0, 0, 100]);
    }
    if is_ipv4 {
        frame.extend_from_slice(&[
            0x08, 0x00, 0x45, 0, 0xff, 0xff, 0xff, 0xfe, 0, 0, 64, 6, 0, 0,
        ]);
        frame.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    } else {
        frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0xff, 0xff, 6, 64]);
        frame.extend_from_slice(&[0xfd; 32]);
    }
    // Options of 12 bytes, as a time stamp with padding has.
    frame.extend_from_slice(&[
        0, 80, 0x9c, 0x40, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0, 0x80, flags,
    ]);
    frame.extend_from_slice(&[0xff, 0xff, 0xab, 0xcd, 0, 0]);
    frame.extend_from_slice(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    let headers = frame.len();
    frame.extend_from_slice(payload);
    (frame, headers)
}

fn cut(frame: &[u8], gso_type: GsoType, size: u16) -> (BufferPool, Vec<BufferIndex>) {
    let mut pool = BufferPool::new(256);
    let packet = pool.alloc_from(frame).unwrap();
    pool.meta_mut(packet).tx_sw_if_index = SwIfIndex(3);
    let checksum = Some(PartialChecksum {
        start: 34,
        offset: 16,
    });
    pool.set_offload(
        packet,
        Offload {
            checksum,
            gso_type,
            gso_size: size,
            ..Offload::default()
        },
    );
    let mut out = Vec::new();
    let count = segment(&mut pool, packet, &mut out).unwrap();
    assert_eq!(count, out.len());
    assert_eq!(pool.stats().free, 256 - count, "the super-packet is gone");
    (pool, out)
}

/// Sum over pseudo-header and transport part of a segment: 0xffff if the checksum is right.
fn transport_sum(ip_packet: &[u8]) -> u16 {
    let mut sum = Sum::default();
    let (protocol, upper) = if ip_packet[0] >> 4 == 4 {
        sum.add(&ip_packet[12..20]);
        let view = Ipv4View::parse(ip_packet).unwrap();
        assert_eq!(
            internet_checksum(&ip_packet[..20]),
            0,
            "IPv4 header checksum"
        );
        assert_eq!(usize::from(view.total_len()), ip_packet.len());
        (view.protocol(), view.payload())
    } else {
        sum.add(&ip_packet[8..40]);
        let view = Ipv6View::parse(ip_packet).unwrap();
        assert_eq!(usize::from(view.payload_len()), ip_packet.len() - 40);
        view.upper_layer().unwrap()
    };
    sum.add_u16(u16::from(protocol.0));
    sum.add_u16(upper.len() as u16);
    sum.add(upper);
    sum.folded()
}

proptest! {
    #[test]
    fn tcp_segments_carry_the_payload_in_order(
        is_ipv4 in any::<bool>(),
        tagged in any::<bool>(),
        payload in prop::collection::vec(any::<u8>(), 1..9000),
        size in 200u16..1448,
    ) {
        let (frame, headers) = tcp(is_ipv4, tagged, &payload, 0x99); // CWR, ACK, PSH, FIN
        let gso_type = if is_ipv4 { GsoType::TcpV4Ecn } else { GsoType::TcpV6Ecn };
        let (pool, segments) = cut(&frame, gso_type, size);
        let mut carried = Vec::new();
        for (index, &part) in segments.iter().enumerate() {
            let data = pool.data(part);
            prop_assert_eq!(pool.total_length(part), data.len());
            prop_assert_eq!(pool.meta(part).tx_sw_if_index, SwIfIndex(3));
            prop_assert_eq!(pool.offload(part), Offload::default());
            let (_, ip_packet) = vlan_tags(data, |_| ()).unwrap();
            prop_assert_eq!(transport_sum(ip_packet), 0xffff);
            let tcp = TcpView::parse(&data[headers - 32..]).unwrap();
            let wanted = 0xffff_fff0u32.wrapping_add((index * usize::from(size)) as u32);
            prop_assert_eq!(tcp.sequence(), wanted);
            let is_last = index + 1 == segments.len();
            prop_assert_eq!(tcp.flags() & 0x09 == 0x09, is_last, "FIN and PSH");
            prop_assert_eq!(tcp.flags() & 0x80 != 0, index == 0, "CWR");
            if is_ipv4 {
                let id = Ipv4View::parse(ip_packet).unwrap().identification();
                prop_assert_eq!(id, 0xfffeu16.wrapping_add(index as u16));
            }
            carried.extend_from_slice(&data[headers..]);
        }
        prop_assert_eq!(carried, payload);
    }
}

#[test]
fn udp_datagrams() {
    let mut frame = vec![0; 12];
    frame.extend_from_slice(&[0x08, 0x00, 0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0]);
    frame.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 54, 0, 0, 0, 0]);
    frame.extend_from_slice(&[7; 2500]);
    let (pool, segments) = cut(&frame, GsoType::UdpL4, 1000);
    let lengths: Vec<_> = segments
        .iter()
        .map(|&part| pool.total_length(part))
        .collect();
    assert_eq!(lengths, [1042, 1042, 542]);
    for part in segments {
        let data = pool.data(part);
        assert_eq!(transport_sum(&data[14..]), 0xffff);
        assert_eq!(
            u16::from_be_bytes([data[38], data[39]]) as usize,
            data.len() - 34
        );
    }
}

#[test]
fn refusals_leave_the_packet() {
    let (frame, _) = tcp(true, false, &[0; 3000], 0x10);
    let mut pool = BufferPool::new(3);
    let packet = pool.alloc_from(&frame).unwrap();
    let mut out = Vec::new();
    assert_eq!(
        segment(&mut pool, packet, &mut out),
        Err(SegmentError::NotMarked)
    );

    let mark = |gso_type, gso_size| Offload {
        gso_type,
        gso_size,
        ..Offload::default()
    };
    pool.set_offload(packet, mark(GsoType::TcpV6, 1000));
    let error = SegmentError::Headers(GsoType::TcpV6);
    assert_eq!(segment(&mut pool, packet, &mut out), Err(error));

    pool.set_offload(packet, mark(GsoType::TcpV4, 2020));
    assert!(matches!(
        segment(&mut pool, packet, &mut out),
        Err(SegmentError::TooLarge(_))
    ));

    pool.set_offload(packet, mark(GsoType::TcpV4, 1000));
    assert_eq!(
        segment(&mut pool, packet, &mut out),
        Err(SegmentError::NoBuffers(3))
    );
    assert!(out.is_empty());
    assert_eq!(pool.total_length(packet), frame.len());
    assert_eq!(pool.stats().free, 1);
}
