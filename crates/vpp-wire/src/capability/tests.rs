use std::collections::BTreeSet;

use super::*;
use crate::message::Message;
use crate::messages::declared;
use crate::messages::tapv2::TapCreateV3;

#[test]
fn every_declared_message_is_in_the_releases_that_we_support() {
    for message in declared() {
        let missing = Missing {
            message: *message,
            found_crc: None,
        };
        let releases = missing.releases().unwrap_or_else(|| {
            panic!("{}: no release has this CRC", message.name_crc());
        });
        assert_eq!(
            (releases.first, releases.last),
            ("23.10", "26.06"),
            "{}",
            message.name
        );
    }
}

#[test]
fn the_table_has_nothing_else() {
    let table: BTreeSet<_> = RELEASES
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect();
    let ours: BTreeSet<_> = declared().map(|message| message.name).collect();
    assert_eq!(table, ours);
    assert_eq!(ours.len(), declared().count(), "no name declared twice");
}

#[test]
fn what_is_missing_is_told_with_what_to_do() {
    let message = Declared::of::<TapCreateV3>();
    assert_eq!(TapCreateV3::NAME, "tap_create_v3");
    let mut missing = Missing {
        message,
        found_crc: None,
    };
    assert_eq!(
        missing.to_string(),
        "message tap_create_v3 (CRC 3f3fd1df) is in VPP 23.10 to 26.06; this VPP does not have it: \
         is it another release, or is the plugin of tapv2.api not loaded?"
    );
    missing.found_crc = Some(0x0123_4567);
    assert_eq!(
        missing.to_string(),
        "message tap_create_v3 (CRC 3f3fd1df) is in VPP 23.10 to 26.06; this VPP has it with CRC \
         01234567, a layout that is not known here"
    );
}
