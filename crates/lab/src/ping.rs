//! Reachability, by Debian's `iputils-ping`.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use rustix::process::Signal;

use crate::error::LabError;
use crate::lab::Lab;
use crate::namespace::Namespace;
use crate::process::Process;
use crate::run::tail;

/// Seconds between two packets: the shortest that leaves an idle machine idle.
const INTERVAL: &str = "0.05";

/// What became of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PingReport {
    /// Packets sent.
    pub sent: u32,
    /// Different packets answered.
    pub received: u32,
    /// Packets that were not answered although they could have been: the one that was under way
    /// when a continuous ping was stopped is not among them.
    pub lost: u32,
    /// Answers beyond the first to a packet.
    pub duplicates: u32,
}

/// A ping that goes on until it is stopped, 20 packets a second.
#[derive(Debug)]
pub struct Ping {
    process: Process,
}

/// Sends `count` packets to `target`, and gives up after a second beyond the time that they take.
pub async fn ping(from: &Namespace, target: IpAddr, count: u32) -> Result<PingReport, LabError> {
    let seconds = (1 + count / 20).to_string();
    let mut command = from.command("ping");
    command.args([
        "-n",
        "-i",
        INTERVAL,
        "-c",
        &count.to_string(),
        "-W",
        "1",
        "-w",
        &seconds,
    ]);
    command.arg(target.to_string());
    let line = format!("{command:?}");
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| LabError::Start {
            command: line,
            source,
        })?;
    let report = parse(&String::from_utf8_lossy(&output.stdout))?;
    Ok(PingReport {
        lost: report.sent - report.received,
        ..report
    })
}

impl Ping {
    /// Begins to ping `target`; `name` names its log.
    pub fn start(
        lab: &Lab,
        name: &str,
        from: &Namespace,
        target: IpAddr,
    ) -> Result<Self, LabError> {
        let mut command = from.command("ping");
        command.args(["-n", "-i", INTERVAL]).arg(target.to_string());
        Ok(Self {
            process: lab.spawn(name, command)?,
        })
    }

    /// Different packets answered so far.
    pub fn received(&self) -> usize {
        answered(&fs::read_to_string(self.process.log()).unwrap_or_default())
            .0
            .len()
    }

    /// Ends it and counts.
    pub fn stop(mut self) -> Result<PingReport, LabError> {
        self.process.check()?;
        self.process.end(Signal::INT);
        let log = self.process.log();
        parse(&fs::read_to_string(log).map_err(LabError::file("read", log))?)
    }
}

/// Numbers of the packets that were answered, and how many further answers there were.
fn answered(output: &str) -> (BTreeSet<u32>, u32) {
    let mut answered = BTreeSet::new();
    let mut duplicates = 0;
    for line in output.lines().filter(|line| line.contains("bytes from")) {
        let number = line
            .split_once("icmp_seq=")
            .and_then(|(_, rest)| rest.split(' ').next());
        if let Some(number) = number.and_then(|number| number.parse().ok())
            && !answered.insert(number)
        {
            duplicates += 1;
        }
    }
    (answered, duplicates)
}

fn parse(output: &str) -> Result<PingReport, LabError> {
    let sent = output
        .lines()
        .find_map(|line| line.split_once(" packets transmitted"))
        .and_then(|(number, _)| number.trim().parse::<u32>().ok())
        .ok_or_else(|| LabError::PingOutput(tail(output, 4)))?;
    let (answered, duplicates) = answered(output);
    let received = u32::try_from(answered.len()).unwrap_or(u32::MAX);
    let last_is_under_way = sent > 0 && answered.last().is_some_and(|&last| last + 1 == sent);
    let lost = sent
        .saturating_sub(received)
        .saturating_sub(u32::from(last_is_under_way));
    Ok(PingReport {
        sent,
        received,
        lost,
        duplicates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(numbers: &[u32], sent: u32) -> String {
        let answer = |n| format!("64 bytes from 10.0.0.2: icmp_seq={n} ttl=64 time=0.05 ms\n");
        let answers: String = numbers.iter().map(answer).collect();
        format!(
            "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n{answers}\n\
             --- 10.0.0.2 ping statistics ---\n{sent} packets transmitted, …\n"
        )
    }

    #[test]
    fn the_packet_under_way_at_the_end_is_not_lost() {
        let report = parse(&output(&[1, 2, 3], 4)).unwrap();
        assert_eq!((report.sent, report.received, report.lost), (4, 3, 0));
    }

    #[test]
    fn a_gap_is_a_loss_wherever_it_is() {
        assert_eq!(parse(&output(&[1, 3, 4], 4)).unwrap().lost, 1);
        assert_eq!(parse(&output(&[1, 2], 4)).unwrap().lost, 2);
        assert_eq!(parse(&output(&[1, 3], 4)).unwrap().lost, 1);
        assert_eq!(parse(&output(&[], 3)).unwrap().lost, 3);
    }

    #[test]
    fn answers_count_once() {
        let report = parse(&output(&[1, 2, 2, 3], 3)).unwrap();
        assert_eq!((report.received, report.lost, report.duplicates), (3, 0, 1));
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(parse("ping: connect: Network is unreachable\n").is_err());
    }
}
