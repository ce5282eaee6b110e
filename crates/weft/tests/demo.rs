//! The demo as a person runs it; needs root, iproute2 and iputils-ping.
#![allow(clippy::unwrap_used, reason = "a test may fail wherever it is")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn demo() -> Child {
    Command::new(env!("CARGO_BIN_EXE_weft"))
        .args(["demo", "--color", "never"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// What a demo with this number left behind: files, namespaces, processes.
fn left_behind(pid: u32) -> Vec<String> {
    let name = format!("weft-demo-{pid}-");
    let mut left = Vec::new();
    for directory in ["/run", "/var/run/netns"] {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&name) {
                left.push(entry.path().display().to_string());
            }
        }
    }
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        // A process that has ended and was not yet waited for has an empty command line.
        if line.contains(&name) {
            left.push(line);
        }
    }
    left
}

#[test]
fn every_check_holds_and_nothing_is_left_behind() {
    let child = demo();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    assert!(printed.contains("every check has held"), "{printed}");
    assert!(!printed.contains('✗'), "{printed}");
    assert_eq!(left_behind(pid), [""; 0]);
}

#[test]
fn nothing_is_left_behind_by_a_demo_that_is_interrupted() {
    // At its beginning, while agents and switches work, and while one of them is dead.
    for (after, signal, code) in [
        ("two hosts", Signal::INT, 130),
        ("frames on the trunk", Signal::INT, 130),
        ("switch of host-b killed", Signal::TERM, 143),
    ] {
        let mut child = demo();
        let pid = child.id();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(after)), "{after}");
        let raw = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(raw, signal).unwrap();
        drop(lines);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{after}");
        assert_eq!(left_behind(pid), [""; 0], "{after}");
    }
}

#[test]
fn a_demo_that_was_killed_is_cleaned_up_by_the_next() {
    let mut killed = demo();
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("`weft apply`")));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!left_behind(killed.id()).is_empty());

    let mut next = demo();
    let mut lines = BufReader::new(next.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("two hosts")));
    assert_eq!(left_behind(killed.id()), [""; 0]);
    let raw = Pid::from_raw(i32::try_from(next.id()).unwrap()).unwrap();
    kill_process(raw, Signal::INT).unwrap();
    next.wait().unwrap();
}
