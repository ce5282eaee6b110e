//! Starting and stopping a switch.

use rustix::process::{Resource, Rlimit};
use weft_graph::Tables;

use crate::config::SwitchConfig;
use crate::control::Control;
use crate::error::SwitchError;
use crate::poller::Waker;
use crate::server::Server;
use crate::socket::ApiSocket;
use crate::worker::Workers;

/// A switch whose workers run and whose socket takes connections, to be served by [`Self::run`].
///
/// Dropping it instead gives up everything again.
pub struct Switch {
    server: Server,
    stop: Waker,
}

/// Stops a switch, from any thread.
#[derive(Debug, Clone)]
pub struct StopHandle(Waker);

impl Switch {
    /// Binds the socket and starts the workers. Once this returns, clients can connect.
    ///
    /// # Errors
    /// The socket is in use or cannot be made, or the system has no threads or descriptors left.
    pub fn start(config: SwitchConfig) -> Result<Self, SwitchError> {
        let socket = ApiSocket::bind(&config.api_socket, config.api_socket_mode)?;
        allow_many_descriptors();
        let tables = Tables::new(usize::from(config.workers));
        let stop = Waker::new().map_err(SwitchError::system("create an eventfd"))?;
        let workers = Workers::start(config.workers, config.buffers, &tables.handle(), &stop)
            .map_err(SwitchError::system("start the workers"))?;
        let mut control = Control::new(config, tables, workers)?;
        control.touch();
        control.publish();
        let server = Server::new(socket, control, stop.clone())?;
        Ok(Self { server, stop })
    }

    /// What stops it.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(self.stop.clone())
    }

    /// Serves until stopped. When it returns the socket's file is gone, the ports are closed and
    /// the workers have ended.
    ///
    /// # Errors
    /// The system failed in a way that leaves nothing to serve with.
    pub fn run(self) -> Result<(), SwitchError> {
        self.server.run()
    }
}

/// Each port takes a descriptor or more, and shells commonly allow a process 1024 while it may have
/// far more. A refusal only means that the limit stays.
fn allow_many_descriptors() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

impl StopHandle {
    /// Lets [`Switch::run`] return soon. Safe to call more than once.
    pub fn stop(&self) {
        self.0.wake();
    }
}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switch").finish_non_exhaustive()
    }
}
