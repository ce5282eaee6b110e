//! Counted arrays: `T name[count]`, always right behind the field that counts them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};

/// A type that can be the count of a [`List`].
pub trait Length: Wire + Copy + TryFrom<usize> + Into<u64> {}

impl Length for u8 {}
impl Length for u16 {}
impl Length for u32 {}

/// Elements preceded by their number, which has type `C`. Never more than `C` can count.
#[derive(Clone, PartialEq, Eq)]
pub struct List<T, C = u32> {
    elements: Vec<T>,
    count: PhantomData<C>,
}

/// More elements than the count in front of them can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{count} elements are more than the field that counts them can hold")]
pub struct TooManyElements {
    /// Number of elements given.
    pub count: usize,
}

impl<T, C: Length> TryFrom<Vec<T>> for List<T, C> {
    type Error = TooManyElements;

    fn try_from(elements: Vec<T>) -> Result<Self, TooManyElements> {
        let count = elements.len();
        match C::try_from(count) {
            Ok(_) => Ok(Self {
                elements,
                count: PhantomData,
            }),
            Err(_) => Err(TooManyElements { count }),
        }
    }
}

impl<T, C: Length + Default> List<T, C> {
    /// The number of elements, as the field that counts them.
    pub fn count(&self) -> C {
        // `TryFrom<Vec<T>>` is the only way to get elements in, so the count always fits.
        C::try_from(self.elements.len()).unwrap_or_default()
    }
}

impl<T: Wire, C: Length> List<T, C> {
    /// Reads elements whose number stood elsewhere.
    pub fn decode_counted(count: C, reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let count: u64 = count.into();
        // Not trusted as a capacity: elements have at least one byte each, so that a false count
        // ends with the message.
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(T::decode(reader)?);
        }
        Ok(Self {
            elements,
            count: PhantomData,
        })
    }
}

impl<T, C> Default for List<T, C> {
    fn default() -> Self {
        Self {
            elements: Vec::new(),
            count: PhantomData,
        }
    }
}

impl<T, C> Deref for List<T, C> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements
    }
}

impl<T, C> IntoIterator for List<T, C> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.elements.into_iter()
    }
}

impl<T: fmt::Debug, C> fmt::Debug for List<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.fmt(f)
    }
}

impl<T: Wire, C: Length + Default> Wire for List<T, C> {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.count().encode(writer);
        for element in &self.elements {
            element.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let count = C::decode(reader)?;
        Self::decode_counted(count, reader)
    }
}
