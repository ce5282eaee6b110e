//! A relay between an agent and the store which can be shut, as when the network between them fails.

use std::io;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A relay of bytes; ends when it is dropped.
#[derive(Debug)]
pub struct Valve {
    socket: PathBuf,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Valve {
    /// Serves `socket` and passes everything on to `upstream`. Call it within a Tokio runtime.
    pub fn start(socket: &Path, upstream: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let open = watch::Sender::new(true);
        let task = tokio::spawn(accept(listener, upstream.to_owned(), open.subscribe()));
        Ok(Self {
            socket: socket.to_owned(),
            open,
            task,
        })
    }

    /// Where clients connect.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Cuts all connections, and every new one at once.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Valve {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: UnixListener, upstream: PathBuf, open: watch::Receiver<bool>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            client = listener.accept() => match client {
                Ok((client, _)) if *open.borrow() => {
                    connections.spawn(relay(client, upstream.clone(), open.clone()));
                }
                Ok(_) => {}
                Err(_) => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(mut client: UnixStream, upstream: PathBuf, mut open: watch::Receiver<bool>) {
    let Ok(mut server) = UnixStream::connect(&upstream).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
