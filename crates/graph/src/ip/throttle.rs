//! Asking for a next hop not more often than each millisecond (VPP `src/vnet/util/throttle.h`).

/// What was asked for within the current millisecond, by hash: of two that fall together, one waits.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    millisecond: u32,
    asked: [u64; 8],
}

impl Throttle {
    /// Whether something was asked for already in this millisecond; notes that it is now.
    pub(crate) fn check(&mut self, hash: u64, millisecond: u32) -> bool {
        if millisecond != self.millisecond {
            *self = Self {
                millisecond,
                asked: [0; 8],
            };
        }
        let bit = 1 << (hash & 63);
        let word = &mut self.asked[(hash >> 6 & 7) as usize];
        let was_asked = *word & bit != 0;
        *word |= bit;
        was_asked
    }
}
