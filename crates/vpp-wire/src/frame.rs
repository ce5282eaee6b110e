//! The socket transport: each message is preceded by 16 bytes (`msgbuf_t`, `src/vlibapi/api_common.h`).
//!
//! ```text
//!  0               8               12              16
//! ┌───────────────┬───────────────┬───────────────┬─────────┄
//! │ queue pointer │ length (be32) │ gc mark       │ message
//! └───────────────┴───────────────┴───────────────┴─────────┄
//! ```
//!
//! Pointer and mark mean something only inside of a VPP process (which does leak them): we write
//! zeros and read past them. The length counts the message alone and is the only thing that keeps
//! the two sides in step; once it is wrong there is no way back, so that every [`FrameError`] is the
//! end of a connection.

#[cfg(test)]
mod tests;

/// Bytes in front of each message.
pub const HEADER_LEN: usize = 16;

/// The longest message a client should take. Far above any real one: the message table of VPP 26.06
/// with all plugins has 0.2 MB; the greatest are answers of `cli_inband`.
pub const MAX_MESSAGE_LEN: usize = 16 * 1024 * 1024;

/// Offset of the length in the header.
const LENGTH_OFFSET: usize = 8;
/// Every message starts with its 16-bit number.
const MIN_MESSAGE_LEN: usize = 2;

/// The stream of frames is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header announces more than the reader takes.
    #[error("a message of {length} bytes is announced, more than the {max} allowed")]
    TooLong {
        /// Length in the header.
        length: u32,
        /// The most that this decoder takes.
        max: usize,
    },
    /// The header announces a message without room for its number.
    #[error("a message of {length} bytes is announced, too short for a message number")]
    TooShort {
        /// Length in the header.
        length: u32,
    },
}

/// Cuts a stream of bytes into messages, however the bytes arrive.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that have been handed out already.
    consumed: usize,
    max_message_len: usize,
}

impl FrameDecoder {
    /// A decoder that refuses messages of more than `max_message_len` bytes.
    pub fn new(max_message_len: usize) -> Self {
        Self {
            buffer: Vec::new(),
            consumed: 0,
            max_message_len,
        }
    }

    /// Takes the next bytes of the stream. Call [`Self::next_message`] until it has none before
    /// feeding more, then at most one unfinished message is held.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message (from its number on), if all of it has arrived.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let unread = self.buffer.get(self.consumed..).unwrap_or_default();
        let Some((header, rest)) = unread.split_first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let mut length = [0; 4];
        length.copy_from_slice(&header[LENGTH_OFFSET..LENGTH_OFFSET + 4]);
        let length = u32::from_be_bytes(length);
        let message_len = usize::try_from(length).unwrap_or(usize::MAX);
        if message_len < MIN_MESSAGE_LEN {
            return Err(FrameError::TooShort { length });
        }
        if message_len > self.max_message_len {
            return Err(FrameError::TooLong {
                length,
                max: self.max_message_len,
            });
        }
        if rest.len() < message_len {
            return Ok(None);
        }
        let start = self.consumed + HEADER_LEN;
        self.consumed = start + message_len;
        Ok(self.buffer.get(start..self.consumed))
    }

    /// Number of bytes held of a message that has not fully arrived: not zero at the end of the
    /// stream means that the peer was cut off.
    pub fn unfinished(&self) -> usize {
        self.buffer.len() - self.consumed
    }
}

/// Appends one frame to `out`: room for the header, the message that `write` appends, and then the
/// length filled in.
pub fn write_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let header = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let message = out.len();
    write(out);
    // A message beyond 4 GiB cannot be built from what is declared here and a frame of that size
    // would be refused by any peer.
    let length = u32::try_from(out.len() - message).unwrap_or(u32::MAX);
    let field = header + LENGTH_OFFSET;
    if let Some(field) = out.get_mut(field..field + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}
