//! A guest with its monitor: memory, rings, and the vhost-user messages that tell of them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::event::EventfdFlags;
use rustix::fs::{MemfdFlags, memfd_create};

use super::super::VhostUser;

/// Where the guest sees its memory.
pub(super) const GUEST: u64 = 0x4000_0000;
/// Where the monitor says that it has it mapped: no address of this process.
pub(super) const USER: u64 = 0x7f00_0000_0000;
/// Bytes of memory.
pub(super) const MEMORY: usize = 16 << 20;
/// Descriptors of a ring.
pub(super) const SIZE: u16 = 64;

/// Bytes of a ring's parts and its buffers.
const AREA: u64 = 2 << 20;
const AVAILABLE: u64 = 0x8000;
const USED: u64 = 0x9000;
const TABLES: u64 = 0xa000;
const BUFFERS: u64 = 0x10_0000;

pub(super) const NEXT: u16 = 1;
pub(super) const WRITE: u16 = 2;
pub(super) const INDIRECT: u16 = 4;

/// How a guest behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Bits that it accepts, of those offered.
    pub(super) accepts: u64,
    pub(super) pairs: usize,
    /// It describes its packets with tables of their own.
    pub(super) indirect: bool,
    /// Bytes of each buffer of a packet that it sends.
    pub(super) piece: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accepts: u64::MAX,
            pairs: 1,
            indirect: false,
            piece: 2048,
        }
    }
}

pub(super) struct Guest {
    pub(super) socket: UnixStream,
    pub(super) options: Options,
    pub(super) features: u64,
    memory: *mut u8,
    pub(super) file: File,
    pub(super) rings: Vec<DriverRing>,
}

/// The driver's side of a ring.
pub(super) struct DriverRing {
    number: usize,
    pub(super) kick: File,
    pub(super) call: File,
    /// Next free descriptor; a test uses each once around.
    next_descriptor: u16,
    next_buffer: u64,
    available: u16,
    seen: u16,
    /// Length of the chain with this head.
    chains: Vec<Vec<(u64, usize)>>,
}

/// A packet that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) header: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    /// Chains that it took.
    pub(super) buffers: usize,
}

fn eventfd() -> File {
    let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
    rustix::event::eventfd(0, flags).expect("eventfd").into()
}

/// A file of memory.
pub(super) fn memory_file(length: usize) -> File {
    let fd = memfd_create(c"guest", MemfdFlags::CLOEXEC);
    let file = File::from(fd.expect("memfd"));
    file.set_len(length as u64).expect("length");
    file
}

impl Guest {
    pub(super) fn connect(path: &Path, options: Options) -> Self {
        Self::new(UnixStream::connect(path).expect("connects"), options)
    }

    pub(super) fn accept(listener: &UnixListener, options: Options) -> Self {
        Self::new(listener.accept().expect("a peer").0, options)
    }

    pub(super) fn accept_stream(socket: UnixStream, options: Options) -> Self {
        Self::new(socket, options)
    }

    fn new(socket: UnixStream, options: Options) -> Self {
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("timeout");
        let file = memory_file(MEMORY);
        // SAFETY: a new shared mapping of the file.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                MEMORY,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(memory, libc::MAP_FAILED);
        let rings = (0..2 * options.pairs).map(DriverRing::new).collect();
        Self {
            socket,
            options,
            features: 0,
            memory: memory.cast(),
            file,
            rings,
        }
    }

    /// As QEMU and a driver do it.
    pub(super) fn set_up(&mut self, port: &mut VhostUser) {
        self.negotiate(port);
        self.tell(port, 5, &memory_table(), &[self.file.as_raw_fd()]);
        for number in 0..self.rings.len() {
            self.tell_ring(port, number);
        }
        for ring in &self.rings {
            ring.kick();
        }
        port.process();
    }

    pub(super) fn negotiate(&mut self, port: &mut VhostUser) {
        // First the connection itself.
        port.process();
        self.features = self.ask(port, 1) & self.options.accepts;
        let protocol = self.ask(port, 15);
        self.tell(port, 16, &protocol.to_ne_bytes(), &[]);
        assert!(self.ask(port, 17) >= self.options.pairs as u64);
        self.tell(port, 3, &[], &[]);
        self.tell(port, 2, &self.features.to_ne_bytes(), &[]);
    }

