//! Enumerations and flag words that keep values which this code has no name for.

/// Declares an enumeration of VPP as a checked word: known values are constants, others are kept.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        $name:ident: $word:ty {
            $($(#[$value_meta:meta])* $constant:ident = $value:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $word);

        impl $name {
            $($(#[$value_meta])* pub const $constant: Self = Self($value);)*
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match *self {
                    $(Self::$constant => f.write_str(stringify!($constant)),)*
                    Self(other) => write!(f, "{}({other})", stringify!($name)),
                }
            }
        }

        $crate::types::wire_word!($name: $word);
    };
}

/// Declares a word of flags of VPP: known bits are constants, others are kept.
macro_rules! wire_flags {
    (
        $(#[$meta:meta])*
        $name:ident: $word:ty {
            $($(#[$value_meta:meta])* $constant:ident = $value:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $word);

        impl $name {
            $($(#[$value_meta])* pub const $constant: Self = Self($value);)*

            /// Whether all bits of `flags` are set.
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut unnamed = self.0;
                let mut list = f.debug_set();
                $(if self.contains(Self::$constant) {
                    unnamed &= !$value;
                    list.entry(&format_args!("{}", stringify!($constant)));
                })*
                if unnamed != 0 {
                    list.entry(&format_args!("{unnamed:#x}"));
                }
                list.finish()
            }
        }

        $crate::types::wire_word!($name: $word);
    };
}

macro_rules! wire_word {
    ($name:ident: $word:ty) => {
        impl $crate::Wire for $name {
            fn encode(&self, writer: &mut $crate::Writer<'_>) {
                $crate::Wire::encode(&self.0, writer);
            }

            fn decode(reader: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeErrorKind> {
                <$word as $crate::Wire>::decode(reader).map(Self)
            }
        }
    };
}

pub(crate) use {wire_enum, wire_flags, wire_word};
