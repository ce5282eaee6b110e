//! The store under the server: the embedded one, or, with `WEFT_TEST_STORE=etcd`, Debian's etcd.
//!
//! The tests are the same for both; that is how it is known that the server cannot tell one from
//! the other.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use weft_store::{Store, StoreConfig};

use super::client::SOON;
use crate::EmbeddedConfig;
use crate::embedded::Embedded;

/// A store that runs. Its data stay in its directory when it stops.
pub(super) enum TestStore {
    Embedded(Embedded),
    Etcd(Process),
}

/// A process that does not outlive its test.
pub(super) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl TestStore {
    pub(super) async fn start(directory: &Path) -> (Self, StoreConfig) {
        if std::env::var("WEFT_TEST_STORE").is_ok_and(|store| store == "etcd") {
            return Self::start_etcd(directory).await;
        }
        let path = |name: &str| directory.join(name);
        let listen = format!("unix://{}", path("store.sock").display());
        let listen = vec![listen.parse().unwrap()];
        let config = EmbeddedConfig {
            path: path("store.db"),
            listen,
        };
        let (embedded, config) = Embedded::start(&config).await.unwrap();
        (Self::Embedded(embedded), config)
    }

    async fn start_etcd(directory: &Path) -> (Self, StoreConfig) {
        // The same port again after a restart, as clients know no other.
        let ports = directory.join("ports");
        if !ports.exists() {
            let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
            let urls = free.map(|port| format!("http://{}", port.local_addr().unwrap()));
            std::fs::write(&ports, urls.join(" ")).unwrap();
        }
        let urls = std::fs::read_to_string(ports).unwrap();
        let (client, peer) = urls.split_once(' ').unwrap();
        let child = Command::new("etcd")
            .args(["--name=test", "--log-level=error", "--data-dir"])
            .arg(directory.join("etcd"))
            .args([format!("--listen-client-urls={client}")])
            .args([format!("--advertise-client-urls={client}")])
            .args([format!("--listen-peer-urls={peer}")])
            .args([format!("--initial-advertise-peer-urls={peer}")])
            .args([format!("--initial-cluster=test={peer}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd must be installed");
        let process = Process(child);
        let config = StoreConfig::new([client.parse().unwrap()]);
        let store = Store::connect(config.clone()).await.unwrap();
        let ready = async { while store.revision().await.is_err() {} };
        tokio::time::timeout(SOON, ready).await.unwrap();
        (Self::Etcd(process), config)
    }

    /// Removes the data of a store that does not run.
    pub(super) fn wipe(directory: &Path) {
        let _ = std::fs::remove_file(directory.join("store.db"));
        let _ = std::fs::remove_dir_all(directory.join("etcd"));
    }

    pub(super) async fn stop(self) {
        match self {
            Self::Embedded(embedded) => embedded.stop().await.unwrap(),
            Self::Etcd(process) => drop(process),
        }
    }
}
