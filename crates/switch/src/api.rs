//! VPP's binary API, served: one module for each of VPP's `.api` files, one function a message.
//!
//! What a message answers (return codes, the order of checks, dump contents) is what VPP 26.06
//! does; the source that decides it is named where it is not obvious. Nothing here knows of
//! sockets: a call is a message's bytes and the answer's bytes, so that all of it is tested without
//! any.
//!
//! What VPP does with a message that it cannot take, we do too: an unknown number, a cut-off
//! message or one in another client's name is dropped without an answer, with a line in the log.

mod acl;
mod af_packet;
mod fib;
mod graph;
mod interface;
mod ip;
mod l2;
mod macip;
mod memclnt;
mod subif;
mod tapv2;
mod tunnel;
mod vhost_user;
mod vlib;
mod vpe;
mod vxlan;
mod vxlan_gpe;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use weft_packet::SwIfIndex;
use weft_vpp_wire::{
    CursorGet, DecodeError, Details, Dump, Message, MessageTable, Reply, ReplyHeader, Request,
    RequestHeader, Retval, decode,
};

use crate::control::Control;

/// Who calls.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// What the client puts into `client_index`: known to it after `sockclnt_create`.
    pub(crate) index: u32,
    /// What it calls itself.
    pub(crate) name: String,
    /// The process id to send back in events, if it wants them.
    pub(crate) events: Option<u32>,
    /// It took its leave: to be closed when its output is sent.
    pub(crate) has_left: bool,
}

/// One call: all that a handler may look at and change.
pub(crate) struct Call<'a> {
    pub(crate) control: &'a mut Control,
    pub(crate) session: &'a mut Session,
    table: &'a MessageTable,
    out: &'a mut Vec<u8>,
}

/// Outcome and body of a reply. VPP sends the body also with an error.
pub(crate) struct Answer<R> {
    retval: Retval,
    body: R,
}

