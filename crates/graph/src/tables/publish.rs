//! Handing the configuration to the workers.

use std::hash::BuildHasher;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use weft_packet::SwIfIndex;

use super::{
    AclView, BdIndex, BdView, InterfaceView, IpView, MacIpView, NeighbourQueue, Tables,
    TunnelsView, acl::AclTables, chunked::Chunked, ip::IpTables, tunnel::Tunnels,
};
use crate::{
    acl::{
        macip::MacIpFilter,
        session::{SESSIONS_MAX, SessionTable},
    },
    counters::NodeCounters,
    fib::FibTable,
    generator::Stream,
    trace::TraceShared,
};

/// Number of a published configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Generation(pub u64);

/// What a [`Graph`](crate::Graph) is made from: one clone for each worker's thread.
#[derive(Clone, Debug)]
pub struct TablesHandle(pub(crate) Arc<Shared>);

/// A configuration: all that nodes read, immutable but for the FIB's entries.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) generation: Generation,
    pub(crate) fib: Arc<FibTable>,
    pub(crate) streams: Vec<Arc<Stream>>,
    interfaces: Chunked<InterfaceView>,
    bridge_domains: Chunked<BdView>,
    acls: Chunked<Option<Arc<AclView>>>,
    macips: Chunked<MacIpView>,
    pub(crate) ip: IpView,
    pub(crate) tunnels: TunnelsView,
    /// Whether a session's policy epoch counts.
    pub(crate) reclassifies: bool,
    /// Number of the newest request to look at all sessions.
    pub(crate) sweeps: u64,
}

/// What the control thread and the workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// That of `snapshot`; workers look only at this unless it changed.
    generation: AtomicU64,
    snapshot: Mutex<Arc<Snapshot>>,
    pub(crate) workers: Box<[WorkerShared]>,
    pub(crate) sessions: SessionTable,
    /// From the workers to the control thread.
    pub(crate) neighbours: NeighbourQueue,
}

/// What the control thread shares with one worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerShared {
    /// Generation that the worker uses; 0 while it has none.
    seen: AtomicU64,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) trace: Arc<TraceShared>,
}

impl Snapshot {
    /// The view of an interface; that of a deleted one if it is not there.
    #[inline]
    pub(crate) fn interface(&self, index: SwIfIndex) -> &InterfaceView {
        self.interfaces.get(index.0)
    }

    /// The view of a bridge domain; one that drops everything if it is not there.
    #[inline]
    pub(crate) fn bridge_domain(&self, index: BdIndex) -> &BdView {
        self.bridge_domains.get(u32::from(index.0))
    }

    /// An access list.
    #[inline]
    pub(crate) fn acl(&self, index: u32) -> Option<&AclView> {
        self.acls.get(index).as_deref()
    }

    /// A MACIP list that has rules.
    #[inline]
    pub(crate) fn macip(&self, index: u32) -> Option<&MacIpFilter> {
        self.macips.get(index).as_deref()
    }
}

impl Shared {
    fn new(workers: usize, first: Snapshot) -> Self {
        let workers: Box<[_]> = std::iter::repeat_with(WorkerShared::default)
            .take(workers.max(1))
            .collect();
        // Who sends packets cannot know which of them share a bucket.
        let seed = std::hash::RandomState::new().hash_one(());
        let sessions = SessionTable::new(workers.len(), SESSIONS_MAX, seed);
        Self {
            generation: AtomicU64::new(first.generation.0),
            snapshot: Mutex::new(Arc::new(first)),
            workers,
            sessions,
            neighbours: NeighbourQueue::default(),
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    fn snapshot(&self) -> MutexGuard<'_, Arc<Snapshot>> {
        // The lock is held for the exchange of one pointer: nothing can be half done.
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest configuration; notes that `worker` uses it from now on.
    pub(crate) fn current(&self, worker: usize) -> Arc<Snapshot> {
        let snapshot = Arc::clone(&self.snapshot());
        if let Some(own) = self.workers.get(worker) {
            own.seen.store(snapshot.generation.0, Ordering::Release);
        }
        snapshot
    }

    /// As [`Self::current`], but only if it is not `known`.
    #[inline]
    pub(crate) fn newer(&self, known: Generation, worker: usize) -> Option<Arc<Snapshot>> {
        let newest = self.generation.load(Ordering::Acquire);
        (newest != known.0).then(|| self.current(worker))
    }
}

impl WorkerShared {
    /// The worker is gone and uses no configuration.
    pub(crate) fn retire(&self) {
        self.seen.store(0, Ordering::Release);
    }
}

// ===== impl Tables: publishing =====

impl Tables {
    /// Empty tables for so many workers (at least one).
    pub fn new(workers: usize) -> Self {
        let interfaces = Chunked::new();
        let bridge_domains = Chunked::new();
        let (acl_views, macip_views) = (Chunked::new(), Chunked::new());
        let fib = Arc::new(FibTable::new(0));
        let (ip, tunnels) = (IpTables::new(), Tunnels::new());
        let first = Snapshot {
            generation: Generation(1),
            fib: Arc::clone(&fib),
            streams: Vec::new(),
            interfaces: interfaces.clone(),
            bridge_domains: bridge_domains.clone(),
            acls: acl_views.clone(),
            macips: macip_views.clone(),
            ip: ip.view.clone(),
            tunnels: tunnels.view.clone(),
            reclassifies: false,
            sweeps: 0,
        };
        Self {
            interfaces,
            bridge_domains,
            acl_views,
            macip_views,
            acl: AclTables::default(),
            ip,
            tunnels,
            records: Vec::new(),
            free_indices: Vec::new(),
            // Index 0 is nobody's.
            domains: vec![None],
            free_domains: std::collections::BTreeSet::new(),
            bd_by_id: std::collections::HashMap::new(),
            streams: Vec::new(),
            ageing: crate::fib::Ageing::default(),
            fib,
            shared: Arc::new(Shared::new(workers, first)),
        }
    }

    /// What graphs are made from.
    pub fn handle(&self) -> TablesHandle {
        TablesHandle(Arc::clone(&self.shared))
    }

    /// Makes all changes since the last call effective at once: each worker takes them at the start
    /// of its next run. Changes of MAC addresses are effective without.
    pub fn publish(&mut self) -> Generation {
        self.refresh_ip();
        let generation = Generation(self.shared.generation.load(Ordering::Relaxed) + 1);
        let next = Arc::new(Snapshot {
            generation,
            fib: Arc::clone(&self.fib),
            streams: self.streams.clone(),
            interfaces: self.interfaces.clone(),
            bridge_domains: self.bridge_domains.clone(),
            acls: self.acl_views.clone(),
            macips: self.macip_views.clone(),
            ip: self.ip.view.clone(),
            tunnels: self.tunnels.view.clone(),
            reclassifies: self.acl.reclassifies,
            sweeps: self.acl.sweeps,
        });
        let previous = std::mem::replace(&mut *self.shared.snapshot(), next);
        self.shared
            .generation
            .store(generation.0, Ordering::Release);
        // Outside the lock: it may be the last reference to much.
        drop(previous);
        generation
    }

    /// Whether no worker uses a configuration older than `generation` any more. Idle workers must
    /// be woken to run once; a worker whose graph was dropped counts as settled.
    pub fn is_settled(&self, generation: Generation) -> bool {
        self.shared.workers.iter().all(|worker| {
            let seen = worker.seen.load(Ordering::Acquire);
            seen == 0 || seen >= generation.0
        })
    }
}
