//! The threads that move packets, and the main thread's handle on them.
//!
//! A worker sleeps in `epoll` until one of its ports has packets or the main thread wakes it. While
//! there is load it does not sleep: ports that still hold packets are ready at once, and guests' rings
//! are looked at until there is nothing in them. Each queue belongs to one worker, which alone
//! receives from it; any worker sends on any port.
//!
//! The main thread changes a worker's ports by commands. [`Workers::detach`] returns when no worker
//! holds the ports any more, so that their descriptors can be closed.

mod ports;
mod thread;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use weft_graph::{Graph, TablesHandle};
use weft_packet::{BufferPool, PoolStats, SwIfIndex};

use crate::control::{PortRx, PortTx};
use crate::poller::{Poller, Waker};
use thread::Thread;

/// Commands on their way to one worker. It takes them every round, so that they never pile up.
const COMMANDS: usize = 64;

/// What the main thread asks of a worker.
pub(crate) enum Command {
    /// Send on this port from now on.
    AddTx(SwIfIndex, PortTx),
    /// Receive from this queue of a port from now on.
    AddRx(SwIfIndex, PortRx),
    /// Give up these ports, then say so.
    Remove(Vec<SwIfIndex>, SyncSender<()>),
    /// Take the newest tables, then tell how full the buffer pool is.
    Report(SyncSender<PoolStats>),
    /// End.
    Stop,
}

/// All workers. Dropping it stops them and waits for their end.
#[derive(Debug)]
pub(crate) struct Workers {
    all: Vec<Worker>,
    clock: Instant,
    /// Woken when a worker has heard something that the tables should know.
    news: Waker,
    /// Next worker to get a queue.
    next: usize,
    /// Set by a worker that ends without having been told to.
    has_lost_one: Arc<AtomicBool>,
    /// Where each port's queues are received, for `show` commands.
    placement: HashMap<SwIfIndex, Vec<usize>>,
}

/// One worker, as the main thread sees it.
#[derive(Debug)]
struct Worker {
    commands: SyncSender<Command>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    tid: u32,
}

/// Goes with a worker's thread and raises the alarm when that ends, by a panic, too.
struct LastWords {
    has_lost_one: Arc<AtomicBool>,
    alarm: Waker,
    /// The worker was told to end.
    is_in_order: bool,
}

impl Workers {
    /// Starts `count` workers with pools of `buffers` buffers each. `alarm` is woken if one of them
    /// ends by itself, see [`Self::has_lost_one`].
    ///
    /// # Errors
    /// The system refused a thread or a descriptor.
    pub(crate) fn start(
        count: u16,
        buffers: u32,
        tables: &TablesHandle,
        alarm: &Waker,
    ) -> io::Result<Self> {
        let mut workers = Self {
            all: Vec::new(),
            clock: Instant::now(),
            news: Waker::new()?,
            next: 0,
            has_lost_one: Arc::default(),
            placement: HashMap::new(),
        };
        for number in 0..usize::from(count) {
            let last_words = LastWords {
                has_lost_one: Arc::clone(&workers.has_lost_one),
                alarm: alarm.clone(),
                is_in_order: false,
            };
            let (clock, news) = (workers.clock, workers.news.clone());
            let worker =
                Worker::start(number, buffers as usize, tables, (clock, news), last_words)?;
            workers.all.push(worker);
        }
        Ok(workers)
    }

