//! Configuration files whose errors are all reported at once, with file and line.
//!
//! A process that refuses its configuration says everything that is wrong with it before anything
//! starts, each fault at `file:line:column` with what is wrong and what to do. So reading never
//! stops at the first fault: every accessor notes its own and goes on, and
//! [`Document::finish`] either yields the finished value or all the faults, in the file's order.
//!
//! ```
//! use std::{net::SocketAddr, path::PathBuf, time::Duration};
//! use weft_config::{ConfigErrors, Document};
//!
//! struct Config { socket: PathBuf, workers: u16, ping: Duration, uplinks: Vec<(String, u32)> }
//!
//! fn read(file: &str, text: &str) -> Result<Config, ConfigErrors> {
//!     let doc = Document::parse(file, text);
//!     let root = doc.root();
//!     let socket = root.text("api_socket").required();
//!     let workers = root.number("workers", 1..=64).or(1);
//!     let ping = root.duration("ping", Duration::from_millis(100)..=Duration::from_secs(60));
//!     let ping = ping.or(Duration::from_secs(1));
//!     let mut uplinks = Vec::new();
//!     for (name, physnet) in root.tables("physnets") {
//!         let mtu = physnet.number("mtu", 68..=9000).or(1500);
//!         if name == "loop" {
//!             physnet.refuse("mtu", "`loop` is no physical network");
//!         }
//!         uplinks.push((name, mtu));
//!     }
//!     doc.finish(|| Some(Config { socket: socket?, workers, ping, uplinks }))
//! }
//!
//! let faults = read("weft.toml", "worker = 2\nping = \"1h\"\n").err().expect("it is faulty");
//! assert_eq!(
//!     faults.to_string(),
//!     "weft.toml:1:1: `api_socket` is missing; add `api_socket = \"…\"` to the file\n\
//!      weft.toml:1:1: unknown key `worker`; did you mean `workers`?\n\
//!      weft.toml:2:8: `ping` must be 100ms to 1m, not 1h"
//! );
//! ```
//!
//! Invariants: no input or output (the caller reads the file); whatever was asked for is known,
//! and any other key is a fault; a `None` from [`Field::required`] has been noted as a fault.

mod document;
mod duration;
mod error;
mod field;
mod list;
mod path;
mod position;
mod suggest;
mod table;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use error::{ConfigError, ConfigErrors};
pub use field::Field;
pub use table::Table;
