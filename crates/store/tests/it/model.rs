//! Any sequence of operations: the embedded server against a model that fits on a page, and
//! against etcd.

use std::collections::BTreeMap;

use etcd_client::{
    Client, Compare, CompareOp, DeleteOptions, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Backend, Embedded, patiently};

#[derive(Debug, Clone)]
enum Action {
    Put {
        key: u8,
        value: u8,
    },
    Delete {
        from: u8,
        to: u8,
    },
    /// If the version of a key is this then put, else delete; and read around it.
    Txn {
        key: u8,
        version: i64,
        put: u8,
        delete: u8,
    },
    Get {
        from: u8,
        to: u8,
        back: i64,
        limit: i64,
    },
    Compact {
        back: i64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let key = 0_u8..6;
    prop_oneof![
        4 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Action::Put { key, value }),
        1 => (key.clone(), key.clone()).prop_map(|(from, to)| Action::Delete { from, to }),
        3 => (key.clone(), 0_i64..4, key.clone(), key.clone())
            .prop_map(|(key, version, put, delete)| Action::Txn { key, version, put, delete }),
        3 => (key.clone(), key, -1_i64..12, 0_i64..3)
            .prop_map(|(from, to, back, limit)| Action::Get { from, to, back, limit }),
        1 => (-1_i64..8).prop_map(|back| Action::Compact { back }),
    ]
}

/// Key with its create revision, mod revision, version, and value.
type Keys = BTreeMap<u8, (i64, i64, i64, u8)>;

/// What a store is: the keys at every revision.
struct Model {
    /// The first is revision 1, in which there is nothing.
    revisions: Vec<Keys>,
    compacted: i64,
}

impl Model {
    fn revision(&self) -> i64 {
        i64::try_from(self.revisions.len()).unwrap()
    }

    fn now(&self) -> Keys {
        self.revisions.last().unwrap().clone()
    }

    fn put(&self, keys: &mut Keys, key: u8, value: u8) {
        let revision = self.revision() + 1;
        let (create, version) = keys.get(&key).map_or((revision, 1), |kv| (kv.0, kv.2 + 1));
        keys.insert(key, (create, revision, version, value));
    }

    fn read(keys: &Keys, from: u8, to: u8, limit: i64) -> String {
        let inside: Vec<String> = keys
            .iter()
            .filter(|(key, _)| **key >= from && (**key < to || **key == from && to == from))
            .map(|(key, (create, changed, version, value))| {
                format!("{key}={value} {create}/{changed}/{version}")
            })
            .collect();
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let shown = limit.map_or(inside.len(), |limit| inside.len().min(limit));
        format!(
            "{} of {} more {}",
            inside[..shown].join(", "),
            inside.len(),
            shown < inside.len()
        )
    }

    fn apply(&mut self, action: &Action) -> String {
        let mut keys = self.now();
        let before = keys.clone();
        let said = match *action {
            Action::Put { key, value } => {
                self.put(&mut keys, key, value);
                String::new()
            }
            Action::Delete { from, to } => {
                keys.retain(|key, _| !(*key >= from && (*key < to || *key == from && to == from)));
                format!("deleted {}", before.len() - keys.len())
            }
            Action::Txn {
                key,
                version,
                put,
                delete,
            } => {
                let succeeded = keys.get(&key).map_or(0, |kv| kv.2) == version;
                if succeeded {
                    self.put(&mut keys, put, 1);
                } else {
                    keys.remove(&delete);
                }
                format!("{succeeded} {}", Self::read(&keys, 0, 9, 0))
            }
            Action::Get {
                from,
                to,
                back,
                limit,
            } => {
                let at = self.revision() - back;
                // A revision that is not positive means now.
                match usize::try_from(at - 1).ok().filter(|_| at > 0) {
                    Some(_) if at < self.compacted => "compacted".to_owned(),
                    Some(index) => self
                        .revisions
                        .get(index)
                        .map_or("future".to_owned(), |keys| {
                            Self::read(keys, from, to, limit)
                        }),
                    None => Self::read(&keys, from, to, limit),
                }
            }
            Action::Compact { back } => {
                let at = self.revision() - back;
                if at <= self.compacted {
                    "compacted".to_owned()
                } else if at > self.revision() {
                    "future".to_owned()
                } else {
                    self.compacted = at;
                    String::new()
                }
            }
        };
        if keys != before {
            self.revisions.push(keys);
        }
        format!("{said} at {}", self.revision())
    }
}

fn name(key: u8) -> Vec<u8> {
    vec![b'k', key]
}

