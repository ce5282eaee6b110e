//! `etcdserverpb.Maintenance`: how it is; nothing to be maintained by hand.

use std::sync::Arc;

use etcd_client::proto::{
    PbAlarmRequest, PbAlarmResponse, PbDefragmentRequest, PbDefragmentResponse, PbDowngradeRequest,
    PbDowngradeResponse, PbHashKvRequest, PbHashKvResponse, PbHashRequest, PbHashResponse,
    PbMaintenanceService, PbMoveLeaderRequest, PbMoveLeaderResponse, PbSnapshotRequest,
    PbSnapshotResponse, PbStatusRequest, PbStatusResponse,
};
use tokio_stream::Empty;
use tonic::{Request, Response, Status};

use super::super::engine::Engine;

pub(in super::super) struct Maintenance {
    pub(in super::super) engine: Arc<Engine>,
    pub(in super::super) file: std::path::PathBuf,
}

/// The release of etcd whose protocol is served, marked as not being it: by this mark, our clients know
/// how progress requests are answered.
const VERSION: &str = concat!("3.4.0+weft.", env!("CARGO_PKG_VERSION"));

/// `AlarmRequest.AlarmAction.GET`.
const ALARM_GET: i32 = 0;

#[tonic::async_trait]
impl PbMaintenanceService for Maintenance {
    type SnapshotStream = Empty<Result<PbSnapshotResponse, Status>>;

    async fn status(
        &self,
        _: Request<PbStatusRequest>,
    ) -> Result<Response<PbStatusResponse>, Status> {
        let state = self.engine.hub.state().borrow().clone();
        let size = tokio::fs::metadata(&self.file)
            .await
            .map_or(0, |file| file.len());
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let index = u64::try_from(state.revision).unwrap_or(0);
        Ok(Response::new(PbStatusResponse {
            header: Some(self.engine.header(state.revision)),
            version: VERSION.to_owned(),
            db_size: size,
            db_size_in_use: size,
            leader: self.engine.member_id,
            raft_index: index,
            raft_applied_index: index,
            raft_term: self.engine.header(state.revision).raft_term,
            errors: state.failed.into_iter().collect(),
            ..Default::default()
        }))
    }

    async fn alarm(
        &self,
        request: Request<PbAlarmRequest>,
    ) -> Result<Response<PbAlarmResponse>, Status> {
        if request.into_inner().action != ALARM_GET {
            return Err(Status::unimplemented(
                "the embedded store has no alarms to set or clear",
            ));
        }
        let header = Some(self.engine.header(self.engine.hub.revision()));
        Ok(Response::new(PbAlarmResponse {
            header,
            alarms: Vec::new(),
        }))
    }

    async fn defragment(
        &self,
        _: Request<PbDefragmentRequest>,
    ) -> Result<Response<PbDefragmentResponse>, Status> {
        Err(Status::unimplemented(
            "the embedded store uses freed space again by itself",
        ))
    }

    async fn hash(&self, _: Request<PbHashRequest>) -> Result<Response<PbHashResponse>, Status> {
        Err(Status::unimplemented(
            "the embedded store has no replicas to compare hashes with",
        ))
    }

    async fn hash_kv(
        &self,
        _: Request<PbHashKvRequest>,
    ) -> Result<Response<PbHashKvResponse>, Status> {
        Err(Status::unimplemented(
            "the embedded store has no replicas to compare hashes with",
        ))
    }

    async fn snapshot(
        &self,
        _: Request<PbSnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(Status::unimplemented(
            "stop the embedded store and copy its file instead",
        ))
    }

    async fn move_leader(
        &self,
        _: Request<PbMoveLeaderRequest>,
    ) -> Result<Response<PbMoveLeaderResponse>, Status> {
        Err(Status::unimplemented(
            "the embedded store has one member: nobody else can lead",
        ))
    }

    async fn downgrade(
        &self,
        _: Request<PbDowngradeRequest>,
    ) -> Result<Response<PbDowngradeResponse>, Status> {
        Err(Status::unimplemented(
            "the embedded store cannot be downgraded in place",
        ))
    }
}
