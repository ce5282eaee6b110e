//! The listening socket of the API and its file.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::error::SwitchError;

#[cfg(test)]
mod tests;

/// A bound socket. Its file is removed when this is dropped, if it still is ours.
#[derive(Debug)]
pub(crate) struct ApiSocket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl ApiSocket {
    /// Binds `path` and makes its directory if it is missing. The file that a dead process left is
    /// replaced; that of a living one, or one that is no socket, is an error.
    pub(crate) fn bind(path: &Path, mode: u32) -> Result<Self, SwitchError> {
        let error = |operation| {
            move |source| SwitchError::Socket {
                operation,
                path: path.to_owned(),
                source,
            }
        };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(error("make the directory of"))?;
        }
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(error("bind"))?;
        listener.set_nonblocking(true).map_err(error("configure"))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(error("set the access rights of"))?;
        let inode = std::fs::metadata(path).map_err(error("look at"))?.ino();
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode,
        })
    }

    /// The next client that wants to connect, if any.
    pub(crate) fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                Ok(Some(stream))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for ApiSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for ApiSocket {
    fn drop(&mut self) {
        if std::fs::metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket file behind which nobody listens any more.
fn remove_stale(path: &Path) -> Result<(), SwitchError> {
    let error = |operation| {
        move |source| SwitchError::Socket {
            operation,
            path: path.to_owned(),
            source,
        }
    };
    let is_socket = match std::fs::symlink_metadata(path) {
        Ok(file) => file.file_type().is_socket(),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(error("look at")(e)),
    };
    if !is_socket {
        return Err(error("replace")(io::Error::new(
            ErrorKind::AlreadyExists,
            "it is no socket",
        )));
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(error("remove the leftover of"))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        _ => Err(SwitchError::SocketInUse {
            path: path.to_owned(),
        }),
    }
}
