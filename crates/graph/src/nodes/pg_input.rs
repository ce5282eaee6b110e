//! `pg-input`: the packet generator's source of packets.

use std::time::Duration;

use weft_packet::{BufferIndex, BufferPool};

use crate::{frame::FRAME_SIZE, graph::Graph};

/// Sends up to one frame of each of the worker's streams; returns whether any sent something.
pub(crate) fn run(graph: &mut Graph, pool: &mut BufferPool, now: Duration) -> bool {
    let tables = std::sync::Arc::clone(graph.tables());
    let mut sent = false;
    for stream in &tables.streams {
        if stream.config.worker != graph.worker() {
            continue;
        }
        let free = pool.stats().free;
        let (first, count) = stream.take(FRAME_SIZE.min(free));
        let mut packets = [BufferIndex::PLACEHOLDER; FRAME_SIZE];
        let mut made = 0;
        for number in first..first + count as u64 {
            // Buffers for one-buffer packets were there; a longer one may find none, and is lost.
            if let Some(packet) = pool.alloc_from(stream.template(number)) {
                packets[made] = packet;
                made += 1;
            }
        }
        if made > 0 {
            graph.input_vector(pool, stream.config.rx, &packets[..made], now);
            sent = true;
        }
    }
    sent
}
