//! A lab with real namespaces; needs root.

use std::time::{Duration, Instant};

use crate::{Capture, Lab, LabError, Ping, ping, wait_until};

const KIND: &str = "weft-lab-test";

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_a_cable_reach_each_other_and_are_gone_afterwards() {
    let lab = Lab::new(KIND).unwrap();
    let directory = lab.directory().to_owned();
    let (a, b) = (lab.namespace("a").unwrap(), lab.namespace("b").unwrap());
    let names = [a.name().to_owned(), b.name().to_owned()];
    let cable = a.cable("trunk0", &b, "trunk0").unwrap();
    a.configure("trunk0", "10.0.0.1/24").unwrap();
    b.configure("trunk0", "10.0.0.2/24").unwrap();
    let capture = Capture::start(&b, "trunk0").unwrap();

    let all_the_while = Ping::start(&lab, "ping", &a, [10, 0, 0, 2].into()).unwrap();
    let once = ping(&a, [10, 0, 0, 2].into(), 3).await.unwrap();
    assert!(once.received >= 3 && once.lost == 0, "{once:?}");
    assert_eq!(ping(&a, [10, 0, 0, 9].into(), 3).await.unwrap().received, 0);
    let report = all_the_while.stop().unwrap();
    assert!(report.received > 5 && report.lost == 0, "{report:?}");
    assert!(
        capture
            .frames()
            .iter()
            .any(|frame| frame.ether_type == 0x0800),
        "IPv4 was seen"
    );

    drop((capture, cable, a, b, lab));
    assert!(!directory.exists());
    for name in names {
        assert!(!std::path::Path::new("/var/run/netns").join(name).exists());
    }
}

#[test]
fn all_devices_of_a_namespace_go_at_once() {
    let lab = Lab::new(KIND).unwrap();
    let namespace = lab.namespace("many").unwrap();
    for device in ["one", "two"] {
        let add = ["link", "add", device, "type", "veth"];
        namespace.ip(&add).unwrap();
    }
    assert!(namespace.has_device("one"));
    namespace.delete_devices().unwrap();
    assert!(!namespace.has_device("one") && !namespace.has_device("two"));
    assert!(namespace.has_device("lo"));
}

#[tokio::test]
async fn a_process_that_dies_is_told_with_the_end_of_its_log() {
    let lab = Lab::new(KIND).unwrap();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "echo no luck; exit 3"]);
    let mut process = lab.spawn("unlucky", command).unwrap();
    let error = wait_until::<()>("luck", Duration::from_secs(5), async || {
        process.check()?;
        Ok(Err("nothing".to_owned()))
    })
    .await
    .unwrap_err();
    assert!(matches!(&error, LabError::Died { status, .. } if status.code() == Some(3)));
    assert!(error.to_string().contains("no luck"), "{error}");
}

#[tokio::test]
async fn waiting_ends_and_says_what_was_seen_last() {
    let error = wait_until::<()>("rain", Duration::from_millis(50), async || {
        Ok(Err("sun".to_owned()))
    })
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "rain did not come about within 50ms: sun"
    );
}

#[test]
fn a_process_is_stopped_in_order_or_killed() {
    let lab = Lab::new(KIND).unwrap();
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done",
    ]);
    let orderly = lab.spawn("orderly", command).unwrap();
    // Until the trap is set the signal would kill it.
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::fs::read_to_string(orderly.log()).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "the trap is set");
        std::thread::yield_now();
    }
    assert_eq!(orderly.stop().unwrap().code(), Some(7));
    let mut command = std::process::Command::new("sleep");
    command.arg("60");
    let mut crashed = lab.spawn("crashed", command).unwrap();
    crashed.kill();
    assert!(crashed.check().is_err());
}

#[test]
fn what_a_killed_lab_left_is_removed_by_the_next() {
    let kind = "weft-lab-orphan";
    let lab = Lab::new(kind).unwrap();
    let namespace = lab.namespace("a").unwrap();
    let mut command = std::process::Command::new("sleep");
    command.arg("60");
    let mut process = lab.spawn("sleeper", command).unwrap();
    let path = format!("/var/run/netns/{}", namespace.name());
    let living = Lab::new(kind).unwrap();
    assert!(process.check().is_ok(), "its owner lives");
    // As if the owner had another start time: it is a later process with the same number.
    lab.write("owner", &format!("{} 1", std::process::id()))
        .unwrap();
    let next = Lab::new(kind).unwrap();
    assert!(!std::path::Path::new(&path).exists());
    assert!(!lab.directory().exists());
    assert!(living.directory().exists());
    wait_for_end(&mut process);
    drop(next);
}

fn wait_for_end(process: &mut crate::Process) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while process.check().is_ok() {
        assert!(Instant::now() < deadline, "the orphan was killed");
        std::thread::yield_now();
    }
}
