//! `memclnt.api`, `vpe.api`, `vlib.api`, `graph.api`, and messages that are none.

use weft_vpp_wire::messages::graph::{GraphNodeDetails, GraphNodeGet, GraphNodeGetReply};
use weft_vpp_wire::messages::memclnt::{
    ControlPing, MemclntKeepalive, SOCKCLNT_CREATE_ID, SockclntCreate, SockclntCreateReply,
    SockclntDelete,
};
use weft_vpp_wire::messages::vlib::{CliInband, ShowThreads};
use weft_vpp_wire::messages::vpe::ShowVersion;
use weft_vpp_wire::{FixedString, MessageTable, RequestHeader, Retval, VarString, decode, encode};

use super::{Client, INDEX, unframe};

#[test]
fn handshake_tells_index_and_the_number_of_every_declared_message() {
    let mut client = Client::new();
    let name = FixedString::try_from("test").expect("short");
    let mut frame = Vec::new();
    encode::bare(
        &mut frame,
        SOCKCLNT_CREATE_ID,
        &SockclntCreate { context: 7, name },
    );
    let answers = client.call_raw(&unframe(&frame)[0]);
    let reply = decode::bare::<SockclntCreateReply>(&answers[0]).expect("reply");
    assert_eq!((reply.index, reply.context, reply.response), (INDEX, 7, 0));
    assert_eq!(client.session.name, "test");
    let table = MessageTable::from_entries(reply.message_table.iter()).expect("valid");
    assert_eq!(table.all_missing(), []);
}

#[test]
fn ping_tells_the_process() {
    let reply = Client::new().ok(&ControlPing {});
    assert_eq!(reply.vpe_pid, std::process::id());
    let silence = Client::new().send(&MemclntKeepalive {});
    assert_eq!(silence, Vec::<Vec<u8>>::new(), "as in VPP");
}

#[test]
fn version_says_what_it_is() {
    let reply = Client::new().ok(&ShowVersion {});
    assert_eq!(reply.program.to_string(), "weft-switch");
    assert!(
        reply.version.to_string().ends_with("(VPP 26.06 API)"),
        "{}",
        reply.version
    );
}

#[test]
fn only_the_own_session_can_be_deleted() {
    let mut client = Client::new();
    assert_eq!(
        client.refused(&SockclntDelete { index: INDEX + 1 }),
        Retval::UNSPECIFIED
    );
    assert!(!client.session.has_left);
    let (retval, _) = client.call(&SockclntDelete { index: INDEX });
    assert_eq!(retval, Retval(1), "as in VPP");
    assert!(client.session.has_left);
}

#[test]
fn what_cannot_be_taken_is_dropped_without_an_answer() {
    let mut client = Client::new();
    let ping = client.api.table().id::<ControlPing>().expect("served");
    let mut frame = Vec::new();
    let foreign = RequestHeader {
        client_index: INDEX + 1,
        context: 1,
    };
    encode::request(&mut frame, ping, foreign, &ControlPing {});
    let in_anothers_name = unframe(&frame).remove(0);
    let cut_off = &in_anothers_name[..5];
    let unknown = 60_000_u16.to_be_bytes();
    for message in [&in_anothers_name[..], cut_off, &unknown, &[1], &[]] {
        assert_eq!(
            client.call_raw(message),
            Vec::<Vec<u8>>::new(),
            "{message:?}"
        );
    }
}

#[test]
fn command_line_answers_with_text_and_failure_with_minus_one() {
    let mut client = Client::new();
    let reply = client.ok(&CliInband {
        cmd: VarString::from("show version"),
    });
    assert!(
        reply.reply.to_str().starts_with("weft-switch v"),
        "{:?}",
        reply.reply
    );
    let answers = client.send(&CliInband {
        cmd: VarString::from("show foo"),
    });
    let (header, _) =
        decode::reply::<weft_vpp_wire::messages::vlib::CliInbandReply>(&answers[0]).expect("reply");
    assert_eq!(header.retval, Retval::UNSPECIFIED);
    let text = b"show: unknown input `foo'\n";
    assert!(
        answers[0].ends_with(text),
        "the text is there too, as in VPP"
    );
}

#[test]
fn threads_begin_with_the_main_one() {
    let reply = Client::new().ok(&ShowThreads {});
    assert_eq!(reply.thread_data.len(), 1, "no workers here");
    assert_eq!(reply.thread_data[0].pid, std::process::id());
}

#[test]
fn nodes_are_found_by_index_name_and_all() {
    let mut client = Client::new();
    let all = nodes(
        &mut client,
        GraphNodeGet {
            index: u32::MAX,
            ..get()
        },
    );
    let names: Vec<_> = all.1.iter().map(|node| node.name.to_string()).collect();
    assert!(
        names.is_sorted() && names.contains(&"l2-fwd".to_owned()),
        "{names:?}"
    );
    let name = FixedString::try_from("l2-fwd").expect("short");
    let (retval, by_name) = nodes(&mut client, GraphNodeGet { name, ..get() });
    assert_eq!((retval, by_name.len()), (Retval::OK, 1));
    let index = by_name[0].index;
    let (_, by_index) = nodes(&mut client, GraphNodeGet { index, ..get() });
    assert_eq!(by_index, by_name);
    let name = FixedString::try_from("nonesuch").expect("short");
    let (retval, none) = nodes(&mut client, GraphNodeGet { name, ..get() });
    assert_eq!((retval, none.len()), (Retval::NO_SUCH_ENTRY, 0));
}

fn get() -> GraphNodeGet {
    GraphNodeGet {
        cursor: u32::MAX,
        index: u32::MAX,
        ..GraphNodeGet::default()
    }
}

fn nodes(client: &mut Client, get: GraphNodeGet) -> (Retval, Vec<GraphNodeDetails>) {
    let answers = client.send(&get);
    let (reply, details) = answers.split_last().expect("at least the reply");
    let (header, _) = decode::reply::<GraphNodeGetReply>(reply).expect("reply");
    let read = |answer: &Vec<u8>| {
        decode::details::<GraphNodeDetails>(answer)
            .expect("details")
            .1
    };
    (header.retval, details.iter().map(read).collect())
}
