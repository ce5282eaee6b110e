//! Reading records of the store and putting together what belongs together.

use std::collections::HashMap;

use weft_model::{Condition, ConditionKind, HostName, Key, Keyspace, PortId};
use weft_store::{KeyValue, Snapshot};

use super::App;
use super::error::ErrorDetail;
use crate::view::{ConditionView, PortView, json_or_text};

/// The view of one port; `None` if it is not wanted.
///
/// The record is read last, so that a condition is never one of a newer record than is shown.
pub(crate) async fn port(
    app: &App,
    host: &HostName,
    port: &PortId,
) -> Result<Option<PortView>, ErrorDetail> {
    let condition = Key::Condition(host.clone(), ConditionKind::Port, port.to_string());
    let state = Key::PortState(host.clone(), port.clone());
    let (condition, state) = (app.keys.text(&condition), app.keys.text(&state));
    let (condition, state) = tokio::try_join!(app.store.get(&condition), app.store.get(&state))?;
    let record = app.keys.text(&Key::Port(host.clone(), port.clone()));
    let Some(record) = app.store.get(&record).await? else {
        return Ok(None);
    };
    let mut view = PortView::of(
        host.as_str(),
        port.as_str(),
        record.mod_revision,
        &record.value,
    );
    view.condition = condition
        .and_then(|kv| Condition::from_json(&kv.value).ok())
        .map(|condition| ConditionView::of(&condition, record.mod_revision));
    view.state = state.map(|kv| json_or_text(&kv.value));
    Ok(Some(view))
}

/// Everything about ports and hosts, of one host or of all, at one revision.
pub(crate) async fn everything(
    app: &App,
    host: Option<&HostName>,
) -> Result<Snapshot, ErrorDetail> {
    let prefixes = match host {
        Some(host) => [app.keys.ports_of(host), app.keys.state_of(host)],
        None => [app.keys.nodes(), app.keys.states()],
    };
    Ok(app.store.snapshot(&prefixes).await?)
}

/// The records of a snapshot that follow the layout, in the order of their keys.
pub(crate) fn records<'s>(
    keys: &'s Keyspace,
    snapshot: &'s Snapshot,
) -> impl Iterator<Item = (Key, &'s KeyValue)> {
    snapshot
        .kvs
        .iter()
        .filter_map(|kv| Some((keys.parse(&kv.key).ok()?, kv)))
}

/// The views of all ports that are wanted, in the order of host and port.
pub(crate) fn ports(keys: &Keyspace, snapshot: &Snapshot) -> Vec<PortView> {
    let mut conditions = HashMap::new();
    let mut states = HashMap::new();
    let mut wanted = Vec::new();
    for (key, kv) in records(keys, snapshot) {
        match key {
            Key::Port(host, port) => wanted.push((host, port, kv)),
            Key::PortState(host, port) => {
                states.insert((host, port.to_string()), kv);
            }
            Key::Condition(host, ConditionKind::Port, id) => {
                conditions.insert((host, id), kv);
            }
            _ => {}
        }
    }
    let view = |(host, port, kv): (HostName, PortId, &KeyValue)| {
        let mut view = PortView::of(host.as_str(), port.as_str(), kv.mod_revision, &kv.value);
        let place = (host, port.to_string());
        view.condition = conditions
            .get(&place)
            .and_then(|condition| Condition::from_json(&condition.value).ok())
            .map(|condition| ConditionView::of(&condition, kv.mod_revision));
        view.state = states.get(&place).map(|state| json_or_text(&state.value));
        view
    };
    wanted.into_iter().map(view).collect()
}
