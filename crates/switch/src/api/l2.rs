//! `l2.api`: bridge domains, their members, tag rewriting (VPP `src/vnet/l2/l2_api.c`, `l2_bd.c`,
//! `l2_input.c`, `l2_vtr.c`).

mod arp_term;
mod fib;

use weft_graph::{BdFlags as GraphBdFlags, BdId as GraphBdId, OuterTag, PortType, TableError};
use weft_graph::{BridgeDomain, TagRewrite};
use weft_vpp_wire::messages::l2::{
    BdFlags, BridgeDomainAddDelV2, BridgeDomainAddDelV2Reply, BridgeDomainDetails,
    BridgeDomainDump, BridgeDomainSetMacAge, BridgeDomainSetMacAgeReply, BridgeDomainSwIf,
    BridgeFlags, BridgeFlagsReply, L2InterfaceVlanTagRewrite, L2InterfaceVlanTagRewriteReply,
    L2PortType, SwInterfaceSetL2Bridge, SwInterfaceSetL2BridgeReply, VtrOp,
};
use weft_vpp_wire::{BdId, List, Retval, SwIfIndex};

use super::{Answer, Api, Call, Serve, ServeDump, existing, theirs};
use crate::control::{Control, Device};

/// VPP's own bridge domain, which drops everything.
const DROP_BD: BdId = BdId(0);

pub(super) fn register(api: &mut Api) {
    api.request::<BridgeDomainAddDelV2>();
    api.dump::<BridgeDomainDump>();
    api.request::<BridgeFlags>();
    api.request::<BridgeDomainSetMacAge>();
    api.request::<SwInterfaceSetL2Bridge>();
    api.request::<L2InterfaceVlanTagRewrite>();
    fib::register(api);
    arp_term::register(api);
}

fn graph_id(bd_id: BdId) -> GraphBdId {
    GraphBdId(bd_id.0)
}

/// The bridge domain must exist and must not be VPP's own.
fn modifiable(control: &Control, bd_id: BdId) -> Result<&BridgeDomain, Retval> {
    if bd_id == DROP_BD {
        return Err(Retval::BD_NOT_MODIFIABLE);
    }
    control
        .tables
        .bridge_domain(graph_id(bd_id))
        .ok_or(Retval::NO_SUCH_ENTRY)
}

// ===== bridge domains =====

impl Serve for BridgeDomainAddDelV2 {
    /// The reply carries the number also with an error.
    fn serve(mut self, call: &mut Call<'_>) -> Answer<BridgeDomainAddDelV2Reply> {
        if self.is_add && self.bd_id == BdId::ANY {
            self.bd_id = unused_id(call.control);
        }
        let reply = BridgeDomainAddDelV2Reply { bd_id: self.bd_id };
        let done = if self.is_add {
            add(call.control, &self)
        } else {
            delete(call.control, &self)
        };
        match done {
            Ok(()) => Answer::ok(reply),
            Err(retval) => Answer::refused(retval, reply),
        }
    }
}

/// A number that no bridge domain has. VPP's look random too (`bd_get_unused_id`).
fn unused_id(control: &Control) -> BdId {
    let [_, _, a, b, c, d] = crate::control::random_mac();
    let start = u32::from_ne_bytes([a, b, c, d]);
    let candidates = (0..=BdId::MAX.0).map(|step| start.wrapping_add(step) & BdId::MAX.0);
    let mut free = candidates
        .filter(|id| *id != DROP_BD.0 && control.tables.bridge_domain(GraphBdId(*id)).is_none());
    free.next().map_or(BdId::ANY, BdId)
}

fn add(control: &mut Control, request: &BridgeDomainAddDelV2) -> Result<(), Retval> {
    let bd_id = request.bd_id;
    if bd_id == DROP_BD || control.tables.bridge_domain(graph_id(bd_id)).is_some() {
        return Err(Retval::BD_ALREADY_EXISTS);
    }
    if bd_id > BdId::MAX {
        return Err(Retval::BD_ID_EXCEED_MAX);
    }
    let flags = GraphBdFlags {
        flood: request.flood,
        uu_flood: request.uu_flood,
        forward: request.forward,
        learn: request.learn,
        arp_term: request.arp_term,
    };
    create(control, bd_id, flags, request.mac_age)?;
    if request.arp_ufwd {
        control.arp_ufwd.insert(bd_id.0);
    }
    if !request.bd_tag.is_empty() {
        control.bd_tags.insert(bd_id.0, request.bd_tag);
    }
    Ok(())
}

fn create(
    control: &mut Control,
    bd_id: BdId,
    flags: GraphBdFlags,
    mac_age: u8,
) -> Result<(), Retval> {
    let added = control
        .tables
        .add_bridge_domain(graph_id(bd_id), flags, mac_age);
    added.map_err(|error| {
        tracing::warn!(%error, "bridge domain refused");
        Retval::UNSPECIFIED
    })?;
    let limit = control.config.learn_limit;
    let limited = control.tables.set_bd_learn_limit(graph_id(bd_id), limit);
    control.touch();
    limited.map_err(|_| Retval::UNSPECIFIED)
}