    /// No workers: ports can be made but nothing moves.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            all: Vec::new(),
            clock: Instant::now(),
            news: Waker::new().expect("eventfd"),
            next: 0,
            has_lost_one: Arc::default(),
            placement: HashMap::new(),
        }
    }

    /// Whether a worker ended without having been told to.
    pub(crate) fn has_lost_one(&self) -> bool {
        self.has_lost_one.load(Ordering::Acquire)
    }

    /// Woken when a worker has heard something that the tables should know.
    pub(crate) fn news(&self) -> &Waker {
        &self.news
    }

    /// Zero of the workers' and the tables' clock.
    pub(crate) fn clock(&self) -> Instant {
        self.clock
    }

    /// Names and thread ids.
    pub(crate) fn threads(&self) -> impl Iterator<Item = (String, u32)> {
        self.all
            .iter()
            .enumerate()
            .map(|(number, worker)| (name(number), worker.tid))
    }

    /// The workers that receive from the queues of a port, queue by queue.
    pub(crate) fn placement(&self, port: SwIfIndex) -> &[usize] {
        self.placement.get(&port).map_or(&[], Vec::as_slice)
    }

    /// Gives a port to the workers: all send on it (worker by worker on one of `tx`), and each
    /// queue of `rx` is received by one, in turns.
    pub(crate) fn attach(&mut self, port: SwIfIndex, tx: &[PortTx], rx: Vec<PortRx>) {
        if self.all.is_empty() {
            return;
        }
        for (worker, own) in self.all.iter().zip(tx.iter().cycle()) {
            worker.send(Command::AddTx(port, own.clone()));
        }
        let mut placed = Vec::new();
        for queue in rx {
            let number = self.next % self.all.len();
            self.next = self.next.wrapping_add(1);
            if let Some(worker) = self.all.get(number) {
                worker.send(Command::AddRx(port, queue));
                placed.push(number);
            }
        }
        self.placement.insert(port, placed);
    }

    /// Takes ports from all workers. When it returns no worker holds them, and all use the tables
    /// that were published before.
    pub(crate) fn detach(&mut self, ports: &[SwIfIndex]) {
        let had_port = ports
            .iter()
            .any(|port| self.placement.remove(port).is_some());
        if !had_port {
            return;
        }
        let (done, finished) = sync_channel(self.all.len());
        for worker in &self.all {
            worker.send(Command::Remove(ports.to_vec(), done.clone()));
        }
        drop(done);
        wait_for_all(&finished);
    }

    /// How full the buffer pools are, worker by worker.
    pub(crate) fn buffers(&self) -> Vec<PoolStats> {
        let ask = |worker: &Worker| {
            let (answer, stats) = sync_channel(1);
            worker.send(Command::Report(answer));
            stats.recv().unwrap_or_default()
        };
        self.all.iter().map(ask).collect()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.all {
            worker.send(Command::Stop);
            if let Some(thread) = worker.thread.take()
                && thread.join().is_err()
            {
                tracing::error!("a worker thread ended by a panic");
            }
        }
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if !self.is_in_order {
            self.has_lost_one.store(true, Ordering::Release);
            self.alarm.wake();
        }
    }
}

impl Worker {
    fn start(
        number: usize,
        buffers: usize,
        tables: &TablesHandle,
        (clock, news): (Instant, Waker),
        last_words: LastWords,
    ) -> io::Result<Self> {
        let (commands, inbox) = sync_channel(COMMANDS);
        let waker = Waker::new()?;
        let poller = Poller::new()?;
        let (ready, started) = sync_channel(1);
        let (tables, for_thread) = (tables.clone(), waker.clone());
        let thread = std::thread::Builder::new()
            .name(name(number))
            .spawn(move || {
                // Moved whole: it speaks when it is dropped.
                let mut last_words = last_words;
                let _ = ready.send(rustix::thread::gettid().as_raw_nonzero().get());
                let graph = Graph::new(&tables, number);
                let pool = BufferPool::new(buffers);
                match Thread::new(graph, pool, poller, (for_thread, news), inbox, clock) {
                    Ok(mut thread) => last_words.is_in_order = thread.run().is_ok(),
                    Err(error) => tracing::error!(%error, "a worker cannot start"),
                }
            })?;
        let tid = started.recv().map_or(0, i32::cast_unsigned);
        Ok(Self {
            commands,
            waker,
            thread: Some(thread),
            tid,
        })
    }

    /// Sends a command; a worker that is gone has nothing to give up or to tell.
    fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            self.waker.wake();
        }
    }
}

fn name(number: usize) -> String {
    format!("weft_wk_{number}")
}

/// Waits until every sender has sent or is gone.
fn wait_for_all(finished: &Receiver<()>) {
    while finished.recv().is_ok() {}
}
