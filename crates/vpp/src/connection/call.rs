//! The three ways to ask: request, dump, dump in portions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use weft_vpp_wire::messages::memclnt::{ControlPing, ControlPingReply};
use weft_vpp_wire::messages::vlib::CliInband;
use weft_vpp_wire::{
    CursorGet, DecodeError, Details, Dump, Reply, Request, RequestHeader, Retval, decode, encode,
};

use super::pending::{Answer, Call, Waiting};
use super::{Connection, Shared};
use crate::error::{CallError, Disconnect};

impl Connection {
    /// Sends a request and waits for its reply. Requests that are waited for together (as by
    /// `futures::future::join_all`) are sent together.
    pub async fn request<R: Request>(&self, request: R) -> Result<R::Reply, CallError> {
        let (retval, reply) = self.exchange(request).await?;
        if retval.is_error() {
            return Err(CallError::Refused {
                message: R::NAME,
                retval,
            });
        }
        Ok(reply)
    }

    /// Has VPP's debug CLI carry out a command; gives what it printed, and whether it failed. Also a
    /// command that fails prints, namely why.
    pub async fn cli(&self, command: &str) -> Result<(Retval, String), CallError> {
        let cmd = command.into();
        let (retval, reply) = self.exchange(CliInband { cmd }).await?;
        Ok((retval, reply.reply.to_str().into_owned()))
    }

    /// Sends a request and waits for its reply, whatever the return value.
    pub(crate) async fn exchange<R: Request>(
        &self,
        request: R,
    ) -> Result<(Retval, R::Reply), CallError> {
        let header = self.shared.next_header();
        let mut frames = Vec::new();
        encode::request(&mut frames, self.shared.table.id::<R>()?, header, &request);
        let expected = Expected {
            message: R::NAME,
            reply_id: self.shared.table.id::<R::Reply>()?,
            details_id: None,
        };
        let answer = self.call(frames, header.context, expected).await?;
        self.reply::<R::Reply>(&answer)
    }

    /// Asks for all there is. VPP does not mark the end of a dump, so that a ping goes out behind
    /// it, whose reply comes last. No details at all may also mean that VPP refused the request: a
    /// dump has no return value.
    pub async fn dump<D: Dump>(&self, dump: D) -> Result<Vec<D::Details>, CallError> {
        let table = &self.shared.table;
        let header = self.shared.next_header();
        let mut frames = Vec::new();
        encode::request(&mut frames, table.id::<D>()?, header, &dump);
        encode::request(
            &mut frames,
            table.id::<ControlPing>()?,
            header,
            &ControlPing {},
        );
        let expected = Expected {
            message: D::NAME,
            reply_id: table.id::<ControlPingReply>()?,
            details_id: Some(table.id::<D::Details>()?),
        };
        let answer = self.call(frames, header.context, expected).await?;
        let (retval, ControlPingReply { .. }) = self.reply(&answer)?;
        if retval.is_error() {
            return Err(CallError::Refused {
                message: D::NAME,
                retval,
            });
        }
        self.details(&answer)
    }

    /// Asks for all there is, portion by portion, until VPP says that it was the last.
    pub async fn get<G: CursorGet>(&self, get: G) -> Result<Vec<G::Details>, CallError> {
        let table = &self.shared.table;
        let mut all = Vec::new();
        let mut cursor = G::START;
        loop {
            let header = self.shared.next_header();
            let mut frames = Vec::new();
            encode::request(&mut frames, table.id::<G>()?, header, &get.at(cursor));
            let expected = Expected {
                message: G::NAME,
                reply_id: table.id::<G::Reply>()?,
                details_id: Some(table.id::<G::Details>()?),
            };
            let answer = self.call(frames, header.context, expected).await?;
            let (retval, reply) = self.reply::<G::Reply>(&answer)?;
            all.extend(self.details::<G::Details>(&answer)?);
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

    async fn call(
        &self,
        frames: Vec<u8>,
        context: u32,
        expected: Expected,
    ) -> Result<Answer, CallError> {
        let over = |_| self.shared.over(expected.message);
        let window = Arc::clone(&self.shared.window);
        let permit = window.acquire_owned().await.map_err(over)?;
        let (sender, receiver) = oneshot::channel();
        let call = Call {
            frames,
            context,
            waiting: Waiting {
                message: expected.message,
                reply_id: expected.reply_id,
                details_id: expected.details_id,
                answer: Some(sender),
                permit: Some(permit),
            },
        };
        let over = |_| self.shared.over(expected.message);
        self.calls.send(call).await.map_err(over)?;
        receiver
            .await
            .map_err(|_| self.shared.over(expected.message))
    }

    fn reply<R: Reply>(&self, answer: &Answer) -> Result<(Retval, R), CallError> {
        let (header, reply) =
            decode::reply::<R>(&answer.reply).map_err(|error| self.malformed(error))?;
        Ok((header.retval, reply))
    }

    fn details<D: Details>(&self, answer: &Answer) -> Result<Vec<D>, CallError> {
        answer
            .details
            .iter()
            .map(|message| match decode::details(message) {
                Ok((_, details)) => Ok(details),
                Err(error) => Err(self.malformed(error)),
            })
            .collect()
    }

    fn malformed(&self, error: DecodeError) -> CallError {
        self.shared.fail(Disconnect::Decode(error));
        CallError::Malformed(error)
    }
}

/// Which messages are the answer.
#[derive(Debug, Clone, Copy)]
struct Expected {
    message: &'static str,
    reply_id: u16,
    details_id: Option<u16>,
}

impl Shared {
    /// A header with a context of its own.
    pub(super) fn next_header(&self) -> RequestHeader {
        RequestHeader {
            client_index: self.client_index,
            context: self.next_context.fetch_add(1, Ordering::Relaxed),
        }
    }

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
