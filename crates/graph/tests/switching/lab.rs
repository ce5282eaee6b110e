//! A switch with ports that are up, and frames to send through it.

use std::time::Duration;

use weft_graph::{
    BdFlags, BdId, DeviceClass, Error, Graph, OuterTag, PortType, Severity, SubInterfaceMatch,
    SwIfIndex, Tables, TagRewrite,
};
use weft_packet::{BufferIndex, BufferPool, Offload, complete_checksum, header::MacAddr};

pub(crate) const BD: BdId = BdId(10);

/// Buffers of a lab's pool.
pub(crate) const BUFFERS: usize = 1024;

pub(crate) struct Lab {
    pub(crate) tables: Tables,
    pub(crate) graph: Graph,
    pub(crate) pool: BufferPool,
    pub(crate) now: Duration,
}

/// What one step did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Packets sent, port by port in the order of their indices.
    pub(crate) sent: Vec<(SwIfIndex, Vec<u8>)>,
    /// Counters that moved, in their order, but for those that only count packets seen.
    pub(crate) counted: Vec<(Error, u64)>,
}

/// Counters of nodes that say "was here".
const SEEN: [Error; 5] = [
    Error::L2Input,
    Error::L2Learn,
    Error::L2Flood,
    Error::L2Output,
    Error::L2EfpFilter,
];

/// Counters of packets that end without fault.
const ENDED: [Error; 11] = [
    Error::Ip4ArpThrottled,
    Error::Ip4ArpRequestSent,
    Error::Ip4GleanThrottled,
    Error::Ip4GleanRequestSent,
    Error::Ip6NeighborThrottled,
    Error::Ip6NeighborRequestSent,
    Error::Ip6GleanThrottled,
    Error::Ip6GleanRequestSent,
    Error::Ip4FragDone,
    Error::ArpReplyLearned,
    Error::Icmp6AdvertisementsReceived,
];

/// Counters of packets that nodes made.
const MADE: [Error; 5] = [
    Error::Ip4ArpRequestSent,
    Error::Ip4GleanRequestSent,
    Error::Ip6NeighborRequestSent,
    Error::Ip6GleanRequestSent,
    Error::Ip4FragSent,
];

impl Lab {
    /// A switch with one bridge domain, [`BD`], whose entries do not age.
    pub(crate) fn new() -> Self {
        let mut tables = Tables::new(1);
        tables.add_bridge_domain(BD, BdFlags::DEFAULT, 0).unwrap();
        let graph = Graph::new(&tables.handle(), 0);
        let now = Duration::from_secs(600);
        Self {
            tables,
            graph,
            pool: BufferPool::new(BUFFERS),
            now,
        }
    }

    /// A lab with so many members of [`BD`].
    pub(crate) fn with_members<const N: usize>() -> (Self, [SwIfIndex; N]) {
        let mut lab = Self::new();
        let ports = std::array::from_fn(|_| lab.member(0));
        (lab, ports)
    }

    /// A port that is up.
    pub(crate) fn port(&mut self) -> SwIfIndex {
        let port = self
            .tables
            .add_port("tap", DeviceClass::Tap, mac(0xff), 9000);
        self.tables.set_admin_up(port, true).unwrap();
        self.tables.set_link_up(port, true).unwrap();
        port
    }

    /// A port in [`BD`].
    pub(crate) fn member(&mut self, shg: u8) -> SwIfIndex {
        let port = self.port();
        self.tables
            .set_l2_bridge(port, BD, PortType::Normal, shg)
            .unwrap();
        port
    }

    /// A sub-interface for one VLAN, up, in [`BD`], which pops the tag.
    pub(crate) fn vlan_member(&mut self, port: SwIfIndex, vlan: u16) -> SwIfIndex {
        let sub = self.sub(port, one_tag(vlan));
        self.tables
            .set_l2_bridge(sub, BD, PortType::Normal, 0)
            .unwrap();
        self.tables.set_tag_rewrite(sub, TagRewrite::Pop1).unwrap();
        sub
    }

    /// A sub-interface that is up.
    pub(crate) fn sub(&mut self, port: SwIfIndex, matched: SubInterfaceMatch) -> SwIfIndex {
        let sub = self
            .tables
            .add_sub_interface(port, "tap.x", matched, 9000)
            .unwrap();
        self.tables.set_admin_up(sub, true).unwrap();
        sub
    }

    /// Publishes the configuration, sends frames into a port, and gives what came of it.
    ///
    /// Checks what must hold after every step: no buffer is lost, and each packet or copy that came
    /// into being was sent or dropped under a reason.
    pub(crate) fn send(&mut self, port: SwIfIndex, frames: &[&[u8]]) -> Outcome {
        self.send_with(port, frames, Offload::default())
    }

