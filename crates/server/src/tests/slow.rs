//! A reader that does not read.

use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, path, record};
use crate::api::Limits;
use crate::{ErrorCode, WatchEvent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_told_goes_and_comes_back() {
    let limits = Limits {
        watch_buffer: 4,
        watch_stall: Duration::from_millis(200),
        ..Limits::default()
    };
    let rig = Rig::start_with(limits).await;
    let mut lines = rig.watch("kind=port").await;
    // More than the buffers of both sockets hold, some megabytes, is written and not read.
    let mut large = record(1, 1);
    large["device_id"] = json!("x".repeat(60_000));
    let stalled = async {
        for n in 0_u16.. {
            large["segmentation_id"] = json!(1 + n % 4000);
            rig.put(&path("h", "p"), &large).await;
            if rig
                .get("/metrics")
                .await
                .text
                .contains("weft_slow_consumers_total 1")
            {
                return n;
            }
        }
        0
    };
    let written = tokio::time::timeout(Duration::from_secs(60), stalled)
        .await
        .unwrap();

    // Others are not held up, and the reader is told once it reads again.
    assert_eq!(rig.get("/healthz").await.status, 200);
    let told = lines
        .until(|event| matches!(event, WatchEvent::Error { .. }))
        .await;
    assert!(lines.next().await.is_none(), "it is disconnected");
    let Some(WatchEvent::Error { revision, error }) = told.last() else {
        panic!("{told:?}")
    };
    assert_eq!(error.code, ErrorCode::SlowConsumer);

    // Nothing is missing: each change came before the error or comes after it.
    let mut lines = rig.watch(&format!("kind=port&revision={revision}")).await;
    rig.put(&path("h", "last"), &record(2, 1)).await;
    let is_last = |event: &WatchEvent| matches!(event, WatchEvent::Put(put) if put.record.id.as_deref() == Some("last"));
    let rest = lines.until(is_last).await;
    let is_put = |event: &&WatchEvent| matches!(event, WatchEvent::Put(_));
    let came = told.iter().filter(is_put).count() + rest.iter().filter(is_put).count();
    assert_eq!(came, usize::from(written) + 2);
    rig.stop().await;
}
