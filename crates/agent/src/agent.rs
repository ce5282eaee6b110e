//! The agent's loop.
//!
//! One path for everything: an event changes what is wanted or what is known of VPP, then
//! [`Agent::reconcile`] plans and applies until nothing differs, then [`Agent::tell`] tells the
//! store. Until the store was read once nothing is planned, since nothing would be wanted; until
//! VPP was reached or found missing once nothing is reported, since nothing would be known.
//!
//! While VPP works, changes of what is wanted are taken in: what they make of a plan that is under way is
//! the reconciler's to judge, operation by operation.

mod intent;
mod pace;
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio_util::sync::CancellationToken;
use weft_plan::{Backoff, Now, Operation, Reconciler};
use weft_store::{Store, StoreError};

use crate::config::Config;
use crate::dataplane::{Dataplane, Happening};

use intent::Intent;
use pace::Pace;
use report::Report;

/// How soon VPP is looked at as a whole again after it was connected; then after twice as long,
/// until the time is that of the configuration. An agent that was killed may have left requests
/// that VPP carries out only after its successor has looked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long work may go on before it is told how far it has come.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// Why an agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The store cannot be used as it is configured.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// Runs the agent until `shutdown`. VPP and the store may come, go and come back meanwhile. What
/// VPP holds stays when the agent ends; that it is alive is taken back.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), AgentError> {
    make_socket_directory(&config);
    let config = Arc::new(config);
    let store = Store::connect(config.store.clone()).await?;
    tracing::info!(
        host = %config.host,
        vpp = %config.vpp.api_socket.display(),
        physnets = config.network.physnets.len(),
        "the agent begins"
    );
    let mut agent = Agent {
        reconciler: Reconciler::new(config.network.clone(), Backoff::default()),
        dataplane: Dataplane::start(&config.vpp),
        intent: Intent::new(Arc::clone(&config), &store),
        report: Report::new(Arc::clone(&config), store),
        vpp_judged: false,
        observed_at: None,
        look_again: LOOK_AGAIN.min(config.vpp.resync),
        resync: config.vpp.resync,
    };
    shutdown.run_until_cancelled(agent.work()).await;
    tracing::info!("the agent ends");
    agent.close().await;
    Ok(())
}

/// Makes the directory of vhost-user sockets: `/run` is empty after each boot. Who makes it before,
/// with the rights that QEMU's user needs, finds it as it was.
fn make_socket_directory(config: &Config) {
    let directory = config.network.vhost_user.directory.as_str();
    if let Err(error) = std::fs::create_dir_all(directory) {
        tracing::warn!(directory, %error, "the directory of vhost-user sockets cannot be made");
    }
}

/// Everything that the loop owns.
struct Agent {
    reconciler: Reconciler,
    dataplane: Dataplane,
    intent: Intent,
    report: Report,
    /// Whether VPP was reached or found missing, so that there is something true to say.
    vpp_judged: bool,
    /// When VPP was looked at as a whole; never, or not since it is there.
    observed_at: Option<Instant>,
    /// How long after that it is looked at again.
    look_again: Duration,
    /// The longest that [`Self::look_again`] becomes.
    resync: Duration,
}

fn now() -> Now {
    Now {
        monotonic: Instant::now(),
        wall: SystemTime::now(),
    }
}

impl Agent {
    /// The loop. Never ends by itself.
    async fn work(&mut self) {
        loop {
            self.wait().await;
            self.reconcile().await;
            self.tell();
        }
    }

