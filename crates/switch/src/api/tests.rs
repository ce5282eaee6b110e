//! Every message against what VPP 26.06 answers. Where VPP's answer is surprising it was looked up
//! with a running VPP; such answers are marked "as in VPP".

mod acl;
mod bridge;
mod fib;
mod handshake;
mod hostile;
mod interfaces;
mod ip;
mod ports;
mod subinterfaces;
mod tunnels;
mod vhost_user;

use std::fmt::Debug;

use weft_graph::Tables;
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateSubif, IfStatusFlags, SubIfFlags, SwInterfaceDetails, SwInterfaceDump,
    SwInterfaceSetFlags,
};
use weft_vpp_wire::{
    Dump, FrameDecoder, Message, Request, RequestHeader, Retval, SwIfIndex, VarString, decode,
    encode,
};

use super::{Api, Session};
use crate::config::SwitchConfig;
use crate::control::Control;
use crate::worker::Workers;

/// What the client puts into `client_index`.
const INDEX: u32 = 0x8000_0003;
const CONTEXT: u32 = 0x1234;

/// A switch without workers and a client of it.
struct Client {
    api: Api,
    control: Control,
    session: Session,
}

impl Client {
    fn new() -> Self {
        let control = Control::new(SwitchConfig::default(), Tables::new(1), Workers::none())
            .expect("control");
        let session = Session {
            index: INDEX,
            ..Session::default()
        };
        let mut client = Self {
            api: Api::new(),
            control,
            session,
        };
        client.control.events.take();
        client
    }

    /// The messages that a message is answered with.
    fn call_raw(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.api
            .handle(&mut self.control, &mut self.session, message, &mut out);
        unframe(&out)
    }

    fn send<M: Message>(&mut self, message: &M) -> Vec<Vec<u8>> {
        let id = self.api.table().id::<M>().expect("served");
        let header = RequestHeader {
            client_index: INDEX,
            context: CONTEXT,
        };
        let mut frame = Vec::new();
        encode::request(&mut frame, id, header, message);
        let message = unframe(&frame).remove(0);
        self.call_raw(&message)
    }

    /// Outcome and body of a request.
    fn call<M: Request>(&mut self, request: &M) -> (Retval, M::Reply) {
        let answers = self.send(request);
        assert_eq!(answers.len(), 1, "one answer to {}", M::NAME);
        let (header, body) = decode::reply::<M::Reply>(&answers[0]).expect("reply");
        assert_eq!(header.context, CONTEXT);
        assert_eq!(
            decode::id(&answers[0]),
            self.api.table().id::<M::Reply>().ok()
        );
        (header.retval, body)
    }

    /// A request that must succeed.
    fn ok<M: Request + Debug>(&mut self, request: &M) -> M::Reply {
        let (retval, body) = self.call(request);
        assert_eq!(retval, Retval::OK, "{request:?}");
        body
    }

    /// A request that must be refused.
    fn refused<M: Request + Debug>(&mut self, request: &M) -> Retval {
        let (retval, _) = self.call(request);
        assert!(retval.is_error(), "{request:?}: {retval}");
        retval
    }

    fn dump<M: Dump>(&mut self, dump: &M) -> Vec<M::Details> {
        let answers = self.send(dump);
        let read = |answer: &Vec<u8>| decode::details::<M::Details>(answer).expect("details").1;
        answers.iter().map(read).collect()
    }

    // ===== what most tests need =====

    fn loopback(&mut self) -> SwIfIndex {
        self.ok(&CreateLoopback::default()).sw_if_index
    }

    fn vlan(&mut self, parent: SwIfIndex, vlan: u16) -> SwIfIndex {
        self.ok(&exact_vlan(parent, vlan)).sw_if_index
    }

    fn admin(&mut self, sw_if_index: SwIfIndex, up: bool) -> Retval {
        let flags = if up {
            IfStatusFlags::ADMIN_UP
        } else {
            IfStatusFlags::default()
        };
        self.call(&SwInterfaceSetFlags { sw_if_index, flags }).0
    }

    fn details(&mut self, sw_if_index: SwIfIndex) -> SwInterfaceDetails {
        let dump = SwInterfaceDump {
            sw_if_index,
            ..SwInterfaceDump::default()
        };
        let mut all = self.dump(&dump);
        assert_eq!(all.len(), 1, "one interface {sw_if_index}");
        all.remove(0)
    }

    fn names(&mut self, filter: &str) -> Vec<String> {
        let dump = SwInterfaceDump {
            sw_if_index: SwIfIndex::NONE,
            name_filter_valid: !filter.is_empty(),
            name_filter: VarString::from(filter),
        };
        self.dump(&dump)
            .iter()
            .map(|details| details.interface_name.to_string())
            .collect()
    }

    /// Index, flags and "gone" of each event since the last call.
    fn events(&mut self) -> Vec<(u32, u32, bool)> {
        let events = self.control.events.take();
        let wire = events
            .into_iter()
            .map(crate::control::InterfaceEvent::to_wire);
        wire.map(|event| (event.sw_if_index.0, event.flags.0, event.deleted))
            .collect()
    }
}

fn exact_vlan(parent: SwIfIndex, vlan: u16) -> CreateSubif {
    CreateSubif {
        sw_if_index: parent,
        sub_id: u32::from(vlan),
        sub_if_flags: SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH,
        outer_vlan_id: vlan,
        inner_vlan_id: 0,
    }
}

fn unframe(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = FrameDecoder::new(1 << 20);
    decoder.feed(bytes);
    let mut messages = Vec::new();
    while let Some(message) = decoder.next_message().expect("whole frames") {
        messages.push(message.to_vec());
    }
    assert_eq!(decoder.unfinished(), 0);
    messages
}

/// No interface has this index.
const ABSENT: SwIfIndex = SwIfIndex(999);
