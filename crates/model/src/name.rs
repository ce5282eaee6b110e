//! Names: of hosts, physical networks, kernel devices and VPP interfaces.
//!
//! Each becomes part of a key of the store, of a tag in VPP (63 characters at most) or of a kernel
//! device; the limits below make every such composition legal.

use std::sync::Arc;

use serde::Deserialize;

use crate::inline_text::InlineText;
use crate::text::checked_text;

/// Why a text is not a name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: {rule}")]
pub struct InvalidName {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident($text:ty), $keep:expr, $kind:literal, $max:literal, $rule:literal, $legal:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name($text);

        impl $name {
            /// The name with this text.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
                let text = text.as_ref();
                let legal: fn(u8) -> bool = $legal;
                let reserved = text == "." || text == "..";
                if text.is_empty() || text.len() > $max || reserved || !text.bytes().all(legal) {
                    let text = text.to_owned();
                    return Err(InvalidName { kind: $kind, text, rule: $rule });
                }
                Ok(Self($keep(text)))
            }
        }

        checked_text!($name, InvalidName);
    };
}

name! {
    /// A host as Neutron and the store know it, e.g. `compute-7.example.org`.
    HostName(Arc<str>), Arc::from, "host name", 253,
    "1 to 253 letters, digits, `.`, `-` and `_` are wanted",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')
}

name! {
    /// A physical network: the name that clouds give to what hangs on an uplink. No dot, which
    /// separates the parts of a tag; 32 characters at most, so that the tag of an uplink's
    /// sub-interface fits into VPP's 63.
    PhysnetName(InlineText<32>), InlineText::of_checked, "physical network name", 32,
    "1 to 32 letters, digits, `-` and `_` are wanted",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

name! {
    /// A network device of the kernel (`IFNAMSIZ` is 16 with the final NUL; `dev_valid_name` in
    /// the kernel's `net/core/dev.c` refuses `/`, `:` and blanks).
    IfName(InlineText<15>), InlineText::of_checked, "network device name", 15,
    "1 to 15 printable characters without blanks, `/` and `:` are wanted",
    |b| b.is_ascii_graphic() && !matches!(b, b'/' | b':')
}

name! {
    /// An interface of VPP by its name, e.g. `GigabitEthernet0/8/0` (a `string[64]` of VPP's API).
    VppIfName(InlineText<63>), InlineText::of_checked, "VPP interface name", 63,
    "1 to 63 printable characters without blanks are wanted",
    |b| b.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert!(IfName::new("a".repeat(15)).is_ok());
        assert!(IfName::new("a".repeat(16)).is_err());
        assert!(
            PhysnetName::new("physnet.1").is_err(),
            "a dot separates the parts of a tag"
        );
        assert!(
            HostName::new("host/1").is_err(),
            "a slash separates the parts of a key"
        );
        assert!(HostName::new("..").is_err());
        assert!(VppIfName::new("GigabitEthernet0/8/0").is_ok());
        for text in ["", "two words", "tab\t"] {
            assert!(IfName::new(text).is_err(), "{text:?}");
            assert!(VppIfName::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_error_says_what_is_wanted() {
        let error = PhysnetName::new("a.b").unwrap_err().to_string();
        assert_eq!(
            error,
            "`a.b` is no physical network name: 1 to 32 letters, digits, `-` and `_` are wanted"
        );
    }
}
