//! IPv4 and IPv6 addresses as numbers, for code that is the same for both.

/// An address as a number, most significant bit first.
pub(crate) trait Address: Copy + Eq + std::hash::Hash + std::fmt::Debug + Default {
    /// Bits of an address.
    const BITS: u8;

    /// Lengths to which others are cut when a list has prefixes of many lengths, ascending.
    const CLASSES: &'static [u8];

    /// The first `len` bits set.
    fn mask(len: u8) -> Self;

    fn and(self, other: Self) -> Self;

    /// Source and destination in words, to be hashed; those not needed are zero.
    fn words(source: Self, destination: Self) -> [u64; 4];
}

impl Address for u32 {
    const BITS: u8 = 32;
    const CLASSES: &'static [u8] = &[0, 8, 16, 24, 32];

    #[inline]
    fn mask(len: u8) -> Self {
        !Self::MAX.checked_shr(u32::from(len)).unwrap_or(0)
    }

    #[inline]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline]
    fn words(source: Self, destination: Self) -> [u64; 4] {
        [u64::from(source) << 32 | u64::from(destination), 0, 0, 0]
    }
}

impl Address for u128 {
    const BITS: u8 = 128;
    const CLASSES: &'static [u8] = &[0, 16, 32, 48, 64, 96, 128];

    #[inline]
    fn mask(len: u8) -> Self {
        !Self::MAX.checked_shr(u32::from(len)).unwrap_or(0)
    }

    #[inline]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline]
    fn words(source: Self, destination: Self) -> [u64; 4] {
        [
            (source >> 64) as u64,
            source as u64,
            (destination >> 64) as u64,
            destination as u64,
        ]
    }
}

/// A product of two words folded into one: the step of the hashes here.
#[inline]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}
