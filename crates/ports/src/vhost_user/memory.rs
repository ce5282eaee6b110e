//! A guest's memory, mapped.
//!
//! The peer sends files and tells which part of them is at which guest address. Nothing of it is
//! believed: sizes are compared with the files', sums are checked for overflow, and every address
//! that comes from a ring is looked up here. The guest writes to this memory whenever it likes, so
//! there is never a reference into it: it is copied from and to by raw pointers, and each value is
//! read once and then judged.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use super::bus_error::Watched;

/// Most regions of a memory table (`VHOST_MEMORY_MAX_NREGIONS` of VPP and of QEMU's vhost-user).
pub(super) const MAX_REGIONS: usize = 8;
/// More than any machine has; keeps sums far from overflow.
const MAX_LENGTH: u64 = 1 << 46;

/// One line of a memory table, as the peer sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VhostUserRegion {
    /// Where the guest sees it.
    pub guest_address: u64,
    /// Bytes.
    pub size: u64,
    /// Where the peer's process sees it: ring addresses are told so.
    pub user_address: u64,
    /// Where it starts in its file.
    pub offset: u64,
}

/// Why a memory table is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// It has no region, too many, or not one file each.
    #[error("memory table of {regions} regions with {files} files (1 to {MAX_REGIONS}, one each)")]
    Count {
        /// Regions.
        regions: usize,
        /// Descriptors that came with it.
        files: usize,
    },
    /// Its numbers are impossible.
    #[error("region {0} is empty, beyond any address, or overlaps another")]
    Range(usize),
    /// The file ends before the region does.
    #[error("region {region} needs {needed} bytes of a file that has {has}")]
    Truncated {
        /// Which one.
        region: usize,
        /// End of the region in the file.
        needed: u64,
        /// Length of the file; 0 for what is no file.
        has: u64,
    },
    /// The system refused.
    #[error("cannot map region {region}: {source}")]
    Map {
        /// Which one.
        region: usize,
        /// Its answer.
        source: io::Error,
    },
}

/// The mapped regions. Lives as long as any ring that uses it.
#[derive(Debug)]
pub(super) struct GuestMemory {
    regions: Vec<Region>,
}

#[derive(Debug)]
struct Region {
    table: VhostUserRegion,
    /// First byte of the region, within `mapping`.
    start: *mut u8,
    mapping: Mapping,
}

/// A mapping of a file from its start, unmapped when dropped.
#[derive(Debug)]
struct Mapping {
    start: *mut u8,
    length: usize,
    watched: Option<Watched>,
}

// SAFETY: the pointers lead to memory that belongs to no thread; whoever uses them does so by raw
// copies and atomics alone (see the module's head), and unmapping needs the last owner.
unsafe impl Send for GuestMemory {}
// SAFETY: as above; no method changes the value.
unsafe impl Sync for GuestMemory {}

impl GuestMemory {
    /// Maps a memory table.
    ///
    /// # Errors
    /// See [`MemoryError`]; nothing stays mapped.
    pub(super) fn map(table: &[VhostUserRegion], files: Vec<OwnedFd>) -> Result<Self, MemoryError> {
        if table.is_empty() || table.len() > MAX_REGIONS || table.len() != files.len() {
            let (regions, files) = (table.len(), files.len());
            return Err(MemoryError::Count { regions, files });
        }
        let mut memory = Self {
            regions: Vec::with_capacity(table.len()),
        };
        for (number, (&table, file)) in table.iter().zip(files).enumerate() {
            if !table.is_possible() || memory.overlaps(&table) {
                return Err(MemoryError::Range(number));
            }
            let region = Region::map(number, table, file.into())?;
            memory.regions.push(region);
        }
        Ok(memory)
    }

    fn overlaps(&self, table: &VhostUserRegion) -> bool {
        self.regions.iter().any(|own| {
            let own = own.table;
            own.guest_address < table.guest_address + table.size
                && table.guest_address < own.guest_address + own.size
        })
    }

