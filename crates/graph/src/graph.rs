//! One worker's graph: takes packets from ports, runs them through the nodes, gives them to ports.

use std::{sync::Arc, time::Duration};

use weft_packet::{BufferIndex, BufferPool, Flags, SwIfIndex};

use crate::{
    acl::session::Owner,
    clock, cycles,
    error::Error,
    frame::{FRAME_SIZE, Frame, Pending},
    ip::{Reassembly, Throttle},
    node::{Context, Nexts, Node, NodeId, drop_for},
    nodes::{
        AclNode, ArpInput, ArpReply, ArpTermL2bd, EthernetInput, FeatureBitmapDrop,
        Icmp6NeighborAdvertisement, Icmp6NeighborSolicitation, IcmpEchoRequest, Ip4IcmpInput,
        Ip4Input, Ip4Receive, Ip6IcmpInput, Ip6Input, Ip6MfibForwardLookup, Ip6Receive, IpLookup,
        IpRewrite, L2EfpFilter, L2FeatArc, L2Fwd, L2Input, L2InputAcl, L2InputVtr, L2Learn,
        L2Output, UdpLookup, VxlanEncap, VxlanInput, error_drop, gso, interface_output, ip4_frag,
        ip4_reassembly, l2_flood, neighbor_probe, pg_input,
    },
    tables::{Generation, Shared, Snapshot, TablesHandle},
    trace::{Record, Tracer},
    transmit::TransmitQueues,
};

/// The nodes between input and ports in the order in which their frames are processed, each after
/// all that hand packets to it; those to which packets come back stand here twice.
const ORDER: [NodeId; 59] = [
    NodeId::EthernetInput,
    NodeId::ArpInput,
    NodeId::ArpReply,
    NodeId::Ip4Input,
    NodeId::Ip6Input,
    NodeId::Ip4Lookup,
    NodeId::Ip6Lookup,
    NodeId::Ip6MfibForwardLookup,
    NodeId::Ip4Receive,
    NodeId::Ip4LocalFullReassembly,
    NodeId::Ip4Receive,
    NodeId::Ip6Receive,
    NodeId::Ip4UdpLookup,
    NodeId::Ip6UdpLookup,
    NodeId::GsoUdpLocal,
    NodeId::Ip4UdpLookup,
    NodeId::Ip6UdpLookup,
    NodeId::Vxlan4Input,
    NodeId::Vxlan6Input,
    NodeId::VxlanGpe4Input,
    NodeId::VxlanGpe6Input,
    NodeId::Ip4IcmpInput,
    NodeId::Ip4IcmpEchoRequest,
    NodeId::Ip6IcmpInput,
    NodeId::Ip6IcmpEchoRequest,
    NodeId::Icmp6NeighborSolicitation,
    NodeId::Icmp6NeighborAdvertisement,
    NodeId::L2Input,
    NodeId::L2InputFeatArc,
    NodeId::AclInIp4,
    NodeId::AclInIp6,
    NodeId::L2InputAcl,
    NodeId::L2InputVtr,
    NodeId::L2Learn,
    NodeId::L2Fwd,
    NodeId::ArpTermL2bd,
    NodeId::L2Flood,
    NodeId::L2Output,
    NodeId::L2OutputFeatArc,
    NodeId::AclOutIp4,
    NodeId::AclOutIp6,
    NodeId::L2EfpFilter,
    NodeId::GsoL2Ip4,
    NodeId::Vxlan4Encap,
    NodeId::Vxlan6Encap,
    NodeId::VxlanGpeEncap,
    NodeId::Ip4Lookup,
    NodeId::Ip6Lookup,
    NodeId::Ip4Rewrite,
    NodeId::Ip4Frag,
    NodeId::Ip4Rewrite,
    NodeId::Ip4Arp,
    NodeId::Ip4Glean,
    NodeId::Ip6Rewrite,
    NodeId::Ip6DiscoverNeighbor,
    NodeId::Ip6Glean,
    NodeId::InterfaceOutput,
    NodeId::FeatureBitmapDrop,
    NodeId::ErrorDrop,
];

/// A worker's graph. One round of a worker's loop:
///
/// 1. [`input`](Self::input) for each port that has packets; they belong to the graph from then on,
/// 2. [`run`](Self::run),
/// 3. [`drain_tx`](Self::drain_tx): the packets belong to the ports from then on, which free them.
#[derive(Debug)]
pub struct Graph {
    shared: Arc<Shared>,
    worker: usize,
    tables: Arc<Snapshot>,
    pending: Pending,
    transmit: TransmitQueues,
    tracer: Tracer,
    owner: Owner,
    throttle: Throttle,
    reassembly: Reassembly,
    /// Identification of the packet fragmented last.
    identification: u16,
    /// Segments of the super-packet that is being cut.
    segments: Vec<BufferIndex>,
    has_news: bool,
}

