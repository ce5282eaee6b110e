//! The service as gRPC knows it, in place of the generated one, which would take answers as messages
//! and encode each of their fields by itself into the buffer of the transport.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use etcd_client::proto::PbWatchRequest;
use prost::Message;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::Watch;

const METHOD: &str = "/etcdserverpb.Watch/Watch";

impl NamedService for Watch {
    const NAME: &'static str = "etcdserverpb.Watch";
}

impl Service<http::Request<Body>> for Watch {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let watch = self.clone();
        Box::pin(async move {
            if request.uri().path() != METHOD {
                return Ok(Status::unimplemented("there is no such method").into_http());
            }
            Ok(Grpc::new(WatchCodec).streaming(watch, request).await)
        })
    }
}

impl StreamingService<PbWatchRequest> for Watch {
    type Response = Vec<u8>;
    type ResponseStream = ReceiverStream<Result<Vec<u8>, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<PbWatchRequest>>) -> Self::Future {
        ready(Ok(Response::new(self.open(request.into_inner()))))
    }
}

/// Takes answers as they go over the wire, and gives requests as messages.
struct WatchCodec;

impl Codec for WatchCodec {
    type Encode = Vec<u8>;
    type Decode = PbWatchRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for WatchCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, answer: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&answer);
        Ok(())
    }
}

impl Decoder for WatchCodec {
    type Item = PbWatchRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<PbWatchRequest>, Status> {
        let request = PbWatchRequest::decode(buffer);
        request
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
