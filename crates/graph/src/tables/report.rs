//! What the control thread reads of the workers: counters, runtimes, traces.

use weft_packet::SwIfIndex;

use super::{TableError, Tables};
use crate::{counters::InterfaceCounters, error::Error, node::NodeId, trace::PacketTrace};

/// An interface's counters over all workers, since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InterfaceTotals {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received, without frame check sequence.
    pub rx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received here and dropped somewhere.
    pub drops: u64,
    /// Packets received here that were for the host's own stack, which there is none of: dropped
    /// all the same, under the name that VPP has for them.
    pub punts: u64,
    /// Packets not received for want of a buffer.
    pub rx_no_buffer: u64,
    /// Packets received broken.
    pub rx_error: u64,
    /// Packets that could not be sent.
    pub tx_error: u64,
}

/// A counter of a node that is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorCount {
    /// Which counter.
    pub error: Error,
    /// Over all workers.
    pub count: u64,
}

/// How a node ran on one worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeRuntime {
    /// The worker.
    pub worker: usize,
    /// The node.
    pub node: NodeId,
    /// Frames processed.
    pub calls: u64,
    /// Packets processed.
    pub vectors: u64,
    /// Ticks of the time stamp counter spent; 0 where the processor has none.
    pub clocks: u64,
}

impl NodeRuntime {
    /// Clocks per packet, as `show runtime` prints it.
    pub fn clocks_per_packet(&self) -> f64 {
        if self.vectors == 0 {
            0.0
        } else {
            self.clocks as f64 / self.vectors as f64
        }
    }

    /// Packets per call.
    pub fn vectors_per_call(&self) -> f64 {
        if self.calls == 0 {
            0.0
        } else {
            self.vectors as f64 / self.calls as f64
        }
    }
}

impl InterfaceTotals {
    fn of(counters: &InterfaceCounters) -> Self {
        Self {
            rx_packets: counters.sum(|own| &own.rx_packets),
            rx_bytes: counters.sum(|own| &own.rx_bytes),
            tx_packets: counters.sum(|own| &own.tx_packets),
            tx_bytes: counters.sum(|own| &own.tx_bytes),
            drops: counters.sum(|own| &own.drops),
            punts: counters.sum(|own| &own.punts),
            rx_no_buffer: counters.sum(|own| &own.rx_no_buffer),
            rx_error: counters.sum(|own| &own.rx_error),
            tx_error: counters.sum(|own| &own.tx_error),
        }
    }
}

impl Tables {
    /// An interface's counters.
    pub fn interface_totals(&self, index: SwIfIndex) -> Result<InterfaceTotals, TableError> {
        let interface = self
            .interface(index)
            .ok_or(TableError::NoInterface(index))?;
        Ok(InterfaceTotals::of(&interface.counters))
    }

    /// All counters of nodes that are not zero, in the order of the nodes.
    pub fn errors(&self) -> Vec<ErrorCount> {
        let sum = |error: Error| -> u64 {
            let workers = self.shared.workers.iter();
            workers
                .map(|worker| worker.counters.errors[error as usize].get())
                .sum()
        };
        Error::ALL
            .iter()
            .map(|&error| ErrorCount {
                error,
                count: sum(error),
            })
            .filter(|counted| counted.count > 0)
            .collect()
    }

    /// How the nodes ran that ran at all, worker by worker.
    pub fn runtime(&self) -> Vec<NodeRuntime> {
        let workers = self.shared.workers.iter().enumerate();
        workers
            .flat_map(|(worker, own)| {
                NodeId::ALL.iter().map(move |&node| {
                    let counters = &own.counters.runtime[node as usize];
                    NodeRuntime {
                        worker,
                        node,
                        calls: counters.calls.get(),
                        vectors: counters.vectors.get(),
                        clocks: counters.clocks.get(),
                    }
                })
            })
            .filter(|runtime| runtime.calls > 0)
            .collect()
    }

    /// Asks for a trace of the next `count` packets of an [input node](NodeId::is_input), of each
    /// worker. Takes effect at once.
    pub fn trace_add(&self, node: NodeId, count: u32) {
        for worker in &self.shared.workers {
            worker.trace.add(node, count);
        }
    }

    /// The traces so far.
    pub fn traces(&self) -> Vec<PacketTrace> {
        self.shared
            .workers
            .iter()
            .flat_map(|worker| worker.trace.collect())
            .collect()
    }

    /// Forgets all traces and requests for them.
    pub fn clear_traces(&self) {
        for worker in &self.shared.workers {
            worker.trace.clear();
        }
    }
}
