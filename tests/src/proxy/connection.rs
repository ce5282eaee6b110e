//! One client and its connection to the dataplane.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;
use weft_vpp_wire::frame::{MAX_MESSAGE_LEN, write_frame};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, BridgeDomainAddDelV2Reply};
use weft_vpp_wire::messages::memclnt::{SOCKCLNT_CREATE_ID, SockclntCreate, SockclntCreateReply};
use weft_vpp_wire::{BdId, FrameDecoder, Message, decode};

use super::fault::Action;
use super::{Connected, Recorded, Shared, lock};

/// Room behind the return value of a made-up reply: more than any reply has fields.
const REPLY_BODY: usize = 1024;

/// Where `bridge_domain_add_del_v2` has its `bd_id`: behind its number, the client's index and the context
/// (`l2.api`).
const BD_ID_AT: usize = 10;

/// Passes everything on until one side closes.
pub(super) async fn relay(client: UnixStream, shared: Arc<Shared>) {
    let mut held = shared.held.subscribe();
    if held.wait_for(|held| !held).await.is_err() {
        return;
    }
    let Ok(server) = UnixStream::connect(&shared.upstream).await else {
        return;
    };
    let connected = Arc::clone(&shared);
    let _connected = Connected::new(&connected.connected);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let to_client = Arc::new(Mutex::new(to_client));
    let names = Arc::new(OnceLock::new());
    let requests = Requests {
        shared: Arc::clone(&shared),
        names: Arc::clone(&names),
        client: String::new(),
        to_server,
        to_client: Arc::clone(&to_client),
    };
    let answers = Answers {
        shared,
        names,
        to_client,
    };
    // Whichever way ends first closes both: its halves are dropped with the other's.
    tokio::select! {
        _ = requests.run(from_client) => {}
        _ = answers.run(from_server) => {}
    }
}

/// Message numbers and names of one dataplane.
#[derive(Debug, Default)]
struct Names {
    by_id: HashMap<u16, String>,
    by_name: HashMap<String, u16>,
}

/// The way from the client to the dataplane.
struct Requests {
    shared: Arc<Shared>,
    names: Arc<OnceLock<Names>>,
    client: String,
    to_server: OwnedWriteHalf,
    to_client: Arc<Mutex<OwnedWriteHalf>>,
}

/// The way back.
struct Answers {
    shared: Arc<Shared>,
    names: Arc<OnceLock<Names>>,
    to_client: Arc<Mutex<OwnedWriteHalf>>,
}

impl Names {
    fn read(message: &[u8]) -> Self {
        let mut names = Self::default();
        let Ok(reply) = decode::bare::<SockclntCreateReply>(message) else {
            return names;
        };
        for entry in reply.message_table.iter() {
            let text = entry.name.to_str();
            let name = text.rsplit_once('_').map_or(&*text, |(name, _)| name);
            names.by_id.insert(entry.index, name.to_owned());
            names.by_name.insert(name.to_owned(), entry.index);
        }
        names
    }
}

/// The name of a message, as far as it can be known.
fn name_of(names: &OnceLock<Names>, message: &[u8]) -> String {
    let id = decode::id(message).unwrap_or_default();
    match names.get().and_then(|names| names.by_id.get(&id)) {
        Some(name) => name.clone(),
        None if id == SOCKCLNT_CREATE_ID => "sockclnt_create".to_owned(),
        None => format!("message {id}"),
    }
}

