//! Tests of the decisions as a whole; what one file decides alone is tested beside it.

mod compile;
mod history;
mod meaning;
mod overlay;
mod plan;
mod reconcile;
mod security;
mod store;
mod world;
