//! Packets to and fro between two stations, all of them counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinHandle;
use weft_lab::wait_until;

use crate::packet::Packet;
use crate::station::Station;

/// Between two packets of one direction.
const INTERVAL: Duration = Duration::from_millis(5);

/// How long a packet may be under way before it is lost.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// A flow that goes on until it is stopped: 200 packets a second in either direction. Whoever is
/// asked answers nothing by itself, so that the loss of one direction is not the loss of the other.
#[derive(Debug)]
pub struct Flow {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU32>,
    task: JoinHandle<Result<FlowReport>>,
}

/// What became of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FlowReport {
    /// Packets sent in each direction.
    pub sent: u32,
    /// Of the packets from the one that opened it: those that did not arrive.
    pub lost: u32,
    /// Of the replies.
    pub replies_lost: u32,
}

impl Flow {
    /// Begins to send `request` from `from` to `to`, and its reply back.
    pub fn start(from: &Arc<Station>, to: &Arc<Station>, request: Packet) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicU32::new(0));
        let work = run(
            [Arc::clone(from), Arc::clone(to)],
            request,
            Arc::clone(&stop),
            Arc::clone(&rounds),
        );
        let task = tokio::spawn(work);
        Self { stop, rounds, task }
    }

    /// Waits until so many more packets are sent in either direction.
    pub async fn goes_on(&self, packets: u32) -> Result<()> {
        let goal = self.rounds.load(Ordering::Relaxed) + packets;
        let sent = wait_until("packets of a flow", Duration::from_secs(20), async || {
            let now = self.rounds.load(Ordering::Relaxed);
            Ok(if now >= goal {
                Ok(())
            } else {
                Err(now.to_string())
            })
        });
        Ok(sent.await?)
    }

    /// Ends it and counts.
    pub async fn stop(self) -> Result<FlowReport> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.context("the flow panicked")?
    }
}

async fn run(
    [from, to]: [Arc<Station>; 2],
    request: Packet,
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU32>,
) -> Result<FlowReport> {
    let reply = request.reply();
    // No reply before there is something to reply to.
    from.passes(&to, "what opens the flow", &request).await?;
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    let mut interval = tokio::time::interval(INTERVAL);
    while !stop.load(Ordering::Relaxed) {
        interval.tick().await;
        for (station, packet, sent) in [
            (&from, &request, &mut requests),
            (&to, &reply, &mut replies),
        ] {
            let frame = packet.frame();
            station.send(&frame)?;
            sent.push(frame);
        }
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    let missing = |station: &Station, sent: &[Vec<u8>]| -> u32 {
        let missing = sent.iter().filter(|frame| !station.has(frame)).count();
        u32::try_from(missing).unwrap_or(u32::MAX)
    };
    // What was sent last is still under way; what does not come at all is lost.
    for (station, sent) in [(&to, &requests), (&from, &replies)] {
        if let Some(last) = sent.last() {
            station.gets(last, UNDER_WAY).await;
        }
    }
    Ok(FlowReport {
        sent: rounds.load(Ordering::Relaxed),
        lost: missing(&to, &requests),
        replies_lost: missing(&from, &replies),
    })
}
