use std::collections::BTreeSet;
use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::codec::{Reader, Writer};
use crate::message::Message;

/// If `bytes` are a body of `M`, then what it encodes to decodes to the same.
fn stable<M: Message + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(decoded) = M::decode_body(&mut Reader::new(bytes)) else {
        return;
    };
    let mut encoded = Vec::new();
    decoded.encode_body(&mut Writer::new(&mut encoded));
    let mut reader = Reader::new(&encoded);
    assert_eq!(M::decode_body(&mut reader), Ok(decoded), "{}", M::NAME);
    assert_eq!(reader.remaining(), 0, "{}", M::NAME);
}

macro_rules! stable_messages {
    ($($module:ident: $($message:ident)*;)*) => {
        fn all_stable(bytes: &[u8]) {
            $($(stable::<$module::$message>(bytes);)*)*
        }

        const CHECKED: &[Declared] = &[$($(Declared::of::<$module::$message>(),)*)*];
    };
}

stable_messages! {
    memclnt: SockclntCreate SockclntCreateReply SockclntDelete SockclntDeleteReply ControlPing
        ControlPingReply MemclntKeepalive MemclntKeepaliveReply;
    vpe: ShowVersion ShowVersionReply;
    vlib: CliInband CliInbandReply ShowThreads ShowThreadsReply;
    interface: SwInterfaceDump SwInterfaceDetails WantInterfaceEvents WantInterfaceEventsReply
        SwInterfaceEvent SwInterfaceSetFlags SwInterfaceSetFlagsReply SwInterfaceSetMtu
        SwInterfaceSetMtuReply HwInterfaceSetMtu HwInterfaceSetMtuReply SwInterfaceTagAddDel
        SwInterfaceTagAddDelReply SwInterfaceSetMacAddress SwInterfaceSetMacAddressReply
        CreateLoopback CreateLoopbackReply CreateLoopbackInstance CreateLoopbackInstanceReply
        DeleteLoopback DeleteLoopbackReply CreateSubif CreateSubifReply CreateVlanSubif
        CreateVlanSubifReply DeleteSubif DeleteSubifReply SwInterfaceAddDelAddress
        SwInterfaceAddDelAddressReply;
    tapv2: TapCreateV3 TapCreateV3Reply TapDeleteV2 TapDeleteV2Reply SwInterfaceTapV2Dump
        SwInterfaceTapV2Details;
    af_packet: AfPacketCreateV3 AfPacketCreateV3Reply AfPacketDelete AfPacketDeleteReply
        AfPacketDump AfPacketDetails;
    l2: BridgeDomainAddDelV2 BridgeDomainAddDelV2Reply BridgeDomainDump BridgeDomainDetails
        BridgeFlags BridgeFlagsReply BridgeDomainSetMacAge BridgeDomainSetMacAgeReply
        SwInterfaceSetL2Bridge SwInterfaceSetL2BridgeReply L2InterfaceVlanTagRewrite
        L2InterfaceVlanTagRewriteReply L2fibAddDel L2fibAddDelReply L2FibTableDump
        L2FibTableDetails L2fibFlushAll L2fibFlushAllReply L2fibFlushBd L2fibFlushBdReply
        L2fibFlushInt L2fibFlushIntReply L2Flags L2FlagsReply BdIpMacAddDel BdIpMacAddDelReply
        BdIpMacDump BdIpMacDetails;
    fib: FibSourceAdd FibSourceAddReply FibSourceDump FibSourceDetails;
    ip: IpAddressDump IpAddressDetails IpRouteAddDelV2 IpRouteAddDelV2Reply IpRouteV2Dump
        IpRouteV2Details;
    vxlan: VxlanAddDelTunnelV3 VxlanAddDelTunnelV3Reply VxlanTunnelV2Dump VxlanTunnelV2Details;
    vxlan_gpe: VxlanGpeAddDelTunnelV2 VxlanGpeAddDelTunnelV2Reply VxlanGpeTunnelV2Dump
        VxlanGpeTunnelV2Details;
    graph: GraphNodeGet GraphNodeGetReply GraphNodeDetails;
    acl: AclPluginGetVersion AclPluginGetVersionReply AclAddReplace AclAddReplaceReply AclDel
        AclDelReply AclDump AclDetails AclInterfaceSetAclList AclInterfaceSetAclListReply
        AclInterfaceListDump AclInterfaceListDetails MacipAclAddReplace MacipAclAddReplaceReply
        MacipAclDel MacipAclDelReply MacipAclInterfaceAddDel MacipAclInterfaceAddDelReply
        MacipAclDump MacipAclDetails MacipAclInterfaceListDump MacipAclInterfaceListDetails
        AclStatsIntfCountersEnable;
    vhost_user: CreateVhostUserIfV2 CreateVhostUserIfV2Reply ModifyVhostUserIfV2
        ModifyVhostUserIfV2Reply DeleteVhostUserIf DeleteVhostUserIfReply
        SwInterfaceVhostUserDump SwInterfaceVhostUserDetails;
}

#[test]
fn the_properties_cover_every_message() {
    let checked: BTreeSet<_> = CHECKED.iter().map(|message| message.name).collect();
    let all: BTreeSet<_> = declared().map(|message| message.name).collect();
    assert_eq!(checked, all);
}

proptest! {
    /// Long enough for the longest fixed layout, so that decoding mostly succeeds.
    #[test]
    fn any_bytes_are_refused_or_understood(bytes in prop::collection::vec(any::<u8>(), 0..900)) {
        all_stable(&bytes);
    }

    /// Small counts and lengths, as real ones are.
    #[test]
    fn sparse_bytes_are_refused_or_understood(
        bytes in prop::collection::vec(prop_oneof![20 => Just(0u8), 1 => 1u8..4, 1 => any::<u8>()], 0..900),
    ) {
        all_stable(&bytes);
    }
}
