//! Who routes are from (VPP `src/vnet/fib/fib_source.c`).

use weft_graph::{FibEntryKind, FibSource};
use weft_vpp_wire::FixedString;

use super::record::cut_to_field;

/// A source that a client made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) source: FibSource,
    pub(crate) name: FixedString<64>,
}

/// All sources.
#[derive(Debug)]
pub(crate) struct Sources(Vec<Source>);

/// The sources that are always there and that this switch has a use for: handle, priority and name.
const BUILT_IN: [(u8, u8, &str); 7] = [
    (SPECIAL, 0x00, "special"),
    (INTERFACE, 0x03, "interface"),
    (Sources::API, 0x80, "API"),
    (9, 0x81, "CLI"),
    (ADJACENCY, 0xd0, "adjacency"),
    (18, 0xfb, "recursive-resolution"),
    (DEFAULT_ROUTE, 0xfd, "default-route"),
];

const SPECIAL: u8 = 1;
const INTERFACE: u8 = 4;
const ADJACENCY: u8 = 15;
const DEFAULT_ROUTE: u8 = 20;

/// The first handle that VPP 26.06 has left for clients.
const FIRST: u8 = 37;

/// Handles there are.
const LAST: u8 = u8::MAX - 1;

impl Sources {
    /// Handle of the source of routes that name none.
    pub(crate) const API: u8 = 8;

    /// Makes a source; another one at each call, as in VPP. `None` if no handle is left.
    pub(crate) fn add(&mut self, priority: u8, name: FixedString<64>) -> Option<u8> {
        let made = self
            .0
            .iter()
            .map(|own| own.source.id)
            .filter(|id| *id >= FIRST);
        let id = made.max().map_or(FIRST, |id| id.saturating_add(1));
        if id > LAST {
            return None;
        }
        let source = FibSource { priority, id };
        self.0.push(Source { source, name });
        Some(id)
    }

    /// All sources in the order of their handles.
    pub(crate) fn all(&self) -> &[Source] {
        &self.0
    }

    /// The source of a handle; 0 stands for that of the API.
    pub(crate) fn get(&self, id: u8) -> Option<FibSource> {
        let id = if id == 0 { Self::API } else { id };
        let own = self.0.iter().find(|own| own.source.id == id)?;
        Some(own.source)
    }
}

impl Default for Sources {
    fn default() -> Self {
        let built_in = BUILT_IN.iter().map(|&(id, priority, name)| Source {
            source: FibSource { priority, id },
            name: cut_to_field(name.as_bytes()),
        });
        Self(built_in.collect())
    }
}

/// The handle of the source of an entry.
pub(crate) const fn of_entry(kind: FibEntryKind) -> u8 {
    match kind {
        FibEntryKind::Special => SPECIAL,
        FibEntryKind::Local | FibEntryKind::Connected | FibEntryKind::Edge => INTERFACE,
        FibEntryKind::Route(source) => source.id,
        FibEntryKind::Neighbour => ADJACENCY,
        FibEntryKind::Default => DEFAULT_ROUTE,
    }
}
