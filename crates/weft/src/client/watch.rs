//! `/v1/watch`, followed for ever: a stream that breaks is resumed where it broke.
//!
//! Invariant: the revision at which the next stream begins is one whose changes have all been given
//! out, so nothing is missed and nothing is given twice. Only where the server has no history any
//! more it begins anew, with a snapshot.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use weft_model::HostName;
use weft_server::{ErrorCode, WatchEvent};

use super::Client;

/// Longest line that is taken, far above any record's.
const MAX_LINE: usize = 1 << 20;

/// How long is waited before a stream is opened again, at first and at most.
const RETRY: Duration = Duration::from_millis(200);
const RETRY_AT_MOST: Duration = Duration::from_secs(5);

/// Silence after which a stream counts as broken: the server speaks every ten seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// What was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    /// An event.
    Event(Box<WatchEvent>),
    /// The stream broke; it goes on as soon as it can.
    Broken(String),
    /// The history is gone: a snapshot follows.
    Anew,
}

/// A watch that does not end.
#[derive(Debug)]
pub(crate) struct Watch {
    client: Client,
    host: Option<HostName>,
    kinds: &'static str,
    /// Everything up to here was given out; 0 if nothing is known.
    revision: i64,
    /// Something has come: from now on what fails is an outage, not a wrong address.
    has_begun: bool,
    stream: Option<Stream>,
    wait: Duration,
}

#[derive(Debug)]
struct Stream {
    response: Response,
    lines: VecDeque<Vec<u8>>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
}

impl Watch {
    /// Follows the records of `kinds` (words of the API, separated by commas).
    pub(crate) fn new(client: Client, kinds: &'static str, host: Option<HostName>) -> Self {
        Self {
            client,
            host,
            kinds,
            revision: 0,
            has_begun: false,
            stream: None,
            wait: Duration::ZERO,
        }
    }

    /// What comes next. An error only if the server refuses the watch itself before anything came.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Heard> {
        loop {
            if self.stream.is_none() {
                tokio::time::sleep(self.wait).await;
                let opened = tokio::time::timeout(SILENCE, self.open()).await;
                let silent = |_| Err(anyhow::anyhow!("the server is silent"));
                match opened.unwrap_or_else(silent) {
                    Ok(stream) => self.stream = stream,
                    Err(error) if !self.has_begun => return Err(error),
                    Err(error) => return Ok(self.broken(error.to_string())),
                }
                if self.stream.is_none() {
                    self.revision = 0;
                    return Ok(Heard::Anew);
                }
            }
            let Some(stream) = &mut self.stream else {
                continue;
            };
            let line = match tokio::time::timeout(SILENCE, stream.line()).await {
                Err(_) => Err("the server is silent".to_owned()),
                Ok(line) => line,
            };
            let event = line.and_then(|line| {
                serde_json::from_slice(&line).map_err(|error| format!("a line is illegal: {error}"))
            });
            match event {
                Err(reason) => return Ok(self.broken(reason)),
                Ok(WatchEvent::Error { error, .. }) if error.code == ErrorCode::Compacted => {
                    (self.stream, self.revision) = (None, 0);
                    return Ok(Heard::Anew);
                }
                Ok(WatchEvent::Error { error, .. }) => return Ok(self.broken(error.message)),
                Ok(WatchEvent::End { .. }) => return Ok(self.broken("the server stops".to_owned())),
                Ok(event) => {
                    self.wait = Duration::ZERO;
                    self.has_begun = true;
                    self.revision = covered(&event).unwrap_or(self.revision);
                    return Ok(Heard::Event(Box::new(event)));
                }
            }
        }
    }

    /// Opens a stream; `None` if the server has no history after our revision.
    async fn open(&self) -> anyhow::Result<Option<Stream>> {
        let mut request = self
            .client
            .request(Method::GET, &["watch"])?
            .query(&[("kind", self.kinds)]);
        if let Some(host) = &self.host {
            request = request.query(&[("host", host.as_str())]);
        }
        if self.revision > 0 {
            request = request.query(&[("revision", self.revision)]);
            let response = request
                .send()
                .await
                .map_err(|e| self.client.unreachable(&e))?;
            return match response.status() {
                StatusCode::GONE => Ok(None),
                StatusCode::OK => Ok(Some(Stream::new(response))),
                status => anyhow::bail!("the server answers {status}"),
            };
        }
        Ok(Some(Stream::new(self.client.send(request).await?)))
    }

    fn broken(&mut self, reason: String) -> Heard {
        self.stream = None;
        self.wait = (self.wait * 2).clamp(RETRY, RETRY_AT_MOST);
        Heard::Broken(reason)
    }
}

/// The revision up to which all has come with this event, if it says so.
fn covered(event: &WatchEvent) -> Option<i64> {
    match event {
        WatchEvent::Put(event) | WatchEvent::Delete(event) => {
            (!event.more).then_some(event.revision)
        }
        WatchEvent::Synced { revision }
        | WatchEvent::Progress { revision }
        | WatchEvent::Connected { revision } => Some(*revision),
        WatchEvent::Disconnected { .. } | WatchEvent::Error { .. } | WatchEvent::End { .. } => None,
    }
}

impl Stream {
    fn new(response: Response) -> Self {
        Self {
            response,
            lines: VecDeque::new(),
            rest: Vec::new(),
        }
    }

    /// The next line. Keeps what it has if it is not waited for to the end.
    async fn line(&mut self) -> Result<Vec<u8>, String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(line);
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.take(&bytes)?,
                Ok(None) => return Err("the server closed the stream".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        split_lines(&mut self.rest, &mut self.lines, bytes);
        if self.rest.len() > MAX_LINE {
            return Err(format!("a line is longer than {MAX_LINE} bytes"));
        }
        Ok(())
    }
}

/// Adds `bytes` to `rest` and moves whole lines from there to `lines`, without empty ones.
fn split_lines(rest: &mut Vec<u8>, lines: &mut VecDeque<Vec<u8>>, bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    rest.extend(parts.next().unwrap_or_default());
    for part in parts {
        let line = std::mem::replace(rest, part.to_vec());
        if !line.is_empty() {
            lines.push_back(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\n{\"c\"";
        for cut in 0..text.len() {
            let (mut rest, mut lines) = (Vec::new(), VecDeque::new());
            let (left, right) = text.split_at(cut);
            split_lines(&mut rest, &mut lines, left);
            split_lines(&mut rest, &mut lines, right);
            assert_eq!(
                lines,
                [b"{\"a\":1}".to_vec(), b"{\"b\":2}".to_vec()],
                "{cut}"
            );
            assert_eq!(rest, b"{\"c\"");
        }
    }

    #[test]
    fn a_watch_resumes_only_between_transactions() {
        let event = |line: &str| covered(&serde_json::from_str(line).unwrap());
        let put = r#""kind":"port","host":"h","id":"a","mod_revision":7,"value":{}"#;
        assert_eq!(
            event(&format!(
                r#"{{"type":"put","revision":7,"more":true,{put}}}"#
            )),
            None
        );
        assert_eq!(
            event(&format!(r#"{{"type":"put","revision":7,{put}}}"#)),
            Some(7)
        );
        assert_eq!(event(r#"{"type":"synced","revision":9}"#), Some(9));
        assert_eq!(
            event(r#"{"type":"disconnected","revision":9,"reason":"x"}"#),
            None
        );
    }
}
