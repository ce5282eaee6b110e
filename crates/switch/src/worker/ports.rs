//! The ports that one worker holds.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use weft_packet::{BufferIndex, BufferPool, SwIfIndex};
use weft_ports::{RxResult, RxScratch, TxResult, TxScratch};

use crate::control::{PortRx, PortTx};
use crate::poller::{Interest, Poller};

/// Sending sides by interface, receiving sides by token.
#[derive(Debug, Default)]
pub(super) struct Ports {
    tx: Vec<Option<PortTx>>,
    rx: HashMap<u64, (SwIfIndex, PortRx)>,
    next_token: u64,
    rx_scratch: RxScratch,
    tx_scratch: TxScratch,
}

impl Ports {
    pub(super) fn add_tx(&mut self, port: SwIfIndex, tx: PortTx) {
        let at = port.0 as usize;
        if self.tx.len() <= at {
            self.tx.resize_with(at + 1, || None);
        }
        if let Some(slot) = self.tx.get_mut(at) {
            *slot = Some(tx);
        }
    }

    pub(super) fn add_rx(
        &mut self,
        poller: &Poller,
        port: SwIfIndex,
        rx: PortRx,
    ) -> io::Result<()> {
        let token = self.next_token;
        self.next_token += 1;
        poller.add(rx.as_fd(), token, Interest::Read)?;
        self.rx.insert(token, (port, rx));
        Ok(())
    }

    pub(super) fn remove(&mut self, poller: &Poller, ports: &[SwIfIndex]) {
        for port in ports {
            if let Some(slot) = self.tx.get_mut(port.0 as usize) {
                *slot = None;
            }
        }
        self.rx.retain(|_, (port, rx)| {
            let keep = !ports.contains(port);
            if !keep {
                // The descriptor may live on in the control thread, so it must be taken out.
                let _ = poller.remove(rx.as_fd());
            }
            keep
        });
    }

    /// Receives from the queue of a token, of whichever port that is.
    pub(super) fn rx(
        &mut self,
        token: u64,
        pool: &mut BufferPool,
        out: &mut Vec<BufferIndex>,
        max: usize,
    ) -> Option<(SwIfIndex, RxResult)> {
        let (port, rx) = self.rx.get_mut(&token)?;
        let result = match rx {
            PortRx::Tap(queue) => queue.rx(pool, &mut self.rx_scratch, out, max),
            PortRx::Packet(socket) => socket.rx(pool, &mut self.rx_scratch, out, max),
            PortRx::VhostUser(rings) => rings.rx(pool, &mut self.rx_scratch, out, max),
        };
        Some((*port, result))
    }

    /// Deals with an error on a queue: a packet socket reports that its device went down (it works
    /// on when that is up again); the device of a TAP is gone for good, and no longer waited for.
    pub(super) fn failed(&mut self, poller: &Poller, token: u64) {
        let Some((port, rx)) = self.rx.get(&token) else {
            return;
        };
        match rx {
            PortRx::Packet(socket) => {
                if let Some(error) = socket.take_error() {
                    tracing::warn!(%port, %error, "host device");
                }
            }
            PortRx::Tap(queue) => {
                tracing::warn!(%port, "the TAP device is gone");
                let _ = poller.remove(queue.as_fd());
            }
            // An epoll instance has no errors.
            PortRx::VhostUser(_) => {}
        }
    }

    /// Sends packets on a port and frees them; `None` (and freed all the same) if it is gone.
    pub(super) fn tx(
        &mut self,
        port: SwIfIndex,
        pool: &mut BufferPool,
        packets: &[BufferIndex],
    ) -> Option<TxResult> {
        match self.tx.get(port.0 as usize).and_then(Option::as_ref) {
            Some(PortTx::Tap(queue)) => Some(queue.tx(pool, packets, &mut self.tx_scratch)),
            Some(PortTx::Packet(socket)) => Some(socket.tx(pool, packets, &mut self.tx_scratch)),
            Some(PortTx::VhostUser(rings, worker)) => {
                Some(rings.tx(*worker, pool, packets, &mut self.tx_scratch))
            }
            None => {
                pool.free_many(packets);
                None
            }
        }
    }
}

impl AsFd for PortRx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tap(queue) => queue.as_fd(),
            Self::Packet(socket) => socket.as_fd(),
            Self::VhostUser(rings) => rings.as_fd(),
        }
    }
}
