//! The three ways to ask: request, dump, dump in portions.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;
use weft_vpp_wire::messages::memclnt::{ControlPing, ControlPingReply};
use weft_vpp_wire::messages::vlib::CliInband;
use weft_vpp_wire::{
    CursorGet, DecodeError, Details, Dump, Reply, ReplyHeader, Request, RequestHeader, Retval,
    decode, encode,
};

use super::calls::{Closed, Expected, Messages};
use super::{Connection, Shared};
use crate::error::{CallError, Disconnect};

impl Connection {
    /// Sends a request and waits for its reply. Requests that are waited for together (as by
    /// `futures::future::join_all`) are sent together.
    #[allow(
        clippy::manual_async_fn,
        reason = "an `async fn` has room for its argument twice, and operations wait by the hundred"
    )]
    pub fn request<R: Request>(
        &self,
        request: R,
    ) -> impl Future<Output = Result<R::Reply, CallError>> {
        async move {
            let (retval, reply) = self.exchange(&request).await?;
            if retval.is_error() {
                return Err(CallError::Refused {
                    message: R::NAME,
                    retval,
                });
            }
            Ok(reply)
        }
    }

    /// Has VPP's debug CLI carry out a command; gives what it printed, and whether it failed. Also a
    /// command that fails prints, namely why.
    pub async fn cli(&self, command: &str) -> Result<(Retval, String), CallError> {
        let cmd = command.into();
        let (retval, reply) = self.exchange(&CliInband { cmd }).await?;
        Ok((retval, reply.reply.to_str().into_owned()))
    }

    /// Sends a request and waits for its reply, whatever the return value.
    pub(crate) async fn exchange<R: Request>(
        &self,
        request: &R,
    ) -> Result<(Retval, R::Reply), CallError> {
        let table = &self.shared.table;
        let id = table.id::<R>()?;
        let expected = Expected {
            message: R::NAME,
            reply_id: table.id::<R::Reply>()?,
            details_id: None,
        };
        let encode = |out: &mut Vec<u8>, header| encode::request(out, id, header, request);
        let (retval, reply, _) = self.call(expected, encode).await?;
        Ok((retval, reply))
    }

    /// Asks for all there is. VPP does not mark the end of a dump, so that a ping goes out behind
    /// it, whose reply comes last. No details at all may also mean that VPP refused the request: a
    /// dump has no return value.
    pub async fn dump<D: Dump>(&self, dump: D) -> Result<Vec<D::Details>, CallError> {
        let table = &self.shared.table;
        let (id, ping_id) = (table.id::<D>()?, table.id::<ControlPing>()?);
        let expected = Expected {
            message: D::NAME,
            reply_id: table.id::<ControlPingReply>()?,
            details_id: Some(table.id::<D::Details>()?),
        };
        let encode = |out: &mut Vec<u8>, header| {
            encode::request(out, id, header, &dump);
            encode::request(out, ping_id, header, &ControlPing {});
        };
        let call = self.call::<ControlPingReply>(expected, encode);
        let (retval, _, details) = call.await?;
        if retval.is_error() {
            return Err(CallError::Refused {
                message: D::NAME,
                retval,
            });
        }
        self.details(&details)
    }

    /// Asks for all there is, portion by portion, until VPP says that it was the last.
    pub async fn get<G: CursorGet>(&self, get: G) -> Result<Vec<G::Details>, CallError> {
        let table = &self.shared.table;
        let id = table.id::<G>()?;
        let expected = Expected {
            message: G::NAME,
            reply_id: table.id::<G::Reply>()?,
            details_id: Some(table.id::<G::Details>()?),
        };
        let mut all = Vec::new();
        let mut cursor = G::START;
        loop {
            let encode = |out: &mut Vec<u8>, header| {
                encode::request(out, id, header, &get.at(cursor));
            };
            let call = self.call::<G::Reply>(expected, encode);
            let (retval, reply, details) = call.await?;
            all.extend(self.details::<G::Details>(&details)?);
            match retval {
                Retval::EAGAIN => {
                    let next = G::next(&reply);
                    if next == cursor {
                        let reason = Disconnect::Stuck { message: G::NAME };
                        self.shared.fail(reason.clone());
                        return Err(CallError::Disconnected(reason));
                    }
                    cursor = next;
                }
                retval if retval.is_error() => {
                    return Err(CallError::Refused {
                        message: G::NAME,
                        retval,
                    });
                }
                _ => return Ok(all),
            }
        }
    }

    /// A call: what `encode` writes goes out, and what ends it is an `R`. Answers it with its return
    /// value, and the details that came before.
    fn call<R: Reply>(
        &self,
        expected: Expected,
        encode: impl FnOnce(&mut Vec<u8>, RequestHeader) + Unpin,
    ) -> impl Future<Output = Result<(Retval, R, Messages), CallError>> {
        let shared = &*self.shared;
        async move {
            let over = || shared.over(expected.message);
            // Nobody who waits is overtaken: as long as anybody does, no place is free.
            let place = if let Ok(place) = shared.window.try_acquire() {
                place
            } else {
                let place = Box::pin(shared.window.acquire());
                place.await.map_err(|_| over())?
            };
            // The task gives it back when the call is over, which may be after its caller has gone.
            place.forget();
            let call = Call {
                shared,
                expected,
                encode: Some(encode),
                under_way: None,
                reply: PhantomData,
            };
            let (reply, details) = call.await.map_err(|Closed| over())?;
            let (header, reply) = reply.map_err(|error| self.malformed(error))?;
            Ok((header.retval, reply, details))
        }
    }

    fn details<D: Details>(&self, details: &Messages) -> Result<Vec<D>, CallError> {
        let messages = details.iter();
        // There may be tens of thousands, and a fallible `collect` does not know how many.
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            let (_, details) = decode::details(message).map_err(|error| self.malformed(error))?;
            all.push(details);
        }
        Ok(all)
    }

    fn malformed(&self, error: DecodeError) -> CallError {
        self.shared.fail(Disconnect::Decode(error));
        CallError::Malformed(error)
    }
}

