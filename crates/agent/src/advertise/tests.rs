use super::*;

const OWN: &str = "put global/networks/gpe/7/here/fa:16:3e:00:00:01";

fn address() -> Address {
    (
        "gpe.7".parse().unwrap(),
        "fa:16:3e:00:00:01".parse().unwrap(),
    )
}

fn port() -> PortId {
    "web".parse().unwrap()
}

fn says(revision: i64) -> Vec<(Mac, MacAdvertisement)> {
    let advertisement = MacAdvertisement {
        host: "192.0.2.1".parse().unwrap(),
        ips: ["10.0.0.1".parse().unwrap()].into(),
        revision,
    };
    vec![(address().1, advertisement)]
}

fn post(advertised: &mut Advertised, revision: i64, bridged: Option<bool>) {
    advertised.post(&port(), Some(address().0), says(revision), bridged);
}

fn withdraw(advertised: &mut Advertised) {
    advertised.post(&port(), None, Vec::new(), Some(false));
}

fn kv(revision: i64, lease: i64, mod_revision: i64) -> KeyValue {
    KeyValue {
        key: "own".to_owned(),
        value: says(revision)[0].1.to_json().to_string().into(),
        create_revision: 1,
        mod_revision,
        version: 1,
        lease,
    }
}

/// What is written while other hosts say this.
fn writes(advertised: &mut Advertised, words: &[(&str, (i64, i64))]) -> Vec<Write> {
    let words: Vec<(HostName, (i64, i64))> = words
        .iter()
        .map(|(host, word)| (host.parse().unwrap(), *word))
        .collect();
    advertised.writes(&Keyspace::default(), &"here".parse().unwrap(), |_| {
        words.iter().map(|(host, word)| (host, *word))
    })
}

/// The same in words.
fn shown(advertised: &mut Advertised, words: &[(&str, (i64, i64))]) -> Vec<String> {
    let short = |key: &str| key.replace("/networking-vpp/", "");
    let writes = writes(advertised, words);
    let operations = writes.iter().flat_map(|write| &write.txn.success);
    operations
        .map(|operation| match operation {
            Op::Put { key, .. } => format!("put {}", short(key)),
            Op::Delete { key } => format!("delete {}", short(key)),
            Op::DeletePrefix { prefix } => format!("delete all of {}", short(prefix)),
        })
        .collect()
}

fn with_lease(lease: i64) -> Advertised {
    let mut advertised = Advertised::default();
    advertised.set_lease(Some(lease));
    advertised
}

/// Everything is written as it shall be.
fn settle(advertised: &mut Advertised, revision: i64) {
    for write in writes(advertised, &[]) {
        advertised.written(write, revision);
    }
    assert_eq!(writes(advertised, &[]), []);
}

#[test]
fn a_port_is_advertised_once_it_is_bridged_and_while_its_record_is_the_same() {
    let mut advertised = with_lease(5);
    for bridged in [None, Some(false)] {
        post(&mut advertised, 7, bridged);
        assert_eq!(writes(&mut advertised, &[]), []);
    }
    post(&mut advertised, 7, Some(true));
    let write = writes(&mut advertised, &[]).pop().unwrap();
    let compare = Compare::ModRevision {
        key: "/networking-vpp/nodes/here/ports/web".to_owned(),
        equals: 7,
    };
    assert_eq!(write.txn.compares, [compare]);
    let [
        Op::Put {
            lease: 5, value, ..
        },
    ] = &write.txn.success[..]
    else {
        panic!("{write:?}");
    };
    assert_eq!(
        value,
        r#"{"host":"192.0.2.1","ips":["10.0.0.1"],"revision":7}"#
    );
    // Until it was done it is to be done.
    assert_eq!(writes(&mut advertised, &[]), std::slice::from_ref(&write));
    advertised.written(write, 20);
    assert_eq!(writes(&mut advertised, &[]), []);

    // VPP is away, or came back empty: what was said stays.
    for bridged in [None, Some(false)] {
        post(&mut advertised, 7, bridged);
        assert_eq!(writes(&mut advertised, &[]), []);
    }
    post(&mut advertised, 8, Some(false));
    assert_eq!(shown(&mut advertised, &[]), [OWN]);
    withdraw(&mut advertised);
    assert_eq!(shown(&mut advertised, &[]), [OWN.replace("put", "delete")]);
}

