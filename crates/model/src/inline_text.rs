//! Short texts kept in place. Names are the keys of everything: copied and compared all the time,
//! which so touches no memory but their own.

use std::ffi::CStr;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A text of 1 to `N` bytes without NUL, filled up with NUL: then the order of the arrays is the order
/// of the texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InlineText<const N: usize>([u8; N]);

impl<const N: usize> Hash for InlineText<N> {
    /// Without the length that arrays put in front, which is always the same, and in words, which cost
    /// a hasher less than bytes. The last one may overlap the one before it.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (words, rest) = self.0.as_chunks();
        for word in words {
            state.write_u128(u128::from_ne_bytes(*word));
        }
        match self.0.last_chunk() {
            _ if rest.is_empty() => {}
            Some(last) => state.write_u128(u128::from_ne_bytes(*last)),
            None => state.write(rest),
        }
    }
}

impl<const N: usize> InlineText<N> {
    /// Keeps `text`. Whoever calls has checked it, and knows that it fits; of a longer one the
    /// beginning is kept.
    pub(crate) fn of_checked(text: &str) -> Self {
        debug_assert!(text.len() <= N && !text.contains('\0'), "{text:?}");
        let mut bytes = [0; N];
        let length = text.len().min(N);
        let of_text = text.as_bytes().get(..length).unwrap_or_default();
        bytes
            .get_mut(..length)
            .unwrap_or_default()
            .copy_from_slice(of_text);
        Self(bytes)
    }
}

impl<const N: usize> std::ops::Deref for InlineText<N> {
    type Target = str;

    fn deref(&self) -> &str {
        let text = CStr::from_bytes_until_nul(&self.0).map_or(self.0.as_slice(), CStr::to_bytes);
        // It was a text when it was put in.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl<const N: usize> AsRef<str> for InlineText<N> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<const N: usize> fmt::Debug for InlineText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_texts() {
        let mut texts = ["b", "ab", "a", "abcdefgh", "a-", "abcdefg"];
        let mut kept = texts.map(InlineText::<8>::of_checked);
        texts.sort_unstable();
        kept.sort_unstable();
        assert_eq!(kept.map(|text| text.to_string()), texts);
    }
}
