use std::fmt::Debug;
use std::net::IpAddr;

use super::*;
use crate::messages::interface::IfStatusFlags;

/// `value` is written as `bytes`, and these are read as `value`.
fn both_ways<T: Wire + PartialEq + Debug>(value: &T, bytes: &[u8]) {
    let mut out = Vec::new();
    value.encode(&mut Writer::new(&mut out));
    assert_eq!(out, bytes);
    let mut reader = Reader::new(bytes);
    assert_eq!(T::decode(&mut reader).as_ref(), Ok(value));
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn fixed_strings_are_padded() {
    both_ways(&FixedString::<6>::try_from("tap0").unwrap(), b"tap0\0\0");
    both_ways(&FixedString::<4>::EMPTY, b"\0\0\0\0");
}

#[test]
fn a_fixed_string_never_loses_a_byte() {
    assert!(FixedString::<5>::try_from("four").is_ok());
    assert_eq!(
        FixedString::<4>::try_from("four"),
        Err(InvalidText::TooLong {
            text: "four".to_owned(),
            max: 3
        })
    );
    assert!(matches!(
        FixedString::<8>::try_from("a\0b"),
        Err(InvalidText::Nul { .. })
    ));
}

#[test]
fn leftovers_behind_the_end_of_a_text_do_not_matter() {
    let read = FixedString::<6>::decode(&mut Reader::new(b"ab\0cd\0")).unwrap();
    assert_eq!(read, FixedString::try_from("ab").unwrap());
}

#[test]
fn a_text_in_another_encoding_is_kept_and_shown() {
    let read = FixedString::<4>::decode(&mut Reader::new(b"\xe4b\0\0")).unwrap();
    assert_eq!(read.as_bytes(), b"\xe4b");
    assert_eq!(read.to_string(), "\u{fffd}b");
}

#[test]
fn var_strings_and_lists_carry_their_length() {
    both_ways(&VarString::from("ab"), b"\0\0\0\x02ab");
    let list: List<u16, u16> = vec![1, 2].try_into().unwrap();
    both_ways(&list, &[0, 2, 0, 1, 0, 2]);
}

#[test]
fn a_false_count_ends_with_the_message() {
    let bytes = [0xff, 0xff, 0xff, 0xff, 0, 0];
    assert!(matches!(
        List::<u32>::decode(&mut Reader::new(&bytes)),
        Err(DecodeErrorKind::Truncated { .. })
    ));
    assert!(matches!(
        VarString::decode(&mut Reader::new(&bytes)),
        Err(DecodeErrorKind::Truncated { .. })
    ));
}

#[test]
fn a_list_is_never_longer_than_its_count_can_tell() {
    let result: Result<List<u8, u16>, _> = vec![0; 65_536].try_into();
    assert_eq!(result, Err(TooManyElements { count: 65_536 }));
}

#[test]
fn addresses_fill_their_union() {
    let v4: IpAddr = "10.0.0.1".parse().unwrap();
    both_ways(&v4, &[0, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let v6: IpAddr = "fe80::1".parse().unwrap();
    let prefix = Prefix {
        address: v6,
        len: 64,
    };
    both_ways(
        &prefix,
        &[1, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 64],
    );
    assert_eq!(
        IpAddr::decode(&mut Reader::new(&[2; 17])),
        Err(DecodeErrorKind::Invalid { value: 2 })
    );
}

#[test]
fn unknown_flags_are_kept_and_shown() {
    let flags = IfStatusFlags::decode(&mut Reader::new(&[0, 0, 1, 2])).unwrap();
    assert!(flags.contains(IfStatusFlags::LINK_UP) && !flags.contains(IfStatusFlags::ADMIN_UP));
    assert_eq!(format!("{flags:?}"), "{LINK_UP, 0x100}");
    both_ways(&flags, &[0, 0, 1, 2]);
}
