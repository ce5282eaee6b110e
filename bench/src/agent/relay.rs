//! A relay in front of a dataplane, which notes when a port was programmed, and makes loopbacks of
//! TAPs where that is asked for.
//!
//! A port is programmed with the reply that says that its interface is bridged; nothing is sent for
//! it afterwards.
//!
//! To make loopbacks, each `tap_create_v3` becomes a `create_loopback_instance` and, as that takes no
//! tag, a `sw_interface_tag_add_del` right behind its reply. A dump of the TAPs shows these loopbacks,
//! so that who looks finds TAPs.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use weft_vpp_wire::frame::{MAX_MESSAGE_LEN, write_frame};
use weft_vpp_wire::messages::interface::{
    CreateLoopbackInstance, CreateLoopbackInstanceReply, SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::l2::SwInterfaceSetL2BridgeReply;
use weft_vpp_wire::messages::memclnt::{ControlPingReply, SockclntCreateReply};
use weft_vpp_wire::messages::tapv2::{
    SwInterfaceTapV2Details, SwInterfaceTapV2Dump, TapCreateV3, TapCreateV3Reply,
};
use weft_vpp_wire::{
    FixedString, FrameDecoder, MacAddress, MessageTable, RequestHeader, decode, encode,
};

/// Set in the contexts of the relay's own requests. Clients count theirs from 1.
const OWN: u32 = 1 << 31;

/// What stands for the interface of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// A TAP, most of whose cost is the kernel's.
    Tap,
    /// A loopback in its place, which costs next to nothing: what is left is Weft itself.
    Loopback,
}

/// The relay; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    socket: PathBuf,
    bridged: watch::Receiver<Bridged>,
    task: JoinHandle<()>,
}

/// How many interfaces were bridged, and when the last one was.
#[derive(Clone, Copy, Debug, Default)]
struct Bridged {
    count: usize,
    last: Option<Instant>,
}

/// What the two directions of a connection share.
#[derive(Debug)]
struct Shared {
    device: Device,
    bridged: watch::Sender<Bridged>,
    numbers: OnceLock<Numbers>,
    /// The loopbacks under way, by the context of their request: whose they are and their tags.
    making: Mutex<HashMap<u32, (RequestHeader, TapCreateV3)>>,
    /// The loopbacks that stand for TAPs, as a dump of TAPs would show them.
    taps: Mutex<Vec<SwInterfaceTapV2Details>>,
    /// Dumps of TAPs under way, by their context.
    dumps: Mutex<HashSet<u32>>,
    to_server: tokio::sync::Mutex<OwnedWriteHalf>,
}

/// The numbers of the messages in question.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    tap: u16,
    tap_reply: u16,
    loopback: u16,
    loopback_reply: u16,
    tag: u16,
    bridged: u16,
    dump: u16,
    details: u16,
    ping_reply: u16,
}

