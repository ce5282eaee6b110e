//! Golden messages: each case is a file, read as one reader reads it, and all that is said of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use crate::{ConfigErrors, Document, suggest};

/// Reads every kind of value that there is.
#[derive(Debug, PartialEq)]
struct Sample {
    host: String,
    listen: SocketAddr,
    workers: u16,
    trace: bool,
    ping: Duration,
    peers: Vec<IpAddr>,
    store: Option<PathBuf>,
    physnets: Vec<(String, u32, Option<String>)>,
    ports: Vec<u8>,
}

fn read(text: &str) -> Result<Sample, ConfigErrors> {
    let doc = Document::parse("weft.toml", text);
    let root = doc.root();
    let host = root.text("host").required();
    let listen = root.text("listen").or(([127, 0, 0, 1], 7090).into());
    let even = |n: u16| {
        if n.is_multiple_of(2) {
            Ok(n)
        } else {
            Err("must be even")
        }
    };
    let workers = root.number("workers", 0..=64).try_map(even).or(2);
    let trace = root.flag("trace").or(false);
    let ping = root.duration("ping", Duration::from_millis(100)..=Duration::from_secs(90));
    let ping = ping.or(Duration::from_secs(1));
    let peers = root.texts("peers").optional().unwrap_or_default();
    let store = root
        .table("store")
        .and_then(|store| store.text("path").required());
    let mut physnets = Vec::new();
    for (name, physnet) in root.tables::<String>("physnets") {
        let mtu = physnet.number("mtu", 68..=9000).or(1500);
        let uplink: Option<String> = physnet.text("uplink").optional();
        if uplink.is_some() && physnets.iter().any(|(_, _, other)| *other == uplink) {
            physnet.refuse("uplink", "two physnets cannot share an uplink");
        }
        physnets.push((name, mtu, uplink));
    }
    let ports: Vec<_> = root
        .array("port")
        .iter()
        .filter_map(|p| p.number("id", 1..=9).required())
        .collect();
    doc.finish(|| {
        Some(Sample {
            host: host?,
            listen,
            workers,
            trace,
            ping,
            peers,
            store,
            physnets,
            ports,
        })
    })
}

#[track_caller]
fn refused(text: &str, messages: &[&str]) {
    let errors = read(text).expect_err("is faulty").to_string();
    let errors: Vec<_> = errors.lines().collect();
    assert_eq!(errors, messages, "of {text}");
}

