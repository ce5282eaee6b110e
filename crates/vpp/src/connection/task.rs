//! The task of a connection: moves bytes, matches contexts, keeps an eye on VPP's life.

use std::io::ErrorKind;
use std::sync::Arc;
use std::task::Waker;

use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::{Instant, MissedTickBehavior};
use weft_vpp_wire::messages::interface::SwInterfaceEvent;
use weft_vpp_wire::messages::memclnt::{
    ControlPing, ControlPingReply, MemclntKeepalive, MemclntKeepaliveReply, SockclntDelete,
};
use weft_vpp_wire::{
    FrameDecoder, Kind, Message, ReplyHeader, RequestHeader, Retval, decode, encode,
};

use super::calls::{Calls, Expected, Received, Unexpected};
use super::events::Sink;
use super::{Shared, Timeouts};
use crate::error::Disconnect;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// The memory that is kept for bytes to be written while there are none.
const OUT_KEPT: usize = 256 * 1024;
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
    events: Sink,
    timeouts: Timeouts,
    out: Vec<u8>,
    /// Bytes at the front of `out` that are written.
    written: usize,
    /// Those who wait for calls that are over, to be told at once.
    ended: Vec<Option<Waker>>,
    /// When VPP last sent anything.
    heard: Instant,
}

impl Task {
    pub(super) fn new(
        stream: UnixStream,
        decoder: FrameDecoder,
        shared: Arc<Shared>,
        events: Sink,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            stream,
            decoder,
            shared,
            events,
            timeouts,
            out: Vec::new(),
            written: 0,
            ended: Vec::new(),
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
        // The reason stands; now whoever waits may see that nothing comes any more.
        self.shared.fail(reason);
    }

    async fn serve(&mut self) -> Disconnect {
        let mut chunk = vec![0; CHUNK];
        let period = self.timeouts.idle.min(self.timeouts.silence) / TICKS;
        let mut clock = tokio::time::interval(period.max(std::time::Duration::from_millis(1)));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = Arc::clone(&self.shared);
        loop {
            let interest = if self.written < self.out.len() {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            let step = tokio::select! {
                // What has been read counts before the clock: after a pause of this process all
                // are late, but VPP is not to blame.
                biased;
                () = shared.stop.cancelled() => return shared.why(),
                ready = self.stream.ready(interest) => match ready {
                    Ok(ready) if ready.is_readable() || ready.is_read_closed() => {
                        self.read(&mut chunk).and_then(|()| self.write())
                    }
                    Ok(_) => self.write(),
                    Err(error) => Err(Disconnect::Io(Arc::new(error))),
                },
                () = shared.unwritten.notified() => self.write(),
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
        self.shared.calls().write(|out, header| {
            let index = header.client_index;
            encode::request(out, id, header, &SockclntDelete { index });
        });
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

    /// Writes what there is, as far as the socket takes it.
    fn write(&mut self) -> Result<(), Disconnect> {
        loop {
            if self.written == self.out.len() {
                self.written = 0;
                self.out.clear();
                self.out.shrink_to(OUT_KEPT);
                let empty = std::mem::take(&mut self.out);
                self.out = self.shared.calls().take_unwritten(empty);
                if self.out.is_empty() {
                    return Ok(());
                }
            }
            let unwritten = self.out.get(self.written..).unwrap_or_default();
            match self.stream.try_write(unwritten) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Disconnect::Io(Arc::new(error))),
            }
        }
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
        let taken = self.take_messages();
        self.shared.window.add_permits(self.ended.len());
        for waker in self.ended.drain(..).flatten() {
            waker.wake();
        }
        taken
    }

    /// Takes in all messages that have arrived.
    fn take_messages(&mut self) -> Result<(), Disconnect> {
        let mut calls = self.shared.calls();
        while let Some(message) = self.decoder.next_message()? {
            let Some(id) = decode::id(message) else {
                continue;
            };
            let context = decode::context(message).ok_or(Unexpected);
            match context.and_then(|context| calls.receive(id, context, message)) {
                Ok(Received::More) => {}
                Ok(Received::Ended(waker)) => self.ended.push(waker),
                Err(Unexpected) => take_other(&self.shared, &self.events, &mut calls, id, message)?,
            }
        }
        Ok(())
    }

    fn look_at_the_clock(&mut self, now: Instant) -> Result<(), Disconnect> {
        let silent_for = now.saturating_duration_since(self.heard);
        let oldest = self.shared.calls().oldest();
        match oldest {
            Some((message, since)) => {
                let waited = now.saturating_duration_since(since);
                if silent_for >= self.timeouts.silence && waited >= self.timeouts.silence {
                    return Err(Disconnect::Silent {
                        after: self.timeouts.silence,
                    });
                }
                if waited >= self.timeouts.answer {
                    return Err(Disconnect::Unanswered {
                        message,
                        after: self.timeouts.answer,
                    });
                }
            }
            // What is under way is a ping by itself; only an idle connection needs one.
            None if silent_for >= self.timeouts.idle => self.ping(now),
            None => {}
        }
        Ok(())
    }

    fn ping(&self, now: Instant) {
        let table = &self.shared.table;
        let (Ok(id), Ok(reply_id)) = (table.id::<ControlPing>(), table.id::<ControlPingReply>())
        else {
            return;
        };
        let Ok(place) = self.shared.window.try_acquire() else {
            return;
        };
        let expected = Expected {
            message: ControlPing::NAME,
            reply_id,
            details_id: None,
        };
        let mut calls = self.shared.calls();
        let encode = |out: &mut Vec<u8>, header| encode::request(out, id, header, &ControlPing {});
        if let Ok(context) = calls.begin(expected, now, Waker::noop().clone(), encode) {
            place.forget();
            calls.abandon(context);
        }
    }
}

impl Drop for Task {
    /// Nothing comes any more. It may be that the runtime shuts down, and the task was never to end.
    fn drop(&mut self) {
        self.shared.window.close();
        let waiting = self.shared.calls().close();
        for waker in waiting {
            waker.wake();
        }
        self.shared.ended.cancel();
    }
}

/// Takes in a message that is no answer to any call under way.
fn take_other(
    shared: &Shared,
    events: &Sink,
    calls: &mut Calls,
    id: u16,
    message: &[u8],
) -> Result<(), Disconnect> {
    // Messages that we do not know can be answers to nothing that we sent.
    let Some(declared) = shared.table.message(id) else {
        tracing::trace!(id, "message of an unknown number from VPP");
        return Ok(());
    };
    match declared.kind {
        Kind::Reply | Kind::Details => {
            return Err(Disconnect::Unexpected {
                message: declared.name,
                context: decode::context(message).unwrap_or_default(),
            });
        }
        Kind::Event if declared.name == SwInterfaceEvent::NAME => {
            events.send(decode::event(message)?.1);
        }
        Kind::Request if declared.name == MemclntKeepalive::NAME => {
            answer_keepalive(shared, message, calls)?;
        }
        Kind::Event | Kind::Request | Kind::Bare => {
            tracing::debug!(message = declared.name, "unexpected message from VPP");
        }
    }
    Ok(())
}

fn answer_keepalive(shared: &Shared, message: &[u8], calls: &mut Calls) -> Result<(), Disconnect> {
    let (RequestHeader { context, .. }, _) = decode::request::<MemclntKeepalive>(message)?;
    if let Ok(id) = shared.table.id::<MemclntKeepaliveReply>() {
        let header = ReplyHeader {
            context,
            retval: Retval::OK,
        };
        calls.write(|out, _| encode::reply(out, id, header, &MemclntKeepaliveReply {}));
    }
    Ok(())
}
