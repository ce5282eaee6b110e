//! The configuration file of a server.
//!
//! ```toml
//! listen = "127.0.0.1:7090"         # the REST API
//! lead_in = "/networking-vpp"       # what the keys of the store begin with
//!
//! [embedded]                        # a store of its own: the default, with these values
//! path = "/var/lib/weft/store.db"
//! listen = ["unix:///run/weft/store.sock"]
//!
//! [store]                           # or an etcd cluster, instead of `embedded`
//! endpoints = ["https://10.0.0.1:2379", "https://10.0.0.2:2379"]
//! user = "weft"
//! password = "…"
//! tls = { ca = "/etc/weft/ca.pem", certificate = "/etc/weft/me.pem", key = "/etc/weft/me.key" }
//! ```
//!
//! The embedded store has no authentication; so nothing but a unix socket is served unless it is
//! asked for. Agents on other hosts need `"address:2379"` in its `listen`.

use std::net::SocketAddr;
use std::path::PathBuf;

use weft_config::{ConfigErrors, Document, Table};
use weft_model::Keyspace;
use weft_store::StoreConfig;
use weft_store::embedded::ListenAddress;

/// Where the REST API is served unless the configuration says otherwise.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7090);

/// Where the embedded store keeps its data unless the configuration says otherwise.
pub const DEFAULT_STORE_PATH: &str = "/var/lib/weft/store.db";

/// Where the embedded store is served unless the configuration says otherwise.
pub const DEFAULT_STORE_SOCKET: &str = "/run/weft/store.sock";

/// What a server has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the REST API is served; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The keys of the store.
    pub keys: Keyspace,
    /// The store.
    pub store: StoreSource,
}

/// Which store the server works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSource {
    /// One of its own, which it also serves to the agents.
    Embedded(EmbeddedConfig),
    /// One that is there already.
    Cluster(StoreConfig),
}

/// The embedded store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// Its file; made, with its directory, if it is not there.
    pub path: PathBuf,
    /// Where it is served; at least one, which the server itself uses, too.
    pub listen: Vec<ListenAddress>,
}

// ===== impl Config =====

impl Config {
    /// Reads the text of a configuration; `file` is its name in faults. An empty text is a
    /// configuration, too: an embedded store, for this host alone.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        let document = Document::parse(file, text);
        let root = document.root();
        let listen = root.text("listen").or(DEFAULT_LISTEN);
        let keys = root
            .text::<String>("lead_in")
            .try_map(|text| Keyspace::new(&text));
        let keys = keys.or(Keyspace::default());
        let store = match root.table("store") {
            Some(section) => {
                if root.contains("embedded") {
                    root.refuse(
                        "embedded",
                        "`embedded` and `store` are two stores; keep one",
                    );
                }
                // So that its keys are known, and only the contradiction is reported.
                EmbeddedConfig::read(&root.section("embedded"));
                StoreConfig::read(&section).map(StoreSource::Cluster)
            }
            None => Some(StoreSource::Embedded(EmbeddedConfig::read(
                &root.section("embedded"),
            ))),
        };
        document.finish(|| {
            Some(Self {
                listen,
                keys,
                store: store?,
            })
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            keys: Keyspace::default(),
            store: StoreSource::Embedded(EmbeddedConfig::default()),
        }
    }
}

// ===== impl EmbeddedConfig =====

impl EmbeddedConfig {
    fn read(section: &Table<'_>) -> Self {
        let default = Self::default();
        let listen = section.texts("listen").try_map(|addresses: Vec<_>| {
            if addresses.is_empty() {
                return Err("name at least one address, or leave it out");
            }
            Ok(addresses)
        });
        Self {
            path: section.text("path").or(default.path),
            listen: listen.or(default.listen),
        }
    }
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from(DEFAULT_STORE_PATH),
            listen: vec![ListenAddress::Unix(PathBuf::from(DEFAULT_STORE_SOCKET))],
        }
    }
}

#[cfg(test)]
mod tests;