/// A call that has a place in the window: begins when it is polled first, and ends with an `R`.
struct Call<'a, E, R> {
    shared: &'a Shared,
    expected: Expected,
    /// Until it begins.
    encode: Option<E>,
    /// Its context, from then on until it is over.
    under_way: Option<u32>,
    reply: PhantomData<fn() -> R>,
}

impl<E, R> Future for Call<'_, E, R>
where
    E: FnOnce(&mut Vec<u8>, RequestHeader) + Unpin,
    R: Reply,
{
    type Output = Result<(Result<(ReplyHeader, R), DecodeError>, Messages), Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        if let Some(encode) = self.encode.take() {
            let (now, caller) = (Instant::now(), cx.waker().clone());
            let begun = shared.calls().begin(self.expected, now, caller, encode);
            self.under_way = Some(begun?);
            shared.unwritten.notify_one();
            return Poll::Pending;
        }
        let context = self.under_way.ok_or(Closed)?;
        let mut calls = shared.calls();
        let answer = calls.poll(context, cx.waker(), decode::reply::<R>);
        drop(calls);
        if answer.is_ready() {
            self.under_way = None;
        }
        answer
    }
}

impl<E, R> Drop for Call<'_, E, R> {
    fn drop(&mut self) {
        if let Some(context) = self.under_way {
            self.shared.calls().abandon(context);
        }
    }
}

impl Shared {
    /// What the end of the connection means to a call for `message`.
    fn over(&self, message: &'static str) -> CallError {
        match self.why() {
            Disconnect::Unanswered {
                message: unanswered,
                after,
            } if unanswered == message => CallError::TimedOut { message, after },
            reason => CallError::Disconnected(reason),
        }
    }
}
