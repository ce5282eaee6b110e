//! Reading whole messages, as [`crate::FrameDecoder`] hands them out. Bytes behind the last field are
//! ignored, as VPP does.

use crate::codec::{DecodeError, Reader, Wire};
use crate::message::{
    Details, Event, EventHeader, Kind, Message, Reply, ReplyHeader, RequestHeader,
};
use crate::retval::Retval;

/// The number of a message; nothing if the message is too short to have one.
pub fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().map(|id| u16::from_be_bytes(*id))
}

/// Reads a request, dump or get.
pub fn request<M: Message>(message: &[u8]) -> Result<(RequestHeader, M), DecodeError> {
    debug_assert_eq!(M::KIND, Kind::Request, "{}", M::NAME);
    let mut reader = Reader::new(message);
    header_field::<M, u16>(&mut reader, "_vl_msg_id")?;
    let header = RequestHeader {
        client_index: header_field::<M, _>(&mut reader, "client_index")?,
        context: header_field::<M, _>(&mut reader, "context")?,
    };
    Ok((header, M::decode_body(&mut reader)?))
}

/// Reads the header of a request, whichever it is: what a server needs to refuse it.
pub fn request_header(message: &[u8]) -> Option<RequestHeader> {
    let mut reader = Reader::new(message);
    u16::decode(&mut reader).ok()?;
    Some(RequestHeader {
        client_index: u32::decode(&mut reader).ok()?,
        context: u32::decode(&mut reader).ok()?,
    })
}

/// Reads the context of a reply or details, whichever it is.
pub fn context(message: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(message);
    u16::decode(&mut reader).ok()?;
    u32::decode(&mut reader).ok()
}

/// Reads a reply. A refusal may come without its body, which would mean nothing anyway.
pub fn reply<R: Reply>(message: &[u8]) -> Result<(ReplyHeader, R), DecodeError> {
    let mut reader = Reader::new(message);
    header_field::<R, u16>(&mut reader, "_vl_msg_id")?;
    let context = header_field::<R, _>(&mut reader, "context")?;
    if R::RETVAL_LAST {
        let body = R::decode_body(&mut reader)?;
        let retval = Retval(header_field::<R, _>(&mut reader, "retval")?);
        return Ok((ReplyHeader { context, retval }, body));
    }
    let retval = Retval(header_field::<R, _>(&mut reader, "retval")?);
    let header = ReplyHeader { context, retval };
    let refused = header.retval.is_error() && header.retval != Retval::EAGAIN;
    let body = match R::decode_body(&mut reader) {
        Err(_) if refused => R::default(),
        body => body?,
    };
    Ok((header, body))
}

/// Reads one element of a dump.
pub fn details<D: Details>(message: &[u8]) -> Result<(u32, D), DecodeError> {
    let mut reader = Reader::new(message);
    header_field::<D, u16>(&mut reader, "_vl_msg_id")?;
    let context = header_field::<D, _>(&mut reader, "context")?;
    Ok((context, D::decode_body(&mut reader)?))
}

/// Reads an event.
pub fn event<E: Event>(message: &[u8]) -> Result<(EventHeader, E), DecodeError> {
    let mut reader = Reader::new(message);
    header_field::<E, u16>(&mut reader, "_vl_msg_id")?;
    let header = EventHeader {
        client_index: header_field::<E, _>(&mut reader, "client_index")?,
        pid: header_field::<E, _>(&mut reader, "pid")?,
    };
    Ok((header, E::decode_body(&mut reader)?))
}

/// Reads a message of the handshake.
pub fn bare<M: Message>(message: &[u8]) -> Result<M, DecodeError> {
    debug_assert_eq!(M::KIND, Kind::Bare, "{}", M::NAME);
    let mut reader = Reader::new(message);
    header_field::<M, u16>(&mut reader, "_vl_msg_id")?;
    M::decode_body(&mut reader)
}

fn header_field<M: Message, T: Wire>(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<T, DecodeError> {
    T::decode(reader).map_err(|kind| kind.at(M::NAME, field))
}
