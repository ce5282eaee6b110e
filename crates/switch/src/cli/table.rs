//! Columns as VPP's `format` makes them.

/// `%=Ns`: in the middle, the odd blank on the left; cut off if too long (`justify`, VPP
/// `src/vppinfra/format.c`).
pub(super) fn center(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length >= width {
        return text.chars().take(width).collect();
    }
    let blank = width - length;
    let right = blank / 2;
    let left = blank - right;
    format!("{:left$}{text}{:right$}", "", "")
}

/// A row of centred columns.
pub(super) fn centered_row(columns: &[(&str, usize)], separator: &str) -> String {
    let columns: Vec<_> = columns
        .iter()
        .map(|(text, width)| center(text, *width))
        .collect();
    columns.join(separator)
}

/// Names in the order in which people expect them: `tap2` before `tap10`.
pub(super) fn natural_order(a: &str, b: &str) -> std::cmp::Ordering {
    natural_key(a).cmp(&natural_key(b))
}

/// The name in pieces: text, then number, and so on.
fn natural_key(name: &str) -> Vec<(String, u64)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (number, tail) = tail.split_at(end);
        key.push((text.to_owned(), number.parse().unwrap_or(0)));
        rest = tail;
    }
    key
}
