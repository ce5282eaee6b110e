//! The embedded server: etcd's v3 protocol over one durable local file.
//!
//! It is what laptops, tests and small clouds have in place of an etcd cluster. Clients cannot
//! tell the difference but for what only a cluster has: members, elections, users.
//!
//! ```text
//!  gRPC services ──writes──► queue ──► writer thread ──commit, fsync──► file (redb)
//!       │  ▲                               │                              ▲
//!       │  └── watch sessions ◄── hub ◄────┘ publish                      │
//!       └──reads──────────────────────────────────────────────────────────┘
//! ```
//!
//! Invariants: what was acknowledged is on the disk; a revision is visible to nobody before it is
//! on the disk; killing the process at any instruction leaves the file as it was after some
//! acknowledged, or just about to be acknowledged, group of requests.
//!
//! Known limits: no users and no TLS, so listen on loopback or a unix socket, or where everybody
//! may do everything; no snapshots, hashes, alarms or defragmentation. etcdctl 3.4 cannot use a
//! unix socket here, and for `endpoint status` and `endpoint health` wants the endpoint as
//! `host:port`: it names the host by the endpoint as written, which HTTP/2 as spoken here refuses.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable};

use self::refusal::Refusal;
use self::schema::{
    FORMAT, KEYS, LEASE_KEYS, LEASES, LOG, META, META_CLUSTER_ID, META_FORMAT, META_MEMBER_ID,
    VERSIONS,
};

pub use self::listen::{ListenAddress, ListenAddressError, Listeners};

mod check;
mod engine;
mod hub;
mod interval;
mod lessor;
mod listen;
mod read;
mod refusal;
mod schema;
mod serve;
mod service;
mod txn;
mod write;
mod writer;

/// What may be chosen about the embedded server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many of the last revisions stay readable and watchable; the file is compacted by
    /// itself when it holds a tenth more. `None` keeps all until a client compacts.
    pub keep_revisions: Option<u32>,
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
    /// How often a quiet watch that asked for it is told how far the store is.
    pub progress_interval: Duration,
}

/// An opened file, not yet served. The file is locked for as long as this lives.
#[derive(Debug)]
pub struct Server {
    database: Database,
    path: PathBuf,
    options: Options,
    cluster_id: u64,
    member_id: u64,
    /// Id and granted time of all leases in the file.
    leases: Vec<(i64, i64)>,
}

/// The embedded server cannot start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The file cannot be created or read.
    #[error("cannot open the store's file {}: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another process serves the file.
    #[error("the store's file {} is in use by another process: stop that one first, or name \
             another file", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a release whose layout is unknown here.
    #[error("the store's file {} has layout {found}, this release knows {FORMAT}: use the \
             release that wrote it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The layout found.
        found: u64,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: ListenAddress,
        /// What the system said.
        source: std::io::Error,
    },
    /// A listener failed while serving.
    #[error("serving the store failed: {reason}")]
    Serve {
        /// Why.
        reason: String,
    },
    /// The file could no longer be written. What was acknowledged is safe.
    #[error("the store's file {} failed: {reason}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Default for Options {
    /// 10,000 revisions, 64 MiB of cache, progress every 10 minutes (etcd's default).
    fn default() -> Self {
        Self {
            keep_revisions: Some(10_000),
            cache_bytes: 64 << 20,
            progress_interval: Duration::from_secs(600),
        }
    }
}

impl Server {
    /// Opens the file, or creates it (its directory must exist). Blocks; after a crash it first
    /// checks the whole file.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, ServerError> {
        let path = path.as_ref().to_owned();
        let failed = |reason: String| ServerError::Open {
            path: path.clone(),
            reason,
        };
        let started = Instant::now();
        // What agents write may be nobody else's business.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| failed(error.to_string()))?;
        let database = Builder::new()
            .set_cache_size(options.cache_bytes)
            .create_file(file)
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => ServerError::Locked { path: path.clone() },
                error => failed(error.to_string()),
            })?;
        // A new file is only safe once its name is.
        if let Some(directory) = path
            .parent()
            .filter(|directory| !directory.as_os_str().is_empty())
        {
            File::open(directory)
                .and_then(|directory| directory.sync_all())
                .map_err(|error| failed(error.to_string()))?;
        }
        let identity = prepare(&database).map_err(|refusal| failed(format!("{refusal:?}")))?;
        if identity.format != FORMAT {
            return Err(ServerError::Format {
                path,
                found: identity.format,
            });
        }
        let leases = read_leases(&database).map_err(|refusal| failed(format!("{refusal:?}")))?;
        tracing::info!(path = %path.display(), took = ?started.elapsed(), "the store is open");
        let Identity {
            cluster_id,
            member_id,
            ..
        } = identity;
        Ok(Self {
            database,
            path,
            options,
            cluster_id,
            member_id,
            leases,
        })
    }
}

/// Who a file is.
struct Identity {
    format: u64,
    cluster_id: u64,
    member_id: u64,
}

/// Makes sure that all tables exist and that the file knows who it is.
fn prepare(database: &Database) -> Result<Identity, Refusal> {
    let transaction = database.begin_write()?;
    let identity = {
        let mut meta = transaction.open_table(META)?;
        let mut number = |name: &str, initial: u64| -> Result<u64, Refusal> {
            if let Some(number) = meta.get(name)? {
                return Ok(number.value());
            }
            meta.insert(name, initial)?;
            Ok(initial)
        };
        // A fresh RandomState is keyed from the system's randomness.
        let random = |salt: u8| RandomState::new().hash_one(salt).max(1);
        Identity {
            format: number(META_FORMAT, FORMAT)?,
            cluster_id: number(META_CLUSTER_ID, random(0))?,
            member_id: number(META_MEMBER_ID, random(1))?,
        }
    };
    if identity.format == FORMAT {
        transaction.open_table(KEYS)?;
        transaction.open_table(LOG)?;
        transaction.open_table(VERSIONS)?;
        transaction.open_table(LEASES)?;
        transaction.open_table(LEASE_KEYS)?;
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(identity)
}

fn read_leases(database: &Database) -> Result<Vec<(i64, i64)>, Refusal> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(LEASES)?;
    let mut leases = Vec::new();
    for entry in table.iter()? {
        let (id, ttl_seconds) = entry?;
        leases.push((id.value(), ttl_seconds.value()));
    }
    Ok(leases)
}
