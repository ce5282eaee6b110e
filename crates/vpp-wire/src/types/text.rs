//! Texts: `string name[64]` (a field of fixed size) and `string name[]` (a length and its bytes).

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};

/// Why a Rust string cannot be a [`FixedString`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// It has more bytes than the field; VPP would cut it off, and two names could become one.
    #[error("{text:?} has {length} bytes, but VPP keeps at most {max}", length = text.len())]
    TooLong {
        /// The text given.
        text: String,
        /// The most bytes that fit.
        max: usize,
    },
    /// It contains a NUL byte, which ends a text in VPP.
    #[error("{text:?} contains a NUL byte")]
    Nul {
        /// The text given.
        text: String,
    },
}

/// A text in a field of `N` bytes, padded with NUL; at most `N - 1` bytes of text, because VPP's own
/// code relies on the last byte being NUL.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedString<const N: usize>([u8; N]);

/// A text of any length (`vl_api_string_t`, `src/vlibapi/api_types.h`): a 32-bit length, then bytes.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct VarString(Vec<u8>);

impl<const N: usize> FixedString<N> {
    /// The empty text.
    pub const EMPTY: Self = Self([0; N]);

    /// The text's bytes, without padding.
    pub fn as_bytes(&self) -> &[u8] {
        CStr::from_bytes_until_nul(&self.0).map_or(&self.0, CStr::to_bytes)
    }

    /// The text; bytes that are no UTF-8 are shown as replacement characters.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl<const N: usize> Default for FixedString<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> TryFrom<&str> for FixedString<N> {
    type Error = InvalidText;

    fn try_from(text: &str) -> Result<Self, InvalidText> {
        let max = N.saturating_sub(1);
        if text.len() > max {
            return Err(InvalidText::TooLong {
                text: text.to_owned(),
                max,
            });
        }
        if text.contains('\0') {
            return Err(InvalidText::Nul {
                text: text.to_owned(),
            });
        }
        let mut bytes = [0; N];
        let of_text = bytes.get_mut(..text.len()).unwrap_or_default();
        of_text.copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }
}

impl<const N: usize> Wire for FixedString<N> {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.put(&self.0);
    }

    /// What stands behind the first NUL is dropped: VPP does not always clear its buffers.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let mut bytes: [u8; N] = reader.array()?;
        let end = CStr::from_bytes_until_nul(&bytes).map_or(N, CStr::count_bytes);
        bytes.get_mut(end..).unwrap_or_default().fill(0);
        Ok(Self(bytes))
    }
}

impl<const N: usize> fmt::Display for FixedString<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str())
    }
}

impl<const N: usize> fmt::Debug for FixedString<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

impl<const N: usize> PartialEq<str> for FixedString<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> PartialEq<&str> for FixedString<N> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl VarString {
    /// The text's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text; bytes that are no UTF-8 are shown as replacement characters.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&str> for VarString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for VarString {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Wire for VarString {
    /// A text beyond the 32-bit length cannot be: no frame is as long, see
    /// [`crate::frame::MAX_MESSAGE_LEN`].
    fn encode(&self, writer: &mut Writer<'_>) {
        u32::try_from(self.0.len())
            .unwrap_or(u32::MAX)
            .encode(writer);
        writer.put(&self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let length = u32::decode(reader)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self(reader.take(length)?.to_vec()))
    }
}

impl fmt::Debug for VarString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}
