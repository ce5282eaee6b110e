//! "Did you mean": the known key that a mistyped one is closest to.

/// The one of `known` that `typed` was most likely meant to be, if any is near enough.
///
/// Near is a third of the key's length in edits, at least one; hyphen and underscore count as
/// the same, and so do letters of either case.
pub(crate) fn closest<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k String>,
) -> Option<&'k str> {
    let typed = normal(typed);
    known
        .into_iter()
        .map(|key| (distance(&typed, &normal(key)), key.as_str()))
        .filter(|(edits, key)| *edits <= (key.chars().count() / 3).max(1))
        .min()
        .map(|(_, key)| key)
}

fn normal(key: &str) -> Vec<char> {
    let letters = key.chars().flat_map(char::to_lowercase);
    letters.map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Levenshtein distance: insertions, deletions and replacements that make `b` of `a`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        // `row` holds the distances of a[..i]; `next` is built as those of a[..=i].
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (y, pair) in b.iter().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
