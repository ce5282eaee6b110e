//! The dotted path of a key, as a person would write it.

/// `parent.key`, with `key` quoted where TOML wants it quoted.
///
/// Quoting makes a path unambiguous, so that it also identifies its table.
pub(crate) fn join(parent: &str, key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    match (parent.is_empty(), bare) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{key:?}"),
        (false, true) => format!("{parent}.{key}"),
        (false, false) => format!("{parent}.{key:?}"),
    }
}

/// The path of item `index` (from 0) of the list at `list`.
pub(crate) fn item(list: &str, index: usize) -> String {
    format!("{list}[{index}]")
}