/// A request, as the switch answers it.
trait Serve: Request {
    fn serve(self, call: &mut Call<'_>) -> Answer<Self::Reply>;
}

/// A dump, as the switch answers it.
trait ServeDump: Dump {
    fn serve(self, control: &Control) -> Vec<Self::Details>;
}

/// A dump in portions, as the switch answers it: always in one.
trait ServeGet: CursorGet {
    fn serve(self, control: &Control) -> (Vec<Self::Details>, Answer<Self::Reply>);
}

type Handler = fn(&mut Call<'_>, &[u8]) -> Result<(), DecodeError>;

/// The messages that are served, by number.
pub(crate) struct Api {
    table: MessageTable,
    handlers: HashMap<u16, Handler>,
}

// ===== impl Api =====

impl Api {
    pub(crate) fn new() -> Self {
        let mut api = Self {
            table: MessageTable::serving(),
            handlers: HashMap::new(),
        };
        memclnt::register(&mut api);
        vpe::register(&mut api);
        vlib::register(&mut api);
        interface::register(&mut api);
        subif::register(&mut api);
        tapv2::register(&mut api);
        af_packet::register(&mut api);
        vhost_user::register(&mut api);
        l2::register(&mut api);
        graph::register(&mut api);
        acl::register(&mut api);
        macip::register(&mut api);
        fib::register(&mut api);
        ip::register(&mut api);
        vxlan::register(&mut api);
        vxlan_gpe::register(&mut api);
        api
    }

    /// Answers one message: appends whole frames to `out`, or nothing.
    pub(crate) fn handle(
        &self,
        control: &mut Control,
        session: &mut Session,
        message: &[u8],
        out: &mut Vec<u8>,
    ) {
        let Some(id) = decode::id(message) else {
            return;
        };
        let Some(handler) = self.handlers.get(&id) else {
            tracing::warn!(client = %session.name, id, "no handler for message");
            return;
        };
        let mut call = Call {
            control,
            session,
            table: &self.table,
            out,
        };
        if let Err(error) = handler(&mut call, message) {
            tracing::warn!(client = %call.session.name, %error, "message dropped");
        }
    }

    /// The numbers of the messages.
    pub(crate) fn table(&self) -> &MessageTable {
        &self.table
    }

    fn insert<M: Message>(&mut self, handler: Handler) {
        match self.table.id::<M>() {
            Ok(id) => {
                self.handlers.insert(id, handler);
            }
            Err(missing) => tracing::error!(%missing, "message has no number"),
        }
    }

    fn request<M: Serve>(&mut self) {
        self.insert::<M>(|call, bytes| {
            let (header, request) = weft_vpp_wire::decode::request::<M>(bytes)?;
            if call.is_from_its_client(header) {
                let answer = request.serve(call);
                call.reply(header.context, &answer);
            }
            Ok(())
        });
    }

    fn dump<M: ServeDump>(&mut self) {
        self.insert::<M>(|call, bytes| {
            let (header, request) = weft_vpp_wire::decode::request::<M>(bytes)?;
            if call.is_from_its_client(header) {
                call.details(header.context, &request.serve(call.control));
            }
            Ok(())
        });
    }

    fn get<M: ServeGet>(&mut self) {
        self.insert::<M>(|call, bytes| {
            let (header, request) = weft_vpp_wire::decode::request::<M>(bytes)?;
            if call.is_from_its_client(header) {
                let (details, answer) = request.serve(call.control);
                call.details(header.context, &details);
                call.reply(header.context, &answer);
            }
            Ok(())
        });
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("messages", &self.handlers.len())
            .finish_non_exhaustive()
    }
}

// ===== impl Call =====

impl Call<'_> {
    /// Whether the message carries its own client's index. In VPP the answer would go to the client
    /// of that index, whoever sent the message; here it goes to nobody.
    fn is_from_its_client(&self, header: RequestHeader) -> bool {
        let is_own = header.client_index == self.session.index;
        if !is_own {
            let (client, index) = (&self.session.name, header.client_index);
            tracing::warn!(%client, index, "message in another client's name dropped");
        }
        is_own
    }

    fn reply<R: Reply>(&mut self, context: u32, answer: &Answer<R>) {
        if let Ok(id) = self.table.id::<R>() {
            let header = ReplyHeader {
                context,
                retval: answer.retval,
            };
            weft_vpp_wire::encode::reply(self.out, id, header, &answer.body);
        }
    }

    fn details<D: Details>(&mut self, context: u32, all: &[D]) {
        if let Ok(id) = self.table.id::<D>() {
            for details in all {
                weft_vpp_wire::encode::details(self.out, id, context, details);
            }
        }
    }
}

// ===== impl Answer =====

impl<R: Reply> Answer<R> {
    /// Success.
    fn ok(body: R) -> Self {
        Self {
            retval: Retval::OK,
            body,
        }
    }

    /// A refusal, with what VPP puts into the body then.
    fn refused(retval: Retval, body: R) -> Self {
        Self { retval, body }
    }
}

impl<R: Reply> From<Result<R, Retval>> for Answer<R> {
    fn from(result: Result<R, Retval>) -> Self {
        match result {
            Ok(body) => Self::ok(body),
            Err(retval) => Self::refused(retval, R::default()),
        }
    }
}

/// From the API's index to ours.
fn ours(index: weft_vpp_wire::SwIfIndex) -> SwIfIndex {
    SwIfIndex(index.0)
}

/// From our index to the API's.
fn theirs(index: SwIfIndex) -> weft_vpp_wire::SwIfIndex {
    weft_vpp_wire::SwIfIndex(index.0)
}

/// Whether a dump that names an interface, or with ~0 all, wants this one.
fn is_wanted(named: weft_vpp_wire::SwIfIndex, index: SwIfIndex) -> bool {
    named == weft_vpp_wire::SwIfIndex::NONE || named == theirs(index)
}

/// The interface must exist (`VALIDATE_SW_IF_INDEX` of VPP).
fn existing(control: &Control, index: weft_vpp_wire::SwIfIndex) -> Result<SwIfIndex, Retval> {
    let index = ours(index);
    if control.is_visible(index) {
        Ok(index)
    } else {
        Err(Retval::INVALID_SW_IF_INDEX)
    }
}
