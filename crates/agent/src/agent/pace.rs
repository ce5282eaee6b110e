//! How many ports are planned for at once.
//!
//! With thousands to be made the first ones shall be there soon, and be told of; and between one plan and
//! the next VPP has nothing to do, which costs the less the more a plan holds. Some VPPs make a port in
//! microseconds, and some, where the kernel takes part, in tens of milliseconds. So the first plan is a
//! small one, and how long each takes says how much the next one may hold.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Ports of the first plan: enough to keep VPP busy while more is taken in.
const FIRST: usize = 64;

/// The least and the most ports of a plan.
const PORTS: RangeInclusive<usize> = 16..=1024;

/// How long carrying out a plan shall take: well below the time after which it is told how far work has
/// come.
const SHALL_TAKE: Duration = Duration::from_millis(200);

/// The pace of one run of plans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    ports: usize,
}

impl Pace {
    /// That of a run that begins.
    pub(super) fn new() -> Self {
        Self { ports: FIRST }
    }

    /// How many ports the next plan may hold.
    pub(super) fn ports(self) -> usize {
        self.ports
    }

    /// A plan of so many, or of fewer if there was no more to do, was carried out within `time`: the next
    /// one holds as many as will take as long as it shall.
    pub(super) fn took(&mut self, ports: usize, time: Duration) {
        let ports = ports.clamp(1, self.ports) as u128;
        let (time, shall) = (time.as_micros().max(1), SHALL_TAKE.as_micros());
        let fitting = usize::try_from(ports * shall / time);
        let fitting = fitting.unwrap_or(usize::MAX);
        self.ports = fitting.clamp(*PORTS.start(), *PORTS.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ports of each of so many plans at a VPP that takes `each` for one.
    fn plans(count: usize, each: Duration) -> Vec<usize> {
        let mut pace = Pace::new();
        let plans = (0..count).map(|_| {
            let ports = pace.ports();
            pace.took(ports, each * u32::try_from(ports).unwrap());
            ports
        });
        plans.collect()
    }

    #[test]
    fn a_quick_vpp_gets_more_at_once_and_a_slow_one_less() {
        assert_eq!(plans(3, Duration::from_micros(10)), [64, 1024, 1024]);
        assert_eq!(plans(3, Duration::from_millis(1)), [64, 200, 200]);
        assert_eq!(plans(3, Duration::from_millis(15)), [64, 16, 16]);
    }

    #[test]
    fn one_port_that_was_made_soon_says_nothing_of_a_thousand() {
        let mut pace = Pace::new();
        pace.took(1, Duration::from_millis(15));
        assert_eq!(pace.ports(), 16);
    }
}