impl Graph {
    /// Makes the graph of worker number `worker`, counted from 0; a number beyond those that the
    /// tables were made for means the last. Only one graph at a time may have a number, as it alone
    /// writes that number's counters.
    pub fn new(tables: &TablesHandle, worker: usize) -> Self {
        let shared = Arc::clone(&tables.0);
        let worker = worker.min(shared.workers() - 1);
        let snapshot = shared.current(worker);
        let tracer = Tracer::new(Arc::clone(&shared.workers[worker].trace), worker);
        Self {
            shared,
            worker,
            tables: snapshot,
            pending: Pending::new(),
            transmit: TransmitQueues::default(),
            tracer,
            owner: Owner::new(worker),
            throttle: Throttle::default(),
            reassembly: Reassembly::default(),
            identification: 0,
            segments: Vec::new(),
            has_news: false,
        }
    }

    /// Takes packets that a port received: first buffers of chains of `pool`, on the interface of
    /// the port itself. `now` is the time since the start of the process.
    pub fn input(
        &mut self,
        pool: &mut BufferPool,
        rx: SwIfIndex,
        packets: &[BufferIndex],
        now: Duration,
    ) {
        self.refresh();
        for vector in packets.chunks(FRAME_SIZE) {
            self.input_vector(pool, rx, vector, now);
        }
    }

    /// Runs the packet generator and all nodes until no packet waits but for ports.
    ///
    /// Returns whether there is more to do at once: packets that come back from loopbacks, streams
    /// of the packet generator.
    pub fn run(&mut self, pool: &mut BufferPool, now: Duration) -> bool {
        self.refresh();
        let generating = !self.tables.streams.is_empty() && pg_input::run(self, pool, now);
        self.expire_fragments(pool, now);
        let mut nexts: Nexts = [NodeId::ErrorDrop; FRAME_SIZE];
        for node in ORDER {
            while let Some(frame) = self.pending.take(node) {
                if self.tracer.is_active() {
                    self.dispatch::<true>(pool, node, frame, &mut nexts, now);
                } else {
                    self.dispatch::<false>(pool, node, frame, &mut nexts, now);
                }
            }
        }
        let looped = self.transmit.has_looped();
        if looped {
            self.input_looped(pool, now);
        } else {
            self.tracer.end_run();
        }
        self.maintain_sessions(now);
        looped || generating || !self.pending.is_empty()
    }

    /// Gives the packets that `run` left for ports to `send`, port by port; they are the ports'
    /// from then on.
    pub fn drain_tx(&mut self, send: impl FnMut(SwIfIndex, &[BufferIndex])) {
        self.transmit.drain(send);
    }

