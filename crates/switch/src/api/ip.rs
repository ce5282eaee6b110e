//! `ip.api` and the addresses of `interface.api` (VPP `src/vnet/ip/ip_api.c`, `src/vnet/ip/ip4_forward.c`,
//! `ip6_forward.c`). There is one routing table of each family, number 0.

use std::net::{IpAddr, Ipv4Addr};

use weft_graph::{
    FibEntryIp, FibEntryKind, InterfaceAddress, IpPrefix, PathKind, Route, RoutePath,
};
use weft_packet::SwIfIndex;
use weft_vpp_wire::messages::fib::{FibPath, FibPathNhProto, FibPathType};
use weft_vpp_wire::messages::interface::{SwInterfaceAddDelAddress, SwInterfaceAddDelAddressReply};
use weft_vpp_wire::messages::ip::{
    IpAddressDetails, IpAddressDump, IpRouteAddDelV2, IpRouteAddDelV2Reply, IpRouteV2,
    IpRouteV2Details, IpRouteV2Dump,
};
use weft_vpp_wire::{List, Prefix, Retval};

use super::{Answer, Api, Call, Serve, ServeDump, existing, ours, theirs};
use crate::control::{Control, source_of_entry};

/// Bits of a link-local address, which stands alone.
const HOST6: u8 = 128;

pub(super) fn register(api: &mut Api) {
    api.request::<SwInterfaceAddDelAddress>();
    api.dump::<IpAddressDump>();
    api.request::<IpRouteAddDelV2>();
    api.dump::<IpRouteV2Dump>();
}

// ===== addresses =====

impl Serve for SwInterfaceAddDelAddress {
    fn serve(self, call: &mut Call<'_>) -> Answer<SwInterfaceAddDelAddressReply> {
        let done = existing(call.control, self.sw_if_index)
            .and_then(|index| change_address(call.control, index, &self));
        done.map(|()| SwInterfaceAddDelAddressReply {}).into()
    }
}

fn change_address(
    control: &mut Control,
    index: SwIfIndex,
    request: &SwInterfaceAddDelAddress,
) -> Result<(), Retval> {
    control.touch();
    let Prefix { address, len } = request.prefix;
    if request.del_all {
        for own in control.tables.addresses(index).to_vec() {
            delete_address(control, index, own)?;
        }
        return Ok(());
    }
    if !request.is_add {
        // The length does not matter.
        let own = control.tables.addresses(index).iter();
        let own = own.copied().find(|own| own.address == address);
        let own = own.ok_or(Retval::ADDRESS_NOT_FOUND_FOR_INTERFACE)?;
        return delete_address(control, index, own);
    }
    if let IpAddr::V6(own) = address
        && own.is_unicast_link_local()
        && len != HOST6
    {
        return Err(Retval::ADDRESS_LENGTH_MISMATCH);
    }
    let added = control
        .tables
        .add_address(index, InterfaceAddress { address, len });
    added.map_err(|error| {
        tracing::debug!(%error, "address refused");
        match address {
            IpAddr::V4(_) => Retval::ADDRESS_IN_USE,
            IpAddr::V6(_) => Retval::DUPLICATE_IF_ADDRESS,
        }
    })
}

fn delete_address(
    control: &mut Control,
    index: SwIfIndex,
    own: InterfaceAddress,
) -> Result<(), Retval> {
    let deleted = control.tables.delete_address(index, own);
    deleted.map_err(|_| Retval::ADDRESS_NOT_FOUND_FOR_INTERFACE)
}

impl ServeDump for IpAddressDump {
    fn serve(self, control: &Control) -> Vec<IpAddressDetails> {
        let addresses = control.tables.addresses(ours(self.sw_if_index)).iter();
        addresses
            .filter(|own| own.address.is_ipv6() == self.is_ipv6)
            .map(|own| IpAddressDetails {
                sw_if_index: self.sw_if_index,
                prefix: Prefix {
                    address: own.address,
                    len: own.len,
                },
            })
            .collect()
    }
}

// ===== routes =====

impl Serve for IpRouteAddDelV2 {
    /// Where counters are is told after success; deleted routes have none.
    fn serve(self, call: &mut Call<'_>) -> Answer<IpRouteAddDelV2Reply> {
        let none = IpRouteAddDelV2Reply {
            stats_index: u32::MAX,
        };
        match change_route(call.control, &self) {
            Ok(()) if self.is_add => Answer::ok(IpRouteAddDelV2Reply { stats_index: 0 }),
            Ok(()) => Answer::ok(none),
            Err(retval) => Answer::refused(retval, none),
        }
    }
}