/// What a server answers, in the words of the model.
async fn ask(client: &mut Client, revision: i64, action: &Action) -> String {
    let range = |from: u8, to: u8| (from != to).then(|| name(to));
    let refused = |error: etcd_client::Error| {
        let text = error.to_string();
        ["compacted", "future"]
            .into_iter()
            .find(|word| text.contains(word))
            .unwrap_or("?")
            .to_owned()
    };
    let now = async |client: &mut Client| {
        client
            .get("k", None)
            .await
            .unwrap()
            .header()
            .unwrap()
            .revision()
    };
    let said = match *action {
        Action::Put { key, value } => {
            let options = PutOptions::new();
            client
                .put(name(key), value.to_string(), Some(options))
                .await
                .unwrap();
            String::new()
        }
        Action::Delete { from, to } => {
            let mut options = DeleteOptions::new();
            if let Some(end) = range(from, to) {
                options = options.with_range(end);
            }
            format!(
                "deleted {}",
                client
                    .delete(name(from), Some(options))
                    .await
                    .unwrap()
                    .deleted()
            )
        }
        Action::Txn {
            key,
            version,
            put,
            delete,
        } => {
            let all = || TxnOp::get(name(0), Some(GetOptions::new().with_range(name(9))));
            let txn = Txn::new()
                .when([Compare::version(name(key), CompareOp::Equal, version)])
                .and_then([TxnOp::put(name(put), "1", None), all()])
                .or_else([TxnOp::delete(name(delete), None), all()]);
            let answer = client.txn(txn).await.unwrap();
            let responses = answer.op_responses();
            let TxnOpResponse::Get(read) = &responses[1] else {
                panic!("{responses:?}")
            };
            format!("{} {}", answer.succeeded(), shown(read))
        }
        Action::Get {
            from,
            to,
            back,
            limit,
        } => {
            let mut options = GetOptions::new()
                .with_limit(limit)
                .with_revision(revision - back);
            if let Some(end) = range(from, to) {
                options = options.with_range(end);
            }
            match client.get(name(from), Some(options)).await {
                Ok(answer) => shown(&answer),
                Err(error) => refused(error),
            }
        }
        Action::Compact { back } => match client.compact(revision - back, None).await {
            Ok(_) => String::new(),
            Err(error) => refused(error),
        },
    };
    format!("{said} at {}", now(client).await)
}

fn shown(answer: &etcd_client::GetResponse) -> String {
    let kvs: Vec<String> = answer
        .kvs()
        .iter()
        .map(|kv| {
            let (key, value) = (kv.key()[1], kv.value_str().unwrap());
            format!(
                "{key}={value} {}/{}/{}",
                kv.create_revision(),
                kv.mod_revision(),
                kv.version()
            )
        })
        .collect();
    format!(
        "{} of {} more {}",
        kvs.join(", "),
        answer.count(),
        answer.more()
    )
}

/// Everything that a watch from the oldest revision sees, which must replay to what is there.
async fn replay(client: &mut Client, from: i64, to: i64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let options = etcd_client::WatchOptions::new()
        .with_prefix()
        .with_start_revision(from)
        .with_prev_key();
    let mut stream = client.watch("k", Some(options)).await.unwrap();
    let mut keys = BTreeMap::new();
    let mut at = 0;
    while at < to {
        let answer = stream.message().await.unwrap().unwrap();
        assert!(!answer.canceled(), "{answer:?}");
        for event in answer.events() {
            let kv = event.kv().unwrap();
            assert!(kv.mod_revision() >= at);
            at = kv.mod_revision();
            match event.event_type() {
                etcd_client::EventType::Put => keys.insert(kv.key().to_vec(), kv.value().to_vec()),
                etcd_client::EventType::Delete => keys.remove(kv.key()),
            };
        }
    }
    keys
}

async fn same_as_model(client: &mut Client, actions: &[Action]) {
    let mut model = Model {
        revisions: vec![Keys::new()],
        compacted: -1,
    };
    for (number, action) in actions.iter().enumerate() {
        let said = ask(client, model.revision(), action).await;
        assert_eq!(said, model.apply(action), "action {number}: {action:?}");
    }
    // A delete of nothing at the end of history leaves no event to wait for.
    let newest = model.revision();
    if model.compacted <= 1 && newest > 1 {
        let keys = replay(client, 1, newest).await;
        let wanted: BTreeMap<Vec<u8>, Vec<u8>> = model
            .now()
            .into_iter()
            .map(|(key, kv)| (name(key), kv.3.to_string().into_bytes()))
            .collect();
        assert_eq!(keys, wanted);
    }
}

fn run(cases: u32, test: impl AsyncFn(Vec<Action>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&proptest::collection::vec(action(), 1..60), |actions| {
            runtime.block_on(patiently(test(actions)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn embedded_is_as_the_model() {
    run(30, async |actions| {
        let mut server = Embedded::start(weft_store::embedded::Options::default()).await;
        let mut client = Client::connect([server.endpoint().to_string()], None)
            .await
            .unwrap();
        same_as_model(&mut client, &actions).await;
        drop(client);
        server.stop().await;
    });
}

/// That the model itself is right.
#[test]
fn etcd_is_as_the_model() {
    run(6, async |actions| {
        let backend = Backend::etcd().await;
        same_as_model(&mut backend.client().await, &actions).await;
    });
}
