//! A part of the store that can be read and followed: one key, or all keys with a prefix.

use std::fmt;

use crate::kv::prefix_end;

/// One key, or all keys that begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// This key alone, whether or not it exists.
    Key(String),
    /// Every key that begins so; all keys if it is empty.
    Prefix(String),
}

impl Part {
    /// Whether `key` lies in it.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Self::Key(own) => own == key,
            Self::Prefix(prefix) => key.starts_with(prefix.as_str()),
        }
    }

    /// Whether everything in `other` lies in it, too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(own), Self::Key(key)) => own == key,
            (Self::Key(_), Self::Prefix(_)) => false,
            (Self::Prefix(prefix), Self::Key(inner) | Self::Prefix(inner)) => {
                inner.starts_with(prefix.as_str())
            }
        }
    }

    /// First key and `range_end` of etcd's requests. etcd refuses an empty key, so that "everything"
    /// starts at the smallest one there can be; an empty end means the key alone.
    pub(crate) fn range(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Key(key) => (key.as_bytes().to_vec(), Vec::new()),
            Self::Prefix(prefix) if prefix.is_empty() => (vec![0], vec![0]),
            Self::Prefix(prefix) => (prefix.as_bytes().to_vec(), prefix_end(prefix.as_bytes())),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// Leaves out parts that lie within another one: their changes would come twice.
pub(crate) fn outermost(parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
    let mut parts: Vec<Part> = parts.into_iter().collect();
    // An outer prefix comes right before all that lies within it, and before the key of its text.
    parts.sort_by(|a, b| {
        let is_key = |part: &Part| matches!(part, Part::Key(_));
        (a.text(), is_key(a)).cmp(&(b.text(), is_key(b)))
    });
    let mut kept: Vec<Part> = Vec::new();
    for part in parts {
        if !kept.last().is_some_and(|outer| outer.covers(&part)) {
            kept.push(part);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_parts_are_followed_once() {
        let prefixes = ["b/", "a/x/", "a/", "a/x/y", "a0", "b/"];
        let keys = ["a/k", "c", "c", "a0", "a"];
        let parts = prefixes.map(|text| Part::Prefix(text.into()));
        let parts = parts
            .into_iter()
            .chain(keys.map(|text| Part::Key(text.into())));
        let kept: Vec<String> = outermost(parts).iter().map(Part::to_string).collect();
        assert_eq!(kept, ["a", "a/*", "a0*", "b/*", "c"]);
        assert!(outermost(Vec::new()).is_empty());
        let all = Part::Prefix(String::new());
        assert_eq!(outermost([Part::Key("x".into()), all.clone()]), [all]);
    }

    #[test]
    fn a_key_hides_nothing_that_begins_like_it() {
        let parts = [Part::Key("a".into()), Part::Prefix("a/".into())];
        assert_eq!(outermost(parts.clone()), parts);
        assert!(Part::Key("a".into()).contains("a"));
        assert!(!Part::Key("a".into()).contains("a/"));
    }
}