#[test]
fn every_kind_of_value_is_read() {
    let sample = read(
        "host = \"a\"\nlisten = \"[::1]:80\"\nworkers = 0x10\ntrace = true\nping = \"1500 ms\"\n\
         peers = [\"10.0.0.1\", \"::1\"]\n[store]\npath = \"/x\"\n[physnets.b]\nmtu = 9_000\n\
         [physnets.\"a.1\"]\nuplink = \"eth0\"\n[[port]]\nid = 3\n[[port]]\nid = 4\n",
    );
    let expected = Sample {
        host: "a".to_owned(),
        listen: "[::1]:80".parse().unwrap(),
        workers: 16,
        trace: true,
        ping: Duration::from_millis(1500),
        peers: vec!["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        store: Some("/x".into()),
        physnets: vec![
            ("b".to_owned(), 9000, None),
            ("a.1".to_owned(), 1500, Some("eth0".to_owned())),
        ],
        ports: vec![3, 4],
    };
    assert_eq!(sample.unwrap(), expected);
}

#[test]
fn defaults_stand_in_for_what_is_left_out() {
    let sample = read("host = \"a\"").unwrap();
    assert_eq!(
        (sample.workers, sample.trace, sample.store),
        (2, false, None)
    );
}

#[test]
fn all_faults_are_reported_in_the_order_of_the_file() {
    refused(
        "lisen = \"x\"\nworkers = 65\ntrace = 1\n\n[store]\n\n[physnets.b]\nmtu = 10\nspeed = 1\n",
        &[
            "weft.toml:1:1: `host` is missing; add `host = \"…\"` to the file",
            "weft.toml:1:1: unknown key `lisen`; did you mean `listen`?",
            "weft.toml:2:11: `workers` must be 0 to 64, not 65",
            "weft.toml:3:9: `trace` must be true or false, not an integer",
            "weft.toml:5:2: `store.path` is missing; add `path = \"…\"` to `[store]`",
            "weft.toml:8:7: `physnets.b.mtu` must be 68 to 9000, not 10",
            "weft.toml:9:1: unknown key `speed` in `physnets.b`; known here: `mtu`, `uplink`",
        ],
    );
}

#[test]
fn a_value_that_its_type_refuses_says_so_in_the_words_of_the_type() {
    refused(
        "host = \"\"\nlisten = \"localhost\"\nworkers = 3\npeers = [\"10.0.0.1\", 7, \"x\"]\n",
        &[
            "weft.toml:1:8: `host` is empty; give it a value or leave it out",
            "weft.toml:2:10: `listen` cannot be \"localhost\": invalid socket address syntax",
            "weft.toml:3:11: `workers`: must be even",
            "weft.toml:4:22: `peers[1]` must be a text in quotes, not an integer",
            "weft.toml:4:25: `peers[2]` cannot be \"x\": invalid IP address syntax",
        ],
    );
}

#[test]
fn wrong_types_are_named() {
    refused(
        "host = 7\nlisten = true\nworkers = \"2\"\nping = 5\npeers = \"x\"\nstore = 1\n\
         physnets = []\nport = {}\n",
        &[
            "weft.toml:1:8: `host` must be a text in quotes, not an integer",
            "weft.toml:2:10: `listen` must be a text in quotes, not a boolean",
            "weft.toml:3:11: `workers` must be a whole number, not a string",
            "weft.toml:4:8: `ping` must be a duration such as \"5s\", not an integer",
            "weft.toml:5:9: `peers` must be a list of texts, not a string",
            "weft.toml:6:9: `store` must be a table (`[store]`), not an integer",
            "weft.toml:7:12: `physnets` must be a table (`[physnets]`), not an array",
            "weft.toml:8:8: `port` must be a list of tables (`[[port]]`), not a table",
        ],
    );
}

#[test]
fn a_section_of_the_wrong_type_is_one_fault() {
    refused(
        "host = \"a\"\nphysnets = { a = 1 }\nport = [1, { id = 10 }, { ip = 2 }]\n",
        &[
            "weft.toml:2:18: `physnets.a` must be a table (`[physnets.a]`), not an integer",
            "weft.toml:3:9: `port[0]` must be a table (`[port[0]]`), not an integer",
            "weft.toml:3:19: `port[1].id` must be 1 to 9, not 10",
            "weft.toml:3:25: `port[2].id` is missing; add `id = 1` to `[port[2]]`",
            "weft.toml:3:27: unknown key `ip` in `port[2]`; did you mean `id`?",
        ],
    );
}

#[test]
fn durations_have_a_unit_and_bounds() {
    refused(
        "host = \"a\"\nping = \"5\"\n",
        &[
            "weft.toml:2:8: `ping` must be a whole number of ms, s, m or h such as \"5s\", not \"5\"",
        ],
    );
    refused(
        "host = \"a\"\nping = \"2m\"\n",
        &["weft.toml:2:8: `ping` must be 100ms to 90s, not 2m"],
    );
}

#[test]
fn a_number_beyond_any_type_is_out_of_range() {
    refused(
        "host = \"a\"\nworkers = -99999999999999999999999999999999999999999999\n",
        &[
            "weft.toml:2:11: `workers` must be 0 to 64, not -99999999999999999999999999999999999999999999",
        ],
    );
}

#[test]
fn faults_that_span_fields_are_pinned_by_the_reader() {
    refused(
        "host = \"a\"\n[physnets]\na = { uplink = \"eth0\" }\nb = { uplink = \"eth0\" }\n",
        &["weft.toml:4:16: two physnets cannot share an uplink"],
    );
}

#[test]
fn a_section_nobody_reads_is_one_unknown_key() {
    refused(
        "host = \"a\"\n[stores]\npath = 1\nother = 2\n",
        &["weft.toml:2:2: unknown key `stores`; did you mean `store`?"],
    );
}

#[test]
fn a_table_whose_name_is_refused_is_one_fault() {
    let doc = Document::parse("weft.toml", "[vlans.x]\nmtu = 1\n[vlans.7]\n");
    let names: Vec<u16> = doc
        .root()
        .tables("vlans")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [7]);
    let faults = doc.finish(|| Some(())).unwrap_err().to_string();
    assert_eq!(
        faults,
        "weft.toml:1:8: `vlans.x`: invalid digit found in string"
    );
}

#[test]
fn broken_syntax_does_not_hide_the_other_faults() {
    refused(
        "host = \"a\nworkers = 65\ntrace 1\n",
        &[
            "weft.toml:1:10: not valid TOML: invalid basic string, expected `\"`",
            "weft.toml:2:11: `workers` must be 0 to 64, not 65",
            "weft.toml:3:7: not valid TOML: key with no value, expected `=`",
        ],
    );
}

#[test]
fn a_duplicate_key_is_reported_where_it_stands_again() {
    refused(
        "host = \"a\"\nworkers = 4\nworkers = 2\n[store]\n[store]\n",
        &[
            "weft.toml:3:1: not valid TOML: duplicate key (at `workers`)",
            "weft.toml:5:2: not valid TOML: duplicate key (at `store`)",
        ],
    );
}

#[test]
fn columns_count_characters() {
    refused(
        "host = \"ä\" # ü\npeers = [\"ö\", 1]\n",
        &[
            "weft.toml:2:10: `peers[0]` cannot be \"ö\": invalid IP address syntax",
            "weft.toml:2:15: `peers[1]` must be a text in quotes, not an integer",
        ],
    );
}

#[test]
fn suggestions_are_near() {
    let known = ["api_socket", "workers", "mtu"].map(str::to_owned);
    assert_eq!(suggest::closest("apisocket", &known), Some("api_socket"));
    assert_eq!(suggest::closest("API-Socket", &known), Some("api_socket"));
    assert_eq!(
        suggest::closest("mut", &known),
        Some("mtu"),
        "two neighbours swapped"
    );
    assert_eq!(suggest::closest("mtus", &known), Some("mtu"));
    assert_eq!(suggest::closest("colour", &known), None);
}

proptest! {
    /// Whatever the text, reading ends, and each fault names a line of the file.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z=\\[\\]{}\"'\\\\.,#0-9\n ü\u{0}-]{0,80}") {
        if let Err(errors) = read(&text) {
            let lines = text.matches('\n').count() + 1;
            prop_assert!(errors.iter().count() > 0);
            prop_assert!(errors.iter().all(|e| (1..=lines).contains(&e.line) && e.column > 0));
        }
    }
}
