//! Identifiers of security groups and address groups.

use serde::Deserialize;

use crate::inline_text::InlineText;
use crate::text::checked_text;

/// The most characters of an identifier: those of a UUID.
const LONGEST: usize = 36;

/// Why a text identifies no group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroupId {
    /// It has an illegal length or character.
    #[error(
        "`{text}` is no {kind} id: a UUID, or 1 to 36 letters, digits, `.`, `-` and `_` that begin with a letter or digit, are wanted"
    )]
    Text {
        /// The text.
        text: String,
        /// Of what it should be the identifier.
        kind: &'static str,
    },
    /// The name stands for something else in VPP's tags.
    #[error("`{0}` is a name that Weft uses itself; another one is wanted")]
    Reserved(String),
}

macro_rules! group_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(InlineText<LONGEST>);

        impl $name {
            /// The group with this identifier.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidGroupId> {
                let text = text.as_ref();
                let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
                let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
                if !begins || text.len() > LONGEST || !text.bytes().all(legal) {
                    let text = text.to_owned();
                    return Err(InvalidGroupId::Text { text, kind: $kind });
                }
                let reserved: Option<&str> = $reserved;
                if reserved == Some(text) {
                    return Err(InvalidGroupId::Reserved(text.to_owned()));
                }
                Ok(Self(InlineText::of_checked(text)))
            }
        }

        checked_text!($name, InvalidGroupId);
    };
}

group_id! {
    /// A security group: Neutron's UUID, or a name of an operator's own. 1 to 36 letters, digits,
    /// `.`, `-` and `_`, so that it fits into a key and, in between two words, into a VPP tag; not
    /// `anti-spoofing`, which has the place of a group in such tags.
    SecurityGroupId, "security group", Some("anti-spoofing")
}

group_id! {
    /// An address group: Neutron's UUID, or a name of an operator's own. 1 to 36 letters, digits,
    /// `.`, `-` and `_`.
    AddressGroupId, "address group", None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_key_or_tag_is_refused() {
        assert!(SecurityGroupId::new("2be282a7-0a04-4411-9a8f-4eeb1c676454").is_ok());
        for text in ["", "a/b", "-a", "a b", "anti-spoofing", &"a".repeat(37)] {
            assert!(SecurityGroupId::new(text).is_err(), "{text:?}");
        }
        assert!(AddressGroupId::new("anti-spoofing").is_ok());
    }
}
