//! Ageing: removes learned entries that are too old or were flushed (`l2fib_scan` of VPP).
//!
//! A scan goes over the table in steps, so that the control thread never stops for long; where it
//! stands is kept between the steps.

use weft_packet::SwIfIndex;

use super::{FibTable, Value};

/// Where a scan stands.
#[derive(Debug, Default)]
pub(crate) struct Ageing {
    cursor: usize,
}

impl Ageing {
    /// Looks at the next `budget` slots at the time of `minute` (modulo 256); returns whether it
    /// came to the table's end.
    ///
    /// `current` gives the sequence numbers that an entry of a bridge domain and interface must
    /// carry and the bridge domain's MAC age in minutes (0: entries do not age), or `None` if
    /// either is gone.
    pub(crate) fn step(
        &mut self,
        table: &FibTable,
        minute: u8,
        budget: usize,
        current: impl Fn(u16, SwIfIndex) -> Option<(u16, u8)>,
    ) -> bool {
        let end = table.slots().min(self.cursor.saturating_add(budget));
        for at in self.cursor.min(end)..end {
            let Some((key, value)) = table.entry_at(at) else {
                continue;
            };
            if !value.is_learned() {
                continue;
            }
            let keep = current(key.bd_index(), value.sw_if_index()).is_some_and(|(sn, mac_age)| {
                let age = minute.wrapping_sub(value.timestamp());
                value.sn() == sn && (mac_age == 0 || age < mac_age)
            });
            // Losing to a worker that just brings the entry up to date is right.
            if !keep {
                table.compare_exchange(key, value, Value::ABSENT);
            }
        }
        let finished = end == table.slots();
        self.cursor = if finished { 0 } else { end };
        finished
    }
}
