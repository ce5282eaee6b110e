//! `src/vnet/ip/ip.api`: addresses of interfaces, and routes.

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::messages::fib::FibPath;
use crate::types::{FixedString, List, Prefix, SwIfIndex};

/// A routing table (`ip_table`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IpTable {
    /// Its number; 0 is there from the start.
    pub table_id: u32,
    /// That for IPv6, else for IPv4.
    pub is_ip6: bool,
    /// Its name. Where a table is only named, VPP does not look at it.
    pub name: FixedString<64>,
}

impl Wire for IpTable {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.table_id.encode(writer);
        self.is_ip6.encode(writer);
        self.name.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            table_id: Wire::decode(reader)?,
            is_ip6: Wire::decode(reader)?,
            name: Wire::decode(reader)?,
        })
    }
}

/// A route (`ip_route_v2`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpRouteV2 {
    /// The table.
    pub table_id: u32,
    /// Where its counters are; VPP tells it.
    pub stats_index: u32,
    /// Packets to whom.
    pub prefix: Prefix,
    /// Handle of the [source](super::fib::FibSource) in requests: whose route it is, 0 that of the API. In
    /// details that of the best source of the prefix, whichever was asked for.
    pub src: u8,
    /// The ways.
    pub paths: List<FibPath, u8>,
}

/// The count of `paths` stands apart from them: the source is in between.
impl Wire for IpRouteV2 {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.table_id.encode(writer);
        self.stats_index.encode(writer);
        self.prefix.encode(writer);
        self.paths.count().encode(writer);
        self.src.encode(writer);
        for path in self.paths.iter() {
            path.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let (table_id, stats_index, prefix) = (
            Wire::decode(reader)?,
            Wire::decode(reader)?,
            Wire::decode(reader)?,
        );
        let count = u8::decode(reader)?;
        Ok(Self {
            table_id,
            stats_index,
            prefix,
            src: Wire::decode(reader)?,
            paths: List::decode_counted(count, reader)?,
        })
    }
}

messages! {
    /// Asks for the addresses of an interface.
    dump IpAddressDump("ip_address_dump", 0x2d03_3de4) -> IpAddressDetails {
        /// The interface; there is no value for all.
        sw_if_index: SwIfIndex,
        /// Those of IPv6, else of IPv4.
        is_ipv6: bool,
    }

    /// One address.
    details IpAddressDetails("ip_address_details", 0xee29_b797) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// The address, with the length of its network's prefix.
        prefix: Prefix,
    }

    /// Writes or deletes a route of one source.
    request IpRouteAddDelV2("ip_route_add_del_v2", 0x521e_f330) -> IpRouteAddDelV2Reply {
        /// Write, else delete.
        is_add: bool,
        /// Paths are added to those that are there or taken from them; else they replace them, and
        /// deleting deletes all.
        is_multipath: bool,
        /// The route.
        route: IpRouteV2,
    }

    /// Answers [`IpRouteAddDelV2`].
    reply IpRouteAddDelV2Reply("ip_route_add_del_v2_reply", 0x1992_deab) {
        /// Where its counters are.
        stats_index: u32,
    }

    /// Asks for the routes of a table.
    dump IpRouteV2Dump("ip_route_v2_dump", 0xd16f_72e6) -> IpRouteV2Details {
        /// Only prefixes that this source has a route to; 0: all.
        src: u8,
        /// The table.
        table: IpTable,
    }

    /// One route.
    details IpRouteV2Details("ip_route_v2_details", 0xb09a_a6c0) {
        /// The route.
        route: IpRouteV2,
    }
}
