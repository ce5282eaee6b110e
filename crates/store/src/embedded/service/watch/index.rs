//! Which of a stream's watches a key concerns, found without asking each of them: an agent has one
//! for each security group that its ports name, and every change of the whole store is looked at.

use super::super::super::interval::Interval;

/// The intervals of the watches.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// In the order of their starts.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    interval: Interval,
    watch_id: i64,
    /// Of this one and those before it, the one that ends last.
    last: Interval,
}

impl Index {
    /// Of watches with their numbers.
    pub(super) fn of<'a>(watches: impl Iterator<Item = (i64, &'a Interval)>) -> Self {
        let mut watches: Vec<(i64, &Interval)> = watches.collect();
        watches.sort_by(|(_, a), (_, b)| a.start().cmp(b.start()));
        let mut last: Option<&Interval> = None;
        let entries = watches.into_iter().map(|(watch_id, interval)| {
            let last = *last.insert(last.map_or(interval, |last| {
                if interval.ends_behind(last) {
                    interval
                } else {
                    last
                }
            }));
            Entry {
                interval: interval.clone(),
                watch_id,
                last: last.clone(),
            }
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// The watches whose intervals hold `key`.
    pub(super) fn holding(&self, key: &[u8]) -> impl Iterator<Item = i64> {
        let begun = self
            .entries
            .partition_point(|entry| entry.interval.start() <= key);
        let begun = self.entries.iter().take(begun).rev();
        begun
            .take_while(|entry| !entry.last.is_past(key))
            .filter(|entry| !entry.interval.is_past(key))
            .map(|entry| entry.watch_id)
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
            let index = Index::of((0..).zip(&intervals));
            let mut found: Vec<i64> = index.holding(&key).collect();
            found.sort_unstable();
            let holding = (0_i64..).zip(&intervals);
            let holding = holding.filter(|(_, interval)| interval.contains(&key));
            prop_assert_eq!(found, holding.map(|(id, _)| id).collect::<Vec<_>>());
        }
    }
}
