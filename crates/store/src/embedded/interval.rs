//! etcd's way to name keys: one key, `[key, end)`, or everything from a key on.

use std::ops::Bound;

/// A set of keys that lie next to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interval {
    start: Vec<u8>,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// Only the start itself.
    Single,
    Before(Vec<u8>),
    Never,
}

impl Interval {
    /// From the two fields of a request: no `range_end` is a single key, `\0` is "no end".
    pub(super) fn new(key: &[u8], range_end: &[u8]) -> Self {
        let end = match range_end {
            [] => End::Single,
            [0] => End::Never,
            end => End::Before(end.to_vec()),
        };
        Self {
            start: key.to_vec(),
            end,
        }
    }

    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// Whether it can hold no key at all: it ends before it starts.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.end, End::Before(end) if *end <= self.start)
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && !self.is_past(key)
    }

    /// Whether a key lies behind the end, so that no greater one can be inside.
    pub(super) fn is_past(&self, key: &[u8]) -> bool {
        match &self.end {
            End::Single => key > self.start.as_slice(),
            End::Before(end) => key >= end.as_slice(),
            End::Never => false,
        }
    }

    /// Whether it goes on behind the end of another one, wherever it starts.
    pub(super) fn ends_behind(&self, other: &Self) -> bool {
        match (self.last(), other.last()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(other)) => own > other,
        }
    }

    /// Where it ends, if anywhere, and whether that key is inside.
    fn last(&self) -> Option<(&[u8], bool)> {
        match &self.end {
            End::Single => Some((&self.start, true)),
            End::Before(end) => Some((end, false)),
            End::Never => None,
        }
    }

    /// As bounds of a range over keys. Must not be asked of an empty interval.
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = match &self.end {
            End::Single => Bound::Included(self.start.as_slice()),
            End::Before(end) => Bound::Excluded(end.as_slice()),
            End::Never => Bound::Unbounded,
        };
        (Bound::Included(&self.start), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        for (key, end, inside, outside) in [
            ("b", "", vec!["b"], vec!["a", "b0", "c"]),
            ("b", "d", vec!["b", "b0", "c", "czz"], vec!["a", "d", "e"]),
            ("b", "\0", vec!["b", "c", "\u{7f}"], vec!["a", "\0"]),
            ("d", "b", vec![], vec!["a", "b", "c", "d", "e"]),
            ("b", "b", vec![], vec!["b"]),
        ] {
            let interval = Interval::new(key.as_bytes(), end.as_bytes());
            assert_eq!(interval.is_empty(), inside.is_empty(), "{interval:?}");
            for key in inside {
                assert!(interval.contains(key.as_bytes()), "{key:?} in {interval:?}");
            }
            for key in outside {
                assert!(
                    !interval.contains(key.as_bytes()),
                    "{key:?} in {interval:?}"
                );
            }
        }
    }
}
