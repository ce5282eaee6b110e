//! `etcdserverpb.Lease`.

use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use etcd_client::proto::{
    PbLeaseGrantRequest, PbLeaseGrantResponse, PbLeaseKeepAliveRequest, PbLeaseKeepAliveResponse,
    PbLeaseLeasesRequest, PbLeaseLeasesResponse, PbLeaseRevokeRequest, PbLeaseRevokeResponse,
    PbLeaseService, PbLeaseStatus, PbLeaseTimeToLiveRequest, PbLeaseTimeToLiveResponse,
};
use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::super::engine::Engine;
use super::super::lessor::{MAX_TTL_SECONDS, MIN_TTL_SECONDS};
use super::super::refusal::Refusal;
use super::super::writer::{Reply, Request as Write};
use super::kv::mismatch;

pub(in super::super) struct Lease(pub(in super::super) Arc<Engine>);

#[tonic::async_trait]
impl PbLeaseService for Lease {
    type LeaseKeepAliveStream =
        Pin<Box<dyn Stream<Item = Result<PbLeaseKeepAliveResponse, Status>> + Send>>;

    async fn lease_grant(
        &self,
        request: Request<PbLeaseGrantRequest>,
    ) -> Result<Response<PbLeaseGrantResponse>, Status> {
        let PbLeaseGrantRequest { ttl, id } = request.into_inner();
        if ttl > MAX_TTL_SECONDS {
            return Err(Refusal::LeaseTtlTooLarge.into());
        }
        let ttl_seconds = ttl.max(MIN_TTL_SECONDS);
        let id = if id == 0 { random_id() } else { id };
        match self.0.write(Write::Grant { id, ttl_seconds }).await? {
            Reply::Done(revision) => Ok(Response::new(PbLeaseGrantResponse {
                header: Some(self.0.header(revision)),
                id,
                ttl: ttl_seconds,
                error: String::new(),
            })),
            other => Err(mismatch(&other)),
        }
    }

    async fn lease_revoke(
        &self,
        request: Request<PbLeaseRevokeRequest>,
    ) -> Result<Response<PbLeaseRevokeResponse>, Status> {
        let id = request.into_inner().id;
        match self.0.write(Write::Revoke { id }).await? {
            Reply::Done(revision) => {
                let header = Some(self.0.header(revision));
                Ok(Response::new(PbLeaseRevokeResponse { header }))
            }
            other => Err(mismatch(&other)),
        }
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<PbLeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let engine = self.0.clone();
        let stopping = self.0.stopping.clone().cancelled_owned();
        let responses = request
            .into_inner()
            .take_until(stopping)
            .map(move |request| request.map(|request| renew(&engine, request.id)));
        Ok(Response::new(Box::pin(responses)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<PbLeaseTimeToLiveRequest>,
    ) -> Result<Response<PbLeaseTimeToLiveResponse>, Status> {
        let PbLeaseTimeToLiveRequest { id, keys } = request.into_inner();
        let mut response = PbLeaseTimeToLiveResponse {
            header: Some(self.0.header(self.0.hub.revision())),
            id,
            // How etcd says that there is no such lease.
            ttl: -1,
            granted_ttl: 0,
            keys: Vec::new(),
        };
        if let Some(remaining) = self.0.lessor.remaining(id, Instant::now()) {
            response.ttl = remaining.left_seconds;
            response.granted_ttl = remaining.granted_seconds;
            if keys {
                response.keys = self.0.lease_keys(id).await?;
            }
        }
        Ok(Response::new(response))
    }

    async fn lease_leases(
        &self,
        _: Request<PbLeaseLeasesRequest>,
    ) -> Result<Response<PbLeaseLeasesResponse>, Status> {
        let leases = self
            .0
            .lessor
            .ids()
            .into_iter()
            .map(|id| PbLeaseStatus { id })
            .collect();
        let header = Some(self.0.header(self.0.hub.revision()));
        Ok(Response::new(PbLeaseLeasesResponse { header, leases }))
    }
}

/// TTL 0 says that there is no such lease.
fn renew(engine: &Engine, id: i64) -> PbLeaseKeepAliveResponse {
    PbLeaseKeepAliveResponse {
        header: Some(engine.header(engine.hub.revision())),
        id,
        ttl: engine.lessor.renew(id, Instant::now()).unwrap_or(0),
    }
}

/// A positive id; that it is new is seen when it is granted.
fn random_id() -> i64 {
    // A fresh RandomState is keyed from the system's randomness.
    let random = RandomState::new().hash_one(0_u8) >> 1;
    i64::try_from(random).unwrap_or(i64::MAX).max(1)
}
