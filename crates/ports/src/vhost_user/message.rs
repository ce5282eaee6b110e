//! The messages of the vhost-user protocol (QEMU `docs/interop/vhost-user.rst`), as far as a network
//! port is sent them: bytes in, a request or what is wrong with it out. All fields are in the
//! machine's byte order.

use std::os::fd::OwnedFd;

use super::memory::{MAX_REGIONS, VhostUserRegion};
use super::ring::RingAddresses;

/// Bytes before the payload: request, flags, size.
pub(super) const HEADER_LEN: usize = 12;
/// Longest payload of the requests below, with room to spare.
pub(super) const MAX_PAYLOAD: usize = 1024;

const VERSION_MASK: u32 = 3;
const VERSION: u32 = 1;
const REPLY: u32 = 4;
/// In the number of a ring: no descriptor comes with the message.
const NO_FD: u64 = 1 << 8;

/// The head of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) request: u32,
    /// Bytes of the payload.
    pub(super) size: usize,
}

/// A whole message.
#[derive(Debug)]
pub(super) enum Request {
    GetFeatures,
    SetFeatures(u64),
    /// `SET_OWNER`, `RESET_OWNER`, and `NONE`: nothing to be done.
    Ignored,
    SetMemoryTable(Vec<VhostUserRegion>, Vec<OwnedFd>),
    SetRingSize {
        ring: usize,
        size: u32,
    },
    SetRingAddresses {
        ring: usize,
        addresses: RingAddresses,
    },
    SetRingBase {
        ring: usize,
        base: u32,
    },
    GetRingBase {
        ring: usize,
    },
    SetRingKick {
        ring: usize,
        file: Option<OwnedFd>,
    },
    SetRingCall {
        ring: usize,
        file: Option<OwnedFd>,
    },
    SetRingError {
        ring: usize,
        file: Option<OwnedFd>,
    },
    GetProtocolFeatures,
    SetProtocolFeatures(u64),
    GetQueueNum,
    SetRingEnable {
        ring: usize,
        enable: bool,
    },
}

/// Why a message is refused, which ends the connection: peers do not expect a "no".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MessageError {
    /// Not version 1, or a reply.
    #[error("flags {0:#x} are not those of a request of version 1")]
    Flags(u32),
    /// More than any request has.
    #[error("a payload of {0} bytes")]
    TooLong(usize),
    /// Less than the request needs.
    #[error("request {request} with {size} bytes")]
    TooShort {
        /// Its number.
        request: u32,
        /// Bytes of its payload.
        size: usize,
    },
    /// Not a request of a network device, or not offered.
    #[error("request {0} is unknown")]
    Unknown(u32),
    /// Other than one, or none if it says so.
    #[error("request {request} with {files} descriptors")]
    Files {
        /// Its number.
        request: u32,
        /// How many came.
        files: usize,
    },
}

impl Header {
    /// Reads a header.
    pub(super) fn parse(bytes: [u8; HEADER_LEN]) -> Result<Self, MessageError> {
        let [request, flags, size] = [0, 4, 8].map(|at| u32_at(&bytes, at).unwrap_or(0));
        if flags & (VERSION_MASK | REPLY) != VERSION {
            return Err(MessageError::Flags(flags));
        }
        let size = size as usize;
        if size > MAX_PAYLOAD {
            return Err(MessageError::TooLong(size));
        }
        Ok(Self { request, size })
    }
}

