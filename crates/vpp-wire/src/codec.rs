//! Reading and writing the primitive types of the API: big-endian, packed, without padding.
//!
//! [`Reader`] never reads beyond its slice and says where it stopped; [`Writer`] only appends.
//! A value that could not be written (a text longer than its field) cannot be built in the first
//! place, see [`crate::FixedString`], so that encoding has no errors.

#[cfg(test)]
mod tests;

/// Why the bytes of a message are not that message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{message}: field `{field}`: {kind}")]
pub struct DecodeError {
    /// Name of the message, as in VPP's `.api` file.
    pub message: &'static str,
    /// Name of the field, as in VPP's `.api` file.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The message ends inside of the field.
    #[error("needs {needed} bytes at offset {offset}, but the message has {length} bytes")]
    Truncated {
        /// Offset of the read, from the message number on.
        offset: usize,
        /// Bytes wanted there.
        needed: usize,
        /// Length of the whole message.
        length: usize,
    },
    /// The field has a value outside of its type's range.
    #[error("value {value} is not one that this field can have")]
    Invalid {
        /// The value found.
        value: u32,
    },
}

impl DecodeErrorKind {
    /// Names the field in which the error was met.
    pub fn at(self, message: &'static str, field: &'static str) -> DecodeError {
        DecodeError {
            message,
            field,
            kind: self,
        }
    }
}

/// A field type: how it is written and read.
pub trait Wire: Sized {
    /// Appends the value.
    fn encode(&self, writer: &mut Writer<'_>);
    /// Reads a value; on an error the reader's position is of no further use.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind>;

    /// Appends values one behind the other.
    fn encode_all(values: &[Self], writer: &mut Writer<'_>) {
        for value in values {
            value.encode(writer);
        }
    }

    /// Reads as many values as there are places.
    fn decode_all(places: &mut [Self], reader: &mut Reader<'_>) -> Result<(), DecodeErrorKind> {
        for place in places {
            *place = Self::decode(reader)?;
        }
        Ok(())
    }
}

/// A cursor over the bytes of one message.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// Appends to a buffer which may already hold other messages.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Number of bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// The next `needed` bytes.
    pub fn take(&mut self, needed: usize) -> Result<&'a [u8], DecodeErrorKind> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        match rest.get(..needed) {
            Some(taken) => {
                self.offset += needed;
                Ok(taken)
            }
            None => Err(DecodeErrorKind::Truncated {
                offset: self.offset,
                needed,
                length: self.bytes.len(),
            }),
        }
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeErrorKind> {
        let taken = self.take(N)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Appends bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

macro_rules! wire_integer {
    ($($integer:ty),*) => {$(
        impl Wire for $integer {
            fn encode(&self, writer: &mut Writer<'_>) {
                writer.put(&self.to_be_bytes());
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
                Ok(Self::from_be_bytes(reader.array()?))
            }
        }
    )*};
}

wire_integer!(u16, u32, u64, i32);

/// Many of them are octets of an address, and read and written at once.
impl Wire for u8 {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.put(&[*self]);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let [octet] = reader.array()?;
        Ok(octet)
    }

    fn encode_all(values: &[Self], writer: &mut Writer<'_>) {
        writer.put(values);
    }

    fn decode_all(places: &mut [Self], reader: &mut Reader<'_>) -> Result<(), DecodeErrorKind> {
        places.copy_from_slice(reader.take(places.len())?);
        Ok(())
    }
}

/// One byte. VPP tests such a field for being non-zero, and so do we.
impl Wire for bool {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.put(&[u8::from(*self)]);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(u8::decode(reader)? != 0)
    }
}

/// A fixed number of elements, such as the four MTUs of an interface.
impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    fn encode(&self, writer: &mut Writer<'_>) {
        T::encode_all(self, writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let mut array = [T::default(); N];
        T::decode_all(&mut array, reader)?;
        Ok(array)
    }
}
