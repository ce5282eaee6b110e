//! Network namespaces that play hosts and virtual machines, and cables between them.

use std::fs;
use std::process::Command;

use crate::error::LabError;
use crate::run::{command, run};

/// Where iproute2 keeps its named namespaces.
const DIRECTORY: &str = "/var/run/netns";

/// A network namespace, with `lo` up and without IPv6, which would send packets by itself. When
/// dropped it is deleted, and whoever still runs in it is killed.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

/// A cable between two namespaces, gone when dropped.
#[derive(Debug)]
pub struct Veth {
    namespace: String,
    device: String,
}

impl Namespace {
    pub(crate) fn create(lab: &str, name: &str) -> Result<Self, LabError> {
        let name = format!("{lab}-{name}");
        run(&["ip", "netns", "add", &name])?;
        let namespace = Self { name };
        namespace.run(&[
            "sh",
            "-c",
            "for f in all default; do \
               if [ -e /proc/sys/net/ipv6/conf/$f/disable_ipv6 ]; then \
                 echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; \
               fi; \
             done",
        ])?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// The name that `ip netns` knows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs in it.
    pub fn command(&self, program: &str) -> Command {
        command(&["ip", "netns", "exec", &self.name, program])
    }

    /// Runs a command in it to its end; it must succeed. Returns what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String, LabError> {
        run(&[&["ip", "netns", "exec", &self.name], words].concat())
    }

    /// Runs `ip` for it; returns what it printed.
    pub fn ip(&self, words: &[&str]) -> Result<String, LabError> {
        run(&[&["ip", "-n", &self.name], words].concat())
    }

    /// Whether it has this device.
    pub fn has_device(&self, device: &str) -> bool {
        self.ip(&["link", "show", "dev", device]).is_ok()
    }

    /// Brings a device up, with an address such as `10.0.0.1/24`.
    pub fn configure(&self, device: &str, address: &str) -> Result<(), LabError> {
        self.ip(&["address", "add", address, "dev", device])?;
        self.ip(&["link", "set", device, "up"]).map(drop)
    }

    /// Deletes all its devices but `lo`, at once. TAPs whose owner ends go one by one, and the kernel
    /// waits for all its processors with each (`synchronize_net` and `rcu_barrier` in
    /// `net/core/dev.c`): some 40 ms, which a thousand of them make a minute.
    pub fn delete_devices(&self) -> Result<(), LabError> {
        // Devices begin in group 0, which cannot be deleted (`rtnl_group_dellink` in
        // `net/core/rtnetlink.c`).
        self.run(&[
            "sh",
            "-c",
            "for path in /sys/class/net/*/; do \
               path=${path%/}; device=${path##*/}; \
               [ $device = lo ] || echo link set dev $device group 1; \
             done | ip -batch - && ip link delete group 1",
        ])
        .map(drop)
    }

    /// Gives one of its devices to another namespace, where it is down and has no address.
    pub fn give(&self, device: &str, to: &Self) -> Result<(), LabError> {
        self.ip(&["link", "set", device, "netns", &to.name])
            .map(drop)
    }

    /// Lays a cable from its device `device` to the device `peer_device` of `peer`. Both ends are up.
    pub fn cable(&self, device: &str, peer: &Self, peer_device: &str) -> Result<Veth, LabError> {
        run(&[
            "ip",
            "link",
            "add",
            device,
            "netns",
            &self.name,
            "type",
            "veth",
            "peer",
            "name",
            peer_device,
            "netns",
            &peer.name,
        ])?;
        let veth = Veth {
            namespace: self.name.clone(),
            device: device.to_owned(),
        };
        self.ip(&["link", "set", device, "up"])?;
        peer.ip(&["link", "set", peer_device, "up"])?;
        Ok(veth)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        let _ = run(&["ip", "-n", &self.namespace, "link", "delete", &self.device]);
    }
}

/// Deletes all namespaces of a lab.
pub(crate) fn delete_all_of(lab: &str) {
    let prefix = format!("{lab}-");
    for entry in fs::read_dir(DIRECTORY).into_iter().flatten().flatten() {
        if let Some(name) = entry
            .file_name()
            .to_str()
            .filter(|name| name.starts_with(&prefix))
        {
            delete(name);
        }
    }
}

/// Deletes a namespace that a lab has made, and whoever runs in it.
fn delete(name: &str) {
    let pids = run(&["ip", "netns", "pids", name]).unwrap_or_default();
    for pid in pids.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        if let Some(process) = crate::proc_id::ProcId::of(pid) {
            process.kill();
        }
    }
    let _ = run(&["ip", "netns", "delete", name]);
}