    /// Waits for something to happen and takes it in, and what else has happened by then.
    async fn wait(&mut self) {
        let deadline = self.deadline();
        let timer = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            happening = self.dataplane.next() => self.take_happening(happening),
            event = self.intent.next() => {
                self.intent.take(event, &mut self.reconciler, &mut self.report);
            }
            () = self.report.listen() => {}
            () = timer => {}
        }
        self.take_what_is_there(Pace::new()).await;
    }

    /// Takes in what has happened by now, since it belongs to the same plan; of very many changes
    /// only as many as that one will hold.
    async fn take_what_is_there(&mut self, pace: Pace) {
        let mut room = pace.ports();
        loop {
            tokio::select! {
                biased;
                event = self.intent.next(), if room > 0 => {
                    let count = self.intent.take(event, &mut self.reconciler, &mut self.report);
                    room = room.saturating_sub(count);
                }
                happening = self.dataplane.next() => self.take_happening(happening),
                () = self.report.listen() => {}
                () = std::future::ready(()) => return,
            }
        }
    }

    /// When to do something though nothing happens.
    fn deadline(&self) -> Option<Instant> {
        let retry = if self.intent.is_known() {
            self.reconciler.next_try()
        } else {
            None
        };
        let resync = self.observed_at.map(|at| at + self.look_again);
        let silence = self.intent.silence();
        // Until then nothing is written either.
        let report = silence.or_else(|| self.report.deadline());
        [retry, resync, report].into_iter().flatten().min()
    }

    /// Tells the store what is new.
    fn tell(&mut self) {
        if self.intent.is_known() && self.vpp_judged && !self.intent.is_reading() {
            let vpp = self.dataplane.version();
            self.report.post(&mut self.reconciler, vpp);
        }
    }

    fn take_happening(&mut self, happening: Happening) {
        match happening {
            Happening::Up => {
                tracing::info!("VPP is connected");
                self.observed_at = None;
            }
            Happening::Down(reason) => {
                tracing::warn!(reason, "VPP is away");
                self.vpp_lost(&reason);
            }
            Happening::Told => {}
            Happening::Overflow => {
                tracing::warn!("VPP told more than could be taken in; looking at all of it again");
                self.observed_at = None;
            }
        }
    }

    fn vpp_lost(&mut self, reason: &str) {
        self.reconciler.disconnected(reason);
        self.observed_at = None;
        self.vpp_judged = true;
    }

    /// Looks at VPP where that is due, then plans and applies until nothing differs that could be
    /// mended now.
    async fn reconcile(&mut self) {
        if !self.intent.is_known() {
            return;
        }
        let looked = self.observed_at;
        let mut told = Instant::now();
        let mut pace = Pace::new();
        // What VPP tells while it is worked on is mostly our own doing, and each look costs a dump:
        // so it waits until the work is done, but not for long.
        let mut look = true;
        loop {
            if look && let Err(reason) = self.look().await {
                return self.give_up(&reason);
            }
            let plan = self.reconciler.plan_for(now(), pace.ports());
            let begun = Instant::now();
            if plan.is_empty() && look {
                if self.observed_at != looked {
                    tracing::info!("VPP was looked at, and nothing is to be done now");
                }
                return;
            }
            look = plan.is_empty();
            for level in &plan.levels {
                if let Err(reason) = self.apply(level).await {
                    return self.give_up(&reason);
                }
            }
            // A port has one operation in a level, seldom two.
            if let Some(ports) = plan.levels.iter().map(Vec::len).max() {
                pace.took(ports, begun.elapsed());
            }
            if told.elapsed() >= REPORT_EVERY {
                told = Instant::now();
                look = true;
                self.tell();
            }
            self.take_what_is_there(pace).await;
        }
    }

    /// Learns what VPP holds: all of it where that is due, else what it told of.
    async fn look(&mut self) -> Result<(), String> {
        let due = self
            .observed_at
            .is_none_or(|at| at.elapsed() >= self.look_again);
        if !due {
            let notices = self.dataplane.notices().await;
            for notice in notices.map_err(|error| error.to_string())? {
                self.reconciler.notice(&notice);
            }
            return Ok(());
        }
        let observed = self.dataplane.observe().await;
        let Some(observed) = observed.map_err(|error| error.to_string())? else {
            return Ok(());
        };
        self.observed_at = Some(Instant::now());
        self.vpp_judged = true;
        if self.reconciler.observed().is_none() {
            self.look_again = LOOK_AGAIN.min(self.resync);
            self.reconciler.connected(observed);
        } else {
            self.look_again = (self.look_again * 2).min(self.resync);
            self.reconciler.refreshed(observed);
        }
        // The address of the underlay may have been found, and with it networks.
        self.intent.follow(&mut self.reconciler);
        Ok(())
    }

    /// Ends a connection on which VPP does not answer as it should; the next one begins afresh.
    fn give_up(&mut self, reason: &str) {
        tracing::warn!(reason, "VPP was lost at work");
        self.dataplane.disconnect();
        self.vpp_lost(reason);
    }

    async fn apply(&mut self, level: &[Operation]) -> Result<(), String> {
        let possible: Vec<&Operation> = level
            .iter()
            .filter(|operation| self.reconciler.possible(operation))
            .collect();
        if possible.is_empty() {
            return Ok(());
        }
        let Some(session) = self.dataplane.session() else {
            return Err("VPP is not connected".to_owned());
        };
        let outcomes = {
            let applying = session.apply(&possible);
            tokio::pin!(applying);
            loop {
                let event = async {
                    // First of all VPP shall have what it is asked for.
                    tokio::task::yield_now().await;
                    self.intent.next().await
                };
                tokio::select! {
                    biased;
                    outcomes = &mut applying => break outcomes,
                    event = event => {
                        self.intent.take(event, &mut self.reconciler, &mut self.report);
                    }
                }
            }
        };
        let outcomes = outcomes.map_err(|error| error.to_string())?;
        for (operation, outcome) in possible.iter().zip(outcomes) {
            if let weft_plan::Outcome::Refused { reason, .. } = &outcome {
                tracing::warn!(%operation, reason, "VPP refused");
            }
            self.reconciler.settle(operation, outcome, now());
        }
        Ok(())
    }

    /// Ends all tasks, in the order in which they depend on each other.
    async fn close(mut self) {
        // What is known by now is worth telling, if the store takes it soon.
        self.tell();
        self.dataplane.close().await;
        self.intent.close().await;
        self.report.close().await;
    }
}
