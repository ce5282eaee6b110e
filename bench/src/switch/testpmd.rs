//! `dpdk-testpmd` (Debian's `dpdk-dev`) as two machines: it has both ends of two vhost-user ports
//! (virtio-user) and counts what arrives.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use weft_lab::{Lab, wait_until};

/// Until it is ready, or has counted.
const START: Duration = Duration::from_secs(30);
/// What says that commands are taken.
const PROMPT: &str = "testpmd> ";
/// Bursts of 32 packets that circle each way.
const BURSTS: u32 = 16;

/// What it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    /// 64-byte packets of 256 flows that go on at the one port when they have come in by the other,
    /// both ways.
    Circling,
    /// At both ports as many 64-byte packets as it can make, each of a flow of its own. Both ports send
    /// from and to the same Ethernet addresses.
    NewFlows,
}

/// A process that takes commands; killed when dropped.
pub(super) struct Testpmd {
    child: Child,
    log: PathBuf,
}

/// Sends for `time` between the ports with these sockets; gives how many packets arrived in a second,
/// at both together.
pub(super) async fn send(
    lab: &Lab,
    name: &str,
    sockets: &[PathBuf; 2],
    traffic: Traffic,
    time: Duration,
) -> Result<f64> {
    let mut source = Testpmd::start(lab, name, &|command| {
        for (number, socket) in sockets.iter().enumerate() {
            let device = format!(
                "net_virtio_user{number},path={},mac=02:00:00:00:00:0{number},queue_size=1024",
                socket.display()
            );
            command.arg("--vdev").arg(device);
        }
        command.args(["--", "-i", "--nb-cores", "1"]);
        match traffic {
            Traffic::Circling => command.args(["--forward-mode", "io", "--txonly-multi-flow"]),
            Traffic::NewFlows => {
                let flows = format!("--flowgen-flows={}", i32::MAX);
                command.args(["--forward-mode", "flowgen", &flows])
            }
        };
        command.args(["--txd", "1024", "--rxd", "1024"]);
        for (number, other) in [(0, 1), (1, 0)] {
            let peer = format!("--eth-peer={number},02:00:00:00:00:0{other}");
            command.arg(peer);
        }
    })?;
    source.is_ready().await?;
    source.say(&match traffic {
        Traffic::Circling => format!("start tx_first {BURSTS}"),
        Traffic::NewFlows => "start".to_owned(),
    })?;
    let started = Instant::now();
    tokio::time::sleep(time).await;
    source.say("stop")?;
    let elapsed = started.elapsed();
    // What it printed is in the file when it has ended.
    source.say("quit")?;
    let counted = wait_until("a count of packets", START, async || {
        let printed = source.printed();
        Ok(accumulated(&printed).ok_or(printed))
    });
    Ok(counted.await? / elapsed.as_secs_f64())
}

/// Packets that arrived at all ports.
fn accumulated(printed: &str) -> Option<f64> {
    let (_, behind) = printed.rsplit_once("Accumulated forward statistics for all ports")?;
    let (_, behind) = behind.split_once("RX-packets:")?;
    behind.split_whitespace().next()?.parse().ok()
}

impl Testpmd {
    /// Starts one whose arguments `configure` adds; `name` names its files.
    pub(super) fn start(lab: &Lab, name: &str, configure: &dyn Fn(&mut Command)) -> Result<Self> {
        let log = lab.path(&format!("{name}.log"));
        let file = File::create(&log)?;
        let mut command = Command::new("dpdk-testpmd");
        command.args(["-l", "0,1", "--no-huge", "-m", "256", "--no-pci"]);
        command.arg(format!("--file-prefix={}-{name}", lab.name()));
        configure(&mut command);
        let child = command
            .arg("--total-num-mbufs=16384")
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start `dpdk-testpmd` (Debian's `dpdk-dev`)")?;
        Ok(Self { child, log })
    }

    /// Gives a command.
    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        let Some(stdin) = &mut self.child.stdin else {
            bail!("testpmd takes no commands");
        };
        Ok(stdin.write_all(format!("{line}\n").as_bytes())?)
    }

    fn printed(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it takes commands.
    pub(super) async fn is_ready(&self) -> Result<()> {
        let seen = wait_until("a prompt of testpmd", START, async || {
            let printed = self.printed();
            Ok(if printed.contains(PROMPT) {
                Ok(())
            } else {
                Err(printed)
            })
        });
        Ok(seen.await?)
    }
}

impl Drop for Testpmd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
