//! Port identifiers.

use serde::Deserialize;

use crate::inline_text::InlineText;
use crate::name::IfName;
use crate::text::checked_text;

/// The most characters of an identifier: those of a UUID.
const LONGEST: usize = 36;

/// A port: Neutron's UUID, or a name of an operator's own. 1 to 36 letters, digits, `.`, `-` and
/// `_`, so that it fits into a key and, behind a prefix, into a VPP tag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PortId(InlineText<LONGEST>);

/// Why a text is no port identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no port id: a UUID, or 1 to 36 letters, digits, `.`, `-` and `_` that begin with a letter or digit, are wanted"
)]
pub struct InvalidPortId(String);

impl PortId {
    /// The port with this identifier.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidPortId> {
        let text = text.as_ref();
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let begins = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if !begins || text.len() > LONGEST || !text.bytes().all(legal) {
            return Err(InvalidPortId(text.to_owned()));
        }
        Ok(Self(InlineText::of_checked(text)))
    }

    /// The device that plays this port's TAP in the kernel: `tap` and eleven characters, as
    /// Neutron's agents name theirs (`tap` + the first eleven of the UUID).
    ///
    /// Names of operators often differ only at the end, so a longer one that is no UUID is
    /// represented by a hash of the whole instead of its beginning.
    pub fn tap_name(&self) -> IfName {
        let id = self.as_str();
        let text = match id.get(..11) {
            Some(first) if first == id || uuid::Uuid::try_parse(id).is_ok() => {
                ["tap", first].concat()
            }
            None => ["tap", id].concat(),
            Some(_) => format!("tap{:011x}", fnv1a(id.as_bytes()) & 0xfff_ffff_ffff),
        };
        // Cannot fail: at most 14 characters out of a subset of what a device name may have.
        IfName::new(text).unwrap_or_else(|_| unreachable!("a port id makes a device name"))
    }
}

/// FNV-1a of 64 bits (draft-eastlake-fnv §2): stable over releases, as the names of devices must be.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

checked_text!(PortId, InvalidPortId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_names_its_tap_as_neutron_does() {
        let id = PortId::new("c367e21f-ae39-4549-b87d-2e69636155c6").unwrap();
        assert_eq!(id.tap_name().as_str(), "tapc367e21f-ae");
    }

    #[test]
    fn long_names_with_one_beginning_get_taps_of_their_own() {
        let tap = |text: &str| PortId::new(text).unwrap().tap_name();
        assert_eq!(tap("web-1").as_str(), "tapweb-1");
        assert_ne!(tap("production-web-1"), tap("production-web-2"));
        assert_eq!(tap("production-web-1").as_str().len(), 14);
    }

    #[test]
    fn what_would_break_a_key_or_tag_is_refused() {
        for text in ["", "a/b", "-a", "a b", &"a".repeat(37)] {
            assert!(PortId::new(text).is_err(), "{text:?}");
        }
    }
}
