//! A kernel that does not know joined datagrams.

use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};

use weft_packet::Flags;

use super::*;
use crate::testing::datagram;

/// A socket that refuses messages of more than 640 to 1280 bytes, by Linux's release, as a kernel
/// refuses what it does not know: its segments may be no more in number (`udp_send_skb`).
fn socket() -> (UdpSocket, UdpSocket) {
    const UDP_SEGMENT: libc::c_int = 103;
    let bind = || UdpSocket::bind("127.0.0.1:0").expect("socket");
    let (sender, receiver) = (bind(), bind());
    let address = receiver.local_addr().expect("address");
    sender.connect(address).expect("connected");
    let size: libc::c_int = 10;
    // SAFETY: the option reads one int, which `size` is.
    let rc = unsafe {
        libc::setsockopt(
            sender.as_raw_fd(),
            libc::SOL_UDP,
            UDP_SEGMENT,
            (&raw const size).cast(),
            size_of_val(&size) as libc::socklen_t,
        )
    };
    assert_eq!(rc, 0, "{}", io::Error::last_os_error());
    (sender, receiver)
}

#[test]
fn what_the_kernel_does_not_cut_is_cut_here() {
    let (sender, _receiver) = socket();
    let mut pool = BufferPool::new(64);
    let mut scratch = TxScratch::default();
    let mut send = |payloads: &[usize]| {
        let packets: Vec<_> = (0..)
            .zip(payloads)
            .map(|(seed, &payload)| {
                let packet = pool.alloc_from(&datagram(payload, seed)).expect("buffer");
                pool.meta_mut(packet).flags.insert(Flags::ENCAPSULATED);
                packet
            })
            .collect();
        let (to, joins) = (Transmit::Socket(sender.as_fd()), Joins::Tunnelled(1500));
        let outcome = scratch.send(to, Some(joins), &mut pool, &packets);
        assert_eq!(pool.stats().free, 64, "buffers were lost");
        outcome
    };
    let taken = |sent, refused| TxResult {
        sent,
        full: 0,
        refused,
    };
    // Two runs, of which the second is short enough, and one packet that fits no message.
    let (result, is_refused) = send(&[500, 500, 500, 100, 101, 101, 1400]);
    assert_eq!((result, is_refused), (taken(6, 1), true));
    let (result, is_refused) = send(&[100, 100, 100]);
    assert_eq!((result, is_refused), (taken(3, 0), false));
}
