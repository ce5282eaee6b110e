//! Frames: vectors of packets on their way to one node.

use std::collections::VecDeque;

use weft_packet::BufferIndex;

use crate::node::{Nexts, NodeId};

/// Most packets of a frame (`VLIB_FRAME_SIZE`).
pub const FRAME_SIZE: usize = 256;

/// A vector of packets.
#[derive(Debug)]
pub(crate) struct Frame {
    len: usize,
    packets: Box<[BufferIndex; FRAME_SIZE]>,
}

/// Frames that wait for each node.
#[derive(Debug)]
pub(crate) struct Pending {
    /// In the order in which they came, so that a flow's packets keep theirs.
    by_node: [VecDeque<Frame>; NodeId::COUNT],
    /// Emptied frames, to be used again.
    spare: Vec<Frame>,
}

/// Frames kept for later use; more are given back to the allocator.
const SPARE_MAX: usize = 64;

impl Frame {
    fn new() -> Self {
        Self {
            len: 0,
            packets: Box::new([BufferIndex::PLACEHOLDER; FRAME_SIZE]),
        }
    }

    #[inline]
    pub(crate) fn packets(&self) -> &[BufferIndex] {
        &self.packets[..self.len.min(FRAME_SIZE)]
    }

    fn room(&self) -> usize {
        FRAME_SIZE - self.len
    }

    #[inline]
    fn extend(&mut self, packets: &[BufferIndex]) {
        self.packets[self.len..self.len + packets.len()].copy_from_slice(packets);
        self.len += packets.len();
    }
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            by_node: std::array::from_fn(|_| VecDeque::new()),
            spare: Vec::new(),
        }
    }

    /// Hands one packet to a node.
    #[inline]
    pub(crate) fn push(&mut self, node: NodeId, packet: BufferIndex) {
        self.last(node).extend(&[packet]);
    }

    /// Hands packets to a node.
    pub(crate) fn extend(&mut self, node: NodeId, mut packets: &[BufferIndex]) {
        while !packets.is_empty() {
            let frame = self.last(node);
            let (now, later) = packets.split_at(packets.len().min(frame.room()));
            frame.extend(now);
            packets = later;
        }
    }

    /// Hands each packet of a frame to its next node, the frame itself if that is one for all.
    #[inline]
    pub(crate) fn enqueue(&mut self, frame: Frame, nexts: &Nexts) {
        let packets = frame.packets();
        let nexts = &nexts[..packets.len()];
        let Some(&first) = nexts.first() else {
            return self.recycle(frame);
        };
        // Without an early end, so that it is done many at a time.
        let differences = nexts
            .iter()
            .fold(0, |all, &next| all | (next as u8 ^ first as u8));
        if differences == 0 {
            return self.enqueue_whole(first, frame);
        }
        let mut rest = packets;
        for run in nexts.chunk_by(|a, b| a == b) {
            let (here, later) = rest.split_at(run.len());
            self.extend(run[0], here);
            rest = later;
        }
        self.recycle(frame);
    }

    /// Hands a whole frame to a node, without copying unless it fits into one that waits there.
    #[inline]
    pub(crate) fn enqueue_whole(&mut self, node: NodeId, frame: Frame) {
        let waiting = &mut self.by_node[node as usize];
        match waiting.back_mut() {
            Some(last) if last.room() >= frame.len => {
                last.extend(frame.packets());
                self.recycle(frame);
            }
            _ => waiting.push_back(frame),
        }
    }

    /// The frame that has waited longest for a node.
    #[inline]
    pub(crate) fn take(&mut self, node: NodeId) -> Option<Frame> {
        self.by_node[node as usize].pop_front()
    }

    /// Whether no frame waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_node.iter().all(VecDeque::is_empty)
    }

    /// Takes a frame back whose packets went on.
    #[inline]
    pub(crate) fn recycle(&mut self, mut frame: Frame) {
        if self.spare.len() < SPARE_MAX {
            frame.len = 0;
            self.spare.push(frame);
        }
    }

    /// The last frame that waits for a node, with room for at least one packet.
    #[inline]
    fn last(&mut self, node: NodeId) -> &mut Frame {
        let waiting = &mut self.by_node[node as usize];
        if waiting.back().is_none_or(|last| last.room() == 0) {
            waiting.push_back(self.spare.pop().unwrap_or_else(Frame::new));
        }
        let at = waiting.len() - 1;
        &mut waiting[at]
    }
}
