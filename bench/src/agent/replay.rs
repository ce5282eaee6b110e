//! The floor: what an agent said to a dataplane, said again to another one as fast as that takes it.
//!
//! Requests are written one behind the other, whatever they depend on: a fresh dataplane of the same
//! kind takes them in order and hands out the numbers that it handed out the first time. Nothing is
//! waited for but that no more are under way than the agent's connection allows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use weft_tests::proxy::Recorded;
use weft_vpp::WINDOW;
use weft_vpp_wire::frame::{MAX_MESSAGE_LEN, write_frame};
use weft_vpp_wire::messages::acl::{AclAddReplaceReply, MacipAclAddReplaceReply};
use weft_vpp_wire::messages::memclnt::{
    SOCKCLNT_CREATE_ID, SockclntCreate, SockclntCreateReply, SockclntDelete,
};
use weft_vpp_wire::{FixedString, FrameDecoder, Message, RequestHeader, decode, encode};

/// Messages that get no reply of their own: dumps, which end with the reply to a ping behind them,
/// and our replies. Those of the connection itself are not repeated.
const CONNECTION: [&str; 3] = [
    "sockclnt_create",
    "sockclnt_delete",
    "memclnt_keepalive_reply",
];

/// Replies with their return value at the end (`acl.api`).
const RETVAL_LAST: [&str; 2] = [AclAddReplaceReply::NAME, MacipAclAddReplaceReply::NAME];

/// How long a dataplane may be silent before it counts as stuck.
const SILENCE: Duration = Duration::from_secs(60);

/// What an agent said, fit to be said again.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    requests: Vec<Recorded>,
}

/// A request made ready for one dataplane.
struct Ready {
    frame: Vec<u8>,
    /// Whether exactly one reply comes of it.
    replied: bool,
}

/// How many replied requests are under way.
#[derive(Default)]
struct Window {
    under_way: Mutex<usize>,
    room: Condvar,
}

impl Recording {
    /// What one client said, in its order.
    pub(super) fn of(client: &str, recorded: Vec<Recorded>) -> Self {
        let requests = recorded.into_iter().filter(|request| {
            request.client == client && !CONNECTION.contains(&request.message.as_str())
        });
        Self {
            requests: requests.collect(),
        }
    }

