//! AF_PACKET: an existing device of the host (a network card, one end of a veth pair) as a port.
//!
//! Receiving uses a memory-mapped ring of version 2 (`Documentation/networking/packet_mmap.rst` of
//! Linux): a frame is ready the moment that it arrives, where version 3 would keep it until its
//! block is full or a millisecond has passed. A packet that does not fit a frame (segmentation
//! offload makes them of up to 64 KiB) is marked, and the kernel keeps the whole of it for
//! `recvmsg`, which puts it straight into buffers. Sending is `sendmmsg`: the packet is copied
//! once, as it would be into a ring.
//!
//! The kernel takes VLAN tags out of received packets; they are put back here. Packets that this
//! host sends through the device are not received. Checksum and segmentation state cross in both
//! directions by `PACKET_VNET_HDR`.
//!
//! Datagrams of tunnels leave joined, for the card or the kernel to cut (Linux 6.2), which saves all but
//! one of them the way through the kernel. A kernel that refuses the first such packet is not asked again;
//! nor is one that is told to go round the queueing discipline, where it loses what it would have to cut
//! itself (`__dev_direct_xmit` in `net/core/dev.c`).

mod ring;
mod rx;
mod socket;

#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub use rx::PacketRx;

use crate::error::PortError;
use crate::link;
use crate::tx::{Transmit, TxResult, TxScratch};
use weft_packet::gro::Joins;
use weft_packet::{BufferIndex, BufferPool};

/// How to open a host device.
#[derive(Debug, Clone, Default)]
pub struct PacketPortConfig {
    /// The device, in the namespace of the calling thread.
    pub host_if_name: String,
    /// Bytes of a frame of the receive ring; 0 lets the MTU decide.
    pub rx_frame_size: u32,
    /// Frames of the receive ring; 0 for the default (2 MiB of them, at least 256).
    pub rx_frames: u32,
    /// Sent packets go round the queueing discipline of the device. Super-packets get through only if
    /// the device cuts them.
    pub qdisc_bypass: bool,
}

/// A host device opened as a port. Closing it leaves the device as it is.
#[derive(Debug)]
pub struct PacketPort {
    host_if_name: String,
    index: u32,
    tx: Arc<PacketTx>,
}

/// The sending side; any number of workers may hold it.
#[derive(Debug)]
pub struct PacketTx {
    socket: Arc<OwnedFd>,
    mtu: AtomicU32,
    /// The kernel takes joined datagrams, as far as is known.
    takes_joined: AtomicBool,
}

impl PacketPort {
    /// Brings the device up and opens it. The receiving side is for one worker.
    ///
    /// # Errors
    /// [`PortError::NoSuchDevice`], or the step that failed.
    pub fn open(config: &PacketPortConfig) -> Result<(Self, PacketRx), PortError> {
        let name = &config.host_if_name;
        let index = link::index_of(name)?;
        link::set_up(index, name, true)?;
        let system = |operation| {
            move |source| PortError::PacketSocket {
                operation,
                device: name.clone(),
                source,
            }
        };
        let mtu = link::mtu(name).map_err(system("SIOCGIFMTU"))?;
        let geometry = ring::Geometry::choose(config, mtu)?;
        let socket = Arc::new(socket::open(name, index, config.qdisc_bypass, &geometry)?);
        let ring = ring::RxRing::map(Arc::clone(&socket), &geometry).map_err(system("mmap"))?;
        let rx = PacketRx::new(ring);
        let tx = Arc::new(PacketTx {
            socket,
            mtu: AtomicU32::new(mtu),
            takes_joined: AtomicBool::new(!config.qdisc_bypass),
        });
        Ok((
            Self {
                host_if_name: name.clone(),
                index,
                tx,
            },
            rx,
        ))
    }

    /// Name of the host device.
    pub fn host_if_name(&self) -> &str {
        &self.host_if_name
    }

    /// MTU of the host device when it was opened or last set, bytes.
    pub fn mtu(&self) -> u32 {
        self.tx.mtu.load(Ordering::Relaxed)
    }

    /// The sending side.
    pub fn tx(&self) -> &Arc<PacketTx> {
        &self.tx
    }

    /// Brings the host device up or down.
    ///
    /// # Errors
    /// [`PortError::Netlink`] if the kernel refuses, for example because the device is gone.
    pub fn set_up(&self, up: bool) -> Result<(), PortError> {
        link::set_up(self.index, &self.host_if_name, up)
    }

    /// Sets the MTU of the host device, bytes.
    ///
    /// # Errors
    /// [`PortError::Netlink`] if the device cannot take it.
    pub fn set_mtu(&mut self, mtu: u32) -> Result<(), PortError> {
        link::set_mtu(self.index, &self.host_if_name, mtu)?;
        self.tx.mtu.store(mtu, Ordering::Relaxed);
        Ok(())
    }

    /// Sets the MAC address of the host device.
    ///
    /// # Errors
    /// [`PortError::Netlink`] if the kernel refuses.
    pub fn set_mac(&self, mac: [u8; 6]) -> Result<(), PortError> {
        link::set_mac(self.index, &self.host_if_name, mac)
    }

    /// Whether the device has a carrier now; `false` also if it is gone.
    pub fn has_carrier(&self) -> bool {
        link::flags(&self.host_if_name).is_ok_and(|flags| flags & libc::IFF_RUNNING != 0)
    }
}

impl PacketTx {
    /// Sends the packets of `packets` in order and frees them all.
    pub fn tx(
        &self,
        pool: &mut BufferPool,
        packets: &[BufferIndex],
        scratch: &mut TxScratch,
    ) -> TxResult {
        let to = Transmit::Socket(self.socket.as_fd());
        let takes_joined = self.takes_joined.load(Ordering::Relaxed);
        let joins = takes_joined.then(|| Joins::Tunnelled(self.mtu.load(Ordering::Relaxed)));
        let (result, is_refused) = scratch.send(to, joins, pool, packets);
        if is_refused {
            self.takes_joined.store(false, Ordering::Relaxed);
        }
        result
    }
}

impl AsFd for PacketTx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
