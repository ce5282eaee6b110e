//! Neighbor solicitations and advertisements (RFC 4861 §4.3, §4.4) with the one option that Ethernet
//! needs: the link-layer address.

use std::net::Ipv6Addr;

use super::{MacAddr, front};

/// Which of the two messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeighborMessage {
    /// ICMPv6 type 135; its option is the source's link-layer address.
    Solicitation,
    /// ICMPv6 type 136; its option is the target's link-layer address.
    Advertisement,
}

/// A neighbor solicitation or advertisement.
#[derive(Clone, Copy, Debug)]
pub struct NeighborView<'a> {
    header: &'a [u8; NeighborView::MIN_LEN],
    message: NeighborMessage,
    options: &'a [u8],
}

/// Flags "solicited" and "override" of an advertisement.
const SOLICITED_OVERRIDE: u8 = 0x60;

impl NeighborMessage {
    /// "Type" of ICMPv6.
    pub const fn kind(self) -> u8 {
        match self {
            Self::Solicitation => 135,
            Self::Advertisement => 136,
        }
    }

    /// "Type" of the option that holds the sender's link-layer address.
    const fn option(self) -> u8 {
        match self {
            Self::Solicitation => 1,
            Self::Advertisement => 2,
        }
    }
}

impl<'a> NeighborView<'a> {
    /// Bytes of a message without options.
    pub const MIN_LEN: usize = 24;
    /// Bytes of a message with a link-layer address.
    pub const LEN: usize = 32;

    /// Views an ICMPv6 message; `None` for other types.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, options) = front::<{ NeighborView::MIN_LEN }>(bytes)?;
        let message = match header[0] {
            135 => NeighborMessage::Solicitation,
            136 => NeighborMessage::Advertisement,
            _ => return None,
        };
        Some(Self {
            header,
            message,
            options,
        })
    }

    /// The bytes of a message with a link-layer address, without checksum. An advertisement is
    /// solicited and overrides what is cached.
    pub fn build(
        message: NeighborMessage,
        target: Ipv6Addr,
        mac: MacAddr,
    ) -> [u8; NeighborView::LEN] {
        let mut bytes = [0; NeighborView::LEN];
        bytes[0] = message.kind();
        if message == NeighborMessage::Advertisement {
            bytes[4] = SOLICITED_OVERRIDE;
        }
        bytes[8..24].copy_from_slice(&target.octets());
        // Type, and length in units of eight bytes.
        bytes[24] = message.option();
        bytes[25] = 1;
        bytes[26..].copy_from_slice(&mac.0);
        bytes
    }

    /// Which of the two.
    pub fn message(&self) -> NeighborMessage {
        self.message
    }

    /// "Target Address".
    pub fn target(&self) -> Ipv6Addr {
        let mut address = [0; 16];
        address.copy_from_slice(&self.header[8..]);
        Ipv6Addr::from(address)
    }

    /// The link-layer address, if it is the first option, which is where senders put it.
    pub fn link_layer_address(&self) -> Option<MacAddr> {
        let ([kind, 1, mac @ ..], _) = front::<8>(self.options)? else {
            return None;
        };
        (*kind == self.message.option()).then_some(MacAddr(*mac))
    }
}
