//! What a peer may send, and what not.

use super::*;

fn header(request: u32, flags: u32, size: u32) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    for (to, from) in bytes.iter_mut().zip(
        [request, flags, size]
            .iter()
            .flat_map(|word| word.to_ne_bytes()),
    ) {
        *to = from;
    }
    bytes
}

fn parse(request: u32, payload: &[u8]) -> Result<Request, MessageError> {
    let size = payload.len();
    Request::parse(Header { request, size }, payload, Vec::new())
}

fn file() -> OwnedFd {
    std::fs::File::open("/dev/null").expect("file").into()
}

#[test]
fn header_must_be_a_request_of_version_one() {
    let good = Header::parse(header(1, 1, 0)).expect("request");
    assert_eq!((good.request, good.size), (1, 0));
    assert!(Header::parse(header(1, 9, 0)).is_ok(), "wanting a reply");
    for flags in [0, 2, 3, 5] {
        assert_eq!(
            Header::parse(header(1, flags, 0)),
            Err(MessageError::Flags(flags))
        );
    }
    assert_eq!(
        Header::parse(header(5, 1, u32::MAX)),
        Err(MessageError::TooLong(u32::MAX as usize))
    );
}

#[test]
fn every_request_that_is_cut_short_is_refused_whatever_the_length() {
    for request in [2, 5, 8, 9, 10, 11, 12, 13, 14, 16, 18] {
        let needed = if request == 9 { 32 } else { 8 };
        for size in 0..needed {
            let payload = vec![1; size];
            assert_eq!(
                parse(request, &payload).map(|_| ()).unwrap_err(),
                MessageError::TooShort { request, size },
            );
        }
    }
    assert_eq!(
        parse(6, &[0; 64]).map(|_| ()),
        Err(MessageError::Unknown(6))
    );
}

#[test]
fn table_that_says_more_regions_than_it_has_is_refused() {
    let mut payload = vec![0; 8 + 32];
    payload[0] = 1;
    assert!(
        matches!(parse(5, &payload), Ok(Request::SetMemoryTable(table, _)) if table.len() == 1)
    );
    payload[0] = 2;
    assert!(parse(5, &payload).is_err());
    payload[..4].fill(0xff);
    assert!(parse(5, &payload).is_err());
}

#[test]
fn ring_has_one_notifier_or_says_that_it_has_none() {
    let size = 8;
    let with = |number: u64, files| {
        let header = Header { request: 12, size };
        Request::parse(header, &number.to_ne_bytes(), files)
    };
    assert!(matches!(
        with(3, vec![file()]),
        Ok(Request::SetRingKick {
            ring: 3,
            file: Some(_)
        })
    ));
    assert!(matches!(
        with(0x103, Vec::new()),
        Ok(Request::SetRingKick {
            ring: 3,
            file: None
        })
    ));
    for (number, files) in [
        (3, Vec::new()),
        (0x103, vec![file()]),
        (3, vec![file(), file()]),
    ] {
        assert!(matches!(
            with(number, files),
            Err(MessageError::Files { request: 12, .. })
        ));
    }
}

#[test]
fn reply_carries_version_and_mark() {
    let message = reply(11, ring_state(3, 77));
    assert_eq!(message[..12], header(11, 5, 8));
    assert_eq!(message[12..], ring_state(3, 77));
}