fn delete(control: &mut Control, request: &BridgeDomainAddDelV2) -> Result<(), Retval> {
    let bd_id = request.bd_id;
    modifiable(control, bd_id)?;
    control
        .tables
        .delete_bridge_domain(graph_id(bd_id))
        .map_err(|error| match error {
            TableError::BridgeDomainInUse { .. } => Retval::BD_IN_USE,
            _ => Retval::NO_SUCH_ENTRY,
        })?;
    control.arp_ufwd.remove(&bd_id.0);
    control.bd_tags.remove(&bd_id.0);
    control.scan_is_due = true;
    control.touch();
    Ok(())
}

impl ServeDump for BridgeDomainDump {
    /// In the order of VPP's indices. With a filter by member VPP gives nothing ("unimplemented").
    fn serve(self, control: &Control) -> Vec<BridgeDomainDetails> {
        if self.sw_if_index != SwIfIndex::NONE {
            return Vec::new();
        }
        let all = control.tables.bridge_domains().map(|(_, domain)| domain);
        let wanted = all.filter(|own| self.bd_id == BdId::ANY || own.id.0 == self.bd_id.0);
        wanted.map(|domain| details(control, domain)).collect()
    }
}

fn details(control: &Control, domain: &BridgeDomain) -> BridgeDomainDetails {
    let index = |own: Option<weft_packet::SwIfIndex>| own.map_or(SwIfIndex::NONE, theirs);
    let members = domain.members.iter().map(|member| BridgeDomainSwIf {
        context: 0,
        sw_if_index: theirs(member.sw_if_index),
        shg: member.shg,
    });
    let members: Vec<_> = members.collect();
    BridgeDomainDetails {
        bd_id: BdId(domain.id.0),
        flood: domain.flags.flood,
        uu_flood: domain.flags.uu_flood,
        forward: domain.flags.forward,
        learn: domain.flags.learn,
        arp_term: domain.flags.arp_term,
        arp_ufwd: control.arp_ufwd.contains(&domain.id.0),
        mac_age: domain.mac_age,
        bd_tag: control
            .bd_tags
            .get(&domain.id.0)
            .copied()
            .unwrap_or_default(),
        bvi_sw_if_index: index(domain.bvi),
        uu_fwd_sw_if_index: index(domain.uu_fwd),
        sw_if_details: List::try_from(members).unwrap_or_default(),
    }
}

impl Serve for BridgeFlags {
    fn serve(self, call: &mut Call<'_>) -> Answer<BridgeFlagsReply> {
        let done = set_flags(call.control, &self);
        done.map(|resulting_feature_bitmap| BridgeFlagsReply {
            resulting_feature_bitmap,
        })
        .into()
    }
}

fn set_flags(control: &mut Control, request: &BridgeFlags) -> Result<u32, Retval> {
    let mut flags = modifiable(control, request.bd_id)?.flags;
    let changes = [
        (BdFlags::LEARN, &mut flags.learn),
        (BdFlags::FWD, &mut flags.forward),
        (BdFlags::FLOOD, &mut flags.flood),
        (BdFlags::UU_FLOOD, &mut flags.uu_flood),
        (BdFlags::ARP_TERM, &mut flags.arp_term),
    ];
    for (flag, own) in changes {
        if request.flags.contains(flag) {
            *own = request.is_set;
        }
    }
    if request.flags.contains(BdFlags::ARP_UFWD) {
        if request.is_set {
            control.arp_ufwd.insert(request.bd_id.0);
        } else {
            control.arp_ufwd.remove(&request.bd_id.0);
        }
    }
    let set = control.tables.set_bd_flags(graph_id(request.bd_id), flags);
    set.map_err(|_| Retval::NO_SUCH_ENTRY)?;
    control.touch();
    let domain = modifiable(control, request.bd_id)?;
    Ok(feature_bitmap(
        domain,
        control.arp_ufwd.contains(&request.bd_id.0),
    ))
}

/// What VPP calls the feature bitmap of a bridge domain: all bits (`foreach_l2input_feat`, VPP
/// `src/vnet/l2/l2_input.h`) but those switched off.
fn feature_bitmap(domain: &BridgeDomain, arp_ufwd: bool) -> u32 {
    let off = [
        (domain.flags.flood, 2),
        (arp_ufwd, 3),
        (domain.flags.arp_term, 4),
        (domain.flags.uu_flood, 5),
        (domain.uu_fwd.is_some(), 6),
        (domain.flags.forward, 7),
        (domain.flags.learn, 9),
    ];
    let off = off.iter().filter(|(on, _)| !on);
    off.fold(u32::MAX, |bitmap, (_, bit)| bitmap & !(1 << bit))
}

