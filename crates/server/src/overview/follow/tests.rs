use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::overview::lull::QUIET;
use crate::overview::tests::{MAC, change, deletion, value};

/// The task at work, and what drives it.
struct Kept {
    events: mpsc::Sender<Event>,
    overviews: Overviews,
    revision: i64,
}

impl Kept {
    fn start() -> Self {
        let (events, receiver) = mpsc::channel(8);
        let receiver = ReceiverStream::new(receiver);
        let (sender, progress) = watch::channel(Progress::default());
        let overview = Arc::new(Deferred::new(Keyspace::default()));
        let overviews = Overviews {
            overview: overview.clone(),
            progress,
        };
        tokio::spawn(async move { keep(&overview, &sender, pin!(receiver)).await });
        Self {
            events,
            overviews,
            revision: 1,
        }
    }

    async fn change(&mut self, changes: Vec<weft_store::Change>) {
        self.revision += 1;
        let revision = self.revision;
        let event = Event::Changes { revision, changes };
        self.events.send(event).await.unwrap();
        assert!(self.overviews.reach(revision).await);
    }

    fn hosts(&self) -> Vec<String> {
        let port: PortId = "a".parse().unwrap();
        let hosts = self.overviews.hosts_of(&BTreeSet::from([port]));
        hosts.into_values().flatten().map(String::from).collect()
    }
}

#[tokio::test]
async fn what_is_reached_is_seen() {
    let mut kept = Kept::start();
    kept.change(vec![change("nodes/h/ports/a", &value(MAC, 1))])
        .await;
    assert_eq!(kept.hosts(), ["h"]);
    kept.change(vec![change("nodes/i/ports/a", &value(MAC, 1))])
        .await;
    kept.change(vec![deletion("nodes/h/ports/a")]).await;
    assert_eq!(kept.hosts(), ["i"]);
    assert_eq!(kept.overviews.totals().revision, kept.revision);
}

#[tokio::test(start_paused = true)]
async fn it_is_worked_in_when_nothing_has_come_for_a_moment() {
    let mut kept = Kept::start();
    for n in 1..=20 {
        kept.change(vec![change("nodes/h/ports/a", &value(MAC, n))])
            .await;
        tokio::time::sleep(QUIET / 2).await;
        assert_eq!(kept.overviews.overview.waits(), usize::from(n));
    }
    tokio::time::sleep(QUIET * 3).await;
    assert_eq!(kept.overviews.overview.waits(), 0);
    kept.change(vec![deletion("nodes/h/ports/a")]).await;
    assert_eq!(kept.overviews.overview.waits(), 1);
    tokio::time::sleep(QUIET * 3).await;
    assert_eq!(kept.overviews.overview.waits(), 0);
}

#[tokio::test]
async fn without_the_store_the_last_is_shown() {
    let mut kept = Kept::start();
    kept.change(vec![change("nodes/h/ports/a", &value(MAC, 1))])
        .await;
    let reason = "away".to_owned();
    let event = Event::Disconnected { reason };
    kept.events.send(event).await.unwrap();
    let mut progress = kept.overviews.progress.clone();
    progress.wait_for(|at| !at.connected).await.unwrap();
    let totals = kept.overviews.totals();
    assert_eq!((totals.connected, totals.revision), (false, kept.revision));
    assert_eq!(kept.hosts(), ["h"]);
}
