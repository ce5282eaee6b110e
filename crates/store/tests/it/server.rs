//! What only the embedded server has: its file, its sockets, its limits.

use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use weft_store::embedded::{ListenAddress, Listeners, Options, Server, ServerError};
use weft_store::{Event, StoreConfig, StoreError};

use crate::support::{Embedded, patiently, soon, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_tcp_and_a_unix_socket_at_once() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("store.sock");
    // What a killed server leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let server = Server::open(directory.path().join("store.redb"), Options::default()).unwrap();
    let addresses = [
        ListenAddress::Tcp(([127, 0, 0, 1], 0).into()),
        ListenAddress::Unix(socket.clone()),
    ];
    let listeners = Listeners::bind(&addresses).await.unwrap();
    let tcp = listeners.addresses()[0].to_string();
    let token = CancellationToken::new();
    let serving = tokio::spawn(server.serve(listeners, token.clone()));

    let by_tcp = store(&[tcp.parse().unwrap()]).await;
    let by_unix = store(&[format!("unix://{}", socket.display()).parse().unwrap()]).await;
    by_tcp.put("a", "1").await.unwrap();
    assert_eq!(by_unix.get("a").await.unwrap().unwrap().value, "1");

    // Another server does not take a socket away that somebody serves.
    let taken = Listeners::bind(&addresses[1..]).await.unwrap_err();
    assert!(matches!(taken, ServerError::Listen { .. }), "{taken}");

    // It ends although a subscription is open.
    let mut subscription = by_unix.subscribe(vec![String::new()]);
    assert!(matches!(
        soon("a snapshot", subscription.next()).await,
        Some(Event::Snapshot { .. })
    ));
    token.cancel();
    soon("the end", serving).await.unwrap().unwrap();
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_file_in_use_is_said_to_be() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("store.redb");
    let _first = Server::open(&file, Options::default()).unwrap();
    let error = Server::open(&file, Options::default()).unwrap_err();
    assert!(matches!(error, ServerError::Locked { .. }), "{error}");
    assert!(
        error.to_string().contains("in use by another process"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_refused() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("store.redb");
    std::fs::write(&file, "something else entirely, and for long enough").unwrap();
    let error = Server::open(&file, Options::default()).unwrap_err();
    assert!(matches!(error, ServerError::Open { .. }), "{error}");
    assert!(std::fs::read(&file).unwrap().starts_with(b"something else"));
    let missing = directory.path().join("missing/store.redb");
    let error = Server::open(missing, Options::default()).unwrap_err();
    assert!(matches!(error, ServerError::Open { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_bounded_by_itself() {
    let options = Options {
        keep_revisions: Some(100),
        ..Options::default()
    };
    let mut server = Embedded::start(options).await;
    let store = store(&[server.endpoint()]).await;
    let value = "x".repeat(2000);
    let size = |server: &Embedded| std::fs::metadata(server.file()).unwrap().len();
    let mut sizes = Vec::new();
    for round in 0..6 {
        for n in 0..200 {
            store
                .put("key", format!("{round} {n} {value}"))
                .await
                .unwrap();
        }
        sizes.push(size(&server));
    }
    // 1,200 revisions of 2 kB each; what is kept is a tenth of it, and space is used again.
    assert_eq!(sizes[5], sizes[2], "{sizes:?}");
    let revision = store.revision().await.unwrap();
    let mut old = store.subscribe_from(vec!["key".into()], revision - 120);
    let end = soon("the error", old.next()).await.unwrap();
    assert!(matches!(end, Err(StoreError::Compacted { .. })), "{end:?}");
    let mut kept = store.subscribe_from(vec!["key".into()], revision - 90);
    let first = soon("history", kept.next()).await.unwrap().unwrap();
    assert!(
        matches!(first, Event::Changes { revision: at, .. } if at == revision - 90),
        "{first:?}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_refused_with_words() {
    let server = Embedded::start(Options::default()).await;
    let mut config = StoreConfig::new([server.endpoint()]);
    config.auth = Some(weft_store::Credentials {
        user: "agent".into(),
        password: "pw".into(),
    });
    let store = weft_store::Store::connect(config).await.unwrap();
    let error = soon("an error", store.get("a")).await.unwrap_err();
    assert!(error.to_string().contains("has no users"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_watches_are_told_how_far_the_store_is() {
    let options = Options {
        progress_interval: Duration::from_millis(100),
        ..Options::default()
    };
    let server = Embedded::start(options).await;
    let mut client = etcd_client::Client::connect([server.endpoint().to_string()], None)
        .await
        .unwrap();
    let options = etcd_client::WatchOptions::new().with_progress_notify();
    let mut stream = client.watch("quiet", Some(options)).await.unwrap();
    assert!(
        soon("creation", stream.message())
            .await
            .unwrap()
            .unwrap()
            .created()
    );
    client.put("other", "1", None).await.unwrap();
    patiently(async {
        loop {
            let answer = stream.message().await.unwrap().unwrap();
            assert!(answer.events().is_empty());
            if answer.header().unwrap().revision() == 2 {
                break;
            }
        }
    })
    .await;
}

/// Acknowledged by group commit, in whatever groups: every write gets its own revision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_get_one_revision_each() {
    let server = Embedded::start(Options::default()).await;
    let store = store(&[server.endpoint()]).await;
    let writers = (0..32).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut revisions = Vec::new();
            for n in 0..20 {
                revisions.push(
                    store
                        .put(&format!("{writer}"), format!("{n}"))
                        .await
                        .unwrap(),
                );
            }
            assert!(revisions.is_sorted());
            revisions
        })
    });
    let mut all = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        all.extend(writer.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (2..642).collect::<Vec<i64>>());
    let snapshot = store.range("").await.unwrap();
    assert!(
        snapshot
            .kvs
            .iter()
            .all(|kv| kv.version == 20 && kv.value == "19")
    );
}

/// A small disk of its own, which is unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let directory = TempDir::new().unwrap();
        let disk = Self(directory);
        disk.run("mount", &["-t", "tmpfs", "-o", "size=4m", "tmpfs"]);
        disk
    }

    fn grow(&self) {
        self.run("mount", &["-o", "remount,size=64m"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = std::process::Command::new(program)
            .args(arguments)
            .arg(self.0.path())
            .status();
        assert!(
            status.unwrap().success(),
            "{program} {arguments:?}: root is needed"
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_the_server_and_loses_nothing() {
    let disk = SmallDisk::mount();
    let file = disk.0.path().join("store.redb");
    let open = || Server::open(&file, Options::default()).unwrap();
    let listen = async || {
        let any = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
        let listeners = Listeners::bind(&[any]).await.unwrap();
        let endpoint = listeners.addresses()[0].to_string().parse().unwrap();
        (listeners, store(&[endpoint]).await)
    };
    let (listeners, full) = listen().await;
    let serving = tokio::spawn(open().serve(listeners, CancellationToken::new()));
    let mut acknowledged = 0;
    let refused = loop {
        match full
            .put(&format!("{acknowledged}"), vec![b'x'; 10_000])
            .await
        {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 10, "{acknowledged} until {refused}");
    assert!(refused.is_transient(), "{refused}");
    let ended = soon("the end", serving).await.unwrap().unwrap_err();
    assert!(matches!(ended, ServerError::Storage { .. }), "{ended}");
    assert!(ended.to_string().contains("o space left"), "{ended}");

    disk.grow();
    let (listeners, store) = listen().await;
    let token = CancellationToken::new();
    let serving = tokio::spawn(open().serve(listeners, token.clone()));
    for n in 0..acknowledged {
        assert!(
            store.get(&n.to_string()).await.unwrap().is_some(),
            "{n} was acknowledged"
        );
    }
    store.put("again", "1").await.unwrap();
    token.cancel();
    soon("the end", serving).await.unwrap().unwrap();
}
