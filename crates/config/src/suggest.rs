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

/// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a` (optimal string
/// alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    // Rows of the distances of ever longer beginnings of `a` to all beginnings of `b`.
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (j, (y, pair)) in b.iter().zip(row.windows(2)).enumerate() {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if let Some(earlier) = before.get(j.wrapping_sub(1)).filter(|_| swapped) {
                left = left.min(earlier + 1);
            }
            next.push(left);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}
