//! Time as the graph knows it: an argument, since the start of the process.

use std::time::Duration;

/// The minute modulo 256, the unit in which MAC addresses age.
pub(crate) const fn minute(now: Duration) -> u8 {
    (now.as_secs() / 60 % 256) as u8
}

/// The millisecond modulo 2^32, the unit in which sessions age.
pub(crate) const fn milliseconds(now: Duration) -> u32 {
    now.as_millis() as u32
}
