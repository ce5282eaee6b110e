//! Objects by key, where they are looked up far more often than they are listed.
//!
//! The hash is a fixed one, so that nothing depends on chance; whoever lists asks for the order.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use weft_model::PortId;

use crate::object::ObjectKey;

/// Something for each of many keys, in no order.
pub(crate) type Table<V> = HashMap<ObjectKey, V, FixedState>;

/// Many keys, in no order.
pub(crate) type Keys = HashSet<ObjectKey, FixedState>;

/// Many ports, in no order.
pub(crate) type Ports = HashSet<PortId, FixedState>;

/// Entries in the order of their keys.
pub(crate) fn in_order<'a, V>(
    entries: impl Iterator<Item = (&'a ObjectKey, V)>,
) -> impl Iterator<Item = (&'a ObjectKey, V)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter()
}
