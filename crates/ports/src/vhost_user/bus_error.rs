//! Guest memory whose file is made shorter while we have it mapped.
//!
//! To touch such a page raises `SIGBUS`, which would end the process and with it every other port.
//! The handler here puts empty private memory in place of the whole mapping and marks it lost, so
//! that the access that faulted goes on with zeros; whoever uses the mapping asks [`Watched::is_lost`]
//! after each batch and gives it up. Other bus errors go to the handler that was there before, and
//! with that to the process's end.
//!
//! A handler may only do what is safe at any instruction: it reads atomics of a fixed table and
//! makes one system call.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Mappings that can be watched at a time: a thousand ports with the most regions.
const SLOTS: usize = 8192;

/// One watched mapping; free while `start` is 0.
struct Slot {
    start: AtomicUsize,
    length: AtomicUsize,
    is_lost: AtomicBool,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        start: AtomicUsize::new(0),
        length: AtomicUsize::new(0),
        is_lost: AtomicBool::new(false),
    }
}; SLOTS];
/// Slots from here on were never used.
static HIGH_WATER: AtomicUsize = AtomicUsize::new(0);
/// Held to take a slot.
static TAKING: Mutex<()> = Mutex::new(());
/// The handler that was there before ours, once ours is installed.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// A mapping under watch, until dropped, which must be before it is unmapped.
#[derive(Debug)]
pub(super) struct Watched {
    slot: &'static Slot,
}

impl Watched {
    /// Watches `length` bytes of memory at `start`, which nobody but the caller maps anew.
    ///
    /// # Errors
    /// No slot is free, or the system does not take the handler.
    pub(super) fn new(start: *mut u8, length: usize) -> io::Result<Self> {
        let _taking = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
        install()?;
        let free = TABLE
            .iter()
            .position(|slot| slot.start.load(Ordering::Acquire) == 0)
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let slot = TABLE.get(free).ok_or(io::ErrorKind::OutOfMemory)?;
        slot.is_lost.store(false, Ordering::Relaxed);
        slot.length.store(length, Ordering::Relaxed);
        slot.start.store(start.addr(), Ordering::Release);
        HIGH_WATER.fetch_max(free + 1, Ordering::AcqRel);
        Ok(Self { slot })
    }

    /// Whether a page was touched that the file does not have any more.
    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        self.slot.is_lost.load(Ordering::Relaxed)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.slot.start.store(0, Ordering::Release);
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// Installs the handler, once for the process. The caller holds `TAKING`.
fn install() -> io::Result<()> {
    if PREVIOUS.get().is_some() {
        return Ok(());
    }
    // SAFETY: all-zero is a valid `sigaction`; the fields that matter follow.
    let mut ours: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_bus_error;
    ours.sa_sigaction = handler as *const () as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    // SAFETY: as above.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: reads the action there is into `before`, which outlives the call.
    if unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Known before ours can run.
    let _ = PREVIOUS.set(before);
    // SAFETY: `ours` is a whole action whose handler is safe at any instruction (module's head).
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const ours, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

extern "C" fn on_bus_error(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands a valid `siginfo_t` to a handler with SA_SIGINFO, and for SIGBUS it
    // has an address.
    let address = unsafe { (*info).si_addr() }.addr();
    let used = HIGH_WATER.load(Ordering::Acquire).min(SLOTS);
    for slot in TABLE.iter().take(used) {
        let start = slot.start.load(Ordering::Acquire);
        let length = slot.length.load(Ordering::Relaxed);
        if start != 0 && address.wrapping_sub(start) < length && replace(start, length) {
            slot.is_lost.store(true, Ordering::Relaxed);
            return;
        }
    }
    pass_on(signal, info, context);
}

/// Puts empty memory in place of a whole mapping: a part would have to be cut at huge pages.
fn replace(start: usize, length: usize) -> bool {
    // SAFETY: errno is this thread's; it is put back, for the fault may have come between a system
    // call and the look at its errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    // SAFETY: the range is a mapping of guest memory that its owner put under watch and has not
    // unmapped; nothing but raw pointers leads there, and the new mapping is readable and writable
    // as the old one was.
    let mapped = unsafe {
        libc::mmap(
            std::ptr::with_exposed_provenance_mut(start),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    // SAFETY: as above.
    unsafe { *errno = before };
    mapped != libc::MAP_FAILED
}

/// Not ours: does what would have been done without us.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    match PREVIOUS.get() {
        Some(before)
            if before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != libc::SIG_IGN =>
        {
            if before.sa_flags & libc::SA_SIGINFO == 0 {
                // SAFETY: without SA_SIGINFO the number is that of a function of this type.
                let handler: extern "C" fn(libc::c_int) =
                    unsafe { std::mem::transmute(before.sa_sigaction) };
                handler(signal);
            } else {
                // SAFETY: with SA_SIGINFO it is one of this type.
                let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    unsafe { std::mem::transmute(before.sa_sigaction) };
                handler(signal, info, context);
            }
        }
        _ => {
            // The instruction is tried again when we return, and then ends the process.
            // SAFETY: restores the default action; safe in a handler (POSIX.1 signal-safety).
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}