impl Serve for BridgeDomainSetMacAge {
    fn serve(self, call: &mut Call<'_>) -> Answer<BridgeDomainSetMacAgeReply> {
        let id = graph_id(self.bd_id);
        let done = modifiable(call.control, self.bd_id)
            .map(|_| ())
            .and_then(|()| {
                let set = call.control.tables.set_bd_mac_age(id, self.mac_age);
                call.control.touch();
                set.map_err(|_| Retval::NO_SUCH_ENTRY)
            });
        done.map(|()| BridgeDomainSetMacAgeReply {}).into()
    }
}

// ===== members =====

impl Serve for SwInterfaceSetL2Bridge {
    fn serve(self, call: &mut Call<'_>) -> Answer<SwInterfaceSetL2BridgeReply> {
        let done = set_bridge(call.control, &self);
        done.map(|()| SwInterfaceSetL2BridgeReply {}).into()
    }
}

/// A bridge domain that does not exist is made, with VPP's default features. Leaving layer 2 also
/// takes the tag rewrite off.
fn set_bridge(control: &mut Control, request: &SwInterfaceSetL2Bridge) -> Result<(), Retval> {
    let index = existing(control, request.rx_sw_if_index)?;
    let port_type = match request.port_type {
        L2PortType::NORMAL => PortType::Normal,
        L2PortType::BVI => PortType::Bvi,
        L2PortType::UU_FWD => PortType::UnknownUnicastForward,
        _ => return Err(Retval::INVALID_VALUE),
    };
    control.touch();
    control.scan_is_due = true;
    // Members of VPP's bridge domain 0 have their packets dropped, and so have interfaces that are
    // in none.
    if !request.enable || request.bd_id == DROP_BD {
        return control
            .tables
            .set_l3(index)
            .map_err(|_| Retval::INVALID_SW_IF_INDEX);
    }
    if request.bd_id > BdId::MAX {
        return Err(Retval::BD_ID_EXCEED_MAX);
    }
    let id = graph_id(request.bd_id);
    if control.tables.bridge_domain(id).is_none() {
        create(control, request.bd_id, GraphBdFlags::DEFAULT, 0)?;
    }
    control
        .tables
        .set_l2_bridge(index, id, port_type, request.shg)
        .map_err(|error| match error {
            TableError::BviExists(_) => Retval::BD_ALREADY_HAS_BVI,
            _ => Retval::INVALID_SW_IF_INDEX,
        })
}

// ===== tag rewrite =====

impl Serve for L2InterfaceVlanTagRewrite {
    fn serve(self, call: &mut Call<'_>) -> Answer<L2InterfaceVlanTagRewriteReply> {
        let done = set_rewrite(call.control, &self);
        done.map(|()| L2InterfaceVlanTagRewriteReply {}).into()
    }
}

fn set_rewrite(control: &mut Control, request: &L2InterfaceVlanTagRewrite) -> Result<(), Retval> {
    let index = existing(control, request.sw_if_index)?;
    let rewrite = rewrite(request).ok_or(Retval::INVALID_VALUE)?;
    let port = control.port_of(index).and_then(|port| control.record(port));
    if port.is_none_or(|record| matches!(record.device, Device::Local)) {
        // Its interface is no Ethernet.
        return Err(Retval::INVALID_INTERFACE);
    }
    control
        .tables
        .set_tag_rewrite(index, rewrite)
        .map_err(|error| match error {
            TableError::TagRewrite { .. } => Retval::INVALID_VLAN_TAG_COUNT,
            _ => Retval::INVALID_SW_IF_INDEX,
        })?;
    control.touch();
    Ok(())
}

/// Tags are 32 bits wide in the message and 16 in VPP, which cuts them.
fn rewrite(request: &L2InterfaceVlanTagRewrite) -> Option<TagRewrite> {
    let outer = if request.push_dot1q == 0 {
        OuterTag::Dot1ad
    } else {
        OuterTag::Dot1q
    };
    let low = |tag: u32| (tag & 0xffff) as u16;
    let (tag, tags) = (low(request.tag1), [low(request.tag1), low(request.tag2)]);
    Some(match request.vtr_op {
        VtrOp::DISABLED => TagRewrite::Disabled,
        VtrOp::PUSH_1 => TagRewrite::Push1 { outer, tag },
        VtrOp::PUSH_2 => TagRewrite::Push2 { outer, tags },
        VtrOp::POP_1 => TagRewrite::Pop1,
        VtrOp::POP_2 => TagRewrite::Pop2,
        VtrOp::TRANSLATE_1_1 => TagRewrite::Translate1To1 { outer, tag },
        VtrOp::TRANSLATE_1_2 => TagRewrite::Translate1To2 { outer, tags },
        VtrOp::TRANSLATE_2_1 => TagRewrite::Translate2To1 { outer, tag },
        VtrOp::TRANSLATE_2_2 => TagRewrite::Translate2To2 { outer, tags },
        _ => return None,
    })
}