    /// Where the bytes from a guest address on are, and how many of the wanted `length` are there in
    /// one piece. At least one if `length` is not 0.
    #[inline]
    pub(super) fn at_guest(&self, address: u64, length: usize) -> Option<(*mut u8, usize)> {
        self.regions.iter().find_map(|region| {
            let offset = address.wrapping_sub(region.table.guest_address);
            region.piece(offset, length)
        })
    }

    /// Where `length` bytes from an address of the peer's process on are, if all are in one region.
    pub(super) fn at_user(&self, address: u64, length: usize) -> Option<*mut u8> {
        self.regions.iter().find_map(|region| {
            let offset = address.wrapping_sub(region.table.user_address);
            let (start, found) = region.piece(offset, length)?;
            (found == length).then_some(start)
        })
    }

    /// Whether the peer took memory away that was touched since.
    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        let is_lost = |region: &Region| {
            region
                .mapping
                .watched
                .as_ref()
                .is_some_and(Watched::is_lost)
        };
        self.regions.iter().any(is_lost)
    }

    /// The table.
    pub(super) fn table(&self) -> impl Iterator<Item = VhostUserRegion> {
        self.regions.iter().map(|region| region.table)
    }
}

impl VhostUserRegion {
    fn is_possible(&self) -> bool {
        let fits = |start: u64| start.checked_add(self.size).is_some();
        self.size > 0
            && self.size <= MAX_LENGTH
            && self.offset <= MAX_LENGTH
            && fits(self.guest_address)
            && fits(self.user_address)
    }
}

impl Region {
    fn map(number: usize, table: VhostUserRegion, file: File) -> Result<Self, MemoryError> {
        let refused = |source| MemoryError::Map {
            region: number,
            source,
        };
        let metadata = file.metadata().map_err(refused)?;
        // Both are at most MAX_LENGTH.
        let needed = table.offset + table.size;
        let has = if metadata.is_file() {
            metadata.size()
        } else {
            0
        };
        if has < needed {
            return Err(MemoryError::Truncated {
                region: number,
                needed,
                has,
            });
        }
        // From the file's start, since an offset need not be a multiple of a huge page; of hugetlbfs
        // the block size is that of its pages, and whole pages have to be unmapped.
        let page = metadata.blksize().max(4096);
        let length = usize::try_from(needed.next_multiple_of(page))
            .map_err(|_| MemoryError::Range(number))?;
        let offset = usize::try_from(table.offset).map_err(|_| MemoryError::Range(number))?;
        let mapping = Mapping::new(&file, length).map_err(refused)?;
        // SAFETY: `offset` is below `length`, the length of the mapping.
        let start = unsafe { mapping.start.add(offset) };
        Ok(Self {
            table,
            start,
            mapping,
        })
    }

    #[inline]
    fn piece(&self, offset: u64, length: usize) -> Option<(*mut u8, usize)> {
        let left = self
            .table
            .size
            .checked_sub(offset)
            .filter(|left| *left > 0)?;
        let found = usize::try_from(left).map_or(length, |left| left.min(length));
        let offset = usize::try_from(offset).ok()?;
        // SAFETY: `offset` is below the size of the region, all of which is mapped.
        Some((unsafe { self.start.add(offset) }, found))
    }
}

impl Mapping {
    fn new(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_NORESERVE,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mut mapping = Self {
            start: start.cast(),
            length,
            watched: None,
        };
        // A core of the switch is not to hold the memory of its guests.
        // SAFETY: advice on the mapping just made.
        unsafe { libc::madvise(start, length, libc::MADV_DONTDUMP) };
        mapping.start.expose_provenance();
        mapping.watched = Some(Watched::new(mapping.start, length)?);
        Ok(mapping)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.watched = None;
        // SAFETY: the mapping is ours, and this is its last owner.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}
