//! A dataplane by itself: a namespace with a trunk, and in front of the dataplane what a benchmark
//! needs there.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use weft_lab::{Lab, Namespace};
use weft_tests::{Dataplane, DataplaneKind};

use super::relay::{Device, Relay};

/// The device of the namespace that the uplink is made of.
pub(super) const TRUNK: &str = "trunk0";

/// A running dataplane that holds nothing yet.
#[derive(Debug)]
pub(super) struct Plane {
    relay: Relay,
    dataplane: Dataplane,
    namespace: Namespace,
}

impl Plane {
    /// Starts one; `name` names its files and its namespace.
    pub(super) async fn start(
        lab: &Lab,
        kind: &DataplaneKind,
        device: Device,
        name: &str,
    ) -> Result<Self> {
        let namespace = lab.namespace(name)?;
        let peer = format!("{TRUNK}-peer");
        namespace.ip(&["link", "add", TRUNK, "type", "veth", "peer", "name", &peer])?;
        namespace.ip(&["link", "set", TRUNK, "up"])?;
        namespace.ip(&["link", "set", &peer, "up"])?;
        let dataplane = kind.start(lab, &namespace, name).await?;
        let socket = lab.path(&format!("{name}-relay.sock"));
        let relay = Relay::start(&socket, dataplane.socket(), device)?;
        Ok(Self {
            relay,
            dataplane,
            namespace,
        })
    }

    /// Where its clients connect.
    pub(super) fn socket(&self) -> &Path {
        self.relay.socket()
    }

    /// When the last interface was bridged, if exactly `count` were.
    pub(super) fn bridged(&self, count: usize) -> Result<Instant> {
        self.relay.bridged(count)
    }

    /// The number of its process.
    pub(super) fn pid(&mut self) -> u32 {
        self.dataplane.process().pid()
    }

    /// Where its devices are.
    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// An error, with the end of its log, if it does not run any more.
    pub(super) fn check(&mut self) -> Result<()> {
        Ok(self.dataplane.process().check()?)
    }
}

impl Drop for Plane {
    /// A thousand TAPs would outlast what is measured.
    fn drop(&mut self) {
        if let Err(error) = self.namespace.delete_devices() {
            eprintln!("the devices of a dataplane go one by one: {error}");
        }
    }
}
