//! Ports against a guest of our own making ([`guest`]), which can also be a bad one.

mod connection;
mod guest;
mod hostile;
mod protocol;
mod traffic;
mod virtio_queue;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use weft_packet::{BufferIndex, BufferPool, Offload};

use super::*;
use crate::testing::frame;
use crate::{RxResult, RxScratch, TxResult, TxScratch};
use guest::{Guest, Options};

/// A port with a pool, as a worker and the main thread have them together.
struct Bed {
    port: VhostUser,
    pool: BufferPool,
    rx: RxScratch,
    tx: TxScratch,
}

/// A path that nobody else uses, gone with its value.
struct Socket(PathBuf);

impl Socket {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("weft-ports-{}-{count}.sock", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn config(socket: &Socket, role: VhostUserRole) -> VhostUserConfig {
    VhostUserConfig {
        socket: socket.0.clone(),
        role,
        features: VhostUserFeatures::default(),
        receivers: 1,
        first_receiver: 0,
    }
}

impl Bed {
    fn open(config: VhostUserConfig) -> Self {
        Self {
            port: VhostUser::open(config).expect("port"),
            pool: BufferPool::new(512),
            rx: RxScratch::default(),
            tx: TxScratch::default(),
        }
    }

    /// A server with a guest whose rings are ready.
    fn with_guest(features: VhostUserFeatures, options: Options) -> (Socket, Self, Guest) {
        let socket = Socket::new();
        let mut bed = Self::open(VhostUserConfig {
            features,
            ..config(&socket, VhostUserRole::Server)
        });
        let mut guest = Guest::connect(&socket.0, options);
        guest.set_up(&mut bed.port);
        assert!(bed.port.is_ready());
        (socket, bed, guest)
    }

    /// What the worker of receiver `number` takes in one call.
    fn receive_at(&mut self, number: usize) -> (Vec<(Vec<u8>, Offload)>, RxResult) {
        let receiver = Arc::clone(&self.port.receivers()[number]);
        let mut out = Vec::new();
        receiver.acknowledge();
        let result = receiver.rx(&mut self.pool, &mut self.rx, &mut out, 256);
        assert_eq!(out.len(), result.packets);
        let packets = out.iter().map(|&packet| {
            let mut bytes = vec![0; self.pool.total_length(packet)];
            self.pool.copy_to(packet, &mut bytes);
            (bytes, self.pool.offload(packet))
        });
        let packets = packets.collect();
        self.pool.free_many(&out);
        (packets, result)
    }

    fn receive(&mut self) -> (Vec<(Vec<u8>, Offload)>, RxResult) {
        self.receive_at(0)
    }

    fn packet(&mut self, bytes: &[u8], offload: Offload) -> BufferIndex {
        let packet = self.pool.alloc_from(bytes).expect("buffers");
        self.pool.set_offload(packet, offload);
        packet
    }

    fn send(&mut self, bytes: &[u8], offload: Offload) -> TxResult {
        let packet = self.packet(bytes, offload);
        let sender = Arc::clone(self.port.sender());
        sender.tx(0, &mut self.pool, &[packet], &mut self.tx)
    }

    fn faults(&self) -> Vec<VhostUserFault> {
        let faults = self.port.status().faults;
        faults.into_iter().map(|(fault, _)| fault).collect()
    }

    /// Every buffer is either free or in the receiving stash.
    fn nothing_leaks(&mut self) {
        self.rx = RxScratch::default();
        let stats = self.pool.stats();
        assert!(
            stats.free + 40 > stats.capacity,
            "{} of {} buffers are gone",
            stats.capacity - stats.free,
            stats.capacity
        );
    }

    /// Both directions work.
    fn works_with(&mut self, guest: &mut Guest) {
        let sent = frame(100, 9);
        guest.offer(0, 2048);
        assert_eq!(self.send(&sent, Offload::default()).sent, 1);
        assert_eq!(guest.received(0).last().expect("packet").bytes, sent);
        guest.send(1, &sent);
        let (packets, _) = self.receive();
        assert_eq!(packets.last().expect("packet").0, sent);
    }
}
