//! The task of a connection: moves bytes, matches contexts, keeps an eye on VPP's life.

use std::io::ErrorKind;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use weft_vpp_wire::messages::interface::SwInterfaceEvent;
use weft_vpp_wire::messages::memclnt::{
    ControlPing, ControlPingReply, MemclntKeepalive, MemclntKeepaliveReply, SockclntDelete,
};
use weft_vpp_wire::{
    Declared, FrameDecoder, Kind, Message, ReplyHeader, RequestHeader, Retval, decode, encode,
};

use super::events::Sink;
use super::pending::{Call, Pending, Waiting};
use super::{Shared, Timeouts, WINDOW};
use crate::error::Disconnect;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// No more calls are taken while so many bytes wait to be written.
const OUT_MAX: usize = 256 * 1024;
/// How often the clock is looked at, in parts of the shortest timeout.
const TICKS: u32 = 4;
/// How long VPP may take to let us go.
const LEAVE: std::time::Duration = std::time::Duration::from_millis(500);

/// See the module's head.
#[derive(Debug)]
pub(super) struct Task {
    stream: UnixStream,
    decoder: FrameDecoder,
    shared: Arc<Shared>,
    calls: mpsc::Receiver<Call>,
    events: Sink,
    timeouts: Timeouts,
    pending: Pending,
    out: Vec<u8>,
    /// Bytes at the front of `out` that are written.
    written: usize,
    /// When VPP last sent anything.
    heard: Instant,
}

