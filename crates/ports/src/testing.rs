//! Real devices for tests: network namespaces of our own, gone when the test is over.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A network namespace with a unique name, without IPv6 (which would send packets by itself).
pub(crate) struct TestNamespace {
    pub(crate) name: String,
}

impl TestNamespace {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("weft-ports-{}-{count}", std::process::id());
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

    /// A pair of devices, `a` and `b`, both up.
    pub(crate) fn veth(&self, a: &str, b: &str) {
        self.run(&["ip", "link", "add", a, "type", "veth", "peer", "name", b]);
        self.run(&["ip", "link", "set", a, "up"]);
        self.run(&["ip", "link", "set", b, "up"]);
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

/// Waits (at most five seconds) until `fd` can be read.
pub(crate) fn wait_readable(fd: &impl std::os::fd::AsRawFd) {
    let mut poll = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one `pollfd`, which outlives the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 5000) };
    assert_eq!(ready, 1, "nothing arrived within five seconds");
}

/// An Ethernet frame of `length` bytes: broadcast, from `02:00:00:00:00:01`, EtherType 0x88b5 (IEEE
/// 802 local experimental), then a payload that `seed` and the position decide.
pub(crate) fn frame(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend_from_slice(&[2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    while bytes.len() < length {
        let position = bytes.len() as u8;
        bytes.push(position.wrapping_mul(31).wrapping_add(seed));
    }
    bytes
}

/// A datagram over IPv4 with this much payload, as tunnels make them: without a checksum.
pub(crate) fn datagram(payload: usize, seed: u8) -> Vec<u8> {
    let mut bytes = frame(14, 0)[..12].to_vec();
    let (ip, udp) = ((28 + payload) as u16, (8 + payload) as u16);
    bytes.extend_from_slice(&[8, 0, 0x45, 0]);
    bytes.extend_from_slice(&ip.to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0, 253, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let checksum = weft_packet::checksum::internet_checksum(&bytes[14..]);
    bytes[24..26].copy_from_slice(&checksum.to_be_bytes());
    bytes.extend_from_slice(&[0xc0, 1, 0x12, 0xb5]);
    bytes.extend_from_slice(&udp.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend((0..payload).map(|at| (at as u8).wrapping_add(seed)));
    bytes
}

/// Puts an 802.1Q tag behind the addresses.
pub(crate) fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let mut bytes = frame[..12].to_vec();
    bytes.extend_from_slice(&[0x81, 0]);
    bytes.extend_from_slice(&vlan.to_be_bytes());
    bytes.extend_from_slice(&frame[12..]);
    bytes
}
