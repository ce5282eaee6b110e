//! Reconnecting.

use weft_vpp::{DownReason, Link, Supervisor};

use crate::fake::{Fake, bounded, quick};

async fn next(supervisor: &mut Supervisor) -> Link {
    bounded(supervisor.next()).await.unwrap()
}

#[tokio::test]
async fn a_lost_connection_is_told_and_made_again() {
    let fake = Fake::start();
    let mut supervisor = Supervisor::start(fake.path(), "test".to_owned(), quick());
    for _ in 0..2 {
        let mut peer = fake.accept().await;
        peer.welcome().await;
        let Link::Up(_connection, _events) = next(&mut supervisor).await else {
            panic!("expected a connection");
        };
        drop(peer);
        let down = next(&mut supervisor).await;
        assert!(matches!(down, Link::Down(DownReason::Lost(_))), "{down:?}");
    }
    bounded(supervisor.stop()).await;
}

#[tokio::test]
async fn a_vpp_that_comes_later_is_found_and_its_absence_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.sock");
    let mut supervisor = Supervisor::start(path.clone(), "test".to_owned(), quick());
    let down = next(&mut supervisor).await;
    assert!(
        matches!(down, Link::Down(DownReason::Unreachable(_))),
        "{down:?}"
    );
    let fake = Fake::start_at(directory, path);
    let mut peer = fake.accept().await;
    peer.welcome().await;
    assert!(matches!(next(&mut supervisor).await, Link::Up(..)));
    bounded(supervisor.stop()).await;
}
