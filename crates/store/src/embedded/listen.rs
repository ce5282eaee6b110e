//! Where the server listens: TCP addresses and unix sockets.

use std::fmt;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::ServerError;

/// Something to listen on, written as `address:port` or `unix:///path/of/socket`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// TCP; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A unix stream socket; the path is absolute.
    Unix(PathBuf),
}

/// The text is no address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is nothing to listen on: write 127.0.0.1:2379, [::1]:2379 or \
         unix:///absolute/path"
)]
pub struct ListenAddressError {
    text: String,
}

/// Bound sockets, ready to be served.
#[derive(Debug)]
pub struct Listeners {
    pub(super) tcp: Vec<TcpListener>,
    pub(super) unix: Vec<UnixListener>,
    addresses: Vec<ListenAddress>,
}

impl Listeners {
    /// Binds all addresses, or none. A socket file that a dead server left behind is replaced.
    pub async fn bind(addresses: &[ListenAddress]) -> Result<Self, ServerError> {
        let mut listeners = Self {
            tcp: Vec::new(),
            unix: Vec::new(),
            addresses: Vec::new(),
        };
        for address in addresses {
            listeners
                .add(address)
                .await
                .map_err(|source| ServerError::Listen {
                    address: address.clone(),
                    source,
                })?;
        }
        Ok(listeners)
    }

    /// What is listened on; a TCP port that was 0 is now the one that the system chose.
    pub fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    async fn add(&mut self, address: &ListenAddress) -> Result<(), std::io::Error> {
        match address {
            ListenAddress::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                self.addresses
                    .push(ListenAddress::Tcp(listener.local_addr()?));
                self.tcp.push(listener);
            }
            ListenAddress::Unix(path) => {
                if is_socket(path) && UnixStream::connect(path).await.is_err() {
                    std::fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                // Who may connect may do everything.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
                self.addresses.push(ListenAddress::Unix(path.clone()));
                self.unix.push(listener);
            }
        }
        Ok(())
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for address in &self.addresses {
            if let ListenAddress::Unix(path) = address {
                // Already gone is as good.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn is_socket(path: &std::path::Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        let wrong = || ListenAddressError {
            text: text.to_owned(),
        };
        match text.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') && path.len() > 1 => {
                Ok(Self::Unix(PathBuf::from(path)))
            }
            Some(_) => Err(wrong()),
            None => text.parse().map(Self::Tcp).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms() {
        for text in ["127.0.0.1:2379", "[::1]:0", "unix:///run/store.sock"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2379",
            "localhost:2379",
            "unix://x",
            "unix:///",
            "/run/store.sock",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}
