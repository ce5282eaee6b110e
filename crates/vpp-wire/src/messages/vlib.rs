//! `src/vlibmemory/vlib.api`: command line and threads.

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::types::{FixedString, List, VarString};

/// One thread of VPP (`thread_data`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadData {
    /// Index of the thread; 0 is the main thread.
    pub id: u32,
    /// Name: `vpp_main`, `vpp_wk_0`, …
    pub name: FixedString<64>,
    /// Kind: `workers`, …; empty for the main thread.
    pub r#type: FixedString<64>,
    /// Id of the Linux thread.
    pub pid: u32,
    /// The CPU it is pinned to.
    pub cpu_id: u32,
    /// The core of that CPU.
    pub core: u32,
    /// The socket of that CPU.
    pub cpu_socket: u32,
}

impl Wire for ThreadData {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.id.encode(writer);
        self.name.encode(writer);
        self.r#type.encode(writer);
        self.pid.encode(writer);
        self.cpu_id.encode(writer);
        self.core.encode(writer);
        self.cpu_socket.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            id: Wire::decode(reader)?,
            name: Wire::decode(reader)?,
            r#type: Wire::decode(reader)?,
            pid: Wire::decode(reader)?,
            cpu_id: Wire::decode(reader)?,
            core: Wire::decode(reader)?,
            cpu_socket: Wire::decode(reader)?,
        })
    }
}

messages! {
    /// Runs a command of the command line.
    request CliInband("cli_inband", 0xf837_7302) -> CliInbandReply {
        /// The command; VPP takes any unambiguous abbreviation.
        cmd: VarString,
    }

    /// Answers [`CliInband`].
    reply CliInbandReply("cli_inband_reply", 0x0587_9051) {
        /// What the command printed.
        reply: VarString,
    }

    /// Asks for the threads.
    request ShowThreads("show_threads", 0x5107_7d14) -> ShowThreadsReply {}

    /// Answers [`ShowThreads`].
    reply ShowThreadsReply("show_threads_reply", 0xefd7_8e83) {
        /// The threads.
        thread_data: List<ThreadData>,
    }
}
