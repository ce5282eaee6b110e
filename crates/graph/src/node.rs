//! What a node is: the names of the graph's nodes and what each gets to work with.

use std::net::IpAddr;

use weft_packet::{BufferIndex, BufferPool, Flags, Meta, SwIfIndex, header::MacAddr};

use crate::{
    acl::session::{Owner, SessionTable},
    counters::{NodeCounters, WorkerInterfaceCounters},
    error::Error,
    frame::FRAME_SIZE,
    ip::{AdjacencyKind, Throttle},
    tables::{InterfaceView, NeighbourQueue, Snapshot},
    trace::{IpStep, Record, Tracer},
};

macro_rules! nodes {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, )*) => {
        /// A node of the graph, in the order in which frames are dispatched.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
        #[repr(u8)]
        pub enum NodeId { $( $(#[$doc])* $variant, )* }

        impl NodeId {
            /// All nodes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The name in traces and `show runtime`: VPP's.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    };
}

nodes! {
    /// Packets made by the packet generator.
    PgInput = "pg-input",
    /// Packets received from a TAP (`virtio-input` before VPP 26.02).
    TapInput = "tap-input",
    /// Packets received from an AF_PACKET socket.
    AfPacketInput = "af-packet-input",
    /// Packets received from a virtual machine's rings.
    VhostUserInput = "vhost-user-input",
    /// Packets that come back from a loopback.
    LoopbackInput = "loopback-input",
    /// Tags → sub-interface; layer 2 or 3.
    EthernetInput = "ethernet-input",
    /// Bridge domain and features of the packet.
    L2Input = "l2-input",
    /// Access lists by EtherType, on input.
    L2InputFeatArc = "l2-input-feat-arc",
    /// Access lists on IPv4 received.
    AclInIp4 = "acl-plugin-in-ip4-l2",
    /// Access lists on IPv6 received.
    AclInIp6 = "acl-plugin-in-ip6-l2",
    /// MACIP lists.
    L2InputAcl = "l2-input-acl",
    /// VLAN tag rewrite on input.
    L2InputVtr = "l2-input-vtr",
    /// Learning.
    L2Learn = "l2-learn",
    /// Forwarding.
    L2Fwd = "l2-fwd",
    /// Flooding.
    L2Flood = "l2-flood",
    /// ARP and neighbour discovery answered from the bridge domain's table.
    ArpTermL2bd = "arp-term-l2bd",
    /// Split horizon, VLAN tag rewrite on output.
    L2Output = "l2-output",
    /// Access lists by EtherType, on output.
    L2OutputFeatArc = "l2-output-feat-arc",
    /// Access lists on IPv4 to be sent.
    AclOutIp4 = "acl-plugin-out-ip4-l2",
    /// Access lists on IPv6 to be sent.
    AclOutIp6 = "acl-plugin-out-ip6-l2",
    /// Check of the tags after the rewrite.
    L2EfpFilter = "l2-efp-filter",
    /// ARP packets: are they any.
    ArpInput = "arp-input",
    /// ARP requests answered, replies learned.
    ArpReply = "arp-reply",
    /// IPv4 packets: are they any.
    Ip4Input = "ip4-input",
    /// Destination → adjacency.
    Ip4Lookup = "ip4-lookup",
    /// IPv4 packets for this switch.
    Ip4Receive = "ip4-receive",
    /// Fragments for this switch.
    Ip4LocalFullReassembly = "ip4-local-full-reassembly",
    /// ICMP messages by type.
    Ip4IcmpInput = "ip4-icmp-input",
    /// ICMP echo requests answered.
    Ip4IcmpEchoRequest = "ip4-icmp-echo-request",
    /// Destination port → tunnels.
    Ip4UdpLookup = "ip4-udp-lookup",
    /// IPv6 packets: are they any.
    Ip6Input = "ip6-input",
    /// Destination → adjacency.
    Ip6Lookup = "ip6-lookup",
    /// Multicast groups of this switch.
    Ip6MfibForwardLookup = "ip6-mfib-forward-lookup",
    /// IPv6 packets for this switch.
    Ip6Receive = "ip6-receive",
    /// ICMPv6 messages by type.
    Ip6IcmpInput = "ip6-icmp-input",
    /// ICMPv6 echo requests answered.
    Ip6IcmpEchoRequest = "ip6-icmp-echo-request",
    /// Neighbor solicitations answered.
    Icmp6NeighborSolicitation = "icmp6-neighbor-solicitation",
    /// Neighbor advertisements learned.
    Icmp6NeighborAdvertisement = "icmp6-neighbor-advertisement",
    /// Destination port → tunnels.
    Ip6UdpLookup = "ip6-udp-lookup",
    /// Joined datagrams for this switch cut again.
    GsoUdpLocal = "gso-udp-local",
    /// VXLAN decapsulation.
    Vxlan4Input = "vxlan4-input",
    /// VXLAN decapsulation.
    Vxlan6Input = "vxlan6-input",
    /// VXLAN-GPE decapsulation.
    VxlanGpe4Input = "vxlan4-gpe-input",
    /// VXLAN-GPE decapsulation.
    VxlanGpe6Input = "vxlan6-gpe-input",
    /// Super-packets cut for a tunnel.
    GsoL2Ip4 = "gso-l2-ip4",
    /// VXLAN encapsulation.
    Vxlan4Encap = "vxlan4-encap",
    /// VXLAN encapsulation.
    Vxlan6Encap = "vxlan6-encap",
    /// VXLAN-GPE encapsulation.
    VxlanGpeEncap = "vxlan-gpe-encap",
    /// The next hop's header.
    Ip4Rewrite = "ip4-rewrite",
    /// Packets too large for their interface.
    Ip4Frag = "ip4-frag",
    /// Asks for the next hop.
    Ip4Arp = "ip4-arp",
    /// Asks for the destination itself.
    Ip4Glean = "ip4-glean",
    /// The next hop's header.
    Ip6Rewrite = "ip6-rewrite",
    /// Asks for the next hop.
    Ip6DiscoverNeighbor = "ip6-discover-neighbor",
    /// Asks for the destination itself.
    Ip6Glean = "ip6-glean",
    /// To the vectors that ports take.
    InterfaceOutput = "interface-output",
    /// Nothing forwards the packet.
    FeatureBitmapDrop = "feature-bitmap-drop",
    /// Counts and frees.
    #[default]
    ErrorDrop = "error-drop",
}

impl NodeId {
    /// How many nodes there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// The node of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|node| node.name() == name)
    }

    /// Whether packets enter the graph here, which is where they are chosen for tracing.
    pub const fn is_input(self) -> bool {
        matches!(
            self,
            Self::PgInput
                | Self::TapInput
                | Self::AfPacketInput
                | Self::VhostUserInput
                | Self::LoopbackInput
        )
    }
}

/// The next node of each packet of a frame.
pub(crate) type Nexts = [NodeId; FRAME_SIZE];

/// A node that gives each packet of a frame one next node.
pub(crate) trait Node {
    /// Which node it is.
    const ID: NodeId;

    /// Processes a frame: sets `nexts[i]` for each `packets[i]`. With `TRACE`, adds a record to
    /// those packets that are traced.
    fn process<const TRACE: bool>(cx: &mut Context<'_>, packets: &[BufferIndex], nexts: &mut Nexts);
}

/// What a node works with while it processes one frame.
pub(crate) struct Context<'run> {
    pub(crate) pool: &'run mut BufferPool,
    pub(crate) tables: &'run Snapshot,
    pub(crate) counters: &'run NodeCounters,
    pub(crate) tracer: &'run mut Tracer,
    /// Number of the worker, for its counters.
    pub(crate) worker: usize,
    /// Minute modulo 256.
    pub(crate) minute: u8,
    pub(crate) sessions: &'run SessionTable,
    /// The worker's own sessions.
    pub(crate) owner: &'run mut Owner,
    /// Millisecond modulo 2^32, for sessions.
    pub(crate) millisecond: u32,
    pub(crate) neighbours: &'run NeighbourQueue,
    /// Set when something was put into `neighbours`.
    pub(crate) has_news: &'run mut bool,
    pub(crate) throttle: &'run mut Throttle,
}

/// Notes why a packet is dropped; returns where it goes. `error-drop` counts it.
#[cold]
pub(crate) fn drop_for(meta: &mut Meta, error: Error) -> NodeId {
    meta.error = error as u16;
    NodeId::ErrorDrop
}

impl<'run> Context<'run> {
    /// Adds to one of the node's counters.
    #[inline]
    pub(crate) fn count(&self, counter: Error, count: usize) {
        if count > 0 {
            self.counters.errors[counter as usize].add(count as u64);
        }
    }

    /// [`drop_for`] of a packet of the pool.
    #[cold]
    pub(crate) fn drop(&mut self, packet: BufferIndex, error: Error) -> NodeId {
        drop_for(self.pool.meta_mut(packet), error)
    }

    /// Sends each packet of a frame to the node that `decide` names, or drops it for the reason that it
    /// gives.
    #[inline]
    pub(crate) fn decide(
        &mut self,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
        mut decide: impl FnMut(&mut Self, BufferIndex) -> Result<NodeId, Error>,
    ) {
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            *next = match decide(self, packet) {
                Ok(node) => node,
                Err(error) => self.drop(packet, error),
            };
        }
    }

    /// Tells the control thread that a neighbour was heard on the interface that received the packet,
    /// unless that is what it knows.
    pub(crate) fn learn(&mut self, packet: BufferIndex, address: IpAddr, mac: MacAddr) {
        let rx = self.pool.meta(packet).rx_sw_if_index;
        let ip = &self.tables.ip;
        let known = ip.adjacency(ip.lookup(address));
        let is_known = known.kind == AdjacencyKind::Rewrite
            && known.sw_if_index == rx
            && known.next_hop == address
            && known.link.destination() == mac;
        if !is_known {
            self.neighbours.push(rx, address, mac);
            *self.has_news = true;
        }
    }

    /// The view of an interface.
    #[inline]
    pub(crate) fn interface(&self, index: SwIfIndex) -> &'run InterfaceView {
        self.tables.interface(index)
    }

    /// This worker's counters of an interface.
    #[inline]
    pub(crate) fn of_interface(
        &self,
        view: &'run InterfaceView,
    ) -> Option<&'run WorkerInterfaceCounters> {
        view.counters.as_ref()?.of(self.worker)
    }

    /// Adds a record to a packet that is traced.
    #[inline]
    pub(crate) fn trace(
        &mut self,
        node: NodeId,
        packet: BufferIndex,
        record: impl FnOnce(&BufferPool) -> Record,
    ) {
        let meta = self.pool.meta(packet);
        if meta.flags.intersects(Flags::TRACED) {
            let handle = meta.trace;
            let record = record(self.pool);
            self.tracer.add(handle, node, record);
        }
    }

    /// Adds to those of a frame's packets that are traced how they read at a node of layer 3.
    #[cold]
    pub(crate) fn trace_ip(&mut self, node: NodeId, step: IpStep, packets: &[BufferIndex]) {
        for &packet in packets {
            self.trace(node, packet, |pool| Record::ip(step, pool, packet));
        }
    }
}
