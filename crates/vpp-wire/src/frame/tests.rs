use proptest::prelude::*;

use super::*;

fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_frame(&mut out, |out| out.extend_from_slice(message));
    out
}

fn drain(decoder: &mut FrameDecoder) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(message) = decoder.next_message().unwrap() {
        messages.push(message.to_vec());
    }
    messages
}

#[test]
fn header_is_length_among_zeros() {
    let mut expected = vec![0; 8];
    expected.extend([0, 0, 0, 3, 0, 0, 0, 0]);
    expected.extend([7, 8, 9]);
    assert_eq!(frame(&[7, 8, 9]), expected);
}

#[test]
fn pointer_and_mark_are_ignored() {
    let mut bytes = frame(&[1, 2]);
    bytes[..8].fill(0xaa);
    bytes[12..16].fill(0xbb);
    let mut decoder = FrameDecoder::new(10);
    decoder.feed(&bytes);
    assert_eq!(drain(&mut decoder), [[1, 2]]);
}

#[test]
fn a_length_out_of_bounds_is_an_error_before_the_message_is_there() {
    let mut decoder = FrameDecoder::new(10);
    decoder.feed(&frame(&[0; 11])[..HEADER_LEN]);
    assert_eq!(
        decoder.next_message(),
        Err(FrameError::TooLong {
            length: 11,
            max: 10
        })
    );
    let mut decoder = FrameDecoder::new(10);
    decoder.feed(&frame(&[0]));
    assert_eq!(
        decoder.next_message(),
        Err(FrameError::TooShort { length: 1 })
    );
}

#[test]
fn half_a_message_is_counted() {
    let bytes = frame(&[1, 2, 3]);
    let mut decoder = FrameDecoder::new(10);
    decoder.feed(&bytes);
    decoder.feed(&bytes[..5]);
    assert_eq!(drain(&mut decoder).len(), 1);
    assert_eq!(decoder.unfinished(), 5);
}

proptest! {
    #[test]
    fn messages_survive_any_cutting(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 2..40), 0..20),
        cuts in prop::collection::vec(1usize..60, 1..20),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        let mut decoder = FrameDecoder::new(40);
        let mut decoded = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            decoder.feed(chunk);
            decoded.extend(drain(&mut decoder));
            rest = after;
        }
        prop_assert_eq!(decoded, messages);
        prop_assert_eq!(decoder.unfinished(), 0);
    }

    #[test]
    fn garbage_never_panics(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8)) {
        let mut decoder = FrameDecoder::new(1000);
        for chunk in chunks {
            decoder.feed(&chunk);
            while let Ok(Some(message)) = decoder.next_message() {
                prop_assert!(message.len() >= 2);
            }
        }
    }
}
