//! Dumps into objects. Pure.

mod overlay;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use foldhash::fast::FixedState;
use weft_model::{IfName, Mac, Mtu, SocketPath, VppIfName};
use weft_plan::{
    BridgeDomain, BridgeFlags, BridgeMember, Object, ObjectKey, Observed, SubInterface, TagRewrite,
    Tap, Tunnel, Uplink, UplinkDevice, VhostUser, VhostUserMode,
};
use weft_vpp_wire::SwIfIndex;
use weft_vpp_wire::messages::acl::{
    AclDetails, AclInterfaceListDetails, MacipAclDetails, MacipAclInterfaceListDetails,
};
use weft_vpp_wire::messages::fib::FibSourceDetails;
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceDetails};
use weft_vpp_wire::messages::l2::{BridgeDomainDetails, VtrOp};
use weft_vpp_wire::messages::tapv2::SwInterfaceTapV2Details;
use weft_vpp_wire::messages::vhost_user::SwInterfaceVhostUserDetails;
use weft_vpp_wire::messages::vxlan::VxlanTunnelV2Details;
use weft_vpp_wire::messages::vxlan_gpe::VxlanGpeTunnelV2Details;

use super::handles::{Change, Handles, Number};
use super::mark::{BridgeMark, InterfaceMark};
use super::{FIB_SOURCE, tunnel};

pub(super) use overlay::{Attached, uplinks};

/// How VPP begins the names of interfaces over a device of the kernel (`af_packet_create_if` in
/// `src/plugins/af_packet/af_packet.c`).
const HOST_PREFIX: &str = "host-";

/// All that is read of a VPP.
#[derive(Debug, Default)]
pub(super) struct Dumps {
    pub(super) interfaces: Vec<SwInterfaceDetails>,
    pub(super) taps: Vec<SwInterfaceTapV2Details>,
    pub(super) vhost_users: Vec<SwInterfaceVhostUserDetails>,
    pub(super) vxlan_tunnels: Vec<VxlanTunnelV2Details>,
    pub(super) gpe_tunnels: Vec<VxlanGpeTunnelV2Details>,
    pub(super) bridges: Vec<BridgeDomainDetails>,
    pub(super) acls: Vec<AclDetails>,
    pub(super) acl_lists: Vec<AclInterfaceListDetails>,
    pub(super) macip_acls: Vec<MacipAclDetails>,
    pub(super) macip_lists: Vec<MacipAclInterfaceListDetails>,
    pub(super) fib_sources: Vec<FibSourceDetails>,
}

/// What is ours: objects and their numbers.
#[derive(Debug, Default)]
pub(super) struct Ours {
    pub(super) observed: Observed,
    pub(super) handles: Handles,
    /// The source of our routes, if VPP has it.
    pub(super) fib_source: Option<u8>,
}

/// The objects that are ours, and their numbers.
///
/// If several carry one mark, the first counts, and the others are surplus.
pub(super) fn interpret(dumps: &Dumps) -> Ours {
    let mut observed = Observed::with_capacity(2 * dumps.interfaces.len() + dumps.bridges.len());
    let mut handles = Handles::with_capacity(dumps.interfaces.len());
    let taps: HashMap<SwIfIndex, &SwInterfaceTapV2Details, FixedState> = dumps
        .taps
        .iter()
        .map(|tap| (tap.sw_if_index, tap))
        .collect();
    let vhost_users: HashMap<SwIfIndex, &SwInterfaceVhostUserDetails, FixedState> = dumps
        .vhost_users
        .iter()
        .map(|vhost| (vhost.sw_if_index, vhost))
        .collect();
    let vxlan = dumps.vxlan_tunnels.iter().filter_map(tunnel::of_vxlan);
    let gpe = dumps.gpe_tunnels.iter().filter_map(tunnel::of_gpe);
    let tunnels: HashMap<SwIfIndex, Tunnel, FixedState> = vxlan.chain(gpe).collect();
    // Few of many: those of VLANs.
    let rewrites: HashMap<SwIfIndex, VtrOp, FixedState> = dumps
        .interfaces
        .iter()
        .filter(|details| details.vtr_op != VtrOp::DISABLED)
        .map(|details| (details.sw_if_index, details.vtr_op))
        .collect();
    for details in &dumps.interfaces {
        let tap = taps.get(&details.sw_if_index).copied();
        let Ok(mark) = details.tag.to_str().parse::<InterfaceMark>() else {
            if let Some(tap) = tap {
                let name = details.interface_name.to_string();
                handles.note_foreign_tap(tap.host_if_name.to_string(), name);
            }
            continue;
        };
        let key = mark.key();
        let vhost = vhost_users.get(&details.sw_if_index).copied();
        let tunnel = tunnels.get(&details.sw_if_index).copied();
        let Some(object) = object(mark, details, tap, vhost, tunnel) else {
            tracing::warn!(
                interface = %details.interface_name, tag = %details.tag,
                "this interface has a tag of ours, but is not what the tag says; it is left alone"
            );
            continue;
        };
        if !handles.note_interface(&key, details.sw_if_index) {
            tracing::warn!(
                interface = %details.interface_name, tag = %details.tag,
                "another interface has this tag already"
            );
            // Only what Weft alone makes is Weft's to remove.
            if let Object::Tap(_) | Object::VhostUser(_) | Object::Tunnel(_) = object {
                let number = Number::Interface(details.sw_if_index);
                observed.add(handles.note_surplus(ObjectKey::Interface(key), number));
            }
            continue;
        }
        let link_up = details.flags.contains(IfStatusFlags::LINK_UP);
        observed.add_interface(object, link_up);
    }
    for details in &dumps.bridges {
        let segment = match details.bd_tag.to_str().parse() {
            Ok(BridgeMark(segment)) if handles.bridge(&segment).is_none() => Some(segment),
            Ok(BridgeMark(segment)) => {
                tracing::warn!(
                    bd_id = details.bd_id.0, %segment,
                    "another bridge domain has this tag already"
                );
                let of = ObjectKey::BridgeDomain(segment);
                observed.add(handles.note_surplus(of, Number::Bridge(details.bd_id)));
                None
            }
            Err(_) => None,
        };
        if let Some(segment) = &segment {
            handles.apply(Change::Bridge(segment.clone(), details.bd_id));
            observed.add(Object::BridgeDomain(BridgeDomain {
                segment: segment.clone(),
                flags: BridgeFlags {
                    learn: details.learn,
                    forward: details.forward,
                    flood: details.flood,
                    uu_flood: details.uu_flood,
                    arp_term: details.arp_term,
                },
                mac_age: details.mac_age,
            }));
        }
        for member in &*details.sw_if_details {
            let Some(key) = handles.key(member.sw_if_index) else {
                continue;
            };
            let rewrite = rewrites.get(&member.sw_if_index).copied();
            observed.add(Object::BridgeMember(BridgeMember {
                interface: key.clone(),
                bridge: segment.clone(),
                tag_rewrite: tag_rewrite(rewrite.unwrap_or(VtrOp::DISABLED)),
                split_horizon_group: member.shg,
                learn: true,
            }));
        }
    }
    policy::interpret(dumps, &mut observed, &mut handles);
    let mut sources = dumps.fib_sources.iter();
    let fib_source = sources.find(|details| details.src.name == FIB_SOURCE);
    Ours {
        observed,
        handles,
        fib_source: fib_source.map(|details| details.src.id),
    }
}

