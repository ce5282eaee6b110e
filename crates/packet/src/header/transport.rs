//! TCP (RFC 9293) and UDP (RFC 768) headers.

use super::front;

/// A TCP header and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct TcpView<'a> {
    header: &'a [u8; TcpView::MIN_LEN],
    header_len: usize,
}

/// A UDP header.
#[derive(Clone, Copy, Debug)]
pub struct UdpView<'a>(&'a [u8; UdpView::LEN]);

impl<'a> TcpView<'a> {
    /// Bytes of a header without options.
    pub const MIN_LEN: usize = 20;
    /// Flag FIN.
    pub const FIN: u8 = 0x01;
    /// Flag PSH.
    pub const PSH: u8 = 0x08;
    /// Flag CWR (RFC 3168).
    pub const CWR: u8 = 0x80;

    /// Views a segment whose header, with options, is there.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, _) = front::<{ TcpView::MIN_LEN }>(bytes)?;
        let header_len = usize::from(header[12] >> 4) * 4;
        (header_len >= Self::MIN_LEN && header_len <= bytes.len())
            .then_some(Self { header, header_len })
    }

    /// "Source Port".
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    /// "Destination Port".
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// "Sequence Number".
    pub fn sequence(&self) -> u32 {
        u32::from_be_bytes([
            self.header[4],
            self.header[5],
            self.header[6],
            self.header[7],
        ])
    }

    /// CWR, ECE, URG, ACK, PSH, RST, SYN, FIN from the high bit down.
    pub fn flags(&self) -> u8 {
        self.header[13]
    }

    /// Bytes of the header with options, 20 to 60.
    pub fn header_len(&self) -> usize {
        self.header_len
    }
}

impl<'a> UdpView<'a> {
    /// Bytes of the header.
    pub const LEN: usize = 8;

    /// Views a datagram.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        front::<{ UdpView::LEN }>(bytes).map(|(header, _)| Self(header))
    }

    /// "Source Port".
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// "Destination Port".
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// "Length": header and payload, as the sender says.
    pub fn length(&self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// "Checksum"; 0 if there is none.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.0[6], self.0[7]])
    }
}
