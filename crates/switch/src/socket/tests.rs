use super::*;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary directory")
}

#[test]
fn file_exists_while_bound_and_is_gone_afterwards() {
    let home = directory();
    let path = home.path().join("sub/api.sock");
    let socket = ApiSocket::bind(&path, 0o600).expect("bind");
    assert_eq!(
        std::fs::metadata(&path).expect("exists").mode() & 0o777,
        0o600
    );
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn leftover_of_a_dead_process_is_replaced() {
    let home = directory();
    let path = home.path().join("api.sock");
    drop(UnixListener::bind(&path).expect("bind")); // leaves the file
    let socket = ApiSocket::bind(&path, 0o660).expect("replace");
    assert!(UnixStream::connect(socket.path()).is_ok());
}

#[test]
fn socket_of_a_living_process_is_left_alone() {
    let home = directory();
    let path = home.path().join("api.sock");
    let _living = ApiSocket::bind(&path, 0o660).expect("bind");
    let error = ApiSocket::bind(&path, 0o660).expect_err("in use");
    assert!(matches!(error, SwitchError::SocketInUse { .. }), "{error}");
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn other_files_are_never_removed() {
    let home = directory();
    let path = home.path().join("api.sock");
    std::fs::write(&path, "precious").expect("write");
    let error = ApiSocket::bind(&path, 0o660).expect_err("no socket");
    assert!(
        matches!(
            error,
            SwitchError::Socket {
                operation: "replace",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("still there"),
        "precious"
    );
}
