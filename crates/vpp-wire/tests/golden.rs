//! Bytes of a real exchange, both ways.
//!
//! `golden/vpp-26.06.txt` was recorded between VPP 26.06 and VPP's own Python client, so that
//! neither side of it is ours. A line is: name, the message in hexadecimal, what it says. Each must
//! be read as just that, and what was read be written as the same bytes.

#![cfg(test)] // so that the helpers count as test code for the lints

use std::collections::BTreeSet;
use std::fmt::Debug;

use weft_vpp_wire::messages::{
    acl, af_packet, declared, fib, graph, interface, ip, l2, memclnt, tapv2, vhost_user, vlib, vpe,
    vxlan, vxlan_gpe,
};
use weft_vpp_wire::{DecodeError, FrameDecoder, Kind, Message, Retval, decode, encode, frame};

const GOLDEN: &str = include_str!("golden/vpp-26.06.txt");

/// Reads `message` as an `M`, whatever its kind; answers what it says and what it is written as.
macro_rules! both_ways {
    ($name:expr, $message:expr; request: $($request:ty)*; reply: $($reply:ty)*;
     details: $($details:ty)*; event: $($event:ty)*; bare: $($bare:ty)*;) => {
        match $name {
            $(<$request>::NAME => {
                let (header, body) = decode::request::<$request>($message)?;
                said(&header, &body, |out, id| encode::request(out, id, header, &body), $message)
            })*
            $(<$reply>::NAME => {
                let (header, body) = decode::reply::<$reply>($message)?;
                said(&header, &body, |out, id| encode::reply(out, id, header, &body), $message)
            })*
            $(<$details>::NAME => {
                let (context, body) = decode::details::<$details>($message)?;
                said(&context, &body, |out, id| encode::details(out, id, context, &body), $message)
            })*
            $(<$event>::NAME => {
                let (header, body) = decode::event::<$event>($message)?;
                said(&header, &body, |out, id| encode::event(out, id, header, &body), $message)
            })*
            $(<$bare>::NAME => {
                let body = decode::bare::<$bare>($message)?;
                said(&(), &body, |out, id| encode::bare(out, id, &body), $message)
            })*
            other => panic!("{other} is not in the list of this test"),
        }
    };
}

fn said(
    header: &impl Debug,
    body: &impl Debug,
    write: impl FnOnce(&mut Vec<u8>, u16),
    message: &[u8],
) -> (String, Vec<u8>) {
    let mut framed = Vec::new();
    write(&mut framed, decode::id(message).unwrap());
    let mut decoder = FrameDecoder::new(frame::MAX_MESSAGE_LEN);
    decoder.feed(&framed);
    let written = decoder.next_message().unwrap().unwrap().to_vec();
    (format!("{header:?} {body:?}"), written)
}

