//! The layer-2 forwarding table: bridge domain and MAC address → interface (VPP's `l2_fib`).
//!
//! # Concurrency
//!
//! All workers look up and learn in one table without locks; the control thread adds, deletes, ages
//! and grows. The table is open addressing over pairs of `AtomicU64`, and two rules make it safe:
//!
//! * A slot's key is written once, by a compare-and-swap from empty, and stays until the table is
//!   replaced. Searches for one key therefore visit the same slots in the same order, whoever
//!   searches, and two threads that add a key at the same time meet in one slot.
//! * A slot's value is one word. A worker changes it by compare-and-swap from the value that it
//!   based its decision on, so that it never undoes what the control thread did in between. Losing
//!   is harmless: the address's next packet learns it.
//!
//! Counts of what was learned belong to the table too, so that they are right whatever is lost on the way.
//! Deleting marks the value absent and leaves the key. When too many slots are used up, the control
//! thread copies what is alive into a fresh table and publishes that with the next configuration;
//! what workers learn in the old one after the copy is learned again from the next packet.

mod age;
mod entry;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use age::Ageing;
pub use entry::{FibEntry, FibFlags};
pub(crate) use entry::{Key, Value};
pub(crate) use table::{FibTable, Update};