    pub(super) fn tell_ring(&self, port: &mut VhostUser, number: usize) {
        let ring = &self.rings[number];
        self.tell(port, 8, &state(number, u32::from(SIZE)), &[]);
        self.tell(port, 10, &state(number, u32::from(ring.seen)), &[]);
        self.tell(port, 9, &addresses(number), &[]);
        let index = (number as u64).to_ne_bytes();
        self.tell(port, 12, &index, &[ring.kick.as_raw_fd()]);
        self.tell(port, 13, &index, &[ring.call.as_raw_fd()]);
        self.tell(port, 18, &state(number, 1), &[]);
    }

    // ===== messages =====

    pub(super) fn tell(&self, port: &mut VhostUser, request: u32, payload: &[u8], files: &[RawFd]) {
        let mut message = Vec::new();
        for word in [request, 1, payload.len() as u32] {
            message.extend_from_slice(&word.to_ne_bytes());
        }
        message.extend_from_slice(payload);
        send_with(&self.socket, &message, files);
        port.process();
    }

    pub(super) fn ask(&self, port: &mut VhostUser, request: u32) -> u64 {
        self.tell(port, request, &[], &[]);
        self.answer(request)
    }

    pub(super) fn answer(&self, request: u32) -> u64 {
        let mut bytes = [0; 20];
        (&self.socket).read_exact(&mut bytes).expect("an answer");
        assert_eq!(bytes[..4], request.to_ne_bytes());
        assert_eq!(bytes[4..12], [5, 0, 0, 0, 8, 0, 0, 0]);
        u64::from_ne_bytes(*bytes.last_chunk().expect("payload"))
    }

    /// The peer has closed the connection.
    pub(super) fn is_dismissed(&self) -> bool {
        matches!((&self.socket).read(&mut [0; 64]), Ok(0) | Err(_))
    }

    // ===== memory =====

    pub(super) fn write(&self, address: u64, bytes: &[u8]) {
        let at = usize::try_from(address - GUEST).expect("offset");
        assert!(at + bytes.len() <= MEMORY);
        // SAFETY: within the mapping, as was just checked.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.memory.add(at), bytes.len()) };
    }

    pub(super) fn read(&self, address: u64, length: usize) -> Vec<u8> {
        let at = usize::try_from(address - GUEST).expect("offset");
        assert!(at + length <= MEMORY);
        let mut bytes = vec![0; length];
        // SAFETY: within the mapping, as was just checked.
        unsafe { std::ptr::copy_nonoverlapping(self.memory.add(at), bytes.as_mut_ptr(), length) };
        bytes
    }

    pub(super) fn field(&self, address: u64) -> &AtomicU16 {
        let at = usize::try_from(address - GUEST).expect("offset");
        assert!(at + 2 <= MEMORY);
        // SAFETY: within the mapping, even, and only used as an atomic.
        unsafe { AtomicU16::from_ptr(self.memory.add(at).cast()) }
    }

    pub(super) fn header_len(&self) -> usize {
        if self.features & (1 << 15 | 1 << 32) != 0 {
            12
        } else {
            10
        }
    }

    // ===== rings =====