impl Requests {
    async fn run(mut self, mut from: OwnedReadHalf) -> io::Result<()> {
        let mut decoder = FrameDecoder::new(MAX_MESSAGE_LEN);
        let mut chunk = vec![0; 64 * 1024];
        let mut out = Vec::new();
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return Ok(());
            }
            decoder.feed(chunk.get(..length).unwrap_or_default());
            while let Some(message) = decoder.next_message().map_err(io::Error::other)? {
                self.one(message, &mut out).await?;
            }
            self.to_server.write_all(&out).await?;
            out.clear();
        }
    }

    async fn one(&mut self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let name = name_of(&self.names, message);
        if let Ok(create) = decode::bare::<SockclntCreate>(message)
            && name == "sockclnt_create"
        {
            self.client = create.name.to_string();
        }
        if let Some(recording) = lock(&self.shared.recording).as_mut() {
            recording.push(Recorded {
                client: self.client.clone(),
                message: name.clone(),
                bytes: message.to_owned(),
            });
        }
        let action = strike(&self.shared, &name, message);
        self.shared.tally.send_modify(|tally| tally.add(&name));
        if let Some(Action::Refuse(retval)) = action {
            return self.refuse(&name, message, retval).await;
        }
        if let Some(Action::Delay(delay)) = action {
            self.to_server.write_all(out).await?;
            out.clear();
            tokio::time::sleep(delay).await;
        }
        let end = out.len();
        write_frame(out, |out| out.extend_from_slice(message));
        cut(action, end, out, &mut self.to_server).await
    }

    /// Answers in the dataplane's place.
    async fn refuse(&self, name: &str, message: &[u8], retval: i32) -> io::Result<()> {
        let names = self.names.get();
        let id = names
            .and_then(|names| names.by_name.get(&format!("{name}_reply")))
            .copied();
        let (Some(id), Some(header)) = (id, decode::request_header(message)) else {
            return Err(io::Error::other(format!("{name} has no reply")));
        };
        let mut frame = Vec::new();
        write_frame(&mut frame, |out| {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&header.context.to_be_bytes());
            out.extend_from_slice(&retval.to_be_bytes());
            out.resize(out.len() + REPLY_BODY, 0);
        });
        self.to_client.lock().await.write_all(&frame).await
    }
}

impl Answers {
    async fn run(self, mut from: OwnedReadHalf) -> io::Result<()> {
        let mut decoder = FrameDecoder::new(MAX_MESSAGE_LEN);
        let mut chunk = vec![0; 64 * 1024];
        let mut out = Vec::new();
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return Ok(());
            }
            decoder.feed(chunk.get(..length).unwrap_or_default());
            while let Some(message) = decoder.next_message().map_err(io::Error::other)? {
                // The first answer brings the table.
                self.names.get_or_init(|| Names::read(message));
                let name = name_of(&self.names, message);
                if name == BridgeDomainAddDelV2Reply::NAME
                    && let Some(recording) = lock(&self.shared.recording).as_mut()
                    && let Ok((header, reply)) = decode::reply::<BridgeDomainAddDelV2Reply>(message)
                {
                    note_bridge(recording, header.context, reply.bd_id);
                }
                let action = strike(&self.shared, &name, message);
                if let Some(Action::Delay(delay)) = action {
                    self.to_client.lock().await.write_all(&out).await?;
                    out.clear();
                    tokio::time::sleep(delay).await;
                }
                let end = out.len();
                write_frame(&mut out, |out| out.extend_from_slice(message));
                cut(action, end, &mut out, &mut *self.to_client.lock().await).await?;
            }
            self.to_client.lock().await.write_all(&out).await?;
            out.clear();
        }
    }
}

/// Writes the number that the dataplane chose for a bridge domain into the request for it. It is a random
/// one, and what was recorded behind it names it.
fn note_bridge(recording: &mut [Recorded], context: u32, bd_id: BdId) {
    let request = recording.iter_mut().rev().find(|request| {
        request.message == BridgeDomainAddDelV2::NAME
            && decode::request_header(&request.bytes)
                .is_some_and(|header| header.context == context)
    });
    let at = request.and_then(|request| request.bytes.get_mut(BD_ID_AT..BD_ID_AT + 4));
    if let Some(at) = at {
        at.copy_from_slice(&bd_id.0.to_be_bytes());
    }
}

/// What is to be done to a message.
fn strike(shared: &Shared, name: &str, message: &[u8]) -> Option<Action> {
    lock(&shared.faults)
        .iter_mut()
        .find_map(|fault| fault.strike(name, message))
}

/// If the last frame of `out`, which begins at `at`, is one to be cut at: sends what is before the
/// cut and ends the connection.
async fn cut(
    action: Option<Action>,
    at: usize,
    out: &mut Vec<u8>,
    to: &mut OwnedWriteHalf,
) -> io::Result<()> {
    match action {
        Some(Action::CutWithin) => out.truncate(at + (out.len() - at) / 2),
        Some(Action::CutBehind) => {}
        Some(Action::Refuse(_) | Action::Delay(_)) | None => return Ok(()),
    }
    to.write_all(out).await?;
    Err(io::ErrorKind::ConnectionAborted.into())
}