    /// Whether neighbours were heard since the last call, for the control thread to
    /// [learn](crate::Tables::learn_neighbours).
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Whether packets wait for `run` or `drain_tx`.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.transmit.is_empty()
    }

    /// The configuration in use.
    pub fn generation(&self) -> Generation {
        self.tables.generation
    }

    /// Takes a newer configuration if there is one. Workers without packets call it when woken, so
    /// that [`Tables::is_settled`](crate::Tables::is_settled) comes true; `input` and `run` do too.
    pub fn refresh(&mut self) {
        if !self.pending.is_empty() {
            // Within a round all nodes see one configuration.
            return;
        }
        if let Some(newer) = self.shared.newer(self.tables.generation, self.worker) {
            self.tables = newer;
        }
    }

    /// Counts packets that a port lost on receive for want of a buffer.
    pub fn count_rx_no_buffer(&self, port: SwIfIndex, packets: u64) {
        if let Some(counters) = self.counters(port) {
            counters.rx_no_buffer.add(packets);
        }
    }

    /// Counts packets that a port received broken.
    pub fn count_rx_error(&self, port: SwIfIndex, packets: u64) {
        if let Some(counters) = self.counters(port) {
            counters.rx_error.add(packets);
        }
    }

    /// Counts packets that a port could not send.
    pub fn count_tx_error(&self, port: SwIfIndex, packets: u64) {
        if let Some(counters) = self.counters(port) {
            counters.tx_error.add(packets);
        }
    }

    fn counters(&self, port: SwIfIndex) -> Option<&crate::counters::WorkerInterfaceCounters> {
        self.tables
            .interface(port)
            .counters
            .as_ref()?
            .of(self.worker)
    }

    pub(crate) fn tables(&self) -> &Arc<Snapshot> {
        &self.tables
    }

    pub(crate) const fn worker(&self) -> usize {
        self.worker
    }

    /// The work of a device's input node on one vector: marks, counts, hands on.
    pub(crate) fn input_vector(
        &mut self,
        pool: &mut BufferPool,
        rx: SwIfIndex,
        packets: &[BufferIndex],
        now: Duration,
    ) {
        let start = cycles::now();
        let view = self.tables.interface(rx);
        let node = view.input_node;
        let mut bytes = 0;
        for &packet in packets {
            let meta = pool.meta_mut(packet);
            meta.rx_sw_if_index = rx;
            meta.flags.remove(Flags::TRACED);
            bytes += u64::from(meta.total_length());
        }
        if let Some(counters) = self.counters(rx) {
            counters.rx_packets.add(packets.len() as u64);
            counters.rx_bytes.add(bytes);
        }
        let handles = self.tracer.choose(node, packets.len(), now);
        for (handle, &packet) in handles.zip(packets) {
            let meta = pool.meta_mut(packet);
            meta.trace = handle;
            meta.flags.insert(Flags::TRACED);
            let record = Record::input(pool, packet);
            self.tracer.add(handle, node, record);
        }
        self.pending.extend(NodeId::EthernetInput, packets);
        self.account(node, packets.len(), start);
    }

    /// Ends fragments whose packet did not become whole in time.
    #[inline]
    fn expire_fragments(&mut self, pool: &mut BufferPool, now: Duration) {
        if self.reassembly.is_empty() {
            return;
        }
        self.reassembly.expire(clock::milliseconds(now));
        for (packet, error) in self.reassembly.take_dropped() {
            let node = drop_for(pool.meta_mut(packet), error);
            self.pending.push(node, packet);
        }
    }

    /// Cleans up a little behind sessions that ended.
    #[inline]
    fn maintain_sessions(&mut self, now: Duration) {
        let (tables, now) = (&self.tables, clock::milliseconds(now));
        let is_current = |interface: SwIfIndex, generation: u16| {
            tables.interface(interface).acl.session_generation == generation
        };
        self.owner
            .maintain(&self.shared.sessions, tables.sweeps, now, is_current);
        for interface in self.owner.take_deleted() {
            let counters = tables.interface(interface).counters.as_ref();
            if let Some(own) = counters.and_then(|own| own.of(self.worker)) {
                own.sessions_deleted.add(1);
            }
        }
    }

    /// Lets what was sent to loopbacks in again, for the next run.
    fn input_looped(&mut self, pool: &mut BufferPool, now: Duration) {
        for (loopback, packets) in self.transmit.take_looped() {
            self.input(pool, loopback, &packets, now);
        }
    }

    fn account(&self, node: NodeId, packets: usize, start: u64) {
        if let Some(own) = self.shared.workers.get(self.worker) {
            let runtime = &own.counters.runtime[node as usize];
            runtime.calls.add(1);
            runtime.vectors.add(packets as u64);
            runtime.clocks.add(cycles::now().saturating_sub(start));
        }
    }

    /// Processes one frame and hands its packets on.
    #[inline]
    fn dispatch<const TRACE: bool>(
        &mut self,
        pool: &mut BufferPool,
        node: NodeId,
        frame: Frame,
        nexts: &mut Nexts,
        now: Duration,
    ) {
        let start = cycles::now();
        let Some(own) = self.shared.workers.get(self.worker) else {
            return;
        };
        let count = frame.packets().len();
        let mut cx = Context {
            pool,
            tables: &self.tables,
            counters: &own.counters,
            tracer: &mut self.tracer,
            worker: self.worker,
            minute: clock::minute(now),
            sessions: &self.shared.sessions,
            owner: &mut self.owner,
            millisecond: clock::milliseconds(now),
            neighbours: &self.shared.neighbours,
            has_news: &mut self.has_news,
            throttle: &mut self.throttle,
        };
        let packets = frame.packets();
        let mut goes_on = true;
        match node {
            NodeId::EthernetInput => EthernetInput::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2Input => L2Input::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2InputFeatArc => L2FeatArc::<true>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::AclInIp4 => AclNode::<u32, true>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::AclInIp6 => AclNode::<u128, true>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2InputAcl => L2InputAcl::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2OutputFeatArc => {
                L2FeatArc::<false>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::AclOutIp4 => AclNode::<u32, false>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::AclOutIp6 => AclNode::<u128, false>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2InputVtr => L2InputVtr::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2Learn => L2Learn::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2Fwd => L2Fwd::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2Output => L2Output::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::L2EfpFilter => L2EfpFilter::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::FeatureBitmapDrop => {
                FeatureBitmapDrop::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::ArpTermL2bd => ArpTermL2bd::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::ArpInput => ArpInput::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::ArpReply => ArpReply::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip4Input => Ip4Input::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip4Lookup => IpLookup::<false>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip4Receive => Ip4Receive::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip4IcmpInput => Ip4IcmpInput::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip4IcmpEchoRequest => {
                IcmpEchoRequest::<false>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Ip4UdpLookup => UdpLookup::<false>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip6Input => Ip6Input::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip6Lookup => IpLookup::<true>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip6MfibForwardLookup => {
                Ip6MfibForwardLookup::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Ip6Receive => Ip6Receive::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip6IcmpInput => Ip6IcmpInput::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip6IcmpEchoRequest => {
                IcmpEchoRequest::<true>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Icmp6NeighborSolicitation => {
                Icmp6NeighborSolicitation::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Icmp6NeighborAdvertisement => {
                Icmp6NeighborAdvertisement::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Ip6UdpLookup => UdpLookup::<true>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Vxlan4Input => {
                VxlanInput::<false, false>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Vxlan6Input => {
                VxlanInput::<false, true>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::VxlanGpe4Input => {
                VxlanInput::<true, false>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::VxlanGpe6Input => {
                VxlanInput::<true, true>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Vxlan4Encap => {
                VxlanEncap::<false, false>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Vxlan6Encap => {
                VxlanEncap::<false, true>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::VxlanGpeEncap => {
                VxlanEncap::<true, false>::process::<TRACE>(&mut cx, packets, nexts);
            }
            NodeId::Ip4Rewrite => IpRewrite::<false>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip6Rewrite => IpRewrite::<true>::process::<TRACE>(&mut cx, packets, nexts),
            NodeId::Ip4Arp | NodeId::Ip4Glean | NodeId::Ip6DiscoverNeighbor | NodeId::Ip6Glean => {
                neighbor_probe::process::<TRACE>(&mut cx, node, packets, &mut self.pending);
                goes_on = false;
            }
            NodeId::Ip4Frag => {
                let (number, pending) = (&mut self.identification, &mut self.pending);
                ip4_frag::process::<TRACE>(&mut cx, packets, number, pending);
                goes_on = false;
            }
            NodeId::Ip4LocalFullReassembly => {
                let (held, pending) = (&mut self.reassembly, &mut self.pending);
                ip4_reassembly::process::<TRACE>(&mut cx, packets, held, pending);
                goes_on = false;
            }
            NodeId::GsoL2Ip4 => {
                gso::into_tunnel(&mut cx, packets, &mut self.segments, &mut self.pending);
                goes_on = false;
            }
            NodeId::GsoUdpLocal => {
                gso::out_of_tunnel(&mut cx, packets, &mut self.segments, &mut self.pending);
                goes_on = false;
            }
            NodeId::L2Flood => {
                l2_flood::process::<TRACE>(&mut cx, packets, &mut self.pending);
                goes_on = false;
            }
            NodeId::InterfaceOutput => {
                let (pending, transmit) = (&mut self.pending, &mut self.transmit);
                interface_output::process::<TRACE>(&mut cx, packets, pending, transmit);
                goes_on = false;
            }
            NodeId::ErrorDrop
            | NodeId::PgInput
            | NodeId::TapInput
            | NodeId::AfPacketInput
            | NodeId::VhostUserInput
            | NodeId::LoopbackInput => {
                error_drop::process::<TRACE>(&mut cx, packets);
                goes_on = false;
            }
        }
        if goes_on {
            self.pending.enqueue(frame, nexts);
        } else {
            self.pending.recycle(frame);
        }
        self.account(node, count, start);
    }
}

impl Drop for Graph {
    /// Packets that still wait are lost with their pool.
    fn drop(&mut self) {
        if let Some(own) = self.shared.workers.get(self.worker) {
            own.retire();
        }
    }
}

const _: () = assert!(Error::COUNT <= u16::MAX as usize);
