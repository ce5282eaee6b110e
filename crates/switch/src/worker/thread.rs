//! The loop of a worker thread.

use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use weft_graph::{FRAME_SIZE, Graph};
use weft_packet::{BufferIndex, BufferPool, SwIfIndex};

use super::Command;
use super::ports::Ports;
use crate::poller::{Interest, Poller, Ready, Waker};

/// Token of the waker; ports count from 0.
const WAKE: u64 = u64::MAX;

/// A worker's state; lives on its thread.
pub(super) struct Thread {
    graph: Graph,
    pool: BufferPool,
    poller: Poller,
    waker: Waker,
    /// Wakes the main thread when a neighbour was heard.
    news: Waker,
    inbox: Receiver<Command>,
    clock: Instant,
    ports: Ports,
    /// Packets that a port gave, on their way into the graph.
    received: Vec<BufferIndex>,
    /// Packets that ports did not take, by port, to be counted.
    unsent: Vec<(SwIfIndex, u64)>,
}

/// What the commands of one round ask for.
enum Outcome {
    GoOn,
    Stop,
}

impl Thread {
    pub(super) fn new(
        graph: Graph,
        pool: BufferPool,
        poller: Poller,
        (waker, news): (Waker, Waker),
        inbox: Receiver<Command>,
        clock: Instant,
    ) -> io::Result<Self> {
        poller.add(&waker, WAKE, Interest::Read)?;
        Ok(Self {
            graph,
            pool,
            poller,
            waker,
            news,
            inbox,
            clock,
            ports: Ports::default(),
            received: Vec::with_capacity(FRAME_SIZE),
            unsent: Vec::new(),
        })
    }

    /// Moves packets until told to stop.
    ///
    /// # Errors
    /// The system does not let it wait for its ports.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let (mut ready, mut due) = (Vec::new(), Vec::new());
        let mut has_more = false;
        loop {
            let timeout = (has_more || self.ports.is_due()).then_some(Duration::ZERO);
            self.poller.wait(timeout, &mut ready).inspect_err(|error| {
                tracing::error!(%error, "a worker cannot wait for its ports and ends");
            })?;
            let now = self.clock.elapsed();
            let mut is_woken = false;
            for event in ready.drain(..) {
                match event {
                    Ready { token: WAKE, .. } => is_woken = true,
                    Ready {
                        token,
                        failed: true,
                        ..
                    } => self.ports.failed(&self.poller, token),
                    Ready { token, .. } => self.ports.ready(token),
                }
            }
            self.ports.take_due(&mut due);
            for token in due.drain(..) {
                self.receive(token, now);
            }
            has_more = self.graph.run(&mut self.pool, now);
            self.transmit();
            if self.graph.take_news() {
                self.news.wake();
            }
            if is_woken && matches!(self.obey(), Outcome::Stop) {
                return Ok(());
            }
        }
    }

    fn receive(&mut self, token: u64, now: Duration) {
        let (pool, received) = (&mut self.pool, &mut self.received);
        let Some((port, result)) = self.ports.rx(token, pool, received, FRAME_SIZE) else {
            return;
        };
        if result.no_buffers > 0 {
            self.graph
                .count_rx_no_buffer(port, result.no_buffers as u64);
        }
        let broken = result.broken();
        if broken > 0 {
            self.graph.count_rx_error(port, broken as u64);
        }
        self.graph.input(&mut self.pool, port, &self.received, now);
        self.received.clear();
    }

    fn transmit(&mut self) {
        let (ports, pool, unsent) = (&mut self.ports, &mut self.pool, &mut self.unsent);
        self.graph.drain_tx(|port, packets| {
            let dropped = match ports.tx(port, pool, packets) {
                Some(result) => result.dropped(),
                None => packets.len(),
            };
            if dropped > 0 {
                unsent.push((port, dropped as u64));
            }
        });
        for (port, count) in self.unsent.drain(..) {
            self.graph.count_tx_error(port, count);
        }
    }

    /// Carries out what the main thread asked for. No packet is on its way now.
    fn obey(&mut self) -> Outcome {
        self.waker.drain();
        self.graph.refresh();
        loop {
            match self.inbox.try_recv() {
                Ok(Command::AddTx(port, tx)) => self.ports.add_tx(port, tx),
                Ok(Command::AddRx(port, rx)) => {
                    if let Err(error) = self.ports.add_rx(&self.poller, port, rx) {
                        tracing::error!(%port, %error, "cannot wait for a port");
                    }
                }
                Ok(Command::Remove(ports, done)) => {
                    self.ports.remove(&self.poller, &ports);
                    let _ = done.send(());
                }
                Ok(Command::Report(answer)) => {
                    let _ = answer.send(self.pool.stats());
                }
                Err(TryRecvError::Empty) => return Outcome::GoOn,
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return Outcome::Stop,
            }
        }
    }
}
