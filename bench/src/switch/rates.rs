//! Packets per second, measured in many windows.

use std::fmt;

use super::millions;

/// The rates of all windows, in order of size.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates(Vec<f64>);

impl Rates {
    /// The middle one: a window in which something else had the core does not count.
    pub(super) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }
}

impl Extend<f64> for Rates {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, rates: T) {
        self.0.extend(rates);
        self.0.sort_by(f64::total_cmp);
    }
}

/// The median, the least and the greatest.
impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", millions(self.median()))?;
        if let [least, .., most] = self.0[..] {
            write!(f, " [{:.2} to {:.2}]", least / 1e6, most / 1e6)?;
        }
        Ok(())
    }
}