    /// As [`Lab::send`], with an offload on every packet.
    pub(crate) fn send_with(
        &mut self,
        port: SwIfIndex,
        frames: &[&[u8]],
        offload: Offload,
    ) -> Outcome {
        self.tables.publish();
        let before = self.tables.errors();
        let packets: Vec<BufferIndex> = frames
            .iter()
            .map(|frame| self.pool.alloc_from(frame).unwrap())
            .collect();
        for &packet in &packets {
            self.pool.set_offload(packet, offload);
        }
        self.graph.input(&mut self.pool, port, &packets, self.now);
        let mut rounds = 0;
        while self.graph.run(&mut self.pool, self.now) {
            rounds += 1;
            assert!(rounds < 10, "the graph does not come to rest");
        }
        let mut sent = Vec::new();
        let pool = &mut self.pool;
        self.graph.drain_tx(|port, packets| {
            for &packet in packets {
                // As a port would that leaves nothing to its peer.
                complete_checksum(pool, packet).unwrap();
                sent.push((port, pool.segments(packet).flatten().copied().collect()));
                pool.free(packet);
            }
        });
        sent.sort();
        assert!(self.graph.is_idle());
        assert_eq!(self.pool.stats().free, BUFFERS, "buffers were lost");

        let after = self.tables.errors();
        let delta = |error: Error| {
            let count = |list: &[weft_graph::ErrorCount]| {
                list.iter()
                    .find(|own| own.error == error)
                    .map_or(0, |own| own.count)
            };
            count(&after) - count(&before)
        };
        let counted: Vec<_> = Error::ALL
            .iter()
            .filter(|error| !SEEN.contains(error))
            .map(|&error| (error, delta(error)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let drops: u64 = counted
            .iter()
            .filter(|(error, _)| error.severity() == Severity::Error || ENDED.contains(error))
            .map(|(_, count)| count)
            .sum();
        let made: u64 = MADE.iter().map(|&error| delta(error)).sum();
        if delta(Error::L2Flood) == 0 {
            assert_eq!(
                sent.len() as u64 + drops,
                frames.len() as u64 + made,
                "{counted:?}"
            );
        }
        self.tables.learn_neighbours(self.now);
        Outcome { sent, counted }
    }

    /// Sends one super-packet and gives what came out of it, in order.
    pub(crate) fn send_with_segments(
        &mut self,
        port: SwIfIndex,
        frame: &[u8],
        offload: Offload,
    ) -> Vec<Vec<u8>> {
        let packet = self.pool.alloc_from(frame).unwrap();
        self.pool.set_offload(packet, offload);
        self.graph.input(&mut self.pool, port, &[packet], self.now);
        assert!(!self.graph.run(&mut self.pool, self.now));
        let mut sent = Vec::new();
        let pool = &mut self.pool;
        self.graph.drain_tx(|_, packets| {
            for &packet in packets {
                assert_eq!(
                    pool.offload(packet),
                    Offload::default(),
                    "nothing is left to do"
                );
                sent.push(pool.segments(packet).flatten().copied().collect());
                pool.free(packet);
            }
        });
        assert_eq!(self.pool.stats().free, BUFFERS, "buffers were lost");
        sent
    }

    /// Sends fragments one after the other and gives what came of all, port by port.
    pub(crate) fn send_fragments(
        &mut self,
        port: SwIfIndex,
        fragments: &[&[u8]],
    ) -> Vec<(SwIfIndex, Vec<u8>)> {
        self.tables.publish();
        let mut sent = Vec::new();
        for bytes in fragments {
            let packet = self.pool.alloc_from(bytes).unwrap();
            self.graph.input(&mut self.pool, port, &[packet], self.now);
            self.run(&mut sent);
        }
        sent
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.run(&mut Vec::new());
    }

    fn run(&mut self, sent: &mut Vec<(SwIfIndex, Vec<u8>)>) {
        while self.graph.run(&mut self.pool, self.now) {}
        let pool = &mut self.pool;
        self.graph.drain_tx(|port, packets| {
            for &packet in packets {
                sent.push((port, pool.segments(packet).flatten().copied().collect()));
                pool.free(packet);
            }
        });
    }

    /// Makes an address known behind a port, and forgets what came of it.
    pub(crate) fn learn(&mut self, port: SwIfIndex, address: u8) {
        self.send(port, &[&frame(address, 0xfe)]);
    }
}

/// What one step did, in the order in which tests write it.
pub(crate) fn outcome(sent: &[(SwIfIndex, &[u8])], counted: &[(Error, u64)]) -> Outcome {
    let sent = sent
        .iter()
        .map(|(port, bytes)| (*port, bytes.to_vec()))
        .collect();
    Outcome {
        sent,
        counted: counted.to_vec(),
    }
}

/// A unicast address.
pub(crate) fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

/// Source of a frame is `source`, destination `destination`; 0 is broadcast.
pub(crate) fn frame(source: u8, destination: u8) -> Vec<u8> {
    tagged(source, destination, &[])
}

/// As [`frame`], behind tags given as protocol and tag control information.
pub(crate) fn tagged(source: u8, destination: u8, tags: &[(u16, u16)]) -> Vec<u8> {
    let destination = if destination == 0 {
        MacAddr::BROADCAST
    } else {
        mac(destination)
    };
    let mut bytes = destination.0.to_vec();
    bytes.extend_from_slice(&mac(source).0);
    for (tpid, tci) in tags {
        bytes.extend_from_slice(&tpid.to_be_bytes());
        bytes.extend_from_slice(&tci.to_be_bytes());
    }
    bytes.extend_from_slice(&[0x08, 0x00]);
    bytes.extend((0..46).map(|at| source ^ at));
    bytes
}

pub(crate) fn one_tag(vlan: u16) -> SubInterfaceMatch {
    SubInterfaceMatch::OneTag {
        outer: OuterTag::Dot1q,
        vlan,
        exact: true,
    }
}

pub(crate) fn two_tags(vlan: u16, inner: Option<u16>) -> SubInterfaceMatch {
    SubInterfaceMatch::TwoTags {
        outer: OuterTag::Dot1q,
        vlan,
        inner,
        exact: true,
    }
}

/// 802.1Q.
pub(crate) const Q: u16 = 0x8100;

/// 802.1ad.
pub(crate) const AD: u16 = 0x88a8;
