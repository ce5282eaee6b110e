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
    rx: HashMap<u64, Source>,
    next_token: u64,
    /// Tokens of what is to be received from next, each once.
    due: Vec<u64>,
    rx_scratch: RxScratch,
    tx_scratch: TxScratch,
}

/// What is received from.
#[derive(Debug)]
struct Source {
    port: SwIfIndex,
    rx: PortRx,
    /// Its token is among those that are due.
    is_due: bool,
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
        let source = Source {
            port,
            rx,
            is_due: false,
        };
        self.rx.insert(token, source);
        Ok(())
    }

    pub(super) fn remove(&mut self, poller: &Poller, ports: &[SwIfIndex]) {
        for port in ports {
            if let Some(slot) = self.tx.get_mut(port.0 as usize) {
                *slot = None;
            }
        }
        self.rx.retain(|_, source| {
            let keep = !ports.contains(&source.port);
            if !keep {
                // The descriptor may live on in the control thread, so it must be taken out.
                let _ = poller.remove(source.rx.as_fd());
            }
            keep
        });
    }

    /// Notes that the descriptor of a token is readable.
    pub(super) fn ready(&mut self, token: u64) {
        if let Some(source) = self.rx.get_mut(&token) {
            if let PortRx::VhostUser(rings) = &source.rx {
                rings.acknowledge();
            }
            if !std::mem::replace(&mut source.is_due, true) {
                self.due.push(token);
            }
        }
    }

    /// Whether something is to be received from although no descriptor may say so.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Moves the tokens that are due to `due`, which is empty.
    pub(super) fn take_due(&mut self, due: &mut Vec<u64>) {
        std::mem::swap(&mut self.due, due);
    }

    /// Receives from the queue of a token, of whichever port that is.
    pub(super) fn rx(
        &mut self,
        token: u64,
        pool: &mut BufferPool,
        out: &mut Vec<BufferIndex>,
        max: usize,
    ) -> Option<(SwIfIndex, RxResult)> {
        let source = self.rx.get_mut(&token)?;
        source.is_due = false;
        let result = match &mut source.rx {
            PortRx::Tap(queue) => queue.rx(pool, &mut self.rx_scratch, out, max),
            PortRx::Packet(socket) => socket.rx(pool, &mut self.rx_scratch, out, max),
            PortRx::VhostUser(rings) => {
                let result = rings.rx(pool, &mut self.rx_scratch, out, max);
                // Its guest says nothing until a look has found nothing.
                if !result.is_drained {
                    source.is_due = true;
                    self.due.push(token);
                }
                result
            }
        };
        Some((source.port, result))
    }

    /// Deals with an error on a queue: a packet socket reports that its device went down (it works
    /// on when that is up again); the device of a TAP is gone for good, and no longer waited for.
    pub(super) fn failed(&mut self, poller: &Poller, token: u64) {
        let Some(Source { port, rx, .. }) = self.rx.get(&token) else {
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