impl Task {
    pub(super) fn new(
        stream: UnixStream,
        decoder: FrameDecoder,
        shared: Arc<Shared>,
        calls: mpsc::Receiver<Call>,
        events: Sink,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            stream,
            decoder,
            shared,
            calls,
            events,
            timeouts,
            pending: Pending::default(),
            out: Vec::new(),
            written: 0,
            heard: Instant::now(),
        }
    }

    /// Runs until the connection is over, then tells everyone who waits.
    pub(super) async fn run(mut self) {
        let reason = self.serve().await;
        if let Disconnect::Local = reason {
            // One that is too busy to answer notices the closed socket later.
            tokio::time::timeout(LEAVE, self.leave()).await.ok();
        }
        tracing::debug!(%reason, "connection to VPP is over");
        self.shared.fail(reason);
        self.shared.window.close();
        let shared = Arc::clone(&self.shared);
        // The reason stands; now whoever waits may see that nothing comes any more.
        drop(self);
        shared.ended.cancel();
    }

    async fn serve(&mut self) -> Disconnect {
        let mut chunk = vec![0; CHUNK];
        let mut calls = Vec::new();
        let period = self.timeouts.idle.min(self.timeouts.silence) / TICKS;
        let mut clock = tokio::time::interval(period.max(std::time::Duration::from_millis(1)));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.shared.stop.clone();
        loop {
            let unwritten = self.out.len() - self.written;
            let interest = if unwritten > 0 {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            let step = tokio::select! {
                // What has been read counts before the clock: after a pause of this process all
                // are late, but VPP is not to blame.
                biased;
                () = stop.cancelled() => return self.shared.why(),
                ready = self.stream.ready(interest) => match ready {
                    Ok(ready) if ready.is_readable() || ready.is_read_closed() => {
                        self.read(&mut chunk).and_then(|()| self.write())
                    }
                    Ok(_) => self.write(),
                    Err(error) => Err(Disconnect::Io(Arc::new(error))),
                },
                received = self.calls.recv_many(&mut calls, WINDOW), if unwritten < OUT_MAX => {
                    if received == 0 {
                        return Disconnect::Local;
                    }
                    self.start(&mut calls);
                    self.write()
                }
                now = clock.tick() => self.look_at_the_clock(now).and_then(|()| self.write()),
            };
            if let Err(reason) = step {
                return reason;
            }
        }
    }

    /// Takes leave, and waits until VPP has closed the connection.
    ///
    /// It must be asked to: VPP takes the end of a socket for nothing if the last error that it met
    /// anywhere was `EAGAIN`, and then looks at the dead socket in each of its loops for ever
    /// (`vl_socket_read_ready` in `src/vlibmemory/socket_api.c` of 26.06, which asks for `errno` after
    /// a read of 0 bytes).
    async fn leave(&mut self) {
        let Ok(id) = self.shared.table.id::<SockclntDelete>() else {
            return;
        };
        let index = self.shared.client_index;
        let header = self.shared.next_header();
        encode::request(&mut self.out, id, header, &SockclntDelete { index });
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.write().is_err() {
                return;
            }
            let interest = if self.out.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            if self.stream.ready(interest).await.is_err() {
                return;
            }
            match self.stream.try_read(&mut chunk) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    fn start(&mut self, calls: &mut Vec<Call>) {
        let now = Instant::now();
        for call in calls.drain(..) {
            self.out.extend_from_slice(&call.frames);
            self.pending.start(call.context, call.waiting, now);
        }
    }

    fn write(&mut self) -> Result<(), Disconnect> {
        while self.written < self.out.len() {
            let unwritten = self.out.get(self.written..).unwrap_or_default();
            match self.stream.try_write(unwritten) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Disconnect::Io(Arc::new(error))),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    fn read(&mut self, chunk: &mut [u8]) -> Result<(), Disconnect> {
        match self.stream.try_read(chunk) {
            Ok(0) => {
                return Err(Disconnect::Closed {
                    unfinished: self.decoder.unfinished(),
                });
            }
            Ok(read) => self.decoder.feed(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return Err(Disconnect::Closed {
                    unfinished: self.decoder.unfinished(),
                });
            }
            Err(error) => return Err(Disconnect::Io(Arc::new(error))),
        }
        self.heard = Instant::now();
        while let Some(message) = self.decoder.next_message()? {
            let Some(id) = decode::id(message) else {
                continue;
            };
            // Messages that we do not know can be answers to nothing that we sent.
            let Some(declared) = self.shared.table.message(id) else {
                tracing::trace!(id, "message of an unknown number from VPP");
                continue;
            };
            match declared.kind {
                Kind::Reply | Kind::Details => {
                    receive(&mut self.pending, declared, id, message)?;
                }
                Kind::Event if declared.name == SwInterfaceEvent::NAME => {
                    self.events.send(decode::event(message)?.1);
                }
                Kind::Request if declared.name == MemclntKeepalive::NAME => {
                    answer_keepalive(&self.shared, message, &mut self.out)?;
                }
                Kind::Event | Kind::Request | Kind::Bare => {
                    tracing::debug!(message = declared.name, "unexpected message from VPP");
                }
            }
        }
        Ok(())
    }

    fn look_at_the_clock(&mut self, now: Instant) -> Result<(), Disconnect> {
        let silent_for = now.saturating_duration_since(self.heard);
        if let Some((message, since)) = self.pending.oldest() {
            if silent_for >= self.timeouts.silence
                && now.saturating_duration_since(since) >= self.timeouts.silence
            {
                return Err(Disconnect::Silent {
                    after: self.timeouts.silence,
                });
            }
            if now.saturating_duration_since(since) >= self.timeouts.answer {
                return Err(Disconnect::Unanswered {
                    message,
                    after: self.timeouts.answer,
                });
            }
        }
        if self.pending.is_empty() && silent_for >= self.timeouts.idle {
            self.ping(now);
        }
        Ok(())
    }

    /// Something under way is a ping by itself; only an idle connection needs one.
    fn ping(&mut self, now: Instant) {
        let (Ok(id), Ok(reply_id)) = (
            self.shared.table.id::<ControlPing>(),
            self.shared.table.id::<ControlPingReply>(),
        ) else {
            return;
        };
        let header = self.shared.next_header();
        encode::request(&mut self.out, id, header, &ControlPing {});
        let waiting = Waiting {
            message: ControlPing::NAME,
            reply_id,
            details_id: None,
            answer: None,
            permit: None,
        };
        self.pending.start(header.context, waiting, now);
    }
}

fn receive(
    pending: &mut Pending,
    declared: Declared,
    id: u16,
    message: &[u8],
) -> Result<(), Disconnect> {
    let unexpected = |context| Disconnect::Unexpected {
        message: declared.name,
        context,
    };
    let context = decode::context(message).ok_or_else(|| unexpected(0))?;
    pending
        .receive(id, context, message)
        .map_err(|_| unexpected(context))
}

fn answer_keepalive(shared: &Shared, message: &[u8], out: &mut Vec<u8>) -> Result<(), Disconnect> {
    let (RequestHeader { context, .. }, _) = decode::request::<MemclntKeepalive>(message)?;
    if let Ok(id) = shared.table.id::<MemclntKeepaliveReply>() {
        let header = ReplyHeader {
            context,
            retval: Retval::OK,
        };
        encode::reply(out, id, header, &MemclntKeepaliveReply {});
    }
    Ok(())
}
