//! `etcdserverpb.Auth`: there is none; who may reach the socket may do everything.
//!
//! Answered by hand, not through the generated trait: all calls get the same words.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::{Status, codegen::Service};

#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Auth;

impl NamedService for Auth {
    const NAME: &'static str = "etcdserverpb.Auth";
}

impl Service<Request<Body>> for Auth {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let status = Status::unimplemented(
            "the embedded store has no users: take user and password out of the configuration, \
             or use etcd",
        );
        ready(Ok(status.into_http()))
    }
}