impl Request {
    /// Reads a payload.
    pub(super) fn parse(
        header: Header,
        payload: &[u8],
        files: Vec<OwnedFd>,
    ) -> Result<Self, MessageError> {
        let Header { request, size } = header;
        let number = || u64_at(payload, 0).ok_or(MessageError::TooShort { request, size });
        let state = || {
            let ring = u32_at(payload, 0).map(|ring| ring as usize);
            let both = ring.zip(u32_at(payload, 4));
            both.ok_or(MessageError::TooShort { request, size })
        };
        Ok(match request {
            0 | 3 | 4 => Self::Ignored,
            1 => Self::GetFeatures,
            2 => Self::SetFeatures(number()?),
            5 => {
                let table = memory_table(payload);
                Self::SetMemoryTable(
                    table.ok_or(MessageError::TooShort { request, size })?,
                    files,
                )
            }
            8 => {
                let (ring, size) = state()?;
                Self::SetRingSize { ring, size }
            }
            9 => {
                let (ring, _flags) = state()?;
                let addresses = ring_addresses(payload);
                let addresses = addresses.ok_or(MessageError::TooShort { request, size })?;
                Self::SetRingAddresses { ring, addresses }
            }
            10 => {
                let (ring, base) = state()?;
                Self::SetRingBase { ring, base }
            }
            11 => Self::GetRingBase { ring: state()?.0 },
            12..=14 => {
                let number = number()?;
                // The number is the low byte.
                let ring = (number & 0xff) as usize;
                let file = one_file(request, number, files)?;
                match request {
                    12 => Self::SetRingKick { ring, file },
                    13 => Self::SetRingCall { ring, file },
                    _ => Self::SetRingError { ring, file },
                }
            }
            15 => Self::GetProtocolFeatures,
            16 => Self::SetProtocolFeatures(number()?),
            17 => Self::GetQueueNum,
            18 => {
                let (ring, enable) = state()?;
                Self::SetRingEnable {
                    ring,
                    enable: enable != 0,
                }
            }
            _ => return Err(MessageError::Unknown(request)),
        })
    }
}

/// A reply to a request, with its payload.
pub(super) fn reply(request: u32, payload: [u8; 8]) -> [u8; HEADER_LEN + 8] {
    let mut message = [0; HEADER_LEN + 8];
    let words = [request, VERSION | REPLY, 8];
    let parts = words.iter().flat_map(|word| word.to_ne_bytes());
    for (to, from) in message.iter_mut().zip(parts.chain(payload)) {
        *to = from;
    }
    message
}

/// The payload that tells a ring's state.
pub(super) fn ring_state(ring: usize, value: u32) -> [u8; 8] {
    // A ring's number is small.
    let [a, b, c, d] = (ring as u32).to_ne_bytes();
    let [e, f, g, h] = value.to_ne_bytes();
    [a, b, c, d, e, f, g, h]
}

fn one_file(
    request: u32,
    number: u64,
    files: Vec<OwnedFd>,
) -> Result<Option<OwnedFd>, MessageError> {
    let wrong = MessageError::Files {
        request,
        files: files.len(),
    };
    let mut files = files.into_iter();
    match (number & NO_FD != 0, files.next(), files.next()) {
        (true, None, None) => Ok(None),
        (false, Some(file), None) => Ok(Some(file)),
        _ => Err(wrong),
    }
}

/// Number of regions, padding, then four numbers each.
fn memory_table(payload: &[u8]) -> Option<Vec<VhostUserRegion>> {
    // A count that is too great is refused where the files are counted; no more is read here.
    let count = (u32_at(payload, 0)? as usize).min(MAX_REGIONS + 1);
    let region = |number: usize| {
        let at = 8 + 32 * number;
        Some(VhostUserRegion {
            guest_address: u64_at(payload, at)?,
            size: u64_at(payload, at + 8)?,
            user_address: u64_at(payload, at + 16)?,
            offset: u64_at(payload, at + 24)?,
        })
    };
    (0..count).map(region).collect()
}

/// `struct vhost_vring_addr`: number, flags, descriptors, used, available, log.
fn ring_addresses(payload: &[u8]) -> Option<RingAddresses> {
    Some(RingAddresses {
        descriptors: u64_at(payload, 8)?,
        used: u64_at(payload, 16)?,
        available: u64_at(payload, 24)?,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*field))
}

#[cfg(test)]
mod tests;
