//! The MAC table (VPP `src/vnet/l2/l2_api.c`, `l2_fib.c`).

use weft_graph::{FibEntry, FibFlags, L2Mode, MacTarget};
use weft_packet::header::MacAddr;
use weft_vpp_wire::messages::l2::{
    L2FibTableDetails, L2FibTableDump, L2fibAddDel, L2fibAddDelReply, L2fibFlushAll,
    L2fibFlushAllReply, L2fibFlushBd, L2fibFlushBdReply, L2fibFlushInt, L2fibFlushIntReply,
};
use weft_vpp_wire::{BdId, MacAddress, Retval};

use super::{graph_id, theirs};
use crate::api::{Answer, Api, Call, Serve, ServeDump, existing, ours};
use crate::control::Control;

pub(super) fn register(api: &mut Api) {
    api.request::<L2fibAddDel>();
    api.dump::<L2FibTableDump>();
    api.request::<L2fibFlushAll>();
    api.request::<L2fibFlushBd>();
    api.request::<L2fibFlushInt>();
}

impl Serve for L2fibAddDel {
    fn serve(self, call: &mut Call<'_>) -> Answer<L2fibAddDelReply> {
        let control = &mut *call.control;
        let done = if self.is_add {
            add(control, &self)
        } else {
            delete(control, &self)
        };
        done.map(|()| L2fibAddDelReply {}).into()
    }
}

/// The interface of an entry must be bridged, though not in this bridge domain.
fn add(control: &mut Control, request: &L2fibAddDel) -> Result<(), Retval> {
    let bd = graph_id(request.bd_id);
    control
        .tables
        .bridge_domain(bd)
        .ok_or(Retval::NO_SUCH_ENTRY)?;
    let target = if request.filter_mac {
        MacTarget::Filter
    } else {
        let index = existing(control, request.sw_if_index)?;
        let mode = control
            .tables
            .interface(index)
            .map(|interface| interface.mode);
        if !matches!(mode, Some(L2Mode::Bridge { .. })) {
            return Err(Retval::INVALID_SW_IF_INDEX);
        }
        match (request.bvi_mac, request.static_mac) {
            (true, _) => MacTarget::Bvi(index),
            (false, true) => MacTarget::StaticInterface(index),
            (false, false) => MacTarget::Interface(index),
        }
    };
    let added = control.tables.add_mac(bd, MacAddr(request.mac.0), target);
    added.map_err(|error| {
        tracing::warn!(%error, "MAC address refused");
        Retval::UNSPECIFIED
    })
}

/// Interface 0 stands for any.
fn delete(control: &mut Control, request: &L2fibAddDel) -> Result<(), Retval> {
    let only = (request.sw_if_index.0 != 0).then(|| ours(request.sw_if_index));
    let deleted = control
        .tables
        .delete_mac(graph_id(request.bd_id), MacAddr(request.mac.0), only);
    deleted.map_err(|_| Retval::NO_SUCH_ENTRY)
}

impl ServeDump for L2FibTableDump {
    fn serve(self, control: &Control) -> Vec<L2FibTableDetails> {
        let bd_index = match self.bd_id {
            BdId::ANY => None,
            bd_id => match control.tables.bd_index(graph_id(bd_id)) {
                Some(index) => Some(index),
                None => return Vec::new(),
            },
        };
        let mut entries = control.tables.macs(bd_index);
        // VPP's order is that of its hash table; ours is at least the same every time.
        entries.sort_by_key(|entry| (entry.bd_index, entry.mac));
        entries
            .iter()
            .map(|entry| details(control, entry))
            .collect()
    }
}

/// An entry that was written outlives its bridge domain, which is then "any", as in VPP.
fn details(control: &Control, entry: &FibEntry) -> L2FibTableDetails {
    let mut domains = control.tables.bridge_domains();
    let domain = domains.find(|(index, _)| index.0 == entry.bd_index);
    L2FibTableDetails {
        bd_id: domain.map_or(BdId::ANY, |(_, domain)| BdId(domain.id.0)),
        mac: MacAddress(entry.mac.0),
        sw_if_index: theirs(entry.sw_if_index),
        static_mac: entry.flags.intersects(FibFlags::STATIC),
        filter_mac: entry.flags.intersects(FibFlags::FILTER),
        bvi_mac: entry.flags.intersects(FibFlags::BVI),
    }
}

impl Serve for L2fibFlushAll {
    fn serve(self, call: &mut Call<'_>) -> Answer<L2fibFlushAllReply> {
        call.control.tables.flush_all();
        call.control.touch();
        call.control.scan_is_due = true;
        Answer::ok(L2fibFlushAllReply {})
    }
}

impl Serve for L2fibFlushBd {
    fn serve(self, call: &mut Call<'_>) -> Answer<L2fibFlushBdReply> {
        let flushed = call
            .control
            .tables
            .flush_bridge_domain(graph_id(self.bd_id));
        call.control.touch();
        call.control.scan_is_due = true;
        flushed
            .map(|()| L2fibFlushBdReply {})
            .map_err(|_| Retval::NO_SUCH_ENTRY)
            .into()
    }
}

impl Serve for L2fibFlushInt {
    fn serve(self, call: &mut Call<'_>) -> Answer<L2fibFlushIntReply> {
        let flushed = call.control.tables.flush_interface(ours(self.sw_if_index));
        call.control.touch();
        call.control.scan_is_due = true;
        flushed
            .map(|()| L2fibFlushIntReply {})
            .map_err(|_| Retval::INVALID_SW_IF_INDEX)
            .into()
    }
}