/// VPP takes several paths; here a route has one.
fn change_route(control: &mut Control, request: &IpRouteAddDelV2) -> Result<(), Retval> {
    let route = &request.route;
    if route.table_id != 0 {
        return Err(Retval::NO_SUCH_FIB);
    }
    let prefix = IpPrefix::new(route.prefix.address, route.prefix.len);
    let prefix = prefix.ok_or(Retval::INVALID_VALUE)?;
    let source = control
        .sources
        .get(route.src)
        .ok_or(Retval::INVALID_VALUE)?;
    if !request.is_add {
        control.tables.delete_route(prefix, source);
        control.touch();
        return Ok(());
    }
    let mut paths = route.paths.iter();
    let path = paths.next().ok_or(Retval::NO_PATHS_IN_ROUTE)?;
    if paths.next().is_some() || request.is_multipath {
        return Err(Retval::UNSUPPORTED);
    }
    let path = path_of(control, path)?;
    let set = control.tables.set_route(Route {
        prefix,
        source,
        path,
    });
    set.map_err(|_| Retval::INVALID_SW_IF_INDEX)?;
    control.touch();
    Ok(())
}

fn path_of(control: &Control, path: &FibPath) -> Result<RoutePath, Retval> {
    let kind = match path.r#type {
        FibPathType::NORMAL => PathKind::Normal,
        FibPathType::LOCAL => PathKind::Local,
        FibPathType::DROP => PathKind::Drop,
        _ => return Err(Retval::UNSUPPORTED),
    };
    let interface = match path.sw_if_index {
        weft_vpp_wire::SwIfIndex::NONE => None,
        index => Some(existing(control, index)?),
    };
    let [a, b, c, d, ..] = path.nh_address;
    let next_hop = match path.proto {
        FibPathNhProto::IP4 => IpAddr::from([a, b, c, d]),
        FibPathNhProto::IP6 => IpAddr::from(path.nh_address),
        _ => return Err(Retval::UNSUPPORTED),
    };
    Ok(RoutePath {
        kind,
        interface,
        next_hop: (!next_hop.is_unspecified()).then_some(next_hop),
    })
}

impl ServeDump for IpRouteV2Dump {
    /// With a source: only what it is the best source of.
    fn serve(self, control: &Control) -> Vec<IpRouteV2Details> {
        if self.table.table_id != 0 {
            return Vec::new();
        }
        let entries = control.tables.fib_entries().into_iter();
        entries
            .filter(|entry| entry.prefix.address().is_ipv6() == self.table.is_ip6)
            .filter(|entry| self.src == 0 || source_of_entry(entry.kind) == self.src)
            .map(|entry| IpRouteV2Details {
                route: details(&entry),
            })
            .collect()
    }
}

fn details(entry: &FibEntryIp) -> IpRouteV2 {
    let address = entry.prefix.address();
    let mut nh_address = [0; 16];
    // Of its own addresses VPP tells the interface alone.
    let next_hop = entry
        .path
        .next_hop
        .filter(|_| entry.kind != FibEntryKind::Local);
    match next_hop.unwrap_or(Ipv4Addr::UNSPECIFIED.into()) {
        IpAddr::V4(own) => nh_address[..4].copy_from_slice(&own.octets()),
        IpAddr::V6(own) => nh_address = own.octets(),
    }
    let path = FibPath {
        sw_if_index: entry
            .path
            .interface
            .map_or(weft_vpp_wire::SwIfIndex::NONE, theirs),
        r#type: match entry.path.kind {
            PathKind::Normal => FibPathType::NORMAL,
            PathKind::Local => FibPathType::LOCAL,
            PathKind::Drop => FibPathType::DROP,
        },
        proto: if address.is_ipv6() {
            FibPathNhProto::IP6
        } else {
            FibPathNhProto::IP4
        },
        nh_address,
        ..FibPath::default()
    };
    IpRouteV2 {
        table_id: 0,
        stats_index: 0,
        prefix: Prefix {
            address,
            len: entry.prefix.len(),
        },
        src: source_of_entry(entry.kind),
        paths: List::try_from(vec![path]).unwrap_or_default(),
    }
}
