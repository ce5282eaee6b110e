//! Streams: a snapshot, changes, and going on where one was.

use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, path, record};
use crate::api::Limits;
use crate::{RecordKind, WatchEvent};

/// What a line says, short.
fn short(event: &WatchEvent) -> String {
    let more = |more: bool| if more { " …" } else { "" };
    match event {
        WatchEvent::Put(e) => {
            format!(
                "put {} {}{}",
                e.record.host,
                e.record.id.as_deref().unwrap_or("-"),
                more(e.more)
            )
        }
        WatchEvent::Delete(e) => {
            format!(
                "delete {} {}{}",
                e.record.host,
                e.record.id.as_deref().unwrap_or("-"),
                more(e.more)
            )
        }
        WatchEvent::Synced { .. } => "synced".into(),
        WatchEvent::Progress { .. } => "progress".into(),
        WatchEvent::Disconnected { .. } => "disconnected".into(),
        WatchEvent::Connected { .. } => "connected".into(),
        WatchEvent::Error { error, .. } => format!("error {:?}", error.code),
        WatchEvent::End { .. } => "end".into(),
    }
}

fn shorts(events: &[WatchEvent]) -> Vec<String> {
    events.iter().map(short).collect()
}

fn is(word: &'static str) -> impl Fn(&WatchEvent) -> bool {
    move |event| short(event) == word
}

#[tokio::test]
async fn a_stream_begins_with_what_there_is_and_goes_on_with_what_changes() {
    let rig = Rig::start().await;
    rig.put(&path("h", "a"), &record(1, 1)).await;
    rig.write("state/h/alive", 1).await;
    let mut lines = rig.watch("").await;
    let snapshot = lines.until(is("synced")).await;
    assert_eq!(shorts(&snapshot), ["put h a …", "put h - …", "synced"]);
    let WatchEvent::Put(first) = &snapshot[0] else {
        panic!("{snapshot:?}")
    };
    assert_eq!(first.record.kind, RecordKind::Port);
    assert_eq!(first.record.value.as_ref().unwrap()["segmentation_id"], 1);
    let WatchEvent::Synced { revision } = snapshot[2] else {
        panic!("{snapshot:?}")
    };
    assert!(first.record.mod_revision < revision && first.revision == revision);

    rig.put(&path("h", "b"), &record(2, 1)).await;
    rig.write("nodes/h/routers/router/r", "not ours").await;
    rig.delete(&path("h", "a")).await;
    assert_eq!(
        shorts(&lines.until(is("delete h a")).await),
        ["put h b", "delete h a"]
    );

    // One transaction is one revision, and only its last line can be resumed at.
    rig.apply(&json!({"ports": [
        {"host": "h", "port": "x", "record": record(3, 1)},
        {"host": "h", "port": "y", "record": record(4, 1)},
    ]}))
    .await;
    assert_eq!(
        shorts(&lines.until(is("put h y")).await),
        ["put h x …", "put h y"]
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_stream_shows_what_was_asked_for() {
    let rig = Rig::start().await;
    rig.put(&path("h", "a"), &record(1, 1)).await;
    rig.put(&path("other", "b"), &record(2, 1)).await;
    rig.write("state/h/alive", 1).await;
    let mut lines = rig.watch("kind=alive,port&host=h").await;
    assert_eq!(
        shorts(&lines.until(is("synced")).await),
        ["put h a …", "put h - …", "synced"]
    );
    rig.put(&path("other", "c"), &record(3, 1)).await;
    rig.write("state/h/ports/a", "{}").await;
    rig.put(&path("h", "d"), &record(4, 1)).await;
    assert_eq!(short(&lines.next().await.unwrap()), "put h d");
    rig.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_after_a_revision_even_on_another_server() {
    let rig = Rig::start().await;
    rig.put(&path("h", "a"), &record(1, 1)).await;
    let mut lines = rig.watch("").await;
    let snapshot = lines.until(is("synced")).await;
    let Some(WatchEvent::Synced { revision }) = snapshot.last() else {
        panic!("{snapshot:?}")
    };
    let rig = rig.restart().await;
    assert_eq!(
        shorts(&lines.until(is("end")).await),
        ["end"],
        "it is told that the server stops"
    );
    assert!(lines.next().await.is_none());

    rig.put(&path("h", "b"), &record(2, 1)).await;
    rig.delete(&path("h", "a")).await;
    let mut lines = rig.watch(&format!("revision={revision}")).await;
    let missed = lines.until(is("delete h a")).await;
    assert_eq!(shorts(&missed), ["put h b", "delete h a"]);
    let WatchEvent::Put(put) = &missed[0] else {
        panic!("{missed:?}")
    };
    assert_eq!(put.revision, put.record.mod_revision);

    let mut lines = rig.watch(&format!("revision={}", put.revision)).await;
    assert_eq!(short(&lines.next().await.unwrap()), "delete h a");
    rig.stop().await;
}

#[tokio::test]
async fn what_is_compacted_or_has_not_happened_is_gone() {
    let rig = Rig::start().await;
    let first = rig.write("nodes/h/ports/a", "1").await;
    let second = rig.write("nodes/h/ports/a", "2").await;
    let third = rig.write("nodes/h/ports/a", "3").await;
    rig.store.compact(third).await.unwrap();
    let gone = rig.get(&format!("/v1/watch?revision={first}")).await;
    assert_eq!(gone.error(), (410, "compacted".into()));
    assert_eq!(gone.json()["error"]["revision"], third);
    let future = rig.get(&format!("/v1/watch?revision={}", third + 1)).await;
    assert_eq!(future.error(), (410, "compacted".into()));
    let mut lines = rig.watch(&format!("revision={second}")).await;
    assert_eq!(
        short(&lines.next().await.unwrap()),
        "put h a",
        "what follows is kept"
    );
    rig.watch(&format!("revision={third}")).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_quiet_stream_shows_that_it_lives() {
    let limits = Limits {
        watch_progress: Duration::from_millis(20),
        ..Limits::default()
    };
    let rig = Rig::start_with(limits).await;
    let mut lines = rig.watch("").await;
    let events = lines.until(is("progress")).await;
    let (Some(WatchEvent::Synced { revision: synced }), Some(WatchEvent::Progress { revision })) =
        (events.first(), events.last())
    else {
        panic!("{events:?}")
    };
    assert_eq!(synced, revision);
    rig.stop().await;
}

#[tokio::test]
async fn there_is_a_bound_on_streams() {
    let limits = Limits {
        watches: 1,
        ..Limits::default()
    };
    let rig = Rig::start_with(limits).await;
    let lines = rig.watch("").await;
    assert_eq!(
        rig.get("/v1/watch").await.error(),
        (503, "too_many_watches".into())
    );
    drop(lines);
    // The server notices that the reader has gone away.
    let free = async {
        while rig.get("/metrics").await.text.contains("weft_watches 1") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::client::SOON, free)
        .await
        .unwrap();
    rig.watch("").await;
    rig.stop().await;
}
