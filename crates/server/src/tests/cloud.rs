//! What a writer is told of the rest of the cloud.

use serde_json::json;

use super::rig::{Rig, path, record};
use crate::{PutReply, WarningCode};

async fn warnings(
    rig: &Rig,
    host: &str,
    port: &str,
    record: &serde_json::Value,
) -> Vec<WarningCode> {
    let reply: PutReply = rig.put(&path(host, port), record).await.body();
    reply.warnings.iter().map(|warning| warning.code).collect()
}

#[tokio::test]
async fn a_writer_is_warned_of_what_will_not_work() {
    let rig = Rig::start().await;
    assert_eq!(
        warnings(&rig, "h", "a", &record(1, 1)).await,
        [WarningCode::HostNotAlive]
    );
    rig.write("state/h/alive", 1).await;
    assert_eq!(
        warnings(&rig, "h", "a", &record(1, 2)).await,
        [WarningCode::PhysnetNotServed]
    );
    rig.write("state/h/physnets/physnet1", 1).await;
    assert_eq!(warnings(&rig, "h", "a", &record(1, 3)).await, []);

    // The very next write knows of the one before.
    assert_eq!(
        warnings(&rig, "h", "b", &record(1, 3)).await,
        [WarningCode::DuplicateMac]
    );
    let both: PutReply = rig.put(&path("h", "a"), &record(1, 3)).await.body();
    assert!(
        both.warnings[0].message.contains("port `b` on host `h`"),
        "{:?}",
        both.warnings
    );

    let mut typo = record(2, 3);
    typo["segmentation"] = json!(7);
    assert_eq!(
        warnings(&rig, "h", "c", &typo).await,
        [WarningCode::UnknownField]
    );
    rig.stop().await;
}
