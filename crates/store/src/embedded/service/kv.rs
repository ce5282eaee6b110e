//! `etcdserverpb.KV`.

use std::sync::Arc;

use etcd_client::proto::{
    PbCompactionRequest, PbCompactionResponse, PbDeleteRequest, PbDeleteResponse, PbKvService,
    PbPutRequest, PbPutResponse, PbRangeRequest, PbRangeResponse, PbRangeStreamResponse,
    PbTxnRequest, PbTxnResponse,
};
use prost::Message;
use tokio_stream::Empty;
use tonic::{Request, Response, Status};

use super::super::engine::Engine;
use super::super::refusal::Refusal;
use super::super::writer::{Reply, Request as Write};
use super::super::{check, txn};

/// etcd's default for the size of one write (`--max-request-bytes`).
const MAX_REQUEST_BYTES: usize = 3 << 19;

pub(in super::super) struct Kv(pub(in super::super) Arc<Engine>);

#[tonic::async_trait]
impl PbKvService for Kv {
    type RangeStreamStream = Empty<Result<PbRangeStreamResponse, Status>>;

    async fn range(
        &self,
        request: Request<PbRangeRequest>,
    ) -> Result<Response<PbRangeResponse>, Status> {
        let request = request.into_inner();
        check::range(&request)?;
        let mut response = self.0.read(move |view| view.range(&request)).await?;
        self.0.complete(&mut response.header);
        Ok(Response::new(response))
    }

    async fn range_stream(
        &self,
        _: Request<PbRangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        Err(Status::unimplemented(
            "the embedded store has no RangeStream: use Range with a limit",
        ))
    }

    async fn put(&self, request: Request<PbPutRequest>) -> Result<Response<PbPutResponse>, Status> {
        let request = request.into_inner();
        check::put(&request)?;
        check_size(&request)?;
        match self.0.write(Write::Put(request)).await? {
            Reply::Put(mut response) => {
                self.0.complete(&mut response.header);
                Ok(Response::new(response))
            }
            other => Err(mismatch(&other)),
        }
    }

    async fn delete_range(
        &self,
        request: Request<PbDeleteRequest>,
    ) -> Result<Response<PbDeleteResponse>, Status> {
        let request = request.into_inner();
        check::delete(&request)?;
        check_size(&request)?;
        match self.0.write(Write::Delete(request)).await? {
            Reply::Delete(mut response) => {
                self.0.complete(&mut response.header);
                Ok(Response::new(response))
            }
            other => Err(mismatch(&other)),
        }
    }

    async fn txn(&self, request: Request<PbTxnRequest>) -> Result<Response<PbTxnResponse>, Status> {
        let request = request.into_inner();
        check::txn(&request)?;
        let mut response = if txn::is_read_only(&request) {
            self.0.read(move |view| txn::answer(view, request)).await?
        } else {
            check_size(&request)?;
            match self.0.write(Write::Txn(request)).await? {
                Reply::Txn(response) => response,
                other => return Err(mismatch(&other)),
            }
        };
        self.0.complete(&mut response.header);
        Ok(Response::new(response))
    }

    async fn compact(
        &self,
        request: Request<PbCompactionRequest>,
    ) -> Result<Response<PbCompactionResponse>, Status> {
        let revision = request.into_inner().revision;
        match self.0.write(Write::Compact { revision }).await? {
            Reply::Done(revision) => {
                let header = Some(self.0.header(revision));
                Ok(Response::new(PbCompactionResponse { header }))
            }
            other => Err(mismatch(&other)),
        }
    }
}

fn check_size(request: &impl Message) -> Result<(), Refusal> {
    if request.encoded_len() > MAX_REQUEST_BYTES {
        Err(Refusal::RequestTooLarge)
    } else {
        Ok(())
    }
}

/// The writer answered another question: a fault in this crate.
pub(super) fn mismatch(reply: &Reply) -> Status {
    Status::internal(format!("the writer answered something else: {reply:?}"))
}