fn read(name: &str, message: &[u8]) -> Result<(String, Vec<u8>), DecodeError> {
    Ok(both_ways!(name, message;
        request: memclnt::ControlPing memclnt::SockclntDelete vpe::ShowVersion vlib::ShowThreads vlib::CliInband
            graph::GraphNodeGet interface::WantInterfaceEvents interface::SwInterfaceDump
            interface::SwInterfaceSetFlags interface::SwInterfaceSetMtu
            interface::HwInterfaceSetMtu interface::SwInterfaceTagAddDel
            interface::SwInterfaceSetMacAddress interface::CreateSubif
            interface::CreateVlanSubif interface::DeleteSubif interface::CreateLoopback
            interface::CreateLoopbackInstance interface::DeleteLoopback tapv2::TapCreateV3
            tapv2::TapDeleteV2 tapv2::SwInterfaceTapV2Dump af_packet::AfPacketCreateV3
            af_packet::AfPacketDelete af_packet::AfPacketDump l2::BridgeDomainAddDelV2
            l2::BridgeDomainDump l2::BridgeFlags l2::BridgeDomainSetMacAge
            l2::SwInterfaceSetL2Bridge l2::L2InterfaceVlanTagRewrite l2::L2fibAddDel
            l2::L2FibTableDump l2::L2fibFlushAll l2::L2fibFlushBd l2::L2fibFlushInt
            l2::L2Flags l2::BdIpMacAddDel l2::BdIpMacDump interface::SwInterfaceAddDelAddress
            fib::FibSourceAdd fib::FibSourceDump ip::IpAddressDump ip::IpRouteAddDelV2
            ip::IpRouteV2Dump vxlan::VxlanAddDelTunnelV3 vxlan::VxlanTunnelV2Dump
            vxlan_gpe::VxlanGpeAddDelTunnelV2 vxlan_gpe::VxlanGpeTunnelV2Dump
            acl::AclPluginGetVersion acl::AclAddReplace acl::AclDel acl::AclDump
            acl::AclInterfaceSetAclList acl::AclInterfaceListDump acl::MacipAclAddReplace
            acl::MacipAclDel acl::MacipAclInterfaceAddDel acl::MacipAclDump
            acl::MacipAclInterfaceListDump acl::AclStatsIntfCountersEnable
            vhost_user::CreateVhostUserIfV2 vhost_user::ModifyVhostUserIfV2
            vhost_user::DeleteVhostUserIf vhost_user::SwInterfaceVhostUserDump;
        reply: memclnt::ControlPingReply memclnt::SockclntDeleteReply vpe::ShowVersionReply vlib::ShowThreadsReply
            vlib::CliInbandReply graph::GraphNodeGetReply interface::WantInterfaceEventsReply
            interface::SwInterfaceSetFlagsReply interface::SwInterfaceSetMtuReply
            interface::HwInterfaceSetMtuReply interface::SwInterfaceTagAddDelReply
            interface::SwInterfaceSetMacAddressReply interface::CreateSubifReply
            interface::CreateVlanSubifReply interface::DeleteSubifReply
            interface::CreateLoopbackReply interface::CreateLoopbackInstanceReply
            interface::DeleteLoopbackReply tapv2::TapCreateV3Reply tapv2::TapDeleteV2Reply
            af_packet::AfPacketCreateV3Reply af_packet::AfPacketDeleteReply
            l2::BridgeDomainAddDelV2Reply l2::BridgeFlagsReply l2::BridgeDomainSetMacAgeReply
            l2::SwInterfaceSetL2BridgeReply l2::L2InterfaceVlanTagRewriteReply
            l2::L2fibAddDelReply l2::L2fibFlushAllReply l2::L2fibFlushBdReply
            l2::L2fibFlushIntReply
            l2::L2FlagsReply l2::BdIpMacAddDelReply interface::SwInterfaceAddDelAddressReply
            fib::FibSourceAddReply ip::IpRouteAddDelV2Reply vxlan::VxlanAddDelTunnelV3Reply
            vxlan_gpe::VxlanGpeAddDelTunnelV2Reply
            acl::AclAddReplaceReply acl::AclDelReply acl::AclInterfaceSetAclListReply
            acl::MacipAclAddReplaceReply acl::MacipAclDelReply acl::MacipAclInterfaceAddDelReply
            vhost_user::CreateVhostUserIfV2Reply vhost_user::ModifyVhostUserIfV2Reply
            vhost_user::DeleteVhostUserIfReply;
        details: interface::SwInterfaceDetails tapv2::SwInterfaceTapV2Details
            af_packet::AfPacketDetails l2::BridgeDomainDetails l2::L2FibTableDetails
            l2::BdIpMacDetails fib::FibSourceDetails ip::IpAddressDetails ip::IpRouteV2Details
            vxlan::VxlanTunnelV2Details vxlan_gpe::VxlanGpeTunnelV2Details
            graph::GraphNodeDetails acl::AclPluginGetVersionReply acl::AclDetails
            acl::AclInterfaceListDetails acl::MacipAclDetails acl::MacipAclInterfaceListDetails
            vhost_user::SwInterfaceVhostUserDetails;
        event: interface::SwInterfaceEvent;
        bare: memclnt::SockclntCreate memclnt::SockclntCreateReply;
    ))
}

/// Name, bytes and meaning of each line.
fn lines() -> impl Iterator<Item = (&'static str, Vec<u8>, &'static str)> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let [name, hex, says] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        (name, from_hex(hex), says)
    })
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

#[test]
fn what_vpp_and_its_client_said_is_read_and_written() {
    for (name, message, says) in lines() {
        let (read, written) = read(name, &message).unwrap();
        assert_eq!(read, says, "{name}");
        assert_eq!(written, message, "{name}");
    }
}

/// The return value, if the message is a reply; a refusal needs no body.
fn retval(message: &[u8]) -> Retval {
    let field = message.get(6..10).and_then(|field| field.try_into().ok());
    Retval(field.map_or(0, i32::from_be_bytes))
}

#[test]
fn every_prefix_of_a_real_message_is_refused() {
    for (name, message, _) in lines() {
        for length in 0..message.len() {
            let cut = message.get(..length).unwrap();
            let refusal = Retval::is_error(retval(cut));
            assert!(
                read(name, cut).is_err() || refusal,
                "{name} cut to {length}"
            );
        }
    }
}

/// VPP and its client do not exchange these on a socket unasked.
const NOT_RECORDED: [&str; 2] = ["memclnt_keepalive", "memclnt_keepalive_reply"];

#[test]
fn every_declared_message_was_recorded() {
    let recorded: BTreeSet<_> = lines().map(|(name, ..)| name).collect();
    let missing: Vec<_> = declared()
        .filter(|message| message.kind != Kind::Bare)
        .map(|message| message.name)
        .filter(|name| !recorded.contains(name) && !NOT_RECORDED.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}
