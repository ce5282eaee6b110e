//! The memory that the kernel and we share: frames, each of which belongs to one side at a time.
//!
//! Ownership is the `TP_STATUS_USER` bit of a frame's status word. The kernel sets it after it has
//! filled the frame (release), we clear it after we have copied (release); each side reads it
//! before it touches anything else (acquire).

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::PacketPortConfig;
use crate::error::PortError;
use crate::vnet_header::{VNET_HEADER_LEN, VnetHeader};

/// Bytes of the ring if nothing else is asked for.
const DEFAULT_RING: u32 = 2 << 20;
const MIN_FRAMES: u32 = 256;
const MAX_RING: u64 = 1 << 30;
/// `TPACKET_ALIGNMENT`.
const FRAME_ALIGNMENT: u32 = 16;
/// Frame header, vnet header, Ethernet and two tags, with the kernel's paddings.
const FRAME_OVERHEAD: u32 = 128;
const BLOCK: u32 = 64 << 10;

/// Sizes of a ring, as `struct tpacket_req` wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) frame_size: u32,
    pub(super) frames: u32,
    pub(super) block_size: u32,
    pub(super) blocks: u32,
}

/// The mapped receive ring. It keeps the socket open, which the mapping needs.
#[derive(Debug)]
pub(super) struct RxRing {
    base: NonNull<u8>,
    geometry: Geometry,
    head: u32,
    socket: Arc<OwnedFd>,
}

/// A received frame which the kernel has handed to us.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The packet as far as it fits, without the tag that the kernel took out.
    pub(super) data: &'a [u8],
    /// Bytes of the packet, without that tag.
    pub(super) length: usize,
    /// Checksum and segmentation state.
    pub(super) header: VnetHeader,
    /// EtherType and tag control information of the tag that the kernel took out.
    pub(super) tag: Option<[u8; 4]>,
    /// The whole packet waits in the socket's queue.
    pub(super) is_queued: bool,
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for RxRing {}

impl Geometry {
    /// Sizes for a device of the given MTU. Sizes that the caller gave are taken as they are, in
    /// one block as VPP does with version 2, and left to the kernel to judge.
    pub(super) fn choose(config: &PacketPortConfig, mtu: u32) -> Result<Self, PortError> {
        let fits = mtu
            .saturating_add(FRAME_OVERHEAD)
            .clamp(2048, BLOCK)
            .next_power_of_two();
        let frame_size = if config.rx_frame_size == 0 {
            fits
        } else {
            config.rx_frame_size
        };
        let frames = match config.rx_frames {
            0 => (DEFAULT_RING / frame_size.max(1)).max(MIN_FRAMES),
            frames => frames,
        };
        let total = u64::from(frame_size) * u64::from(frames);
        let in_range = (256..=1 << 20).contains(&frame_size)
            && frame_size.is_multiple_of(FRAME_ALIGNMENT)
            && total <= MAX_RING;
        if !in_range {
            let device = config.host_if_name.clone();
            return Err(PortError::RingSize {
                device,
                frame_size,
                frames,
            });
        }
        let total = frame_size * frames;
        let block_size = if frame_size == fits && total.is_multiple_of(BLOCK) {
            BLOCK
        } else {
            total
        };
        Ok(Self {
            frame_size,
            frames,
            block_size,
            blocks: total / block_size,
        })
    }

    fn bytes(&self) -> usize {
        self.frame_size as usize * self.frames as usize
    }
}

impl RxRing {
    pub(super) fn map(socket: Arc<OwnedFd>, geometry: &Geometry) -> io::Result<Self> {
        // SAFETY: a fresh shared mapping of the ring that was just made on this socket, of exactly
        // its size.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                geometry.bytes(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            base,
            geometry: *geometry,
            head: 0,
            socket,
        })
    }

    pub(super) fn socket(&self) -> &Arc<OwnedFd> {
        &self.socket
    }

    fn frame_pointer(&self) -> NonNull<u8> {
        let offset = self.head as usize * self.geometry.frame_size as usize;
        // SAFETY: `head` < `frames` always, so the frame lies in the mapping.
        unsafe { self.base.add(offset) }
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: a frame starts with its 32-bit status word, aligned since frames are multiples of
        // 16; the kernel accesses it atomically too.
        unsafe { self.frame_pointer().cast::<AtomicU32>().as_ref() }
    }

    /// The frame at the head, if the kernel has handed it over.
    pub(super) fn head(&self) -> Option<Frame<'_>> {
        let status = self.status().load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let start = self.frame_pointer();
        // SAFETY: the frame is ours until the status is written back, and starts with this header.
        let header = unsafe { start.cast::<libc::tpacket2_hdr>().read() };
        let frame_size = self.geometry.frame_size as usize;
        let mac = usize::from(header.tp_mac).clamp(
            size_of::<libc::tpacket2_hdr>() + VNET_HEADER_LEN,
            frame_size,
        );
        let captured = (header.tp_snaplen as usize).min(frame_size - mac);
        // SAFETY: `mac + captured` <= `frame_size`, so both ranges lie in the frame, which is ours
        // while the returned value borrows the ring; `release` needs the ring exclusively.
        let (vnet, data) = unsafe {
            (
                start.add(mac - VNET_HEADER_LEN).cast::<VnetHeader>().read(),
                std::slice::from_raw_parts(start.add(mac).as_ptr(), captured),
            )
        };
        Some(Frame {
            data,
            length: header.tp_len as usize,
            header: vnet,
            tag: tag(status, &header),
            is_queued: status & libc::TP_STATUS_COPY != 0,
        })
    }

    /// Gives the frame at the head back to the kernel and goes on to the next.
    pub(super) fn release(&mut self) {
        self.status()
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.head = if self.head + 1 == self.geometry.frames {
            0
        } else {
            self.head + 1
        };
    }
}

impl Drop for RxRing {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this address and size, and no frame is
        // borrowed.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.geometry.bytes()) };
    }
}

/// The tag as it stood in the packet: EtherType (802.1Q unless the kernel says otherwise) and TCI.
fn tag(status: u32, header: &libc::tpacket2_hdr) -> Option<[u8; 4]> {
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let ethertype = if status & libc::TP_STATUS_VLAN_TPID_VALID != 0 {
        header.tp_vlan_tpid
    } else {
        0x8100
    };
    let [e0, e1] = ethertype.to_be_bytes();
    let [t0, t1] = header.tp_vlan_tci.to_be_bytes();
    Some([e0, e1, t0, t1])
}
