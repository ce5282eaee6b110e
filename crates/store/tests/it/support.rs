//! Servers to test against, and patience with a limit.

use std::fs::File;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use etcd_client::Client;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weft_store::embedded::{ListenAddress, Listeners, Options, Server, ServerError};
use weft_store::{Endpoint, Store, StoreConfig};

/// Nothing that is waited for takes longer than this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server under test; stops, and leaves nothing behind, when dropped.
pub(crate) enum Backend {
    Embedded(Embedded),
    Etcd(Etcd),
}

/// Runs each function on the embedded server and on etcd.
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        mod embedded {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let backend = $crate::support::Backend::embedded().await;
                    $crate::support::patiently(super::$name(backend)).await;
                }
            )+
        }
        mod etcd {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let backend = $crate::support::Backend::etcd().await;
                    $crate::support::patiently(super::$name(backend)).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;

impl Backend {
    pub(crate) async fn embedded() -> Self {
        Self::Embedded(Embedded::start(Options::default()).await)
    }

    pub(crate) async fn etcd() -> Self {
        Self::Etcd(Etcd::start(&[]).await)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Embedded(server) => server.endpoint(),
            Self::Etcd(server) => server.endpoint(),
        }
    }

    /// A client that is not ours.
    pub(crate) async fn client(&self) -> Client {
        Client::connect([self.endpoint().to_string()], None)
            .await
            .unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        store(&[self.endpoint()]).await
    }

    /// Stops the server; what it holds stays.
    pub(crate) async fn stop(&mut self) {
        match self {
            Self::Embedded(server) => server.stop().await,
            Self::Etcd(server) => server.kill(),
        }
    }

    /// Starts the server again at the same address.
    pub(crate) async fn start_again(&mut self) {
        match self {
            Self::Embedded(server) => server.start_again().await,
            Self::Etcd(server) => server.start_again().await,
        }
    }

    /// Throws away what the stopped server holds.
    pub(crate) fn wipe(&mut self) {
        match self {
            Self::Embedded(server) => std::fs::remove_file(server.file()).unwrap(),
            Self::Etcd(server) => std::fs::remove_dir_all(server.data()).unwrap(),
        }
    }
}

pub(crate) async fn store(endpoints: &[Endpoint]) -> Store {
    Store::connect(StoreConfig::new(endpoints.iter().cloned()))
        .await
        .unwrap()
}

/// The embedded server, within the test's own process.
pub(crate) struct Embedded {
    directory: TempDir,
    options: Options,
    address: SocketAddr,
    running: Option<(CancellationToken, JoinHandle<Result<(), ServerError>>)>,
}

impl Embedded {
    pub(crate) async fn start(options: Options) -> Self {
        let directory = TempDir::new().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut server = Self {
            directory,
            options,
            address,
            running: None,
        };
        server.start_again().await;
        server
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("store.redb")
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub(crate) async fn start_again(&mut self) {
        let server = Server::open(self.file(), self.options.clone()).unwrap();
        let listeners = Listeners::bind(&[ListenAddress::Tcp(self.address)])
            .await
            .unwrap();
        let token = CancellationToken::new();
        let task = tokio::spawn(server.serve(listeners, token.clone()));
        self.running = Some((token, task));
    }

    pub(crate) async fn stop(&mut self) {
        if let Some((token, task)) = self.running.take() {
            token.cancel();
            task.await.unwrap().unwrap();
        }
    }
}

/// A real etcd as a process of its own.
pub(crate) struct Etcd {
    directory: TempDir,
    arguments: Vec<String>,
    client_url: String,
    child: Option<Child>,
}

impl Etcd {
    /// One member, with further command line arguments.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let (client, peer) = (free_port(), free_port());
        let client_url = format!("http://127.0.0.1:{client}");
        let peer_url = format!("http://127.0.0.1:{peer}");
        let cluster = format!("default={peer_url}");
        let mut all = vec![
            format!("--listen-client-urls={client_url}"),
            format!("--advertise-client-urls={client_url}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!("--initial-cluster={cluster}"),
        ];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut server = Self::unstarted(client_url, all);
        server.start_again().await;
        server
    }

    /// A member whose command line is given whole, but for the data directory. Not started.
    pub(crate) fn unstarted(client_url: String, arguments: Vec<String>) -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            arguments,
            client_url,
            child: None,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.client_url.parse().unwrap()
    }

    /// Starts the process and waits until it listens.
    pub(crate) async fn start_again(&mut self) {
        self.spawn();
        let address = self.client_url.split("://").nth(1).unwrap().to_owned();
        eventually("etcd listens", || {
            let address = address.clone();
            async move { tokio::net::TcpStream::connect(address).await.is_ok() }
        })
        .await;
    }

    pub(crate) fn spawn(&mut self) {
        let log = std::fs::File::create(self.directory.path().join("log")).unwrap();
        let child = Command::new("etcd")
            .arg(format!("--data-dir={}", self.data().display()))
            .args(["--log-level=warn", "--logger=zap"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("etcd must be installed: apt-get install etcd-server etcd-client");
        self.child = Some(child);
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends the process a signal by its name.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if self.child.is_some() {
            // A stopped process is killed as well.
            self.kill();
        }
    }
}

/// A port that is free now, given to no other test, also of another process, and below those that
/// the system gives to outgoing connections: so that it is still free when the server on it is
/// restarted.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    /// Locked files, one for each port that is given out, until this process ends.
    static GIVEN: Mutex<Vec<File>> = Mutex::new(Vec::new());
    loop {
        let number = std::process::id() * 101 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_000 + number % 22_000).unwrap();
        let path = std::env::temp_dir().join(format!("weft-test-port-{port}"));
        let file = File::create(path).unwrap();
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            GIVEN.lock().unwrap().push(file);
            return port;
        }
    }
}

/// Fails where something takes longer than anything may.
pub(crate) async fn patiently<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE * 2, work)
        .await
        .expect("the test takes too long")
}

/// Waits for one thing, with a limit.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("waited for: {what}"))
}

/// Asks until the answer is yes; for what cannot be awaited.
pub(crate) async fn eventually<F, Fut>(what: &str, mut ask: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let until = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < until, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
