//! Paths of UNIX-domain sockets.

use std::sync::Arc;

use serde::Deserialize;

use crate::port_id::PortId;
use crate::text::checked_text;

/// The path of a UNIX-domain socket: absolute, of printable characters, 107 bytes at most
/// (`sun_path` has 108 with the final NUL, unix(7)).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SocketPath(Arc<str>);

/// A directory of sockets that are named after ports. Short enough that each port's socket has a
/// legal path: 70 bytes at most.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SocketDirectory(Arc<str>);

/// Why a text is no path of a socket, or of a directory of such.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no path of {what}: an absolute path of at most {most} bytes is wanted")]
pub struct InvalidSocketPath {
    text: String,
    what: &'static str,
    most: usize,
}

fn check(text: &str, what: &'static str, most: usize) -> Result<Arc<str>, InvalidSocketPath> {
    let legal = text.starts_with('/')
        && text.len() > 1
        && text.len() <= most
        && !text.ends_with('/')
        && !text.chars().any(char::is_control);
    if legal {
        Ok(text.into())
    } else {
        let text = text.to_owned();
        Err(InvalidSocketPath { text, what, most })
    }
}

impl SocketPath {
    /// The socket at this path.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidSocketPath> {
        check(text.as_ref(), "a socket", 107).map(Self)
    }
}

impl SocketDirectory {
    /// The directory at this path, without a slash at its end.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidSocketPath> {
        check(text.as_ref(), "a directory of sockets", 70).map(Self)
    }

    /// The socket of a port: `<directory>/<port>`, as networking-vpp has it.
    pub fn socket_of(&self, port: &PortId) -> SocketPath {
        // 70 bytes, a slash, and 36 of a port's identifier are 107.
        SocketPath(format!("{}/{port}", self.0).into())
    }
}

checked_text!(SocketPath, InvalidSocketPath);
checked_text!(SocketDirectory, InvalidSocketPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_a_legal_socket_in_the_longest_directory() {
        let directory = SocketDirectory::new(format!("/{}", "d".repeat(69))).unwrap();
        let port = PortId::new("p".repeat(36)).unwrap();
        let socket = directory.socket_of(&port);
        assert_eq!(SocketPath::new(socket.as_str()).unwrap(), socket);
        assert!(SocketDirectory::new(format!("/{}", "d".repeat(70))).is_err());
    }

    #[test]
    fn what_is_no_absolute_path_is_refused() {
        for text in ["", "/", "run/weft", "/run/weft/", "/run/\0"] {
            assert!(SocketPath::new(text).is_err(), "{text:?}");
        }
    }
}
