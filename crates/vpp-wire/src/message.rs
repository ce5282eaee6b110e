//! What a message is, and how each kind of message is laid out around its body.
//!
//! ```text
//! request, dump, get   id:u16  client_index:u32  context:u32  body
//! reply                id:u16  context:u32       retval:i32   body
//!  or, in a few        id:u16  context:u32       body         retval:i32
//! details              id:u16  context:u32       body
//! event                id:u16  client_index:u32  pid:u32      body
//! bare                 id:u16  body
//! ```
//!
//! `client_index` is what the server calls the client (told in `sockclnt_create_reply`); `context` is
//! the client's own word, which the server sends back as it came. The `id` differs from one VPP
//! process to the next, see [`crate::MessageTable`].
//!
//! [`crate::encode`] and [`crate::decode`] write and read these layouts.

pub(crate) mod declare;

pub(crate) use declare::messages;

use crate::codec::{DecodeError, Reader, Writer};
use crate::retval::Retval;

/// The fields of a message that are its own, without the header of its kind.
pub trait Body: Sized {
    /// Appends the fields.
    fn encode_body(&self, writer: &mut Writer<'_>);
    /// Reads the fields.
    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// A message of the API. Two messages are the same only if name and CRC are: VPP computes the CRC
/// from names and types of the fields.
pub trait Message: Body {
    /// Name in VPP's `.api` file.
    const NAME: &'static str;
    /// CRC of the layout that is declared here.
    const CRC: u32;
    /// Layout of the header.
    const KIND: Kind;
}

/// A message that is answered by exactly one other.
pub trait Request: Message {
    /// The answer.
    type Reply: Reply;
}

/// The one answer to a request.
pub trait Reply: Message + Default {
    /// Whether the return value stands behind the body, as in a few messages it does, instead of in
    /// front of it.
    const RETVAL_LAST: bool = false;
}

/// A request answered by any number of details and no end mark: whoever sends it sends a
/// `control_ping` behind it, whose reply can only come after the last of the details.
pub trait Dump: Message {
    /// One element of the answer.
    type Details: Details;
}

/// One element of the answer to a [`Dump`] or [`CursorGet`].
pub trait Details: Message {}

/// A dump in portions: details, then a reply. A reply with [`Retval::EAGAIN`] means that the rest
/// is to be asked for with its cursor.
pub trait CursorGet: Message + Clone {
    /// One element of the answer.
    type Details: Details;
    /// The end of a portion.
    type Reply: Reply;
    /// The cursor that asks for the first portion.
    const START: u32 = u32::MAX;
    /// This request, for the portion that `cursor` stands for.
    #[must_use]
    fn at(&self, cursor: u32) -> Self;
    /// Where the portion behind `reply` starts.
    fn next(reply: &Self::Reply) -> u32;
}

/// A message that the server sends by itself, once asked to.
pub trait Event: Message {}

/// How the header of a message is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Client index and context, then the body.
    Request,
    /// Context and return value, then the body.
    Reply,
    /// Context, then the body.
    Details,
    /// Client index and process id, then the body.
    Event,
    /// The body alone: the handshake, which happens before the client has an index.
    Bare,
}

/// A declared message as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// Name in VPP's `.api` file.
    pub name: &'static str,
    /// CRC of the declared layout.
    pub crc: u32,
    /// Layout of the header.
    pub kind: Kind,
}

impl Declared {
    /// The declaration of `M`.
    pub const fn of<M: Message>() -> Self {
        Self {
            name: M::NAME,
            crc: M::CRC,
            kind: M::KIND,
        }
    }

    /// Name and CRC as one word, which is how VPP's message table lists messages.
    pub fn name_crc(&self) -> String {
        format!("{}_{:08x}", self.name, self.crc)
    }
}

/// Header of requests, dumps and gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader {
    /// What the server calls the client.
    pub client_index: u32,
    /// The client's word for this request.
    pub context: u32,
}

/// Header of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyHeader {
    /// The context of the request.
    pub context: u32,
    /// Outcome; if it [is an error](Retval::is_error) the body means nothing.
    pub retval: Retval,
}

/// Header of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHeader {
    /// What the server calls the client.
    pub client_index: u32,
    /// The process id that the client gave when it asked for the events.
    pub pid: u32,
}
