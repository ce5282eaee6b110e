use super::{table::Found, *};
use crate::acl::tuple::FiveTuple;

/// Sessions in a table made for so many.
const SESSIONS: u32 = 64;

fn packet(table: &SessionTable, port: u16) -> SessionPacket {
    let tuple = FiveTuple::<u32> {
        ports: [port, 53],
        protocol: 17,
        ..FiveTuple::default()
    };
    SessionPacket::new(&tuple, SwIfIndex(1), true, table.seed())
}

fn is_found(table: &SessionTable, packet: &SessionPacket) -> bool {
    let validity = Validity::default();
    let mut found = table.find(packet, &validity);
    found.any(|found| matches!(found, Found::Valid(..)))
}

#[test]
fn sessions_are_found_also_where_their_bucket_is_full() {
    let mut has_spilled = false;
    for seed in 1..50 {
        let table = SessionTable::new(1, SESSIONS, seed);
        table.prepare();
        let mut owner = Owner::new(0);
        let packets: Vec<_> = (0..SESSIONS as u16)
            .map(|port| packet(&table, port))
            .collect();
        let made: Vec<_> = packets
            .iter()
            .map(|packet| owner.add(&table, packet, Origin::default(), 0).is_ok())
            .collect();
        has_spilled |= table.spilled() > 0;
        for (packet, made) in packets.iter().zip(made) {
            assert_eq!(is_found(&table, packet), made, "seed {seed}");
        }
        // All of them are too old at once.
        owner.maintain(&table, 0, 600_000, |_, _| true);
        assert_eq!((table.live(), table.spilled()), (0, 0), "seed {seed}");
        assert!(packets.iter().all(|packet| !is_found(&table, packet)));
    }
    assert!(has_spilled, "no bucket was ever full");
}

#[test]
fn no_more_sessions_than_the_limit() {
    let table = SessionTable::new(1, SESSIONS, 1);
    table.prepare();
    let mut owner = Owner::new(0);
    table.set_limit(3);
    let made = (0..5).map(|port| {
        let packet = packet(&table, port);
        owner.add(&table, &packet, Origin::default(), 0).is_ok()
    });
    assert_eq!(made.collect::<Vec<_>>(), [true, true, true, false, false]);
}
