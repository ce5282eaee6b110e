//! Many writers at once.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use super::rig::{Rig, path, record};
use crate::{ApplyReply, ApplyResult};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_of_one_revision_one_wins() {
    let rig = Arc::new(Rig::start().await);
    let at = path("h", "p");
    let mut tag = rig.put(&at, &record(1, 1)).await.etag().to_owned();
    for round in 0..5 {
        let writes = (0..8).map(|writer| {
            let (rig, at, tag) = (rig.clone(), at.clone(), tag.clone());
            async move {
                rig.put_if(&at, &record(writer, 100 + round), ("if-match", &tag))
                    .await
            }
        });
        let replies = join_all(writes).await;
        let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(won.len(), 1, "round {round}");
        assert!(
            replies
                .iter()
                .all(|reply| reply.status == 200 || reply.status == 412)
        );
        tag = won[0].etag().to_owned();
        assert_eq!(rig.get(&at).await.etag(), tag);
    }
    let creations = join_all((0..8).map(|writer| {
        let rig = rig.clone();
        async move {
            let absent = ("if-none-match", "*");
            rig.put_if(&path("h", "new"), &record(writer, 5), absent)
                .await
                .status
                .as_u16()
        }
    }));
    let mut statuses = creations.await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412, 412, 412, 412, 412]);
    Arc::into_inner(rig).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unconditional_writers_all_get_through() {
    let rig = Arc::new(Rig::start().await);
    let ports: Vec<_> = (0..4).map(|p| format!("p{p}")).collect();
    let applies = (0..4_u8).map(|writer| {
        let items: Vec<_> = ports
            .iter()
            .map(|port| json!({"host": "h", "port": port, "record": record(writer, 7)}))
            .collect();
        let rig = rig.clone();
        async move {
            rig.apply(&json!({"ports": items}))
                .await
                .body::<ApplyReply>()
        }
    });
    let puts = (10..14_u8).map(|writer| {
        let rig = rig.clone();
        async move {
            rig.put(&path("h", "p1"), &record(writer, 7))
                .await
                .status
                .as_u16()
        }
    });
    let (applies, puts) = tokio::join!(join_all(applies), join_all(puts));
    for item in applies.iter().flat_map(|reply| &reply.items) {
        assert_ne!(item.result, ApplyResult::Refused, "{item:?}");
    }
    assert!(
        puts.iter().all(|status| [200, 201].contains(status)),
        "{puts:?}"
    );
    Arc::into_inner(rig).unwrap().stop().await;
}
