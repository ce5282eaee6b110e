//! The gRPC services: thin; they check the form of a request, hand it on, and complete the answer.

pub(super) mod auth;
pub(super) mod cluster;
pub(super) mod kv;
pub(super) mod lease;
pub(super) mod maintenance;
pub(super) mod watch;