/// The object that an interface with this mark is, if it can be.
fn object(
    mark: InterfaceMark,
    details: &SwInterfaceDetails,
    tap: Option<&SwInterfaceTapV2Details>,
    vhost: Option<&SwInterfaceVhostUserDetails>,
    tunnel: Option<Tunnel>,
) -> Option<Object> {
    let admin_up = details.flags.contains(IfStatusFlags::ADMIN_UP);
    let object = match mark {
        InterfaceMark::UplinkMade(physnet) => {
            let name = details.interface_name.to_str();
            let device = IfName::new(name.strip_prefix(HOST_PREFIX)?).ok()?;
            Object::Uplink(Uplink {
                physnet,
                device: UplinkDevice::HostInterface(device),
                mtu: Some(mtu(details.mtu)),
                admin_up,
            })
        }
        InterfaceMark::UplinkFound(physnet) => {
            let name = VppIfName::new(details.interface_name.to_str()).ok()?;
            Object::Uplink(Uplink {
                physnet,
                device: UplinkDevice::Existing(name),
                mtu: Some(mtu(details.mtu)),
                admin_up,
            })
        }
        InterfaceMark::SubInterface(physnet, vlan) => Object::SubInterface(SubInterface {
            physnet,
            vlan,
            admin_up,
        }),
        InterfaceMark::Tap(port) => {
            let tap = tap?;
            Object::Tap(Tap {
                port,
                host_if_name: IfName::new(tap.host_if_name.to_str()).ok()?,
                host_mac: Mac::new(tap.host_mac_addr.0),
                mtu: mtu(details.mtu),
                admin_up,
            })
        }
        InterfaceMark::VhostUser(port) => {
            let vhost = vhost?;
            Object::VhostUser(VhostUser {
                port,
                socket: SocketPath::new(vhost.sock_filename.to_str()).ok()?,
                mode: if vhost.is_server {
                    VhostUserMode::Server
                } else {
                    VhostUserMode::Client
                },
                mtu: mtu(details.mtu),
                admin_up,
            })
        }
        InterfaceMark::Tunnel(key) => {
            let tunnel = tunnel.filter(|tunnel| tunnel.key == key)?;
            Object::Tunnel(Tunnel { admin_up, ..tunnel })
        }
    };
    Some(object)
}

/// The MTU for all protocols. VPP takes any number; for one that is no MTU the greatest stands, so
/// that it differs from what is wanted.
pub(super) fn mtu([l3, ..]: [u32; 4]) -> Mtu {
    Mtu::new(l3)
        .or_else(|_| Mtu::new(u16::MAX.into()))
        .unwrap_or(Mtu::DEFAULT)
}

fn tag_rewrite(operation: VtrOp) -> TagRewrite {
    match operation {
        VtrOp::DISABLED => TagRewrite::Disabled,
        VtrOp::POP_1 => TagRewrite::Pop1,
        VtrOp(other) => TagRewrite::Other(other),
    }
}
