//! Virtual machines that send exactly what they are told to, and see all that arrives.
//!
//! The kernel has no address on their device, so that nobody answers but the scenario.
//!
//! That a frame does *not* arrive is proved by frames behind it that do: see [`Station::stopped`].

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use weft_lab::Namespace;
use weft_model::Mac;
use weft_packet::BufferPool;
use weft_ports::{NetNs, PacketPort, PacketPortConfig, PacketRx, RxScratch, TxScratch};

use crate::packet::{Packet, Party, arp};

/// How long a frame may take.
const SOON: Duration = Duration::from_secs(5);

/// How long it may take until a change of the store has changed what passes.
const CHANGE: Duration = Duration::from_secs(20);

/// How long a frame is waited for that may have been sent too early.
const TRY: Duration = Duration::from_millis(50);

/// Frames that are kept.
const KEPT: usize = 50_000;

/// A machine behind a port.
#[derive(Debug)]
pub struct Station {
    name: String,
    mac: Mac,
    number: u8,
    sender: Mutex<Sender>,
    arrived: watch::Receiver<Vec<Vec<u8>>>,
    task: JoinHandle<()>,
    /// What is in it ends first.
    _namespace: Arc<Namespace>,
}

#[derive(Debug)]
struct Sender {
    port: PacketPort,
    pool: BufferPool,
    scratch: TxScratch,
}

