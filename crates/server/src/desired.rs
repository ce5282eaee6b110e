//! What a cloud wants of its resources, and what to write so that it comes about, in whatever
//! order and however often it is asked for.
//!
//! A cloud says of a resource what shall be of it as a whole: of a port, on which hosts and how.
//! Each state has a number, and a lower one never takes the place of a higher one. The number that
//! was written last stands in `global/revisions/{kind}/{id}`, which every write of the resource
//! guards: so two writers of one resource cannot miss each other, whichever hosts they write for.
//! When the resource is gone that key stays for a while, so that a write which was on its way does
//! not bring it back.
//!
//! Pure: what the store has is [`Found`], what to write is [`Writes`].

mod change;
mod request;
mod wanted;

pub(crate) use change::{Change, Found, Writes, change, concerned, hosts};
pub use request::{
    DesiredItem, DesiredOutcome, DesiredReply, DesiredRequest, DesiredResult, ResourceKind,
};
pub(crate) use wanted::Wanted;
