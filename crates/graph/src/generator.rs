//! The packet generator: streams of template packets, to test and to measure (VPP's `packet-generator`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use weft_packet::SwIfIndex;

use crate::tables::{TableError, Tables};

/// What a stream sends.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// Name, unique.
    pub name: String,
    /// The interface on which the packets seem to be received.
    pub rx: SwIfIndex,
    /// Frames from the destination address on, sent in turn.
    pub packets: Vec<Vec<u8>>,
    /// How many packets to send in all; `None` is endless.
    pub limit: Option<u64>,
    /// The worker that sends it.
    pub worker: usize,
}

/// A stream as the control thread and its worker share it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) config: StreamConfig,
    enabled: AtomicBool,
    sent: AtomicU64,
}

impl Stream {
    /// How many packets are due now, up to `most`, and the number of the first; counts them as sent.
    pub(crate) fn take(&self, most: usize) -> (u64, usize) {
        let sent = self.sent.load(Ordering::Relaxed);
        if !self.enabled.load(Ordering::Relaxed) || self.config.packets.is_empty() {
            return (sent, 0);
        }
        let left = self
            .config
            .limit
            .map_or(u64::MAX, |limit| limit.saturating_sub(sent));
        let now = left.min(most as u64);
        self.sent.store(sent + now, Ordering::Relaxed);
        (sent, now as usize)
    }

    /// The template of packet number `number`.
    pub(crate) fn template(&self, number: u64) -> &[u8] {
        let count = self.config.packets.len() as u64;
        let at = (number % count.max(1)) as usize;
        self.config.packets.get(at).map_or(&[], Vec::as_slice)
    }
}

impl Tables {
    /// Adds a stream, disabled, in place of one of the same name. Published like all else.
    pub fn set_stream(&mut self, config: StreamConfig) -> Result<(), TableError> {
        self.interface(config.rx)
            .ok_or(TableError::NoInterface(config.rx))?;
        self.streams
            .retain(|stream| stream.config.name != config.name);
        let stream = Stream {
            config,
            enabled: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        };
        self.streams.push(std::sync::Arc::new(stream));
        Ok(())
    }

    /// Removes a stream.
    pub fn delete_stream(&mut self, name: &str) {
        self.streams.retain(|stream| stream.config.name != name);
    }

    /// Starts or stops a stream, all of them with `None`. Takes effect at once.
    pub fn enable_stream(&self, name: Option<&str>, on: bool) {
        for stream in &self.streams {
            if name.is_none_or(|name| name == stream.config.name) {
                stream.enabled.store(on, Ordering::Relaxed);
            }
        }
    }

    /// How many packets a stream has sent.
    pub fn stream_sent(&self, name: &str) -> Option<u64> {
        let stream = self
            .streams
            .iter()
            .find(|stream| stream.config.name == name)?;
        Some(stream.sent.load(Ordering::Relaxed))
    }
}
