//! Work in another network namespace.
//!
//! A namespace belongs to a thread, so [`NetNs::run`] moves the calling thread there for the time
//! of a closure and back. Devices and sockets made inside stay usable from outside through their
//! descriptors.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::error::PortError;

/// An open network namespace.
#[derive(Debug)]
pub struct NetNs {
    name: String,
    file: File,
}

impl NetNs {
    /// Opens a namespace by name (`/var/run/netns/NAME`), absolute path, or `pid:N`: the three
    /// spellings of VPP's `host_namespace` (VPP `src/vppinfra/linux/netns.c`).
    ///
    /// # Errors
    /// [`PortError::OpenNamespace`] if there is none.
    pub fn open(name: &str) -> Result<Self, PortError> {
        let path = match name.strip_prefix("pid:") {
            Some(pid) => format!("/proc/{pid}/ns/net"),
            None if name.starts_with('/') => name.to_owned(),
            None => format!("/var/run/netns/{name}"),
        };
        let file = File::open(path).map_err(|source| PortError::OpenNamespace {
            namespace: name.to_owned(),
            source,
        })?;
        Ok(Self {
            name: name.to_owned(),
            file,
        })
    }

    /// Runs `work` in this namespace and comes back, also when `work` fails.
    ///
    /// # Errors
    /// [`PortError::EnterNamespace`] if the thread may not enter or, afterwards, not return.
    pub fn run<T>(&self, work: impl FnOnce() -> Result<T, PortError>) -> Result<T, PortError> {
        let home = File::open("/proc/thread-self/ns/net").map_err(|e| self.enter_error(e))?;
        set_namespace(&self.file).map_err(|e| self.enter_error(e))?;
        let result = work();
        set_namespace(&home).map_err(|e| self.enter_error(e))?;
        result
    }

    fn enter_error(&self, source: io::Error) -> PortError {
        PortError::EnterNamespace {
            namespace: self.name.clone(),
            source,
        }
    }
}

/// Runs `work` in the namespace called `name`, or where the thread is if `None`.
pub(crate) fn run_in<T>(
    name: Option<&str>,
    work: impl FnOnce() -> Result<T, PortError>,
) -> Result<T, PortError> {
    match name {
        Some(name) => NetNs::open(name)?.run(work),
        None => work(),
    }
}

fn set_namespace(namespace: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open for the length of the call; setns touches no memory of ours.
    let rc = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    if rc == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
