//! Which of a stream's watches a key concerns, found without asking each of them: an agent has one
//! for each security group that its ports name, and every change of the whole store is looked at.

use super::super::super::interval::Interval;

/// The intervals of the watches, by their places in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// In the order of their starts.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    interval: Interval,
    place: usize,
    /// Of this one and those before it, the one that ends last.
    last: Interval,
}

impl Index {
    pub(super) fn of<'a>(intervals: impl Iterator<Item = &'a Interval>) -> Self {
        let mut places: Vec<(usize, &Interval)> = intervals.enumerate().collect();
        places.sort_by(|(_, a), (_, b)| a.start().cmp(b.start()));
        let mut last: Option<&Interval> = None;
        let entries = places.into_iter().map(|(place, interval)| {
            let last = *last.insert(last.map_or(interval, |last| {
                if interval.ends_behind(last) {
                    interval
                } else {
                    last
                }
            }));
            Entry {
                interval: interval.clone(),
                place,
                last: last.clone(),
            }
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// The places of those that hold `key`.
    pub(super) fn holding(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let begun = self
            .entries
            .partition_point(|entry| entry.interval.start() <= key);
        let begun = self.entries.iter().take(begun).rev();
        begun
            .take_while(|entry| !entry.last.is_past(key))
            .filter(|entry| !entry.interval.is_past(key))
            .map(|entry| entry.place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn interval() -> impl Strategy<Value = Interval> {
        let key = vec(b'a'..b'd', 0..4);
        let end = prop_oneof![vec(b'a'..b'd', 0..4), Just(Vec::new()), Just(vec![0]),];
        (key, end).prop_map(|(key, end)| Interval::new(&key, &end))
    }

    proptest! {
        #[test]
        fn those_that_hold_a_key_are_found(
            intervals in vec(interval(), 0..12),
            key in vec(b'a'..b'd', 0..5),
        ) {
            let index = Index::of(intervals.iter());
            let mut found: Vec<usize> = index.holding(&key).collect();
            found.sort_unstable();
            let holding = intervals.iter().enumerate();
            let holding = holding.filter(|(_, interval)| interval.contains(&key));
            prop_assert_eq!(found, holding.map(|(place, _)| place).collect::<Vec<_>>());
        }
    }
}
