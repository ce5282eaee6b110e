//! Counters with one writer: a worker adds without locked instructions, anyone reads.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{error::Error, node::NodeId};

/// A counter that only its worker adds to.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Counter(AtomicU64);

/// An interface's counters, one slot a worker.
#[derive(Debug)]
pub(crate) struct InterfaceCounters {
    workers: Box<[WorkerInterfaceCounters]>,
}

/// What one worker counts on one interface. Aligned so that two workers do not share a line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerInterfaceCounters {
    pub(crate) rx_packets: Counter,
    pub(crate) rx_bytes: Counter,
    pub(crate) tx_packets: Counter,
    pub(crate) tx_bytes: Counter,
    pub(crate) drops: Counter,
    pub(crate) punts: Counter,
    pub(crate) rx_no_buffer: Counter,
    pub(crate) rx_error: Counter,
    pub(crate) tx_error: Counter,
    pub(crate) sessions_added: Counter,
    pub(crate) sessions_deleted: Counter,
    /// Sessions found to be from before a change of the rules.
    pub(crate) sessions_of_other_epochs: Counter,
}

/// What one worker counts of its nodes.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct NodeCounters {
    pub(crate) errors: [Counter; Error::COUNT],
    pub(crate) runtime: [RuntimeCounters; NodeId::COUNT],
}

/// How a node ran.
#[derive(Debug, Default)]
pub(crate) struct RuntimeCounters {
    pub(crate) calls: Counter,
    pub(crate) vectors: Counter,
    /// Ticks of the processor's time stamp counter.
    pub(crate) clocks: Counter,
}

impl Counter {
    /// Adds; to be called by one thread only.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(count),
            Ordering::Relaxed,
        );
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl InterfaceCounters {
    pub(crate) fn new(workers: usize) -> Self {
        let slots = std::iter::repeat_with(WorkerInterfaceCounters::default);
        Self {
            workers: slots.take(workers.max(1)).collect(),
        }
    }

    /// The slot of a worker.
    #[inline]
    pub(crate) fn of(&self, worker: usize) -> Option<&WorkerInterfaceCounters> {
        self.workers.get(worker)
    }

    /// The sum of one counter over all workers.
    pub(crate) fn sum(&self, counter: impl Fn(&WorkerInterfaceCounters) -> &Counter) -> u64 {
        self.workers
            .iter()
            .map(|worker| counter(worker).get())
            .sum()
    }
}

impl Default for NodeCounters {
    fn default() -> Self {
        Self {
            errors: std::array::from_fn(|_| Counter::default()),
            runtime: std::array::from_fn(|_| RuntimeCounters::default()),
        }
    }
}