/// A receiving socket that can be waited for.
struct Socket(PacketRx);

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Station {
    /// Opens `device` of `namespace`. Its addresses follow from `number`, as [`crate::Port`]'s do.
    /// Call it within a Tokio runtime.
    pub(crate) fn open(
        name: &str,
        namespace: Arc<Namespace>,
        device: &str,
        number: u8,
    ) -> Result<Self> {
        namespace.ip(&["link", "set", device, "up"])?;
        let config = PacketPortConfig {
            host_if_name: device.to_owned(),
            ..PacketPortConfig::default()
        };
        let opened = NetNs::open(namespace.name())?.run(|| PacketPort::open(&config));
        let (port, receiver) = opened.with_context(|| format!("the device of {name}"))?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; the descriptor lives as long as the socket"
        )]
        let socket = AsyncFd::with_interest(Socket(receiver), Interest::READABLE)?;
        let (into, arrived) = watch::channel(Vec::new());
        Ok(Self {
            name: name.to_owned(),
            mac: Mac::new([0xfa, 0x16, 0x3e, 0, 0, number]),
            number,
            sender: Mutex::new(Sender {
                port,
                pool: BufferPool::new(64),
                scratch: TxScratch::default(),
            }),
            arrived,
            task: tokio::spawn(receive(socket, into)),
            _namespace: namespace,
        })
    }

    // ===== who it is =====

    /// Its address on the link.
    pub fn mac(&self) -> Mac {
        self.mac
    }

    /// Its address of IPv4, `10.0.0.N`.
    pub fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// Its address of IPv6, `fd00::N`.
    pub fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, self.number.into())
    }

    /// It, speaking IPv4.
    pub fn v4(&self) -> Party {
        Party::new(self.mac, self.ipv4())
    }

    /// It, speaking IPv6.
    pub fn v6(&self) -> Party {
        Party::new(self.mac, self.ipv6())
    }

    /// It, speaking from the link-local address that it makes of its MAC.
    pub fn link_local(&self) -> Party {
        Party::new(self.mac, self.mac.link_local())
    }

    // ===== frames =====

    /// Sends a frame.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Sender {
            port,
            pool,
            scratch,
        } = &mut *sender;
        let packet = pool.alloc_from(frame).context("the frame is too long")?;
        let result = port.tx().tx(pool, &[packet], scratch);
        ensure!(result.sent == 1, "{} cannot send: {result:?}", self.name);
        Ok(())
    }

    /// Whether a frame has arrived here.
    pub fn has(&self, frame: &[u8]) -> bool {
        self.arrived.borrow().iter().any(|arrived| arrived == frame)
    }

    /// How often a frame has arrived here.
    pub fn count(&self, frame: &[u8]) -> usize {
        let arrived = self.arrived.borrow();
        arrived.iter().filter(|arrived| *arrived == frame).count()
    }

    /// Waits until a frame has arrived here, for `limit` at most; answers whether it has.
    pub async fn gets(&self, frame: &[u8], limit: Duration) -> bool {
        let mut arrived = self.arrived.clone();
        let come = arrived.wait_for(|all| all.iter().any(|arrived| arrived == frame));
        matches!(tokio::time::timeout(limit, come).await, Ok(Ok(_)))
    }

    /// Whether a frame has arrived here that looks so.
    pub fn saw(&self, look: impl Fn(&[u8]) -> bool) -> bool {
        self.arrived.borrow().iter().any(|arrived| look(arrived))
    }

    /// Waits until a frame has arrived here that looks so; it must.
    pub async fn sees(&self, what: &str, look: impl Fn(&[u8]) -> bool) -> Result<()> {
        let mut arrived = self.arrived.clone();
        let come = arrived.wait_for(|all| all.iter().any(|arrived| look(arrived)));
        let come = tokio::time::timeout(SOON, come).await;
        come.with_context(|| format!("{what}: must arrive at {}", self.name))??;
        Ok(())
    }

    /// A frame must reach `to`, bit for bit.
    pub async fn passes_frame(&self, to: &Self, what: &str, frame: &[u8]) -> Result<()> {
        self.send(frame)?;
        if to.gets(frame, SOON).await {
            return Ok(());
        }
        bail!("{what}: must pass from {} to {}", self.name, to.name)
    }

    /// A frame must not reach `to`.
    ///
    /// Two questions of ARP follow it, of which the second is sent when the first has arrived. By
    /// the time that the second arrives, a dataplane that handles what it has received before it
    /// receives again is done with the frame, in whatever order it handles what came at once.
    pub async fn stopped_frame(&self, to: &Self, what: &str, frame: &[u8]) -> Result<()> {
        self.send(frame)?;
        self.settle(to).await?;
        ensure!(
            !to.has(frame),
            "{what}: must not pass from {} to {}",
            self.name,
            to.name
        );
        Ok(())
    }

    /// Waits until all that this station has sent to `to` is delivered or dropped.
    pub async fn settle(&self, to: &Self) -> Result<()> {
        for _ in 0..2 {
            let marker = arp(self.mac, self.v4(), to.ipv4());
            self.passes_frame(to, "what marks the end", &marker).await?;
        }
        Ok(())
    }

    /// A packet must reach `to`.
    pub async fn passes(&self, to: &Self, what: &str, packet: &Packet) -> Result<()> {
        self.passes_frame(to, what, &packet.frame()).await
    }

    /// A packet must not reach `to`.
    pub async fn stopped(&self, to: &Self, what: &str, packet: &Packet) -> Result<()> {
        self.stopped_frame(to, what, &packet.frame()).await
    }

    /// A packet passes once a change has come to the dataplane: it is sent until it does.
    pub async fn will_pass(&self, to: &Self, what: &str, packet: &Packet) -> Result<()> {
        let tries = async {
            loop {
                let frame = packet.frame();
                self.send(&frame)?;
                if to.gets(&frame, TRY).await {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(CHANGE, tries).await {
            Ok(result) => result,
            Err(_) => bail!(
                "{what}: should pass by now from {} to {}",
                self.name,
                to.name
            ),
        }
    }

    /// A packet is stopped once a change has come to the dataplane: it is sent until it is.
    pub async fn will_stop(&self, to: &Self, what: &str, packet: &Packet) -> Result<()> {
        let tries = async {
            loop {
                let frame = packet.frame();
                self.send(&frame)?;
                self.settle(to).await?;
                if !to.has(&frame) {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(CHANGE, tries).await {
            Ok(result) => result,
            Err(_) => bail!(
                "{what}: should be stopped by now from {} to {}",
                self.name,
                to.name
            ),
        }
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes frames out of the socket.
async fn receive(mut socket: AsyncFd<Socket>, into: watch::Sender<Vec<Vec<u8>>>) {
    let mut pool = BufferPool::new(512);
    let mut scratch = RxScratch::default();
    let mut packets = Vec::new();
    loop {
        let Ok(mut ready) = socket.readable_mut().await else {
            return;
        };
        let receiver = &mut ready.get_inner_mut().0;
        let _ = receiver.take_error();
        let is_drained = receiver
            .rx(&mut pool, &mut scratch, &mut packets, 256)
            .is_drained;
        if is_drained {
            ready.clear_ready();
        }
        if !packets.is_empty() {
            into.send_modify(|arrived| {
                for &packet in &packets {
                    let mut frame = vec![0; pool.total_length(packet)];
                    pool.copy_to(packet, &mut frame);
                    if arrived.len() < KEPT {
                        arrived.push(frame);
                    }
                }
            });
            pool.free_many(&packets);
            packets.clear();
        }
    }
}