#[test]
fn the_newer_word_deletes_the_older_one_in_one_transaction() {
    let mut advertised = with_lease(5);
    post(&mut advertised, 7, Some(true));
    let there = "global/networks/gpe/7/there/fa:16:3e:00:00:01";
    let both = [OWN.to_owned(), format!("delete {there}")];
    assert_eq!(shown(&mut advertised, &[("there", (6, 12))]), both);
    settle(&mut advertised, 20);
    // The older one is said again: it goes again.
    advertised.heard(address());
    assert_eq!(shown(&mut advertised, &[("there", (6, 30))]), both);
}

#[test]
fn the_older_word_is_taken_back_and_not_said_again_until_the_newer_one_is_gone() {
    let mut advertised = with_lease(5);
    post(&mut advertised, 7, Some(true));
    settle(&mut advertised, 20);
    let newer = [("there", (9, 21))];
    advertised.heard(address());
    assert_eq!(
        shown(&mut advertised, &newer),
        [OWN.replace("put", "delete")],
        "other writers may leave ours"
    );
    advertised.know(address(), None, 21);
    assert_eq!(shown(&mut advertised, &newer), [] as [&str; 0]);
    advertised.set_lease(Some(6));
    assert_eq!(shown(&mut advertised, &newer), [] as [&str; 0]);
    advertised.heard(address());
    assert_eq!(shown(&mut advertised, &[]), [OWN]);
}

#[test]
fn what_vanished_otherwise_is_said_again_and_what_hangs_on_another_lease_is_hung_on_ours() {
    let mut advertised = with_lease(5);
    post(&mut advertised, 7, Some(true));
    settle(&mut advertised, 20);
    advertised.know(address(), None, 19);
    assert_eq!(
        writes(&mut advertised, &[]),
        [],
        "that was before our write"
    );
    advertised.know(address(), None, 25);
    assert_eq!(shown(&mut advertised, &[]), [OWN]);
    settle(&mut advertised, 26);
    advertised.set_lease(None);
    assert_eq!(writes(&mut advertised, &[]), []);
    advertised.set_lease(Some(6));
    assert_eq!(shown(&mut advertised, &[]), [OWN]);
}

#[test]
fn an_agent_that_is_back_takes_over_what_the_last_one_said() {
    let mut advertised = with_lease(6);
    let before = BTreeMap::from([(address().1, kv(7, 5, 20))]);
    post(&mut advertised, 7, None);
    advertised.know_all(address().0, &before);
    assert_eq!(
        writes(&mut advertised, &[]),
        [],
        "it may be bridged for all we know"
    );
    post(&mut advertised, 7, Some(true));
    assert_eq!(shown(&mut advertised, &[]), [OWN]);
    settle(&mut advertised, 21);

    let mut advertised = with_lease(6);
    advertised.know_all(address().0, &before);
    assert_eq!(shown(&mut advertised, &[]), [OWN.replace("put", "delete")]);
}

#[test]
fn of_several_ports_with_one_address_the_newest_speaks_and_each_stands_in() {
    let mut advertised = with_lease(5);
    post(&mut advertised, 7, Some(true));
    let other: PortId = "other".parse().unwrap();
    advertised.post(&other, Some(address().0), says(9), Some(true));
    let write = writes(&mut advertised, &[]).pop().unwrap();
    let Compare::ModRevision { key, equals: 9 } = &write.txn.compares[0] else {
        panic!("{write:?}");
    };
    assert!(key.ends_with("/other"), "{key}");
    advertised.written(write, 20);
    advertised.post(&other, None, Vec::new(), Some(false));
    let write = writes(&mut advertised, &[]).pop().unwrap();
    assert!(
        matches!(
            &write.txn.compares[0],
            Compare::ModRevision { equals: 7, .. }
        ),
        "{write:?}"
    );
}
