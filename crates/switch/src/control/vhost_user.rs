//! vhost-user interfaces come and go with their peers.

use std::time::Duration;

use weft_packet::SwIfIndex;

use super::{Control, Device, PortRx, PortTx, VhostUserDevice};
use crate::poller::{Interest, Poller};

impl Control {
    /// Ready when a peer has something to say; then call [`Self::attend_peers`].
    pub(crate) fn peers(&self) -> &Poller {
        &self.peers
    }

    /// The vhost-user interface of this index.
    pub(crate) fn vhost_user(&self, index: SwIfIndex) -> Option<&VhostUserDevice> {
        match &self.record(index)?.device {
            Device::VhostUser(device) => Some(device),
            _ => None,
        }
    }

    pub(crate) fn vhost_user_mut(&mut self, index: SwIfIndex) -> Option<&mut VhostUserDevice> {
        match &mut self.record_mut(index)?.device {
            Device::VhostUser(device) => Some(device),
            _ => None,
        }
    }

    /// Gives a port to the workers and begins to attend to its peer.
    pub(crate) fn start_vhost_user(&mut self, index: SwIfIndex) {
        let Some(device) = self.vhost_user(index) else {
            return;
        };
        if let Err(error) = self
            .peers
            .add(&device.port, u64::from(index.0), Interest::Read)
        {
            tracing::error!(%index, %error, "cannot wait for a peer");
        }
        let workers = 0..usize::from(self.config.workers);
        let sender = |worker| PortTx::VhostUser(device.port.sender().clone(), worker);
        let tx: Vec<_> = workers.map(sender).collect();
        let receivers = device.port.receivers().iter();
        let rx = receivers.cloned().map(PortRx::VhostUser).collect();
        self.workers.attach(index, &tx, rx);
    }

    /// Does what is due at ports whose peers have something to say, and sets their links.
    pub(crate) fn attend_peers(&mut self) {
        let mut ready = Vec::new();
        if let Err(error) = self.peers.wait(Some(Duration::ZERO), &mut ready) {
            tracing::error!(%error, "cannot wait for peers");
        }
        for event in ready {
            let Ok(index) = u32::try_from(event.token).map(SwIfIndex) else {
                continue;
            };
            if let Some(device) = self.vhost_user_mut(index) {
                let before = device.port.is_ready();
                device.port.process();
                if before != device.port.is_ready() {
                    tracing::info!(%index, ready = !before, "vhost-user");
                }
            }
            self.refresh_vhost_user_link(index);
        }
    }

    /// The link is up while the interface is and its rings run (`vui_is_link_up`).
    pub(crate) fn refresh_vhost_user_link(&mut self, index: SwIfIndex) {
        let is_ready = self
            .vhost_user(index)
            .is_some_and(|device| device.port.is_ready());
        let admin_up = self.tables.interface(index).is_some_and(|i| i.admin_up);
        self.set_link_up(index, is_ready && admin_up);
    }

    /// Gives a port another name, and with it its sub-interfaces.
    pub(crate) fn rename_port(&mut self, port: SwIfIndex, name: &str) {
        let subs: Vec<_> = self
            .subs
            .iter()
            .filter(|((parent, _), _)| *parent == port)
            .collect();
        for ((_, id), index) in subs {
            self.tables.rename(*index, &format!("{name}.{id}"));
        }
        self.tables.rename(port, name);
        self.is_dirty = true;
    }
}
