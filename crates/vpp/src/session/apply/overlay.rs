//! What a bridge domain of an overlay network knows: where MAC addresses are, and who has an IP
//! address. One message each, also where an entry changes: VPP replaces it in place.

use weft_model::OverlaySegment;
use weft_plan::{Neighbour, StaticMac};
use weft_vpp_wire::messages::l2::{BdIpMac, BdIpMacAddDel, L2fibAddDel};
use weft_vpp_wire::{Address, BdId, MacAddress, Retval, SwIfIndex};

use super::{Context, Failure, gone};
use crate::session::handles::Change;

/// An entry's interface when it is deleted, whichever it is (`l2fib_del_entry` in
/// `src/vnet/l2/l2_fib.c`).
const ANY_INTERFACE: SwIfIndex = SwIfIndex(0);

impl Context<'_> {
    pub(super) async fn write_static_mac(
        self,
        entry: &StaticMac,
    ) -> Result<Option<Change>, Failure> {
        let Some(interface) = &entry.interface else {
            let reason = format!("nobody says behind which interface {} is", entry.mac);
            return Err(Failure::Refused(reason));
        };
        let sw_if_index = self.interface(interface)?;
        let request = L2fibAddDel {
            bd_id: self.overlay_bridge(entry.segment)?,
            mac: MacAddress(entry.mac.octets()),
            sw_if_index,
            is_add: true,
            static_mac: true,
            ..L2fibAddDel::default()
        };
        self.connection.request(request).await?;
        Ok(None)
    }

    pub(super) async fn delete_static_mac(
        self,
        entry: &StaticMac,
    ) -> Result<Option<Change>, Failure> {
        if let Ok(bd_id) = self.overlay_bridge(entry.segment) {
            let request = L2fibAddDel {
                bd_id,
                mac: MacAddress(entry.mac.octets()),
                sw_if_index: ANY_INTERFACE,
                is_add: false,
                ..L2fibAddDel::default()
            };
            let deleted = self.connection.request(request).await;
            gone(deleted, Retval::NO_SUCH_ENTRY)?;
        }
        Ok(None)
    }

    pub(super) async fn write_neighbour(
        self,
        entry: &Neighbour,
    ) -> Result<Option<Change>, Failure> {
        let bd_id = self.overlay_bridge(entry.segment)?;
        self.connection
            .request(neighbour(entry, bd_id, true))
            .await?;
        Ok(None)
    }

    pub(super) async fn delete_neighbour(
        self,
        entry: &Neighbour,
    ) -> Result<Option<Change>, Failure> {
        if let Ok(bd_id) = self.overlay_bridge(entry.segment) {
            let deleted = self
                .connection
                .request(neighbour(entry, bd_id, false))
                .await;
            // So VPP says that it has no such entry (`bd_add_del_ip_mac` in `src/vnet/l2/l2_bd.c`).
            gone(deleted, Retval::UNSPECIFIED)?;
        }
        Ok(None)
    }

    fn overlay_bridge(self, segment: OverlaySegment) -> Result<BdId, Failure> {
        let bd_id = self.handles.bridge(&segment.into());
        bd_id.ok_or_else(|| Failure::Refused(format!("VPP has no bridge domain for {segment}")))
    }
}

fn neighbour(entry: &Neighbour, bd_id: BdId, is_add: bool) -> BdIpMacAddDel {
    BdIpMacAddDel {
        is_add,
        entry: BdIpMac {
            bd_id,
            ip: Address(entry.address),
            mac: MacAddress(entry.mac.octets()),
        },
    }
}
