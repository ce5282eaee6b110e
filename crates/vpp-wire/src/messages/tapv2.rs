//! `src/plugins/tap/tapv2.api` (before 26.02 `src/vnet/devices/tap/tapv2.api`): TAP interfaces, which
//! are an interface of VPP on one side and a network device of Linux on the other.

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::types::{
    FixedString, Ip4Prefix, Ip6Prefix, MacAddress, SwIfIndex, VarString, wire_flags,
};

wire_flags! {
    /// Properties of a TAP (`enum tap_flags`).
    TapFlags: u32 {
        /// Segmentation offload.
        GSO = 1,
        /// Checksum offload without segmentation offload.
        CSUM_OFFLOAD = 2,
        /// The Linux device outlives VPP.
        PERSIST = 4,
        /// Take over a Linux device that outlived VPP.
        ATTACH = 8,
        /// IP packets instead of Ethernet frames.
        TUN = 16,
        /// Packets are coalesced towards Linux; needs `GSO`.
        GRO_COALESCE = 32,
        /// Packed virtio rings.
        PACKED = 64,
        /// Descriptors are used in order.
        IN_ORDER = 128,
        /// Queues of both directions are paired.
        CONSISTENT_QP = 256,
    }
}

/// An optional value: a byte that says whether there is one, and then the value in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settable<T>(pub Option<T>);

impl<T> From<T> for Settable<T> {
    fn from(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Wire + Default + Clone> Wire for Settable<T> {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.0.is_some().encode(writer);
        self.0.clone().unwrap_or_default().encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let set = bool::decode(reader)?;
        let value = T::decode(reader)?;
        Ok(Self(set.then_some(value)))
    }
}

messages! {
    /// Creates a TAP and the Linux device of it.
    request TapCreateV3("tap_create_v3", 0x3f3f_d1df) -> TapCreateV3Reply {
        /// The N in `tapN`, or `u32::MAX` for the next free one.
        id: u32,
        /// Whether VPP makes up the address of its side.
        use_random_mac: bool,
        /// Address of VPP's side, unless made up.
        mac_address: MacAddress,
        /// Number of receive queues.
        num_rx_queues: u16,
        /// Number of transmit queues.
        num_tx_queues: u16,
        /// Descriptors of a transmit queue: a power of two, 0 for 256.
        tx_ring_sz: u16,
        /// Descriptors of a receive queue: a power of two, 0 for 256.
        rx_ring_sz: u16,
        /// MTU of the Linux device, in bytes.
        host_mtu_size: Settable<u32>,
        /// Address of the Linux device.
        host_mac_addr: Settable<MacAddress>,
        /// IPv4 address of the Linux device.
        host_ip4_prefix: Settable<Ip4Prefix>,
        /// IPv6 address of the Linux device.
        host_ip6_prefix: Settable<Ip6Prefix>,
        /// IPv4 default gateway of the Linux side: its octets.
        host_ip4_gw: Settable<[u8; 4]>,
        /// IPv6 default gateway of the Linux side: its octets.
        host_ip6_gw: Settable<[u8; 16]>,
        /// Properties.
        tap_flags: TapFlags,
        /// Network namespace into which the Linux device is put: a name under `/var/run/netns`.
        host_namespace: Settable<FixedString<64>>,
        /// Name of the Linux device; else Linux chooses.
        host_if_name: Settable<FixedString<64>>,
        /// Linux bridge into which the Linux device is put.
        host_bridge: Settable<FixedString<64>>,
        /// Tag of the interface, as by `sw_interface_tag_add_del`.
        tag: VarString,
    }

    /// Answers [`TapCreateV3`].
    reply TapCreateV3Reply("tap_create_v3_reply", 0x5383_d31f) {
        /// The new interface.
        sw_if_index: SwIfIndex,
    }

    /// Deletes a TAP and, unless persistent, its Linux device.
    request TapDeleteV2("tap_delete_v2", 0xf9e6_675e) -> TapDeleteV2Reply {
        /// The interface.
        sw_if_index: SwIfIndex,
    }

    /// Answers [`TapDeleteV2`].
    reply TapDeleteV2Reply("tap_delete_v2_reply", 0xe8d4_e804) {}

    /// Asks for what only TAPs have.
    dump SwInterfaceTapV2Dump("sw_interface_tap_v2_dump", 0xf9e6_675e) -> SwInterfaceTapV2Details {
        /// The one wanted, or [`SwIfIndex::NONE`] for all.
        sw_if_index: SwIfIndex,
    }

    /// One TAP.
    details SwInterfaceTapV2Details("sw_interface_tap_v2_details", 0x1e2b_2a47) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// The N in `tapN`.
        id: u32,
        /// Descriptors of a transmit queue.
        tx_ring_sz: u16,
        /// Descriptors of a receive queue.
        rx_ring_sz: u16,
        /// MTU of the Linux device as VPP was told, 0 if it was not told any.
        host_mtu_size: u32,
        /// Address of the Linux device.
        host_mac_addr: MacAddress,
        /// IPv4 address given to the Linux device.
        host_ip4_prefix: Ip4Prefix,
        /// IPv6 address given to the Linux device.
        host_ip6_prefix: Ip6Prefix,
        /// Properties.
        tap_flags: TapFlags,
        /// Name of the device under which VPP lists it.
        dev_name: FixedString<64>,
        /// Name of the Linux device.
        host_if_name: FixedString<64>,
        /// Network namespace of the Linux device as VPP was told.
        host_namespace: FixedString<64>,
        /// Linux bridge of the Linux device as VPP was told.
        host_bridge: FixedString<64>,
    }
}