impl Relay {
    /// Serves `socket` and passes on to `upstream`. Call it within a Tokio runtime.
    pub(super) fn start(socket: &Path, upstream: &Path, device: Device) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let upstream = upstream.to_owned();
        let (sender, bridged) = watch::channel(Bridged::default());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(relay(client, upstream.clone(), device, sender.clone()));
            }
        });
        Ok(Self {
            socket: socket.to_owned(),
            bridged,
            task,
        })
    }

    /// Where clients connect.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// When the last interface was bridged, if exactly `count` were.
    pub(super) fn bridged(&self, count: usize) -> Result<Instant> {
        let bridged = *self.bridged.borrow();
        match bridged.last {
            Some(last) if bridged.count == count => Ok(last),
            _ => bail!(
                "{} interfaces were bridged instead of {count}",
                bridged.count
            ),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(
    client: UnixStream,
    upstream: PathBuf,
    device: Device,
    bridged: watch::Sender<Bridged>,
) {
    let Ok(server) = UnixStream::connect(&upstream).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let shared = Arc::new(Shared {
        device,
        bridged,
        numbers: OnceLock::new(),
        making: Mutex::default(),
        taps: Mutex::default(),
        dumps: Mutex::default(),
        to_server: tokio::sync::Mutex::new(to_server),
    });
    // Whichever way ends first closes both.
    let ended = tokio::select! {
        ended = requests(from_client, Arc::clone(&shared)) => ended,
        ended = answers(from_server, to_client, shared) => ended,
    };
    // That one side has gone is no news.
    if let Err(error) = ended
        && !error.is::<io::Error>()
    {
        eprintln!("the relay in front of the dataplane: {error:#}");
    }
}

async fn requests(mut from: OwnedReadHalf, shared: Arc<Shared>) -> Result<()> {
    let mut decoder = FrameDecoder::new(MAX_MESSAGE_LEN);
    let mut chunk = vec![0; 64 * 1024];
    let mut out = Vec::new();
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        decoder.feed(chunk.get(..length).unwrap_or_default());
        while let Some(message) = decoder.next_message()? {
            match shared.numbers.get() {
                Some(numbers)
                    if shared.device == Device::Loopback
                        && decode::id(message) == Some(numbers.tap) =>
                {
                    shared.make(*numbers, message, &mut out)?;
                }
                numbers => {
                    if numbers.is_some_and(|numbers| decode::id(message) == Some(numbers.dump)) {
                        let (header, _) = decode::request::<SwInterfaceTapV2Dump>(message)?;
                        lock(&shared.dumps).insert(header.context);
                    }
                    write_frame(&mut out, |out| out.extend_from_slice(message));
                }
            }
        }
        shared.to_server.lock().await.write_all(&out).await?;
        out.clear();
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: Arc<Shared>,
) -> Result<()> {
    let mut decoder = FrameDecoder::new(MAX_MESSAGE_LEN);
    let mut chunk = vec![0; 64 * 1024];
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        decoder.feed(chunk.get(..length).unwrap_or_default());
        while let Some(message) = decoder.next_message()? {
            let Some(numbers) = shared.numbers.get() else {
                // The first answer brings the message table.
                let _ = shared.numbers.set(Numbers::read(message)?);
                write_frame(&mut to_client, |out| out.extend_from_slice(message));
                continue;
            };
            if decode::id(message) == Some(numbers.bridged) {
                shared.bridged.send_modify(|bridged| {
                    bridged.count += 1;
                    bridged.last = Some(Instant::now());
                });
            }
            if decode::context(message).is_some_and(|context| context & OWN != 0)
                && message.len() == size_of::<u16>() + 2 * size_of::<u32>()
            {
                check_own(message)?;
            } else if decode::id(message) == Some(numbers.loopback_reply) {
                shared.made(*numbers, message, &mut to_client, &mut to_server)?;
            } else {
                if decode::id(message) == Some(numbers.ping_reply)
                    && let Some(context) = decode::context(message)
                    && lock(&shared.dumps).remove(&context)
                {
                    // The end of a dump, in which the loopbacks did not occur.
                    for tap in lock(&shared.taps).iter() {
                        encode::details(&mut to_client, numbers.details, context, tap);
                    }
                }
                write_frame(&mut to_client, |out| out.extend_from_slice(message));
            }
        }
        // The tags first, so that they are there before the client says anything of the loopbacks.
        if !to_server.is_empty() {
            shared.to_server.lock().await.write_all(&to_server).await?;
            to_server.clear();
        }
        to.write_all(&to_client).await?;
        to_client.clear();
    }
}

/// The answer to a request of the relay's own: context and return value.
fn check_own(message: &[u8]) -> Result<()> {
    match message.last_chunk() {
        Some([0, 0, 0, 0]) => Ok(()),
        _ => bail!("a loopback could not be tagged: {message:02x?}"),
    }
}

impl Numbers {
    fn read(message: &[u8]) -> Result<Self> {
        let reply = decode::bare::<SockclntCreateReply>(message).context("no message table")?;
        let table = MessageTable::from_entries(reply.message_table.iter())?;
        Ok(Self {
            tap: table.id::<TapCreateV3>()?,
            tap_reply: table.id::<TapCreateV3Reply>()?,
            loopback: table.id::<CreateLoopbackInstance>()?,
            loopback_reply: table.id::<CreateLoopbackInstanceReply>()?,
            tag: table.id::<SwInterfaceTagAddDel>()?,
            bridged: table.id::<SwInterfaceSetL2BridgeReply>()?,
            dump: table.id::<SwInterfaceTapV2Dump>()?,
            details: table.id::<SwInterfaceTapV2Details>()?,
            ping_reply: table.id::<ControlPingReply>()?,
        })
    }
}

impl Shared {
    fn make(&self, numbers: Numbers, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (header, tap) = decode::request::<TapCreateV3>(message)?;
        lock(&self.making).insert(header.context, (header, tap));
        let request = CreateLoopbackInstance {
            mac_address: MacAddress::default(),
            is_specified: false,
            user_instance: 0,
        };
        encode::request(out, numbers.loopback, header, &request);
        Ok(())
    }

    fn made(
        &self,
        numbers: Numbers,
        message: &[u8],
        to_client: &mut Vec<u8>,
        to_server: &mut Vec<u8>,
    ) -> Result<()> {
        let (header, reply) = decode::reply::<CreateLoopbackInstanceReply>(message)?;
        let (request, tap) = lock(&self.making)
            .remove(&header.context)
            .context("a loopback that nobody asked for")?;
        if !header.retval.is_error() {
            // It may come with the NUL that VPP reads up to.
            let tag = tap.tag.to_str().trim_end_matches('\0').to_owned();
            lock(&self.taps).push(SwInterfaceTapV2Details {
                sw_if_index: reply.sw_if_index,
                host_mac_addr: tap.host_mac_addr.0.unwrap_or_default(),
                host_if_name: tap.host_if_name.0.unwrap_or_default(),
                ..SwInterfaceTapV2Details::default()
            });
            let tag = SwInterfaceTagAddDel {
                is_add: true,
                sw_if_index: reply.sw_if_index,
                tag: FixedString::try_from(tag.as_str())?,
            };
            let own = RequestHeader {
                context: request.context | OWN,
                ..request
            };
            encode::request(to_server, numbers.tag, own, &tag);
        }
        let reply = TapCreateV3Reply {
            sw_if_index: reply.sw_if_index,
        };
        encode::reply(to_client, numbers.tap_reply, header, &reply);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one can be half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
