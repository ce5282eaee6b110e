//! Reachability, by Debian's `iputils-ping`.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

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

/// Sends packets to `target` until `count` are answered, for a second beyond the time that they take
/// to be sent.
pub async fn ping(from: &Namespace, target: IpAddr, count: u32) -> Result<PingReport, LabError> {
    let limit = Duration::from_secs(1 + u64::from(count / 20));
    ping_within(from, target, count, limit).await
}

/// Sends packets to `target` until `count` are answered, for `limit` (whole seconds) at most.
pub async fn ping_within(
    from: &Namespace,
    target: IpAddr,
    count: u32,
    limit: Duration,
) -> Result<PingReport, LabError> {
    let mut command = from.command("ping");
    let (packets, seconds) = (count.to_string(), limit.as_secs().max(1).to_string());
    command.args(["-n", "-i", INTERVAL, "-c", &packets, "-w", &seconds]);
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
    once(&String::from_utf8_lossy(&output.stdout), count)
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
        continuous(&fs::read_to_string(log).map_err(LabError::file("read", log))?)
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

/// The report of a ping that ended by itself. If all that was asked for was answered, packets sent
/// after the last one that was answered were just under way.
fn once(output: &str, count: u32) -> Result<PingReport, LabError> {
    let (report, last) = parse(output)?;
    let until = if report.received >= count {
        last
    } else {
        report.sent
    };
    Ok(PingReport {
        lost: until.saturating_sub(report.received),
        ..report
    })
}

/// The report of a ping that was stopped: the packet before the end may have been under way.
fn continuous(output: &str) -> Result<PingReport, LabError> {
    let (report, last) = parse(output)?;
    let until = if last > 0 && last + 1 == report.sent {
        last
    } else {
        report.sent
    };
    Ok(PingReport {
        lost: until.saturating_sub(report.received),
        ..report
    })
}

/// A report that does not know of losses yet, and the number of the last packet answered.
fn parse(output: &str) -> Result<(PingReport, u32), LabError> {
    let sent = output
        .lines()
        .find_map(|line| line.split_once(" packets transmitted"))
        .and_then(|(number, _)| number.trim().parse::<u32>().ok())
        .ok_or_else(|| LabError::PingOutput(tail(output, 4)))?;
    let (answered, duplicates) = answered(output);
    let report = PingReport {
        sent,
        received: u32::try_from(answered.len()).unwrap_or(u32::MAX),
        lost: 0,
        duplicates,
    };
    Ok((report, answered.last().copied().unwrap_or(0)))
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
        let report = continuous(&output(&[1, 2, 3], 4)).unwrap();
        assert_eq!((report.sent, report.received, report.lost), (4, 3, 0));
    }

    #[test]
    fn a_gap_is_a_loss_wherever_it_is() {
        assert_eq!(continuous(&output(&[1, 3, 4], 4)).unwrap().lost, 1);
        assert_eq!(continuous(&output(&[1, 2], 4)).unwrap().lost, 2);
        assert_eq!(continuous(&output(&[1, 3], 4)).unwrap().lost, 1);
        assert_eq!(continuous(&output(&[], 3)).unwrap().lost, 3);
    }

    #[test]
    fn a_ping_that_got_all_its_answers_has_lost_only_what_lies_before_the_last() {
        assert_eq!(once(&output(&[1, 2, 3], 5), 3).unwrap().lost, 0);
        assert_eq!(once(&output(&[1, 3, 4], 4), 3).unwrap().lost, 1);
        assert_eq!(once(&output(&[1, 2], 5), 3).unwrap().lost, 3);
        assert_eq!(once(&output(&[], 5), 3).unwrap().lost, 5);
    }

    #[test]
    fn answers_count_once() {
        let report = continuous(&output(&[1, 2, 2, 3], 3)).unwrap();
        assert_eq!((report.received, report.lost, report.duplicates), (3, 0, 1));
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(continuous("ping: connect: Network is unreachable\n").is_err());
    }
}
