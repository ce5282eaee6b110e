//! Where the store is and how to speak to it: checked values, no I/O.
//!
//! Invariant: an [`Endpoint`] that exists is one that can be dialled; all that can be wrong in
//! its text is said by [`EndpointError`] when it is parsed, long before anything is connected.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::EndpointError;

/// The port that IANA registered for clients of etcd (`etcd-client`), taken where none is given.
pub const DEFAULT_PORT: u16 = 2379;

/// How to reach the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The members of the cluster, tried in this order; at least one. When the member in use
    /// dies the next one is taken.
    pub endpoints: Vec<Endpoint>,
    /// User and password for etcd's own authentication; `None` where it is not enabled.
    pub auth: Option<Credentials>,
    /// What `https` endpoints need: the CA that signed the members' certificates, and a client
    /// certificate where the members ask for one.
    pub tls: Option<TlsConfig>,
    /// How long one request may take, at one endpoint, before it counts as lost.
    pub request_timeout: Duration,
    /// How long establishing a connection (TCP and TLS) may take.
    pub connect_timeout: Duration,
}

/// One member of the store.
///
/// Written as `http://host:port`, `https://host:port`, `unix:///path/of/socket` or bare
/// `host:port` (which means `http`). IPv6 addresses stand in brackets; the port may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Plain TCP.
    Http(Authority),
    /// TLS over TCP; needs [`StoreConfig::tls`].
    Https(Authority),
    /// A unix stream socket; the path is absolute.
    Unix(PathBuf),
}

/// Host and port of a TCP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// DNS name, IPv4 address, or IPv6 address in brackets.
    host: String,
    port: u16,
}

/// A user of etcd's own authentication. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Name of the user.
    pub user: String,
    /// Password of the user.
    pub password: String,
}

/// Files (PEM) for TLS. They are read when the store is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificate(s) of the authorities which may sign a member's certificate.
    pub ca: PathBuf,
    /// Our own certificate, for members that ask for one (`--client-cert-auth`).
    pub identity: Option<ClientIdentity>,
    /// The name that the member's certificate must carry, where it is not the endpoint's host.
    pub server_name: Option<String>,
}

/// A client certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// Certificate chain, our own certificate first.
    pub certificate: PathBuf,
    /// The private key of the first certificate (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

impl StoreConfig {
    /// Plain configuration for these endpoints: no user, no TLS, 5 s a request, 3 s a connection.
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: endpoints.into_iter().collect(),
            auth: None,
            tls: None,
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(3),
        }
    }
}

impl Authority {
    /// Host as it was written; IPv6 addresses keep their brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port, 1 to 65535.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn parse(endpoint: &str, text: &str) -> Result<Self, EndpointError> {
        let err_host = || EndpointError::NoHost {
            endpoint: endpoint.to_owned(),
        };
        let err_port = |port: &str| EndpointError::Port {
            endpoint: endpoint.to_owned(),
            port: port.to_owned(),
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.contains(['/', '?', '#']) {
            return Err(EndpointError::Path {
                endpoint: endpoint.to_owned(),
            });
        }
        if text.contains('@') {
            return Err(EndpointError::UserInfo {
                endpoint: endpoint.to_owned(),
            });
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or_else(err_host)?;
            address.parse::<Ipv6Addr>().map_err(|_| err_host())?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or_else(|| err_port(after))?),
            };
            (format!("[{address}]"), port)
        } else {
            match text.split_once(':') {
                // More than one colon without brackets is an IPv6 address that lacks them.
                Some((_, port)) if port.contains(':') => {
                    return Err(EndpointError::Brackets {
                        endpoint: endpoint.to_owned(),
                    });
                }
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (text.to_owned(), None),
            }
        };
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !(host.starts_with('[') || host.chars().all(named)) {
            return Err(err_host());
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(text) => match text.parse::<u16>() {
                Ok(port) if port != 0 => port,
                _ => return Err(err_port(text)),
            },
        };
        Ok(Self { host, port })
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        match text.split_once("://") {
            Some(("http", rest)) => Authority::parse(text, rest).map(Self::Http),
            Some(("https", rest)) => Authority::parse(text, rest).map(Self::Https),
            Some(("unix", path)) if path.starts_with('/') && path.len() > 1 => {
                Ok(Self::Unix(PathBuf::from(path)))
            }
            Some(("unix", _)) => Err(EndpointError::Socket {
                endpoint: text.to_owned(),
            }),
            Some((scheme, _)) => Err(EndpointError::Scheme {
                endpoint: text.to_owned(),
                scheme: scheme.to_owned(),
            }),
            None if text.starts_with("unix:") || text.starts_with('/') => {
                Err(EndpointError::Socket {
                    endpoint: text.to_owned(),
                })
            }
            None => Authority::parse(text, text).map(Self::Http),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(authority) => write!(f, "http://{authority}"),
            Self::Https(authority) => write!(f, "https://{authority}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

mod section;
#[cfg(test)]
mod tests;
