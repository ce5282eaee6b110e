use super::*;

#[test]
fn integers_are_big_endian_and_packed() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    1u8.encode(&mut writer);
    0x0203u16.encode(&mut writer);
    0x0405_0607u32.encode(&mut writer);
    (-2i32).encode(&mut writer);
    true.encode(&mut writer);
    assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 0xff, 0xff, 0xff, 0xfe, 1]);
}

#[test]
fn any_non_zero_byte_is_true() {
    assert_eq!(bool::decode(&mut Reader::new(&[2])), Ok(true));
    assert_eq!(bool::decode(&mut Reader::new(&[0])), Ok(false));
}

#[test]
fn a_short_read_says_where_and_how_much() {
    let mut reader = Reader::new(&[0, 1, 2, 3]);
    u16::decode(&mut reader).unwrap();
    assert_eq!(
        u32::decode(&mut reader),
        Err(DecodeErrorKind::Truncated {
            offset: 2,
            needed: 4,
            length: 4
        })
    );
    assert_eq!(reader.remaining(), 2, "a failed read consumes nothing");
}
