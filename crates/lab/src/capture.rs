//! Frames on a cable, as they arrive at one end of it.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use weft_model::Mac;
use weft_packet::BufferPool;
use weft_ports::{NetNs, PacketPort, PacketPortConfig, PacketRx, RxScratch};

use crate::error::LabError;
use crate::namespace::Namespace;

/// Most frames that are kept; later ones are not.
const KEPT: usize = 100_000;

/// What arrives at a device from its cable, from when the capture is started until it is dropped.
/// What leaves by the device is not seen; for that, look at the other end.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Mutex<Vec<CapturedFrame>>>,
    /// Closed, it ends the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// Destination address.
    pub destination: Mac,
    /// Source address.
    pub source: Mac,
    /// Identifier in the outer 802.1Q tag.
    pub vlan: Option<u16>,
    /// EtherType behind the tag.
    pub ether_type: u16,
}

impl Capture {
    /// Begins to watch `device` of `namespace`.
    pub fn start(namespace: &Namespace, device: &str) -> Result<Self, LabError> {
        let config = PacketPortConfig {
            host_if_name: device.to_owned(),
            ..PacketPortConfig::default()
        };
        let (port, rx) = NetNs::open(namespace.name())?.run(|| PacketPort::open(&config))?;
        let (stopped, stop) = pipe().map_err(LabError::file("make a pipe for", device.as_ref()))?;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&frames);
        let thread = std::thread::spawn(move || {
            receive(rx, &stopped, &into);
            drop(port);
        });
        Ok(Self {
            frames,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What has arrived so far.
    pub fn frames(&self) -> Vec<CapturedFrame> {
        self.frames
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl CapturedFrame {
    /// Reads the head of an Ethernet frame (IEEE 802.3 §3.2, 802.1Q §9.3).
    fn parse(bytes: &[u8]) -> Option<Self> {
        const TPID: u16 = 0x8100;
        let (destination, rest) = bytes.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (&ether_type, rest) = rest.split_first_chunk()?;
        let mut ether_type = u16::from_be_bytes(ether_type);
        let mut vlan = None;
        if ether_type == TPID {
            let (&tag, rest) = rest.split_first_chunk()?;
            vlan = Some(u16::from_be_bytes(tag) & 0xfff);
            ether_type = u16::from_be_bytes(*rest.first_chunk()?);
        }
        Some(Self {
            destination: Mac::new(*destination),
            source: Mac::new(*source),
            vlan,
            ether_type,
        })
    }
}

/// Takes frames out of the socket until the other end of `stopped` is closed.
fn receive(mut rx: PacketRx, stopped: &PipeReader, frames: &Mutex<Vec<CapturedFrame>>) {
    let mut pool = BufferPool::new(512);
    let mut scratch = RxScratch::default();
    let mut packets = Vec::new();
    loop {
        let socket = PollFd::from_borrowed_fd(rx.as_fd(), PollFlags::IN);
        let mut events = [socket, PollFd::new(stopped, PollFlags::IN)];
        if !matches!(poll(&mut events, None), Ok(_) | Err(Errno::INTR)) {
            return;
        }
        let [_, stop] = &events;
        let is_stopped = !stop.revents().is_empty();
        // What had arrived before the end is still taken.
        rx.rx(&mut pool, &mut scratch, &mut packets, 256);
        {
            let mut frames = frames.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT.saturating_sub(frames.len());
            let heads = packets
                .iter()
                .filter_map(|&p| CapturedFrame::parse(pool.data(p)));
            frames.extend(heads.take(room));
        }
        pool.free_many(&packets);
        packets.clear();
        if is_stopped {
            return;
        }
        let _ = rx.take_error();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_with_and_without_a_tag() {
        let mut bytes = vec![
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1,
        ];
        let plain = CapturedFrame::parse(&bytes).unwrap();
        assert_eq!((plain.vlan, plain.ether_type), (None, 0x0806));
        bytes.splice(12..12, [0x81, 0, 0xe0, 100]);
        let tagged = CapturedFrame::parse(&bytes).unwrap();
        assert_eq!((tagged.vlan, tagged.ether_type), (Some(100), 0x0806));
        assert_eq!(
            CapturedFrame {
                vlan: None,
                ..tagged
            },
            plain
        );
        assert_eq!(CapturedFrame::parse(&bytes[..17]), None);
    }
}
