use super::*;
use crate::messages::memclnt::{ControlPing, ControlPingReply};
use crate::messages::tapv2::TapCreateV3;

fn entry(index: u16, name: &str) -> MessageTableEntry {
    MessageTableEntry {
        index,
        name: FixedString::try_from(name).unwrap(),
    }
}

#[test]
fn numbers_come_from_the_server() {
    let table = MessageTable::from_entries(&[
        entry(25, "control_ping_51077d14"),
        entry(26, "control_ping_reply_f6b0b8ca"),
        entry(900, "not_ours_12345678"),
        entry(901, "neither"),
    ])
    .unwrap();
    assert_eq!(table.id::<ControlPing>(), Ok(25));
    assert_eq!(table.message(26), Some(Declared::of::<ControlPingReply>()));
    assert_eq!(table.message(900), None);
}

#[test]
fn another_layout_is_not_taken_for_ours() {
    let table = MessageTable::from_entries(&[entry(7, "tap_create_v3_00000001")]).unwrap();
    let missing = table.id::<TapCreateV3>().unwrap_err();
    assert_eq!(missing.found_crc, Some(1));
    assert_eq!(table.message(7), None);
    assert!(table.all_missing().contains(&missing));
}

#[test]
fn a_number_used_twice_is_an_error() {
    assert_eq!(
        MessageTable::from_entries(&[
            entry(7, "control_ping_51077d14"),
            entry(7, "control_ping_reply_f6b0b8ca"),
        ])
        .unwrap_err(),
        InvalidTable::Ambiguous {
            id: 7,
            first: "control_ping",
            second: "control_ping_reply"
        }
    );
}

#[test]
fn a_served_table_is_understood_by_a_client() {
    let served = MessageTable::serving();
    assert_eq!(served.id::<SockclntCreate>(), Ok(SOCKCLNT_CREATE_ID));
    let read = MessageTable::from_entries(&served.entries()).unwrap();
    assert_eq!(read.all_missing(), []);
    for message in declared() {
        let id = served.ids[message.name];
        assert_eq!(read.message(id), Some(*message));
    }
}
