//! What bridge domains answer ARP and neighbour discovery with, and what members take part in (VPP
//! `src/vnet/l2/l2_api.c`, `l2_bd.c`).

use weft_graph::{BridgeDomain, L2Flags as Flags, L2Mode};
use weft_packet::header::MacAddr;
use weft_vpp_wire::messages::l2::{
    BdFlags, BdIpMac, BdIpMacAddDel, BdIpMacAddDelReply, BdIpMacDetails, BdIpMacDump, L2Flags,
    L2FlagsReply, L2InputFeatures,
};
use weft_vpp_wire::{Address, BdId, MacAddress, Retval};

use super::{graph_id, modifiable};
use crate::api::{Answer, Api, Call, Serve, ServeDump, existing};
use crate::control::Control;

pub(super) fn register(api: &mut Api) {
    api.request::<BdIpMacAddDel>();
    api.dump::<BdIpMacDump>();
    api.request::<L2Flags>();
}

impl Serve for BdIpMacAddDel {
    fn serve(self, call: &mut Call<'_>) -> Answer<BdIpMacAddDelReply> {
        let done = change(call.control, &self);
        done.map(|()| BdIpMacAddDelReply {}).into()
    }
}

/// Deleted is only what is there with that MAC address.
fn change(control: &mut Control, request: &BdIpMacAddDel) -> Result<(), Retval> {
    let BdIpMac { bd_id, ip, mac } = request.entry;
    modifiable(control, bd_id)?;
    let (id, mac) = (graph_id(bd_id), MacAddr(mac.0));
    let is_there = || {
        let neighbours = control.tables.bridge_domain(id);
        neighbours.and_then(|domain| domain.neighbour(ip.0)) == Some(mac)
    };
    if !request.is_add && !is_there() {
        return Err(Retval::UNSPECIFIED);
    }
    let set = control
        .tables
        .set_bd_neighbour(id, ip.0, request.is_add.then_some(mac));
    control.touch();
    set.map(|_| ()).map_err(|_| Retval::NO_SUCH_ENTRY)
}

impl ServeDump for BdIpMacDump {
    fn serve(self, control: &Control) -> Vec<BdIpMacDetails> {
        let domains = control.tables.bridge_domains().map(|(_, domain)| domain);
        let wanted = domains.filter(|own| self.bd_id == BdId::ANY || own.id.0 == self.bd_id.0);
        wanted.flat_map(details).collect()
    }
}

fn details(domain: &BridgeDomain) -> Vec<BdIpMacDetails> {
    let bd_id = BdId(domain.id.0);
    let entry = |(ip, mac): (_, MacAddr)| BdIpMacDetails {
        entry: BdIpMac {
            bd_id,
            ip: Address(ip),
            mac: MacAddress(mac.0),
        },
    };
    domain.neighbours().into_iter().map(entry).collect()
}

impl Serve for L2Flags {
    fn serve(self, call: &mut Call<'_>) -> Answer<L2FlagsReply> {
        let done = set_flags(call.control, &self);
        done.map(|resulting_feature_bitmap| L2FlagsReply {
            resulting_feature_bitmap,
        })
        .into()
    }
}

/// Without flags nothing changes, and what is set is told.
fn set_flags(control: &mut Control, request: &L2Flags) -> Result<L2InputFeatures, Retval> {
    let index = existing(control, request.sw_if_index)?;
    let interface = control.tables.interface(index);
    let interface = interface.ok_or(Retval::INVALID_SW_IF_INDEX)?;
    let (mut flags, mode) = (interface.flags, interface.mode);
    let changes = [
        (BdFlags::LEARN, &mut flags.learn),
        (BdFlags::FWD, &mut flags.forward),
        (BdFlags::FLOOD, &mut flags.flood),
        (BdFlags::UU_FLOOD, &mut flags.uu_flood),
        (BdFlags::ARP_TERM, &mut flags.arp_term),
    ];
    for (flag, own) in changes {
        if request.feature_bitmap.contains(flag) {
            *own = request.is_set;
        }
    }
    let set = control.tables.set_l2_flags(index, flags);
    set.map_err(|_| Retval::INVALID_SW_IF_INDEX)?;
    control.touch();
    Ok(bitmap(flags, mode))
}

/// The bits of a member as VPP has them: those that nobody switches are on.
fn bitmap(flags: Flags, mode: L2Mode) -> L2InputFeatures {
    /// `DROP`, `ARP_UFWD` and `UU_FWD` (`foreach_l2input_feat`, VPP `src/vnet/l2/l2_input.h`).
    const ALWAYS: u32 = 0x0001 | 0x0008 | 0x0040;
    if !matches!(mode, L2Mode::Bridge { .. }) {
        return L2InputFeatures(1);
    }
    let on = [
        (flags.learn, L2InputFeatures::LEARN),
        (flags.forward, L2InputFeatures::FWD),
        (flags.flood, L2InputFeatures::FLOOD),
        (flags.uu_flood, L2InputFeatures::UU_FLOOD),
        (flags.arp_term, L2InputFeatures::ARP_TERM),
    ];
    let on = on.into_iter().filter(|(on, _)| *on);
    on.fold(L2InputFeatures(ALWAYS), |all, (_, own)| all | own)
}
