//! Addresses of uplinks and routes of the underlay.

use std::net::IpAddr;

use weft_plan::{Address, Object, Operation, Route};
use weft_vpp_wire::messages::fib::{FibPath, FibPathNhProto, FibSource, FibSourceAdd};
use weft_vpp_wire::messages::interface::SwInterfaceAddDelAddress;
use weft_vpp_wire::messages::ip::{IpRouteAddDelV2, IpRouteV2};
use weft_vpp_wire::{FixedString, List, Prefix, Retval};

use super::interface::explained;
use super::{Context, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::{FIB_SOURCE, Session};

/// Better than what VPP's API and command line write (0x80 and 0x81, `src/vnet/fib/fib_source.h`): a
/// gateway that the agent's configuration names is the one that counts, and VPP shows a source only
/// the routes in which it is the best.
const PRIORITY: u8 = 0x70;

impl Session {
    /// Sees to it that VPP has our source of routes, if one of the operations writes a route. Without
    /// the message for it, those operations are refused.
    pub(super) async fn prepare_routes(
        &mut self,
        mut level: impl Iterator<Item = &Operation>,
    ) -> Result<(), CallError> {
        let writes = level.any(|operation| matches!(operation.object(), Object::Route(_)));
        if !writes || self.fib_source.is_some() {
            return Ok(());
        }
        let src = FibSource {
            priority: PRIORITY,
            id: 0,
            name: FixedString::try_from(FIB_SOURCE).unwrap_or_default(),
        };
        match self.connection.request(FibSourceAdd { src }).await {
            Ok(made) => self.fib_source = Some(made.id),
            Err(error @ (CallError::Refused { .. } | CallError::Unsupported(_))) => {
                tracing::warn!(%error, "VPP gives no source for routes");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Context<'_> {
    pub(super) async fn create_address(self, address: &Address) -> Result<Option<Change>, Failure> {
        let made = self.set_address(address, true).await?;
        made.map_err(|error| explained(error, |retval| hint(retval, address)))?;
        Ok(None)
    }

    pub(super) async fn delete_address(self, address: &Address) -> Result<Option<Change>, Failure> {
        if self.handles.interface(&address.interface).is_some() {
            let deleted = self.set_address(address, false).await?;
            gone(deleted, Retval::ADDRESS_NOT_FOUND_FOR_INTERFACE)?;
        }
        Ok(None)
    }

    pub(super) async fn write_route(self, route: &Route) -> Result<Option<Change>, Failure> {
        self.connection.request(self.route(route, true)?).await?;
        Ok(None)
    }

    /// VPP does not mind if there is no such route.
    pub(super) async fn delete_route(self, route: &Route) -> Result<Option<Change>, Failure> {
        self.connection.request(self.route(route, false)?).await?;
        Ok(None)
    }

    async fn set_address(
        self,
        address: &Address,
        is_add: bool,
    ) -> Result<Result<(), CallError>, Failure> {
        let request = SwInterfaceAddDelAddress {
            sw_if_index: self.interface(&address.interface)?,
            is_add,
            del_all: false,
            prefix: Prefix {
                address: address.address,
                len: address.prefix_len,
            },
        };
        Ok(self.connection.request(request).await.map(|_| ()))
    }

    fn route(self, route: &Route, is_add: bool) -> Result<IpRouteAddDelV2, Failure> {
        let src = self
            .fib_source
            .ok_or_else(|| Failure::Refused("VPP gives no source for routes".to_owned()))?;
        let paths: Vec<FibPath> = is_add.then(|| path(route.gateway)).into_iter().collect();
        Ok(IpRouteAddDelV2 {
            is_add,
            is_multipath: false,
            route: IpRouteV2 {
                prefix: Prefix {
                    address: route.prefix.address(),
                    len: route.prefix.length(),
                },
                src,
                paths: List::try_from(paths).unwrap_or_default(),
                ..IpRouteV2::default()
            },
        })
    }
}

/// The way through a gateway, which VPP looks up.
fn path(gateway: IpAddr) -> FibPath {
    let (proto, nh_address) = match gateway {
        IpAddr::V4(gateway) => {
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip(gateway.octets()) {
                *to = from;
            }
            (FibPathNhProto::IP4, bytes)
        }
        IpAddr::V6(gateway) => (FibPathNhProto::IP6, gateway.octets()),
    };
    FibPath {
        proto,
        nh_address,
        ..FibPath::default()
    }
}

/// What VPP's refusals of an address mean (`ip4_add_del_interface_address_internal` in
/// `src/vnet/ip/ip4_forward.c` and its like for IPv6).
fn hint(retval: Retval, address: &Address) -> Option<String> {
    match retval {
        Retval::ADDRESS_IN_USE | Retval::DUPLICATE_IF_ADDRESS => Some(format!(
            "an interface of VPP has {}/{} or another address of that network already",
            address.address, address.prefix_len
        )),
        _ => None,
    }
}
