//! The macro in which messages are declared, each once, for both sides.
//!
//! ```text
//! messages! {
//!     /// What it does.
//!     request TheName("the_name", 0xcrc) -> TheReply { a_field: Type, … }
//!     reply TheReply("the_name_reply", 0xcrc) { … }      retval_last_reply … { … }
//!     dump …  -> TheDetails { … }          details … { … }
//!     get …   -> TheReply, TheDetails { … } event … { … }   bare … { … }
//! }
//! ```
//!
//! A declaration becomes a struct with public fields, its [`crate::Message`] and the trait of its kind.
//! The fields of the kind's header are not repeated. Next to the structs stands `DECLARED`, the list
//! of the module's messages.

/// See the module's head.
macro_rules! messages {
    ($(
        $(#[$meta:meta])*
        $kind:ident $name:ident($text:literal, $crc:literal) $(-> $($answer:ident),+)? {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    )*) => {
        $(
            $(#[$meta])*
            #[doc = concat!("\n\n(`", $text, "`)")]
            #[derive(Debug, Clone, PartialEq, Eq, Default)]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $type,)*
            }

            impl $crate::message::Body for $name {
                #[allow(unused_variables, reason = "a message may have no fields")]
                fn encode_body(&self, writer: &mut $crate::Writer<'_>) {
                    $($crate::Wire::encode(&self.$field, writer);)*
                }

                #[allow(unused_variables, reason = "a message may have no fields")]
                fn decode_body(
                    reader: &mut $crate::Reader<'_>,
                ) -> Result<Self, $crate::DecodeError> {
                    Ok(Self {
                        $($field: <$type as $crate::Wire>::decode(reader)
                            .map_err(|kind| kind.at($text, stringify!($field)))?,)*
                    })
                }
            }

            $crate::message::declare::message_kind!(
                $kind $name($text, $crc) $($($answer),+)?
            );
        )*

        /// The messages of this module.
        pub(super) const DECLARED: &[$crate::Declared] = &[
            $($crate::Declared::of::<$name>(),)*
        ];
    };
}

macro_rules! message_kind {
    (request $name:ident($text:literal, $crc:literal) $reply:ident) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Request);
        impl $crate::message::Request for $name {
            type Reply = $reply;
        }
    };
    (reply $name:ident($text:literal, $crc:literal)) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Reply);
        impl $crate::message::Reply for $name {}
    };
    (retval_last_reply $name:ident($text:literal, $crc:literal)) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Reply);
        impl $crate::message::Reply for $name {
            const RETVAL_LAST: bool = true;
        }
    };
    (dump $name:ident($text:literal, $crc:literal) $details:ident) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Request);
        impl $crate::message::Dump for $name {
            type Details = $details;
        }
    };
    (details $name:ident($text:literal, $crc:literal)) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Details);
        impl $crate::message::Details for $name {}
    };
    (get $name:ident($text:literal, $crc:literal) $reply:ident, $details:ident) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Request);
        impl $crate::message::CursorGet for $name {
            type Details = $details;
            type Reply = $reply;

            fn at(&self, cursor: u32) -> Self {
                Self {
                    cursor,
                    ..self.clone()
                }
            }

            fn next(reply: &$reply) -> u32 {
                reply.cursor
            }
        }
    };
    (event $name:ident($text:literal, $crc:literal)) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Event);
        impl $crate::message::Event for $name {}
    };
    (bare $name:ident($text:literal, $crc:literal)) => {
        $crate::message::declare::message_impl!($name, $text, $crc, Bare);
    };
}

macro_rules! message_impl {
    ($name:ident, $text:literal, $crc:literal, $kind:ident) => {
        impl $crate::message::Message for $name {
            const NAME: &'static str = $text;
            const CRC: u32 = $crc;
            const KIND: $crate::message::Kind = $crate::message::Kind::$kind;
        }
    };
}

pub(crate) use {message_impl, message_kind, messages};
