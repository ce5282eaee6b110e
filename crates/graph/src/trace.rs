//! Packet trace: what each node did to some packets, on demand (VPP's `trace add`, `show trace`).
//!
//! The control thread asks an input node for the next so many packets; the worker marks them there,
//! and every node adds a record to marked packets. While nothing is asked for, nodes run in a form
//! without any trace code.

mod acl;
mod ip;
mod record;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::node::NodeId;

pub(crate) use acl::AclVerdict;
pub(crate) use ip::{Decap, IpStep};
pub use record::Record;

/// Most packets kept per worker; further ones are not traced.
const PACKETS_MAX: usize = 10_000;

/// The trace of one packet, and of its copies.
#[derive(Clone, Debug)]
pub struct PacketTrace {
    /// The worker that handled it.
    pub worker: usize,
    /// When it came in, on the workers' clock.
    pub time: Duration,
    /// What was done to it, in order.
    pub records: Vec<(NodeId, Record)>,
}

/// Trace state that the control thread shares with one worker.
#[derive(Debug)]
pub(crate) struct TraceShared {
    /// Packets still to be chosen, by input node.
    wanted: [AtomicU32; NodeId::COUNT],
    packets: Mutex<Vec<PacketTrace>>,
}

/// The worker's side.
#[derive(Debug)]
pub(crate) struct Tracer {
    shared: Arc<TraceShared>,
    worker: usize,
    now: Duration,
    /// Whether any packet of the current run is marked.
    active: bool,
}

impl Default for TraceShared {
    fn default() -> Self {
        Self {
            wanted: std::array::from_fn(|_| AtomicU32::new(0)),
            packets: Mutex::default(),
        }
    }
}

impl TraceShared {
    fn packets(&self) -> MutexGuard<'_, Vec<PacketTrace>> {
        // A trace cut short by a panic elsewhere is still a trace.
        self.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the next `count` packets of an input node.
    pub(crate) fn add(&self, node: NodeId, count: u32) {
        self.wanted[node as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// Forgets all traces, and what was asked for.
    pub(crate) fn clear(&self) {
        for wanted in &self.wanted {
            wanted.store(0, Ordering::Relaxed);
        }
        self.packets().clear();
    }

    /// The traces so far.
    pub(crate) fn collect(&self) -> Vec<PacketTrace> {
        self.packets().clone()
    }
}

impl Tracer {
    pub(crate) fn new(shared: Arc<TraceShared>, worker: usize) -> Self {
        Self {
            shared,
            worker,
            now: Duration::ZERO,
            active: false,
        }
    }

    /// Starts the traces of up to `count` packets that come in at `node`; returns the handles of
    /// those chosen, from the first packet on.
    pub(crate) fn choose(
        &mut self,
        node: NodeId,
        count: usize,
        now: Duration,
    ) -> std::ops::Range<u32> {
        let wanted = &self.shared.wanted[node as usize];
        let asked = wanted.load(Ordering::Relaxed);
        if asked == 0 {
            return 0..0;
        }
        self.now = now;
        let mut packets = self.shared.packets();
        let room = PACKETS_MAX.saturating_sub(packets.len());
        let chosen = (asked as usize).min(count).min(room) as u32;
        let first = packets.len() as u32;
        let worker = self.worker;
        packets.extend((0..chosen).map(|_| PacketTrace {
            worker,
            time: now,
            records: Vec::new(),
        }));
        drop(packets);
        // A concurrent `clear` may have set it to zero; then this wraps neither.
        let _ = wanted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |asked| {
            Some(asked.saturating_sub(chosen))
        });
        self.active |= chosen > 0;
        first..first + chosen
    }

    /// Whether nodes have to look for marked packets.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// The run is over, and with it all packets of it.
    #[inline]
    pub(crate) fn end_run(&mut self) {
        self.active = false;
    }

    /// Adds a record; without effect if the traces were cleared meanwhile.
    #[cold]
    pub(crate) fn add(&mut self, handle: u32, node: NodeId, record: Record) {
        if let Some(packet) = self.shared.packets().get_mut(handle as usize) {
            packet.records.push((node, record));
        }
    }
}

impl fmt::Display for PacketTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs();
        let time = format!(
            "{:02}:{:02}:{:02}:{:06}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            self.time.subsec_micros()
        );
        for (node, record) in &self.records {
            writeln!(f, "{time}: {}", node.name())?;
            for line in record.to_string().lines() {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}
