//! `src/vpp/api/vpe.api`: the program itself.

use crate::message::messages;
use crate::types::FixedString;

messages! {
    /// Asks for the version.
    request ShowVersion("show_version", 0x5107_7d14) -> ShowVersionReply {}

    /// Answers [`ShowVersion`].
    reply ShowVersionReply("show_version_reply", 0xc919_bde1) {
        /// Name of the program: `vpe`.
        program: FixedString<32>,
        /// Version, such as `26.06-release`.
        version: FixedString<32>,
        /// When it was built.
        build_date: FixedString<32>,
        /// Where it was built.
        build_directory: FixedString<256>,
    }
}
