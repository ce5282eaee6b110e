//! `src/vlibmemory/memclnt.api`: the handshake, and signs of life.

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::types::{FixedString, List};

/// The one message number that is the same in every VPP, because it is needed before the message
/// table is known: `VL_API_SOCKCLNT_CREATE`.
pub const SOCKCLNT_CREATE_ID: u16 = 15;

/// One line of the message table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageTableEntry {
    /// Number of the message in this VPP process.
    pub index: u16,
    /// Name and CRC: `control_ping_51077d14`. VPP cuts this off after 63 bytes.
    pub name: FixedString<64>,
}

impl Wire for MessageTableEntry {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.index.encode(writer);
        self.name.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            index: Wire::decode(reader)?,
            name: Wire::decode(reader)?,
        })
    }
}

messages! {
    /// The first message of a client, always number [`SOCKCLNT_CREATE_ID`].
    bare SockclntCreate("sockclnt_create", 0x455f_b9c4) {
        /// Sent back in the reply.
        context: u32,
        /// What the client is called in `show api clients`.
        name: FixedString<64>,
    }

    /// Tells the client its index and the numbers of all messages.
    bare SockclntCreateReply("sockclnt_create_reply", 0x3516_6268) {
        /// Not filled in by VPP; the index is in `index`.
        client_index: u32,
        /// The context of the request.
        context: u32,
        /// Not negative: accepted.
        response: i32,
        /// What the client puts into `client_index` from now on.
        index: u32,
        /// All messages of this VPP, in no order.
        message_table: List<MessageTableEntry, u16>,
    }

    /// The client takes its leave; the server closes the socket behind the reply.
    request SockclntDelete("sockclnt_delete", 0x8ac7_6db6) -> SockclntDeleteReply {
        /// The index of the client.
        index: u32,
    }

    /// The return value is 1 if the client was known.
    reply SockclntDeleteReply("sockclnt_delete_reply", 0x8f38_b1ee) {}

    /// A request that does nothing, answered when everything sent before it has been answered.
    request ControlPing("control_ping", 0x5107_7d14) -> ControlPingReply {}

    /// Answers [`ControlPing`].
    reply ControlPingReply("control_ping_reply", 0xf6b0_b8ca) {
        /// Not filled in by VPP.
        client_index: u32,
        /// Process id of VPP: a new one means a new VPP, and nothing known about it.
        vpe_pid: u32,
    }

    /// Asks the other side whether it lives. Either side may send it.
    request MemclntKeepalive("memclnt_keepalive", 0x5107_7d14) -> MemclntKeepaliveReply {}

    /// Answers [`MemclntKeepalive`].
    reply MemclntKeepaliveReply("memclnt_keepalive_reply", 0xe8d4_e804) {}
}
