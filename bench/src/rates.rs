//! How much is done in a second, measured in turns.

use std::fmt;

use crate::report::median;

/// The rates of all turns, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    unit: &'static str,
    rates: Vec<f64>,
}

impl Rates {
    /// None yet; `unit` is what they are told in.
    pub(crate) fn of(unit: &'static str) -> Self {
        Self {
            unit,
            rates: Vec::new(),
        }
    }

    /// Adds that of one turn.
    pub(crate) fn push(&mut self, rate: f64) {
        self.rates.push(rate);
    }

    /// How many times faster this is than what was measured in turns with it: the median of turn by
    /// turn, so that one in which something else had a core does not count.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        let turns = self.rates.iter().zip(&other.rates);
        median(turns.map(|(own, other)| own / other))
    }
}

/// The median, the least and the greatest.
impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = || self.rates.iter().copied();
        let (least, most) = (rates().reduce(f64::min), rates().reduce(f64::max));
        write!(f, "{:.2} {}", median(rates()), self.unit)?;
        if let (Some(least), Some(most)) = (least, most) {
            write!(f, " [{least:.2} to {most:.2}]")?;
        }
        Ok(())
    }
}
