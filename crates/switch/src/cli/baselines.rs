//! What `clear …` takes as zero. The counters themselves are the workers' and only ever grow.

use std::collections::HashMap;

use weft_graph::{Error, ErrorCount, InterfaceTotals, NodeId, NodeRuntime, Tables};
use weft_packet::SwIfIndex;

/// Counters at the time when they were last cleared.
#[derive(Debug, Default)]
pub(crate) struct Baselines {
    errors: HashMap<Error, u64>,
    interfaces: HashMap<SwIfIndex, InterfaceTotals>,
    runtime: HashMap<(usize, NodeId), NodeRuntime>,
}

impl Baselines {
    pub(super) fn clear_errors(&mut self, tables: &Tables) {
        self.errors = tables
            .errors()
            .iter()
            .map(|own| (own.error, own.count))
            .collect();
    }

    pub(super) fn clear_interfaces(&mut self, tables: &Tables) {
        let totals = |index| {
            tables
                .interface_totals(index)
                .ok()
                .map(|totals| (index, totals))
        };
        self.interfaces = tables
            .interfaces()
            .filter_map(|(index, _)| totals(index))
            .collect();
    }

    pub(super) fn clear_runtime(&mut self, tables: &Tables) {
        let runtime = tables.runtime();
        self.runtime = runtime
            .into_iter()
            .map(|own| ((own.worker, own.node), own))
            .collect();
    }

    /// An interface is gone; the next one with its index starts at zero.
    pub(crate) fn forget(&mut self, index: SwIfIndex) {
        self.interfaces.remove(&index);
    }

    /// Counters of nodes since they were cleared, without those that are zero.
    pub(super) fn errors(&self, tables: &Tables) -> Vec<ErrorCount> {
        let since = |own: ErrorCount| {
            let before = self.errors.get(&own.error).copied().unwrap_or(0);
            ErrorCount {
                count: own.count.saturating_sub(before),
                ..own
            }
        };
        tables
            .errors()
            .into_iter()
            .map(since)
            .filter(|own| own.count > 0)
            .collect()
    }

    /// An interface's counters since they were cleared.
    pub(super) fn totals(&self, tables: &Tables, index: SwIfIndex) -> InterfaceTotals {
        let now = tables.interface_totals(index).unwrap_or_default();
        let before = self.interfaces.get(&index).copied().unwrap_or_default();
        InterfaceTotals {
            rx_packets: now.rx_packets.saturating_sub(before.rx_packets),
            rx_bytes: now.rx_bytes.saturating_sub(before.rx_bytes),
            tx_packets: now.tx_packets.saturating_sub(before.tx_packets),
            tx_bytes: now.tx_bytes.saturating_sub(before.tx_bytes),
            drops: now.drops.saturating_sub(before.drops),
            punts: now.punts.saturating_sub(before.punts),
            rx_no_buffer: now.rx_no_buffer.saturating_sub(before.rx_no_buffer),
            rx_error: now.rx_error.saturating_sub(before.rx_error),
            tx_error: now.tx_error.saturating_sub(before.tx_error),
        }
    }

    /// How nodes ran since that was cleared, without those that did not.
    pub(super) fn runtime(&self, tables: &Tables) -> Vec<NodeRuntime> {
        let since = |own: NodeRuntime| match self.runtime.get(&(own.worker, own.node)) {
            Some(before) => NodeRuntime {
                calls: own.calls.saturating_sub(before.calls),
                vectors: own.vectors.saturating_sub(before.vectors),
                clocks: own.clocks.saturating_sub(before.clocks),
                ..own
            },
            None => own,
        };
        tables
            .runtime()
            .into_iter()
            .map(since)
            .filter(|own| own.calls > 0)
            .collect()
    }
}
