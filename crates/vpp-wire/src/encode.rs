//! Writing whole messages: each function appends one frame, header and all, to a buffer that may hold
//! others, so that many are sent with one system call.

use crate::codec::{Wire, Writer};
use crate::frame::write_frame;
use crate::message::{
    Body, Details, Event, EventHeader, Kind, Message, Reply, ReplyHeader, RequestHeader,
};

/// Appends the frame of a request, dump or get.
pub fn request<M: Message>(out: &mut Vec<u8>, id: u16, header: RequestHeader, body: &M) {
    debug_assert_eq!(M::KIND, Kind::Request, "{}", M::NAME);
    write_parts(out, id, [header.client_index, header.context], body);
}

/// Appends the frame of a reply. With an error the body is still there, as VPP sends it.
pub fn reply<R: Reply>(out: &mut Vec<u8>, id: u16, header: ReplyHeader, body: &R) {
    let retval = header.retval.0;
    if R::RETVAL_LAST {
        write_frame(out, |out| {
            let mut writer = Writer::new(out);
            id.encode(&mut writer);
            header.context.encode(&mut writer);
            body.encode_body(&mut writer);
            retval.encode(&mut writer);
        });
    } else {
        write_parts(out, id, [header.context, retval.cast_unsigned()], body);
    }
}

/// Appends the frame of one element of a dump.
pub fn details<D: Details>(out: &mut Vec<u8>, id: u16, context: u32, body: &D) {
    write_parts(out, id, [context], body);
}

/// Appends the frame of an event.
pub fn event<E: Event>(out: &mut Vec<u8>, id: u16, header: EventHeader, body: &E) {
    write_parts(out, id, [header.client_index, header.pid], body);
}

/// Appends the frame of a message of the handshake.
pub fn bare<M: Message>(out: &mut Vec<u8>, id: u16, body: &M) {
    debug_assert_eq!(M::KIND, Kind::Bare, "{}", M::NAME);
    write_parts(out, id, [], body);
}

fn write_parts<const N: usize>(out: &mut Vec<u8>, id: u16, header: [u32; N], body: &impl Body) {
    write_frame(out, |out| {
        let mut writer = Writer::new(out);
        id.encode(&mut writer);
        for word in header {
            word.encode(&mut writer);
        }
        body.encode_body(&mut writer);
    });
}
