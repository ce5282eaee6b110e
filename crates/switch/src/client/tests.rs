use std::io::{Read, Write};

use super::*;
use weft_vpp_wire::frame::write_frame;

fn pair() -> (Client, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("socket pair");
    ours.set_nonblocking(true).expect("non-blocking");
    (Client::new(ours), theirs)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |out| out.extend_from_slice(message));
    bytes
}

fn receive(
    client: &mut Client,
    mut handle: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), ClientEnd>,
) -> Result<(), ClientEnd> {
    client.receive(&mut vec![0; READ_CHUNK], &mut handle)
}

/// Answers each message with itself.
#[allow(clippy::unnecessary_wraps, reason = "has the form of a handler")]
fn echo(message: &[u8], out: &mut Vec<u8>) -> Result<(), ClientEnd> {
    write_frame(out, |out| out.extend_from_slice(message));
    Ok(())
}

#[test]
fn message_in_pieces_is_answered_when_it_is_whole() {
    let (mut client, mut peer) = pair();
    let bytes = framed(b"\x00\x01hello");
    let (first, second) = bytes.split_at(18);
    peer.write_all(first).expect("write");
    receive(&mut client, echo).expect("part");
    assert!(client.output().is_empty());
    peer.write_all(second).expect("write");
    receive(&mut client, echo).expect("rest");
    client.flush().expect("flush");
    let mut answer = vec![0; bytes.len()];
    peer.read_exact(&mut answer).expect("answer");
    assert_eq!(answer, bytes);
}

#[test]
fn garbage_ends_the_connection() {
    let (mut client, mut peer) = pair();
    peer.write_all(&[0xff; 64]).expect("write");
    assert!(matches!(
        receive(&mut client, echo),
        Err(ClientEnd::Frame(_))
    ));
}

#[test]
fn closed_connection_is_noticed() {
    let (mut client, peer) = pair();
    drop(peer);
    assert!(matches!(receive(&mut client, echo), Err(ClientEnd::Closed)));
}

#[test]
fn client_that_does_not_read_is_not_read_and_then_dropped() {
    let (mut client, mut peer) = pair();
    let flood = |_: &[u8], out: &mut Vec<u8>| {
        out.resize(out.len() + OUTPUT_PAUSE + 1, 0);
        Ok(())
    };
    let two = [framed(b"\x00\x01"), framed(b"\x00\x02")].concat();
    peer.write_all(&two).expect("write");
    receive(&mut client, flood).expect("first");
    assert_eq!(
        client.output().len(),
        OUTPUT_PAUSE + 1,
        "the second message has to wait"
    );
    assert_eq!(client.interest(), Interest::Write);
    peer.set_nonblocking(true).expect("non-blocking");
    while !client.output().is_empty() {
        client.flush().expect("flush");
        while peer.read(&mut [0; 4096]).is_ok() {}
    }
    // All is taken, and still it has to go on with what waits.
    assert_eq!(client.interest(), Interest::ReadWrite);
    client.process(&mut echo).expect("second");
    assert_eq!(client.output().len(), framed(b"\x00\x02").len());
    client.output().resize(2 * OUTPUT_LIMIT, 0);
    assert!(matches!(client.flush(), Err(ClientEnd::Stalled { .. })));
}
