//! A network namespace for tests with real devices, gone when the test is over.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A namespace with a unique name, without IPv6 (which would send packets by itself).
pub(crate) struct TestNamespace {
    pub(crate) name: String,
}

impl TestNamespace {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("weft-switch-{}-{count}", std::process::id());
        run(&["ip", "netns", "add", &name]);
        let namespace = Self { name };
        namespace.run(&["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
        namespace.run(&["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
        namespace.run(&["ip", "link", "set", "lo", "up"]);
        namespace
    }

    /// Runs a command in the namespace; it must succeed. Returns what it printed.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        let mut all = vec!["ip", "netns", "exec", &self.name];
        all.extend_from_slice(command);
        run(&all)
    }

    /// Runs `work` on this thread in the namespace.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let namespace = weft_ports::NetNs::open(&self.name).expect("namespace");
        namespace
            .run(|| Ok(work()))
            .expect("namespace can be entered")
    }
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

fn run(command: &[&str]) -> String {
    let output = Command::new(command[0])
        .args(&command[1..])
        .output()
        .expect("command starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
