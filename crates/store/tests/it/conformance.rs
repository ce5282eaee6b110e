//! What etcd does, to the letter: asked of both servers through a client that is not ours.

mod compaction;
mod errors;
mod leases;
mod put_delete;
mod range;
mod txn;
mod watch;

use etcd_client::{Client, Error, GetOptions, KeyValue};
use tonic::Code;

/// Code and text of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (Code, String) {
    match result {
        Err(Error::GRpcStatus(status)) => (status.code(), status.message().to_owned()),
        other => panic!("not refused: {other:?}"),
    }
}

fn says(code: Code, text: &str) -> (Code, String) {
    (code, text.to_owned())
}

/// A record in one line: `key=value create/mod/version lease`.
fn line(kv: &KeyValue) -> String {
    format!(
        "{}={} {}/{}/{} {}",
        kv.key().escape_ascii(),
        kv.value().escape_ascii(),
        kv.create_revision(),
        kv.mod_revision(),
        kv.version(),
        kv.lease()
    )
}

fn lines(kvs: &[KeyValue]) -> Vec<String> {
    kvs.iter().map(line).collect()
}

fn keys(kvs: &[KeyValue]) -> Vec<String> {
    kvs.iter()
        .map(|kv| kv.key_str().unwrap().to_owned())
        .collect()
}

async fn put(client: &mut Client, key: &str, value: &str) -> i64 {
    client
        .put(key, value, None)
        .await
        .unwrap()
        .header()
        .unwrap()
        .revision()
}

async fn everything(client: &mut Client) -> Vec<String> {
    lines(
        client
            .get("", Some(GetOptions::new().with_all_keys()))
            .await
            .unwrap()
            .kvs(),
    )
}
