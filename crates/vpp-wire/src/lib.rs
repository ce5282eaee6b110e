//! VPP's binary API as bytes, for both of its sides: a client encodes requests and decodes replies,
//! a server (the embedded switch) decodes requests and encodes replies.
//!
//! Everything here is a value or a pure function; nobody opens a socket. The parts, bottom up:
//!
//! * [`Reader`], [`Writer`], [`Wire`]: primitive types, every read checked.
//! * the types of VPP's own type files: [`SwIfIndex`], [`MacAddress`], [`FixedString`], [`List`], …
//! * [`FrameDecoder`] and [`frame`](mod@frame): the 16-byte header of the socket transport.
//! * [`Message`] and its kinds ([`Request`], [`Dump`], [`CursorGet`], [`Event`]): how header and body
//!   of a message stand to one another.
//! * [`encode`], [`decode`]: writing and reading whole messages.
//! * [`messages`]: each message, declared once.
//! * [`MessageTable`]: message numbers, which each VPP process assigns anew.
//! * [`capability`]: which releases of VPP know which message.
//! * [`Retval`]: what a refusal is called.
//!
//! Invariants: no input of any kind makes a function here panic; a decoded message encodes to bytes
//! that decode to the same message; values that a newer VPP may add to an enumeration are kept.
//!
//! Sources are named as paths in the tree of VPP 26.06.

pub mod capability;
mod codec;
pub mod decode;
pub mod encode;
pub mod frame;
mod message;
pub mod messages;
mod retval;
mod table;
mod types;

pub use codec::{DecodeError, DecodeErrorKind, Reader, Wire, Writer};
pub use frame::{FrameDecoder, FrameError};
pub use message::{
    Body, CursorGet, Declared, Details, Dump, Event, EventHeader, Kind, Message, Reply,
    ReplyHeader, Request, RequestHeader,
};
pub use retval::Retval;
pub use table::{InvalidTable, MessageTable};
pub use types::{
    Address, BdId, FixedString, InvalidText, Ip4Prefix, Ip6Prefix, Length, List, MacAddress,
    Prefix, SwIfIndex, TooManyElements, VarString,
};
