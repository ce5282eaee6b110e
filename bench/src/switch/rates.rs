//! Packets per second, measured in many windows.

use std::fmt;

use super::millions;
use crate::report::median;

/// The rates of all windows, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates(Vec<f64>);

impl Rates {
    pub(super) fn push(&mut self, rate: f64) {
        self.0.push(rate);
    }

    /// How many times faster this is than what was measured in turns with it: the median of window by
    /// window.
    pub(super) fn times(&self, other: &Self) -> f64 {
        let windows = self.0.iter().zip(&other.0);
        median(windows.map(|(own, other)| own / other))
    }
}

/// The median, the least and the greatest.
impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = || self.0.iter().copied();
        let (least, most) = (rates().reduce(f64::min), rates().reduce(f64::max));
        write!(f, "{}", millions(median(rates())))?;
        if let (Some(least), Some(most)) = (least, most) {
            write!(f, " [{:.2} to {:.2}]", least / 1e6, most / 1e6)?;
        }
        Ok(())
    }
}
