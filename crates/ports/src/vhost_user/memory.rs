//! A guest's memory, mapped.
//!
//! The peer sends files and tells which part of them is at which guest address. Nothing of it is
//! believed: sizes are compared with the files', sums are checked for overflow, and every address
//! that comes from a ring is looked up here. The guest writes to this memory whenever it likes, so
//! there is never a reference into it: `vm-memory` maps it and copies from and to it within checked
//! bounds, and each value is read once and then judged.
//!
//! An address is looked up once: those of a ring's parts when it is set up, for a [`Span`], and those in
//! its descriptors as they come. The crate's own
//! collection of regions (`GuestMemoryMmap`) was not taken, because it searches at each access and
//! maps just the region, which a file of huge pages does not allow at each offset, nor to be
//! unmapped (`MmapRegion`'s `drop` would leave it mapped).

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use vm_memory::mmap::MmapRegionError;
use vm_memory::{FileOffset, MmapRegion, VolatileMemory, VolatileSlice};

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

/// Bytes in one piece of one region. Means something only to the memory that it was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    region: usize,
    /// From the start of the region's mapping.
    offset: usize,
    length: usize,
}

#[derive(Debug)]
struct Region {
    table: VhostUserRegion,
    /// First byte of the region, within `mapping`.
    start: usize,
    /// Goes before the mapping does.
    watched: Watched,
    mapping: MmapRegion,
}

impl GuestMemory {
    /// Maps a memory table.
    ///
    /// # Errors
    /// See [`MemoryError`]; nothing stays mapped.
    pub(super) fn map(table: &[VhostUserRegion], files: Vec<File>) -> Result<Self, MemoryError> {
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
            let region = Region::map(number, table, file)?;
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

    /// The bytes from a guest address on, as many of the wanted `length` as are there in one piece. At
    /// least one if `length` is not 0.
    #[inline]
    pub(super) fn at_guest(&self, address: u64, length: usize) -> Option<VolatileSlice<'_>> {
        let mut regions = self.regions.iter();
        regions.find_map(|region| {
            let (offset, length) =
                region.find(address.wrapping_sub(region.table.guest_address), length)?;
            region.mapping.get_slice(offset, length).ok()
        })
    }

    /// Where `length` bytes from an address of the peer's process on are, if all are in one region.
    pub(super) fn at_user(&self, address: u64, length: usize) -> Option<Span> {
        let mut regions = self.regions.iter().enumerate();
        let (number, (offset, found)) = regions.find_map(|(number, region)| {
            let offset = address.wrapping_sub(region.table.user_address);
            Some((number, region.find(offset, length)?))
        })?;
        (found == length).then_some(Span {
            region: number,
            offset,
            length,
        })
    }

    /// The bytes of a span; `None` for one of another memory.
    #[inline]
    pub(super) fn slice(&self, span: Span) -> Option<VolatileSlice<'_>> {
        let mapping = &self.regions.get(span.region)?.mapping;
        mapping.get_slice(span.offset, span.length).ok()
    }

    /// Whether the peer took memory away that was touched since.
    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        self.regions.iter().any(|region| region.watched.is_lost())
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
    /// Where in the mapping the bytes from an offset in the region on are, and how many of the wanted
    /// `length` there are.
    #[inline]
    fn find(&self, offset: u64, length: usize) -> Option<(usize, usize)> {
        let left = self.table.size.checked_sub(offset)?;
        let left = usize::try_from(left).ok().filter(|left| *left > 0)?;
        let start = self.start + usize::try_from(offset).ok()?;
        Some((start, left.min(length)))
    }

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
        let start = usize::try_from(table.offset).map_err(|_| MemoryError::Range(number))?;
        let mapping = MmapRegion::from_file(FileOffset::new(file, 0), length);
        let mapping = mapping.map_err(|error| match error {
            MmapRegionError::Mmap(source) => refused(source),
            other => refused(io::Error::other(other)),
        })?;
        // A core of the switch is not to hold the memory of its guests.
        // SAFETY: advice on the mapping just made.
        unsafe { libc::madvise(mapping.as_ptr().cast(), length, libc::MADV_DONTDUMP) };
        mapping.as_ptr().expose_provenance();
        let watched = Watched::new(mapping.as_ptr(), length).map_err(refused)?;
        Ok(Self {
            table,
            start,
            watched,
            mapping,
        })
    }
}
