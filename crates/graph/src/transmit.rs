//! Packets that wait to be sent, port by port.

use weft_packet::{BufferIndex, SwIfIndex};

/// A vector of packets for each port.
#[derive(Debug, Default)]
pub(crate) struct TransmitQueues {
    /// By interface index: 1 + the place in `queues`, 0 if the port has none yet.
    places: Vec<u32>,
    queues: Vec<(SwIfIndex, Vec<BufferIndex>)>,
    /// Places of the queues that hold packets.
    busy: Vec<u32>,
    /// What was sent to loopbacks.
    looped: Vec<(SwIfIndex, Vec<BufferIndex>)>,
}

/// Highest interface index that gets a queue; the tables never make one beyond.
const INDEX_MAX: u32 = 1 << 20;

impl TransmitQueues {
    /// The queue of a port; `None` for an index that no interface can have.
    #[inline]
    pub(crate) fn queue(&mut self, port: SwIfIndex) -> Option<&mut Vec<BufferIndex>> {
        let place = match self.places.get(port.0 as usize) {
            Some(&place) if place > 0 => place - 1,
            _ => self.add(port)?,
        };
        let (_, queue) = self.queues.get_mut(place as usize)?;
        if queue.is_empty() {
            self.busy.push(place);
        }
        Some(queue)
    }

    #[cold]
    fn add(&mut self, port: SwIfIndex) -> Option<u32> {
        if port.0 > INDEX_MAX {
            return None;
        }
        let at = port.0 as usize;
        if self.places.len() <= at {
            self.places.resize(at + 1, 0);
        }
        let place = self.queues.len() as u32;
        self.queues.push((port, Vec::new()));
        self.places[at] = place + 1;
        Some(place)
    }

    /// Keeps packets that come back from a loopback.
    pub(crate) fn push_looped(&mut self, loopback: SwIfIndex, packets: Vec<BufferIndex>) {
        self.looped.push((loopback, packets));
    }

    pub(crate) fn has_looped(&self) -> bool {
        !self.looped.is_empty()
    }

    pub(crate) fn take_looped(&mut self) -> Vec<(SwIfIndex, Vec<BufferIndex>)> {
        std::mem::take(&mut self.looped)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.busy.is_empty() && self.looped.is_empty()
    }

    pub(crate) fn drain(&mut self, mut send: impl FnMut(SwIfIndex, &[BufferIndex])) {
        for place in self.busy.drain(..) {
            if let Some((port, queue)) = self.queues.get_mut(place as usize)
                && !queue.is_empty()
            {
                send(*port, queue);
                queue.clear();
            }
        }
    }
}
