//! Killing the server at any moment loses nothing that was acknowledged, and leaves a store in
//! which keys and history tell the same story.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use weft_store::embedded::{ListenAddress, Listeners, Options, Server};
use weft_store::{Change, Event, Op, Revision, Store, Txn};

use crate::support::{eventually, patiently, soon, store};

const ROUNDS: usize = 12;
const WRITERS: usize = 8;
/// The directory in which the child serves; unset in the parent.
const DIRECTORY: &str = "WEFT_STORE_TEST_DIRECTORY";

/// Not a test: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run as a child by the tests of this module"]
async fn child() {
    let directory = std::env::var_os(DIRECTORY).expect("only started by its parent");
    let directory = Path::new(&directory);
    // All history is kept, so that the parent can compare it with the keys.
    let options = Options {
        keep_revisions: None,
        ..Options::default()
    };
    let server = Server::open(directory.join("store.redb"), options).unwrap();
    let address = ListenAddress::Unix(directory.join("store.sock"));
    let listeners = Listeners::bind(&[address]).await.unwrap();
    server
        .serve(listeners, CancellationToken::new())
        .await
        .unwrap();
}

/// A server in a process of its own.
struct Serving(Child);

impl Serving {
    async fn start(directory: &Path) -> (Self, Store) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored"])
            .env(DIRECTORY, directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("unix://{}", directory.join("store.sock").display());
        let store = store(&[endpoint.parse().unwrap()]).await;
        eventually("the child serves", || async {
            store.revision().await.is_ok()
        })
        .await;
        (Self(child), store)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the writers know: per key the last value acknowledged, and at which revision.
#[derive(Default)]
struct Acknowledged {
    keys: BTreeMap<String, (u64, Revision)>,
    newest: Revision,
}

/// Writes pairs of keys, each pair in one transaction, until the server is gone.
async fn write(store: Store, writer: usize, from: u64, acknowledged: Arc<Mutex<Acknowledged>>) {
    for n in from.. {
        let value = n.to_string();
        // One key that changes, and a new one each time; every fourth time the last new one goes.
        let changing = format!("changing/{writer}");
        let new = format!("new/{writer}/{n}");
        let mut operations = vec![Op::put(&changing, value.clone()), Op::put(&new, value)];
        let gone = format!("new/{writer}/{}", n.wrapping_sub(1));
        if n % 4 == 3 {
            operations.push(Op::delete(&gone));
        }
        let Ok(outcome) = store.txn(Txn::unconditional(operations)).await else {
            return;
        };
        let mut acknowledged = acknowledged.lock().unwrap();
        acknowledged.newest = acknowledged.newest.max(outcome.revision);
        acknowledged.keys.insert(changing, (n, outcome.revision));
        acknowledged.keys.insert(new, (n, outcome.revision));
        if n % 4 == 3 {
            acknowledged.keys.remove(&gone);
        }
    }
}

/// Compares, and takes what is there as what was acknowledged from now on.
async fn verify(store: &Store, acknowledged: &mut Acknowledged) {
    let all = store.range("").await.unwrap();
    assert!(
        all.revision >= acknowledged.newest,
        "{} < {}",
        all.revision,
        acknowledged.newest
    );
    let present: BTreeMap<&str, (u64, Revision)> = all
        .kvs
        .iter()
        .map(|kv| {
            let value = std::str::from_utf8(&kv.value).unwrap().parse().unwrap();
            (kv.key.as_str(), (value, kv.mod_revision))
        })
        .collect();
    for (key, (value, revision)) in &acknowledged.keys {
        // What came after the last acknowledgement may or may not be there, as a whole.
        let followed = key
            .strip_prefix("new/")
            .map(|rest| rest.split_once('/').unwrap().0);
        match (present.get(key.as_str()), followed) {
            (Some(found), _) if found == &(*value, *revision) => {}
            (Some((found, at)), None) => {
                assert!(found > value && at > revision, "{key}: {found} at {at}");
                let writer = key.strip_prefix("changing/").unwrap();
                assert_eq!(
                    present.get(format!("new/{writer}/{found}").as_str()),
                    Some(&(*found, *at))
                );
            }
            (None, Some(writer)) => {
                let (last, _) = present[format!("changing/{writer}").as_str()];
                assert!(
                    last == value + 1 && last % 4 == 3,
                    "{key} is gone, last is {last}"
                );
            }
            (found, _) => panic!("{key}: {value} at {revision} acknowledged, {found:?} found"),
        }
    }

    // The whole history, replayed, gives the keys.
    let mut history = store.subscribe_from(vec![String::new()], 1);
    let mut replayed: BTreeMap<String, (Vec<u8>, Revision)> = BTreeMap::new();
    let mut at = 1;
    while at < all.revision {
        let event = soon("history", history.next()).await.unwrap().unwrap();
        let Event::Changes { revision, changes } = event else {
            panic!("{event:?}")
        };
        assert_eq!(revision, at + 1, "no revision is missing");
        at = revision;
        for change in changes {
            assert_eq!(change.mod_revision(), revision);
            match change {
                Change::Put(kv) => replayed.insert(kv.key, (kv.value.to_vec(), revision)),
                Change::Delete { key, .. } => replayed.remove(&key),
            };
        }
    }
    let keys: BTreeMap<String, (Vec<u8>, Revision)> = all
        .kvs
        .into_iter()
        .map(|kv| (kv.key, (kv.value.to_vec(), kv.mod_revision)))
        .collect();
    assert_eq!(replayed, keys);
    let number = |value: Vec<u8>| String::from_utf8(value).unwrap().parse().unwrap();
    acknowledged.keys = keys
        .into_iter()
        .map(|(key, (value, at))| (key, (number(value), at)))
        .collect();
    acknowledged.newest = all.revision;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    patiently(async {
        let directory = TempDir::new().unwrap();
        let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
        for round in 0..ROUNDS {
            let (mut serving, store) = Serving::start(directory.path()).await;
            let mut known = std::mem::take(&mut *acknowledged.lock().unwrap());
            verify(&store, &mut known).await;
            *acknowledged.lock().unwrap() = known;
            // Each writer goes on behind everything that may have been written for it.
            let from = 1_000_000 * round as u64;
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    tokio::spawn(write(store.clone(), writer, from, acknowledged.clone()))
                })
                .collect();
            let moment = RandomState::new().hash_one(round) % 200;
            tokio::time::sleep(Duration::from_millis(10 + moment)).await;
            serving.kill();
            for writer in writers {
                writer.await.unwrap();
            }
        }
        let (_serving, store) = Serving::start(directory.path()).await;
        let mut acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
        verify(&store, &mut acknowledged).await;
        assert!(
            acknowledged.newest > 100,
            "something was written: {}",
            acknowledged.newest
        );
    })
    .await;
}
