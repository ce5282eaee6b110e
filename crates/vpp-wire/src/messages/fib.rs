//! `src/vnet/fib/fib.api` and `fib_types.api`: who a route is from, and where it leads.

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::types::{FixedString, SwIfIndex, wire_enum, wire_flags};

/// Who routes are from (`fib_source`): of two routes to one prefix that of the source with the lower
/// priority counts, and each source keeps its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FibSource {
    /// Lower is better; those of VPP's API are of 0x80 (`src/vnet/fib/fib_source.h`).
    pub priority: u8,
    /// VPP's handle of the source.
    pub id: u8,
    /// Its name. VPP does not see to it that it is unique.
    pub name: FixedString<64>,
}

impl Wire for FibSource {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.priority.encode(writer);
        self.id.encode(writer);
        self.name.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            priority: Wire::decode(reader)?,
            id: Wire::decode(reader)?,
            name: Wire::decode(reader)?,
        })
    }
}

wire_enum! {
    /// What a path does with a packet (`enum fib_path_type`).
    FibPathType: u32 {
        /// Sends it on.
        NORMAL = 0,
        /// It is for VPP itself.
        LOCAL = 1,
        /// Drops it.
        DROP = 2,
    }
}

wire_flags! {
    /// How a path is resolved (`enum fib_path_flags`).
    FibPathFlags: u32 {
        /// Only through a connected network.
        RESOLVE_VIA_ATTACHED = 1,
        /// Only through a route to the next hop itself.
        RESOLVE_VIA_HOST = 2,
    }
}

wire_enum! {
    /// Of what family a next hop is (`enum fib_path_nh_proto`).
    FibPathNhProto: u32 {
        /// IPv4.
        IP4 = 0,
        /// IPv6.
        IP6 = 1,
        /// MPLS.
        MPLS = 2,
        /// Ethernet.
        ETHERNET = 3,
        /// Bit-indexed explicit replication.
        BIER = 4,
    }
}

/// An MPLS label of a path (`fib_mpls_label`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FibMplsLabel {
    /// Uniform instead of pipe mode.
    pub is_uniform: u8,
    /// The label.
    pub label: u32,
    /// Its time to live.
    pub ttl: u8,
    /// Its traffic class.
    pub exp: u8,
}

/// One way on (`fib_path`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FibPath {
    /// The interface, or none if the next hop is looked up.
    pub sw_if_index: SwIfIndex,
    /// The table in which it is looked up.
    pub table_id: u32,
    /// Reverse path forwarding id, for multicast.
    pub rpf_id: u32,
    /// Share among paths of the same preference.
    pub weight: u8,
    /// Lower is better.
    pub preference: u8,
    /// What it does.
    pub r#type: FibPathType,
    /// How it is resolved.
    pub flags: FibPathFlags,
    /// Of what family the next hop is.
    pub proto: FibPathNhProto,
    /// The next hop's address (`address_union`): IPv6, or IPv4 in the first four bytes.
    pub nh_address: [u8; 16],
    /// The next hop's MPLS label.
    pub nh_via_label: u32,
    /// VPP's handle of another kind of next hop.
    pub nh_obj_id: u32,
    /// Table of classifiers.
    pub nh_classify_table_index: u32,
    /// How many of `label_stack` count.
    pub n_labels: u8,
    /// MPLS labels put on.
    pub label_stack: [FibMplsLabel; 16],
}

/// A path to the address 0.0.0.0 with weight 1.
impl Default for FibPath {
    fn default() -> Self {
        Self {
            sw_if_index: SwIfIndex::NONE,
            table_id: 0,
            rpf_id: 0,
            weight: 1,
            preference: 0,
            r#type: FibPathType::NORMAL,
            flags: FibPathFlags::default(),
            proto: FibPathNhProto::IP4,
            nh_address: [0; 16],
            nh_via_label: 0,
            nh_obj_id: 0,
            nh_classify_table_index: 0,
            n_labels: 0,
            label_stack: [FibMplsLabel::default(); 16],
        }
    }
}

impl Wire for FibMplsLabel {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.is_uniform.encode(writer);
        self.label.encode(writer);
        self.ttl.encode(writer);
        self.exp.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            is_uniform: Wire::decode(reader)?,
            label: Wire::decode(reader)?,
            ttl: Wire::decode(reader)?,
            exp: Wire::decode(reader)?,
        })
    }
}

impl Wire for FibPath {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.sw_if_index.encode(writer);
        self.table_id.encode(writer);
        self.rpf_id.encode(writer);
        self.weight.encode(writer);
        self.preference.encode(writer);
        self.r#type.encode(writer);
        self.flags.encode(writer);
        self.proto.encode(writer);
        writer.put(&self.nh_address);
        self.nh_via_label.encode(writer);
        self.nh_obj_id.encode(writer);
        self.nh_classify_table_index.encode(writer);
        self.n_labels.encode(writer);
        for label in &self.label_stack {
            label.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            sw_if_index: Wire::decode(reader)?,
            table_id: Wire::decode(reader)?,
            rpf_id: Wire::decode(reader)?,
            weight: Wire::decode(reader)?,
            preference: Wire::decode(reader)?,
            r#type: Wire::decode(reader)?,
            flags: Wire::decode(reader)?,
            proto: Wire::decode(reader)?,
            nh_address: reader.array()?,
            nh_via_label: Wire::decode(reader)?,
            nh_obj_id: Wire::decode(reader)?,
            nh_classify_table_index: Wire::decode(reader)?,
            n_labels: Wire::decode(reader)?,
            label_stack: {
                let mut stack = [FibMplsLabel::default(); 16];
                for label in &mut stack {
                    *label = Wire::decode(reader)?;
                }
                stack
            },
        })
    }
}

messages! {
    /// Makes a source. VPP makes another one at each call, also if the name is the same; it has room for 255.
    request FibSourceAdd("fib_source_add", 0xb3ac_2aec) -> FibSourceAddReply {
        /// Priority and name; the id is chosen by VPP.
        src: FibSource,
    }

    /// Answers [`FibSourceAdd`].
    reply FibSourceAddReply("fib_source_add_reply", 0x604f_d6f1) {
        /// The handle given.
        id: u8,
    }

    /// Asks for all sources.
    dump FibSourceDump("fib_source_dump", 0x5107_7d14) -> FibSourceDetails {}

    /// One source.
    details FibSourceDetails("fib_source_details", 0x8668_acdb) {
        /// The source.
        src: FibSource,
    }
}