    pub(super) fn descriptor(
        &self,
        ring: usize,
        index: u16,
        address: u64,
        length: u32,
        flags: u16,
        next: u16,
    ) {
        let mut bytes = address.to_le_bytes().to_vec();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&next.to_le_bytes());
        self.write(ring_area(ring) + 16 * u64::from(index), &bytes);
    }

    /// Makes a chain available, without a kick.
    pub(super) fn make_available(&mut self, number: usize, head: u16) {
        let area = ring_area(number) + AVAILABLE;
        let slot = self.rings[number].available % SIZE;
        self.field(area + 4 + 2 * u64::from(slot))
            .store(head, Ordering::Relaxed);
        self.rings[number].available = self.rings[number].available.wrapping_add(1);
        let available = self.rings[number].available;
        self.field(area + 2).store(available, Ordering::Release);
    }

    /// Describes memory as one chain and makes it available.
    fn add(&mut self, number: usize, parts: &[(u64, usize)], flags: u16) {
        let count = u16::try_from(parts.len()).expect("few");
        let ring = &mut self.rings[number];
        let head = ring.next_descriptor % SIZE;
        ring.chains[usize::from(head)] = parts.to_vec();
        let describe = |(i, (address, length)): (usize, &(u64, usize)), base: u16| {
            let more = if i + 1 < parts.len() { NEXT } else { 0 };
            let next = (base + i as u16 + 1) % SIZE;
            (*address, *length as u32, flags | more, next)
        };
        if self.options.indirect {
            ring.next_descriptor += 1;
            let table = ring_area(number) + TABLES + 1024 * u64::from(head);
            for entry in parts.iter().enumerate() {
                let i = entry.0 as u64;
                let (address, length, flags, next) = describe(entry, 0);
                let mut bytes = address.to_le_bytes().to_vec();
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(&flags.to_le_bytes());
                bytes.extend_from_slice(&next.to_le_bytes());
                self.write(table + 16 * i, &bytes);
            }
            self.descriptor(number, head, table, 16 * u32::from(count), INDIRECT, 0);
        } else {
            ring.next_descriptor += count;
            for entry in parts.iter().enumerate() {
                let index = (head + entry.0 as u16) % SIZE;
                let (address, length, flags, next) = describe(entry, head);
                self.descriptor(number, index, address, length, flags, next);
            }
        }
        self.make_available(number, head);
    }

    fn buffer(&mut self, number: usize, length: usize) -> u64 {
        let ring = &mut self.rings[number];
        let room = AREA - BUFFERS;
        let length = (length as u64).next_multiple_of(64);
        if ring.next_buffer % room + length > room {
            ring.next_buffer = ring.next_buffer.next_multiple_of(room);
        }
        let at = ring_area(number) + BUFFERS + ring.next_buffer % room;
        ring.next_buffer += length;
        at
    }

    /// Offers a buffer to receive into.
    pub(super) fn offer(&mut self, number: usize, length: usize) {
        let at = self.buffer(number, length);
        self.add(number, &[(at, length)], WRITE);
    }

    /// Sends a packet with a header that asks for nothing, and notifies.
    pub(super) fn send(&mut self, number: usize, bytes: &[u8]) {
        self.send_with_header(number, &[0; 10], bytes);
    }

    pub(super) fn send_with_header(&mut self, number: usize, header: &[u8], bytes: &[u8]) {
        let mut all = header.to_vec();
        all.resize(self.header_len(), 0);
        all.extend_from_slice(bytes);
        let at = self.buffer(number, all.len());
        self.write(at, &all);
        let piece = self.options.piece;
        let parts: Vec<_> = (0..all.len())
            .step_by(piece)
            .map(|start| (at + start as u64, piece.min(all.len() - start)))
            .collect();
        self.add(number, &parts, 0);
        self.rings[number].kick();
    }

    /// What came back of a ring: heads and lengths.
    pub(super) fn used(&mut self, number: usize) -> Vec<(u32, u32)> {
        let area = ring_area(number) + USED;
        let end = self.field(area + 2).load(Ordering::Acquire);
        let mut all = Vec::new();
        while self.rings[number].seen != end {
            let slot = self.rings[number].seen % SIZE;
            let element = self.read(area + 4 + 8 * u64::from(slot), 8);
            let word = |at: usize| u32::from_le_bytes(*element[at..].first_chunk().expect("word"));
            all.push((word(0), word(4)));
            self.rings[number].seen = self.rings[number].seen.wrapping_add(1);
        }
        all
    }

    /// Packets that arrived since the last call; each must have arrived whole.
    pub(super) fn received(&mut self, number: usize) -> Vec<Arrived> {
        let header_len = self.header_len();
        let mut used = self.used(number).into_iter();
        let mut arrived = Vec::new();
        while let Some(first) = used.next() {
            let mut bytes = self.contents(number, first);
            let rest = bytes.split_off(header_len);
            let merged = if header_len == 12 {
                usize::from(u16::from_le_bytes([bytes[10], bytes[11]]))
            } else {
                1
            };
            let mut packet = rest;
            for _ in 1..merged {
                let next = used.next().expect("all buffers of a packet come together");
                packet.extend(self.contents(number, next));
            }
            arrived.push(Arrived {
                header: bytes,
                bytes: packet,
                buffers: merged,
            });
        }
        arrived
    }

    fn contents(&self, number: usize, (head, length): (u32, u32)) -> Vec<u8> {
        let mut left = length as usize;
        let mut bytes = Vec::new();
        for &(at, room) in &self.rings[number].chains[head as usize] {
            let here = left.min(room);
            bytes.extend(self.read(at, here));
            left -= here;
        }
        assert_eq!(left, 0, "more was written than there is room");
        bytes
    }

    /// How often the guest was interrupted since the last call.
    pub(super) fn interrupts(&self, number: usize) -> u64 {
        let mut count = [0; 8];
        match (&self.rings[number].call).read_exact(&mut count) {
            Ok(()) => u64::from_ne_bytes(count),
            Err(_) => 0,
        }
    }

    /// `VRING_USED_F_NO_NOTIFY`.
    pub(super) fn is_muted(&self, number: usize) -> bool {
        let flags = self.field(ring_area(number) + USED);
        flags.load(Ordering::Relaxed) & 1 != 0
    }

    /// "Interrupt me when this many are used."
    pub(super) fn set_used_event(&self, number: usize, event: u16) {
        let field = ring_area(number) + AVAILABLE + 4 + 2 * u64::from(SIZE);
        self.field(field).store(event, Ordering::Relaxed);
    }

    /// `VRING_AVAIL_F_NO_INTERRUPT`.
    pub(super) fn set_no_interrupt(&self, number: usize, on: bool) {
        let flags = self.field(ring_area(number) + AVAILABLE);
        flags.store(u16::from(on), Ordering::Relaxed);
    }

    pub(super) fn set_available_index(&self, number: usize, index: u16) {
        let field = ring_area(number) + AVAILABLE + 2;
        self.field(field).store(index, Ordering::Release);
    }

    /// A monitor that starts anew with the same guest: rings go on.
    pub(super) fn reconnected(mut self, socket: UnixStream) -> Self {
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("timeout");
        self.socket = socket;
        self
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and nothing refers to it any more.
        unsafe { libc::munmap(self.memory.cast(), MEMORY) };
    }
}

