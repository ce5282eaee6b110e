//! Client of VPP's binary API: connect, observe, apply.
//!
//! * [`Connection`]: typed calls to one VPP process, many at a time; [`Events`]: what VPP tells.
//! * [`Supervisor`]: a connection that is made again whenever it is lost.
//! * [`Session`]: the objects of `weft-plan` read from VPP (`observe`), changed there (`apply`), and told
//!   of (`notices`).
//!
//! The other side may as well be the embedded switch; nothing here can tell.

mod connection;
mod error;
mod session;
mod supervisor;

pub use connection::{Connection, Event, Events, Timeouts, WINDOW};
pub use error::{CallError, ConnectError, Disconnect, HandshakeError};
pub use session::Session;
pub use supervisor::{DownReason, Link, Supervisor};
