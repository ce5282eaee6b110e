//! What a packet's session is found by.
//!
//! VPP keeps two keys a session, the packet's and the answer's. Here there is one, as the interface
//! would receive the flow's packets: a packet that it sends is turned round. An ICMP reply has the
//! type of its request and a mark that says whether the interface sends the request, so that the
//! key of "received 8" is that of "sent 0" and of nothing else.
//!
//! VPP lets nothing in in return for other ICMP messages, whose key has the direction in that mark.
//! Nor for a reply without a request: its session has the same key as if there had been one, and is
//! [one-way](SessionPacket::is_one_way).

use std::net::IpAddr;

use weft_packet::SwIfIndex;

use crate::acl::{
    address::{Address, fold},
    tuple::{Family, FiveTuple},
};

/// A key: ports, protocol, interface and marks in the first word, addresses in the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SessionKey(pub(super) [u64; 5]);

/// A packet, as sessions see it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SessionPacket {
    pub(crate) key: SessionKey,
    pub(crate) hash: u64,
    /// Of a session made by it, the answer is no part.
    pub(crate) is_one_way: bool,
}

/// Bits of the first word above protocol and ports.
const IS_IP6: u64 = 1 << 40;
const IS_SLOW_PATH: u64 = 1 << 41;
/// ICMP only: the interface sends the request, or the message if it is none.
const IS_SENT: u64 = 1 << 42;
const INTERFACE_SHIFT: u32 = 43;

/// Requests of ICMP and their replies that make sessions (VPP `icmp4_valid_new`, `icmp4_invmap`).
const ICMP4_PAIRS: [(u16, u16); 4] = [(8, 0), (13, 14), (15, 16), (17, 18)];
/// The same of ICMPv6.
const ICMP6_PAIRS: [(u16, u16); 2] = [(128, 129), (139, 140)];

/// How an ICMP message is turned round.
enum IcmpRole {
    Request,
    Reply { request: u16 },
    Other,
}

fn icmp_role<A: Family>(kind: u16) -> IcmpRole {
    let pairs: &[_] = if A::IS_IP6 {
        &ICMP6_PAIRS
    } else {
        &ICMP4_PAIRS
    };
    for &(request, reply) in pairs {
        if kind == request {
            return IcmpRole::Request;
        }
        if kind == reply {
            return IcmpRole::Reply { request };
        }
    }
    IcmpRole::Other
}

impl SessionPacket {
    /// The packet's key on an interface that receives it, or with `is_input` false sends it.
    #[inline]
    pub(crate) fn new<A: Family>(
        tuple: &FiveTuple<A>,
        interface: SwIfIndex,
        is_input: bool,
        seed: u64,
    ) -> Self {
        let mut ports = tuple.ports;
        let mut marks = if A::IS_IP6 { IS_IP6 } else { 0 };
        let mut is_one_way = false;
        let is_icmp = tuple.is_slow_path && tuple.protocol == A::ICMP;
        if tuple.is_slow_path {
            marks |= IS_SLOW_PATH;
        }
        if is_icmp {
            // Type and code are not swapped, so the key must tell who asked.
            let is_sent = match icmp_role::<A>(tuple.ports[0]) {
                IcmpRole::Request | IcmpRole::Other => !is_input,
                IcmpRole::Reply { request } => {
                    ports[0] = request;
                    is_one_way = true;
                    is_input
                }
            };
            if is_sent {
                marks |= IS_SENT;
            }
        } else if !is_input {
            ports.swap(0, 1);
        }
        let (source, destination) = if is_input {
            (tuple.source, tuple.destination)
        } else {
            (tuple.destination, tuple.source)
        };
        let first = u64::from(ports[0])
            | u64::from(ports[1]) << 16
            | u64::from(tuple.protocol) << 32
            | marks
            | u64::from(interface.0 & 0xf_ffff) << INTERFACE_SHIFT;
        let [a, b, c, d] = A::words(source, destination);
        let key = SessionKey([first, a, b, c, d]);
        Self {
            key,
            hash: key.hash_of::<A>(seed),
            is_one_way,
        }
    }
}

impl SessionKey {
    /// The words that tell it from others: of IPv4, those behind are zero.
    #[inline]
    pub(super) fn words(&self) -> &[u64] {
        let count = if self.0[0] & IS_IP6 == 0 { 2 } else { 5 };
        &self.0[..count]
    }

    /// The hash, for whoever does not know the family.
    pub(super) fn hash(&self, seed: u64) -> u64 {
        if self.0[0] & IS_IP6 == 0 {
            self.hash_of::<u32>(seed)
        } else {
            self.hash_of::<u128>(seed)
        }
    }

    /// The low bits choose the bucket, the high ones are the tag. Both factors have the seed in them:
    /// who could make one of them 0 would make all hashes the same.
    #[inline]
    fn hash_of<A: Address>(&self, seed: u64) -> u64 {
        let [first, a, b, c, d] = self.0;
        let other = seed.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15;
        let mut hash = fold(first ^ seed, a ^ other);
        if A::BITS > 32 {
            hash = fold(hash ^ b, c ^ other) ^ fold(hash ^ seed, d ^ other);
            hash = fold(hash ^ seed, 0xd6e8_feb8_6659_fd93);
        }
        hash
    }

    #[inline]
    pub(super) fn protocol(&self) -> u8 {
        (self.0[0] >> 32) as u8
    }

    pub(super) fn interface(&self) -> SwIfIndex {
        SwIfIndex((self.0[0] >> INTERFACE_SHIFT) as u32 & 0xf_ffff)
    }

    pub(super) fn ports(&self) -> [u16; 2] {
        [self.0[0] as u16, (self.0[0] >> 16) as u16]
    }

    /// Source and destination, as the interface receives it.
    pub(super) fn addresses(&self) -> (IpAddr, IpAddr) {
        let [first, a, b, c, d] = self.0;
        if first & IS_IP6 == 0 {
            let (source, destination) = ((a >> 32) as u32, a as u32);
            return (
                std::net::Ipv4Addr::from_bits(source).into(),
                std::net::Ipv4Addr::from_bits(destination).into(),
            );
        }
        let address = |high: u64, low: u64| {
            IpAddr::from(std::net::Ipv6Addr::from_bits(
                u128::from(high) << 64 | u128::from(low),
            ))
        };
        (address(a, b), address(c, d))
    }
}