impl DriverRing {
    fn new(number: usize) -> Self {
        Self {
            number,
            kick: eventfd(),
            call: eventfd(),
            next_descriptor: 0,
            next_buffer: 0,
            available: 0,
            seen: 0,
            chains: vec![Vec::new(); usize::from(SIZE)],
        }
    }

    pub(super) fn kick(&self) {
        (&self.kick)
            .write_all(&1_u64.to_ne_bytes())
            .unwrap_or_else(|error| panic!("kick of ring {}: {error}", self.number));
    }
}

/// Guest address of what belongs to a ring.
pub(super) fn ring_area(number: usize) -> u64 {
    GUEST + AREA * number as u64
}

pub(super) fn state(ring: usize, value: u32) -> [u8; 8] {
    let [a, b, c, d] = (ring as u32).to_ne_bytes();
    let [e, f, g, h] = value.to_ne_bytes();
    [a, b, c, d, e, f, g, h]
}

pub(super) fn addresses(number: usize) -> Vec<u8> {
    let area = USER + (ring_area(number) - GUEST);
    addresses_at(number, [area, area + USED, area + AVAILABLE])
}

/// Descriptors, used, available.
pub(super) fn addresses_at(number: usize, parts: [u64; 3]) -> Vec<u8> {
    let mut bytes = state(number, 0).to_vec();
    for part in parts.into_iter().chain([0]) {
        bytes.extend_from_slice(&part.to_ne_bytes());
    }
    bytes
}

pub(super) fn table(regions: &[(u64, u64, u64, u64)]) -> Vec<u8> {
    let mut bytes = (regions.len() as u64).to_ne_bytes().to_vec();
    for (guest, size, user, offset) in regions {
        for number in [guest, size, user, offset] {
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
    }
    bytes
}

/// All of the memory, in one region.
pub(super) fn memory_table() -> Vec<u8> {
    table(&[(GUEST, MEMORY as u64, USER, 0)])
}

/// Sends bytes with descriptors.
pub(super) fn send_with(socket: &UnixStream, bytes: &[u8], files: &[RawFd]) {
    #[repr(align(8))]
    struct Control([u8; 256]);
    let mut control = Control([0; 256]);
    let mut vector = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: all-zero is a valid `msghdr`.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    if !files.is_empty() {
        let length = size_of_val(files) as u32;
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: room for one header with this many descriptors, which are copied behind it.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(length) as usize;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(length) as usize;
            let data = libc::CMSG_DATA(header);
            std::ptr::copy_nonoverlapping(files.as_ptr().cast(), data, size_of_val(files));
        }
    }
    // SAFETY: `message` describes what outlives the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    // A port that has hung up meanwhile is what some tests are about.
    let _ = sent;
}

/// The same open file under a number of its own.
pub(super) fn duplicate(file: &File) -> OwnedFd {
    // SAFETY: no pointers; the result is checked before it is owned.
    let fd = unsafe { libc::dup(file.as_raw_fd()) };
    assert!(fd >= 0);
    // SAFETY: just made, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
