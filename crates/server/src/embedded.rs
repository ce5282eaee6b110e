//! The embedded store as part of the server: opened, served to everybody, closed last.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weft_store::embedded::{ListenAddress, Listeners, Options, Server, ServerError};
use weft_store::{Endpoint, StoreConfig};

use crate::config::EmbeddedConfig;

/// A store that is served.
#[derive(Debug)]
pub(crate) struct Embedded {
    task: JoinHandle<Result<(), ServerError>>,
    stop: CancellationToken,
}

/// Why the embedded store cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// A directory that it needs cannot be made.
    #[error("cannot make the directory {path}: {error}", path = path.display())]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The store says why.
    #[error(transparent)]
    Store(#[from] ServerError),
    /// Its task has come to grief.
    #[error("the embedded store failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Embedded {
    /// Opens the store, serves it, and says how to reach it.
    pub(crate) async fn start(
        config: &EmbeddedConfig,
    ) -> Result<(Self, StoreConfig), EmbeddedError> {
        make_directory_of(&config.path)?;
        for address in &config.listen {
            if let ListenAddress::Unix(path) = address {
                make_directory_of(path)?;
            }
        }
        let path = config.path.clone();
        let open = tokio::task::spawn_blocking(move || Server::open(path, Options::default()));
        let server = open.await??;
        let listeners = Listeners::bind(&config.listen).await?;
        let endpoints: Vec<_> = preferred(listeners.addresses()).collect();
        tracing::info!(addresses = ?config.listen, "serving the embedded store");
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.serve(listeners, stop.clone()));
        Ok((Self { task, stop }, StoreConfig::new(endpoints)))
    }

    /// Waits until it ends by itself, which is an error always. Cancel-safe.
    pub(crate) async fn failed(&mut self) -> EmbeddedError {
        match (&mut self.task).await {
            Ok(Err(error)) => error.into(),
            Err(error) => error.into(),
            Ok(Ok(())) => {
                let reason = "it ended without being asked to".to_owned();
                ServerError::Serve { reason }.into()
            }
        }
    }

    /// Closes the store and waits until it is closed.
    pub(crate) async fn stop(self) -> Result<(), EmbeddedError> {
        self.stop.cancel();
        Ok(self.task.await??)
    }
}

fn make_directory_of(file: &Path) -> Result<(), EmbeddedError> {
    let Some(path) = file.parent().filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(path).map_err(|error| EmbeddedError::Directory {
        path: path.to_owned(),
        error,
    })
}

/// How this process itself reaches what is listened on: by a socket rather than by TCP.
fn preferred(addresses: &[ListenAddress]) -> impl Iterator<Item = Endpoint> {
    let unix = addresses.iter().filter_map(|address| match address {
        ListenAddress::Unix(path) => Some(Endpoint::Unix(path.clone())),
        ListenAddress::Tcp(_) => None,
    });
    let tcp = addresses.iter().filter_map(|address| match address {
        ListenAddress::Tcp(address) => reachable(*address).to_string().parse().ok(),
        ListenAddress::Unix(_) => None,
    });
    unix.chain(tcp)
}

/// Where to connect to what listens on `address`, which may mean any.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_reaches_its_store_wherever_it_listens() {
        let addresses = ["0.0.0.0:1", "[::]:2", "unix:///s", "10.0.0.1:3"];
        let endpoints: Vec<_> = preferred(&addresses.map(|text| text.parse().unwrap()))
            .map(|endpoint| endpoint.to_string())
            .collect();
        let expected = [
            "unix:///s",
            "http://127.0.0.1:1",
            "http://[::1]:2",
            "http://10.0.0.1:3",
        ];
        assert_eq!(endpoints, expected);
    }
}