    /// Only those that change something, or only the others.
    pub(super) fn only(&self, writes: bool) -> Self {
        let requests = self.requests.iter();
        let requests =
            requests.filter(|request| weft_tests::proxy::is_read(&request.message) != writes);
        Self {
            requests: requests.cloned().collect(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// How many of each name there are.
    pub(super) fn names(&self) -> String {
        let mut counts = BTreeMap::<&str, usize>::new();
        for request in &self.requests {
            *counts.entry(&request.message).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let counts: Vec<_> = counts
            .into_iter()
            .map(|(name, count)| format!("{count} × {name}"))
            .collect();
        counts.join(", ")
    }

    /// Says all of it to the dataplane at `socket`: the time from the first byte to the last reply.
    /// An error if anything is refused. Blocks.
    pub(super) fn replay(&self, socket: &Path) -> Result<Duration> {
        let mut stream = UnixStream::connect(socket)
            .with_context(|| format!("cannot connect to {}", socket.display()))?;
        stream.set_read_timeout(Some(SILENCE))?;
        let mut decoder = FrameDecoder::new(MAX_MESSAGE_LEN);
        let table = introduce(&mut stream, &mut decoder)?;
        let ready = self.ready(&table)?;
        let replies = ready.iter().filter(|request| request.replied).count();
        let window = Window::default();
        let (writer, mut parting) = (stream.try_clone()?, stream.try_clone()?);
        let begin = Instant::now();
        let refused = std::thread::scope(|scope| {
            let written = scope.spawn(|| write_all(writer, &ready, &window));
            let refused = read_all(stream, &mut decoder, &table, replies, &window);
            match written.join() {
                Ok(written) => written?,
                Err(_) => bail!("the writing thread of a replay failed"),
            }
            refused
        })?;
        let took = begin.elapsed();
        take_leave(&mut parting, &table)?;
        ensure!(
            refused == 0,
            "{refused} of {replies} replayed requests were refused"
        );
        Ok(took)
    }

    /// Frames with the numbers of this dataplane and our index there.
    fn ready(&self, table: &Table) -> Result<Vec<Ready>> {
        self.requests
            .iter()
            .map(|request| {
                let name = &request.message;
                let number = table
                    .by_name
                    .get(name)
                    .with_context(|| format!("no {name} here"))?;
                let mut message = request.bytes.clone();
                let (id, rest) = message
                    .split_first_chunk_mut::<2>()
                    .context("half a message")?;
                *id = number.to_be_bytes();
                let client = rest.first_chunk_mut::<4>().context("half a message")?;
                *client = table.client_index.to_be_bytes();
                let mut frame = Vec::new();
                write_frame(&mut frame, |out| out.extend_from_slice(&message));
                Ok(Ready {
                    frame,
                    replied: !name.ends_with("_dump"),
                })
            })
            .collect()
    }
}

/// What a dataplane says to a new client.
struct Table {
    client_index: u32,
    by_name: HashMap<String, u16>,
    /// Numbers of the messages that end a request.
    replies: HashSet<u16>,
    /// Of these, the numbers of those whose return value is not at their beginning but at their end.
    retval_last: HashSet<u16>,
}

fn introduce(stream: &mut UnixStream, decoder: &mut FrameDecoder) -> Result<Table> {
    let mut hello = Vec::new();
    let create = SockclntCreate {
        context: 0,
        name: FixedString::try_from("weft-bench")?,
    };
    encode::bare(&mut hello, SOCKCLNT_CREATE_ID, &create);
    stream.write_all(&hello)?;
    let mut chunk = vec![0; 64 * 1024];
    let reply = loop {
        if let Some(message) = decoder.next_message()? {
            break decode::bare::<SockclntCreateReply>(message)?;
        }
        let length = stream.read(&mut chunk)?;
        ensure!(length > 0, "the dataplane closed the connection at once");
        decoder.feed(chunk.get(..length).unwrap_or_default());
    };
    let by_name: HashMap<String, u16> = reply
        .message_table
        .iter()
        .filter_map(|entry| {
            let name = entry.name.to_str();
            Some((name.rsplit_once('_')?.0.to_owned(), entry.index))
        })
        .collect();
    let replies = by_name.iter().filter(|(name, _)| name.ends_with("_reply"));
    let replies = replies.map(|(_, number)| *number).collect();
    let retval_last = RETVAL_LAST.iter().filter_map(|name| by_name.get(*name));
    Ok(Table {
        retval_last: retval_last.copied().collect(),
        client_index: reply.index,
        by_name,
        replies,
    })
}

/// Asks to be let go and waits for it, as the agent does: VPP may take no notice of a closed socket.
fn take_leave(stream: &mut UnixStream, table: &Table) -> Result<()> {
    let number = table.by_name.get(SockclntDelete::NAME);
    let number = *number.context("no sockclnt_delete here")?;
    let index = table.client_index;
    let header = RequestHeader {
        client_index: index,
        context: 0,
    };
    let mut frame = Vec::new();
    encode::request(&mut frame, number, header, &SockclntDelete { index });
    stream.write_all(&frame)?;
    std::io::copy(stream, &mut std::io::sink()).context("while taking leave")?;
    Ok(())
}

fn write_all(mut stream: UnixStream, ready: &[Ready], window: &Window) -> Result<()> {
    let mut out = Vec::new();
    let mut requests = ready.iter().peekable();
    while requests.peek().is_some() {
        let mut room = window.wait()?;
        while room > 0
            && let Some(request) = requests.next()
        {
            out.extend_from_slice(&request.frame);
            if request.replied {
                room -= 1;
                window.begun();
            }
        }
        stream.write_all(&out)?;
        out.clear();
    }
    Ok(())
}

fn read_all(
    mut stream: UnixStream,
    decoder: &mut FrameDecoder,
    table: &Table,
    replies: usize,
    window: &Window,
) -> Result<usize> {
    let mut chunk = vec![0; 64 * 1024];
    let (mut seen, mut refused) = (0, 0);
    while seen < replies {
        let mut ended = 0;
        while let Some(message) = decoder.next_message()? {
            if decode::id(message).is_some_and(|id| table.replies.contains(&id)) {
                ended += 1;
                let last = decode::id(message).is_some_and(|id| table.retval_last.contains(&id));
                let at = if last { message.len() - 4 } else { 6 };
                if message.get(at..at + 4) != Some(&[0; 4]) {
                    refused += 1;
                }
            }
        }
        seen += ended;
        window.ended(ended);
        if seen < replies {
            let length = stream.read(&mut chunk).with_context(|| {
                format!("while waiting for replies, of which {seen} of {replies} came")
            })?;
            ensure!(length > 0, "the dataplane closed the connection");
            decoder.feed(chunk.get(..length).unwrap_or_default());
        }
    }
    Ok(refused)
}

impl Window {
    /// Waits for room and says how much there is.
    fn wait(&self) -> Result<usize> {
        let under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (under_way, waited) = self
            .room
            .wait_timeout_while(under_way, SILENCE, |under_way| *under_way >= WINDOW)
            .unwrap_or_else(PoisonError::into_inner);
        ensure!(!waited.timed_out(), "no reply for {SILENCE:?}");
        Ok(WINDOW - *under_way)
    }

    fn begun(&self) {
        *self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn ended(&self, count: usize) {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *under_way = under_way.saturating_sub(count);
        self.room.notify_one();
    }
}
