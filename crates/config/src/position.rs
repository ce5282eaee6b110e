//! From a byte offset to the line and column that an editor shows.

/// Line and column (in characters), both from 1, of byte `offset` of `text`.
///
/// An offset beyond the end, or inside of a character, counts as the nearest place before it.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}
