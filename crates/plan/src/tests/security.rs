//! Security groups, anti-spoofing and vhost-user ports: what is compiled, planned and said.

mod guards;
mod known;
mod lists;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use weft_model::Status;

use super::store::{Item, Store, group, group_id, member};
use super::world::{World, keys, port, record, secured};
use crate::{
    AclKey, Direction, Object, ObjectKey, Operation, PortRecord, Reconciler, SecurityGroupRecord,
};

/// A world with one port `web` in these groups, of which nothing was read yet.
fn host_of(groups: &[&str]) -> (World, Reconciler, Store) {
    let world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("web"), Some(secured(100, 1, groups, 1)));
    (world, host, Store::default())
}

fn list(host: &Reconciler, group: &str, direction: Direction) -> Vec<String> {
    let key = AclKey::SecurityGroup {
        group: group_id(group),
        direction,
    };
    match host
        .compiler()
        .object(&ObjectKey::Acl(key))
        .map(Arc::as_ref)
    {
        Some(Object::Acl(acl)) => acl.rules.iter().map(ToString::to_string).collect(),
        _ => panic!("the group is not decided"),
    }
}

fn ssh() -> serde_json::Value {
    json!([{"is_ipv6": 0, "protocol": "tcp", "port_min": 22, "port_max": 22}])
}

fn pending(status: Option<Status>) -> String {
    match status {
        Some(Status::Pending { reason }) => reason,
        other => panic!("{other:?}"),
    }
}
