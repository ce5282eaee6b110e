use super::*;

/// A TCP/IPv4 super-packet as `tun` hands it out: checksum from byte 34, field at 16, 1448 a
/// segment.
fn tcp_super_packet() -> Offload {
    Offload {
        checksum: Some(PartialChecksum {
            start: 34,
            offset: 16,
        }),
        data_valid: false,
        gso_type: GsoType::TcpV4,
        gso_size: 1448,
        hdr_len: 66,
    }
}

#[test]
fn header_survives_both_directions() {
    for offload in [Offload::default(), tcp_super_packet()] {
        assert_eq!(decode(&encode(&offload), false), Some(offload));
    }
}

#[test]
fn inserted_tag_moves_every_position_by_four() {
    let seen = decode(&encode(&tcp_super_packet()), true).expect("known type");
    assert_eq!(
        seen.checksum,
        Some(PartialChecksum {
            start: 38,
            offset: 16
        })
    );
    assert_eq!(seen.hdr_len, 70);
    assert_eq!(seen.gso_size, 1448);
}

#[test]
fn type_that_was_not_offered_is_refused() {
    let mut header = encode(&tcp_super_packet());
    header[1] = 3; // UFO, gone from Linux
    assert_eq!(decode(&header, false), None);
}
