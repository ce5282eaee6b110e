//! `dpdk-testpmd` (Debian's `dpdk-dev`) as two machines: it has both ends of two vhost-user ports
//! (virtio-user) and counts what arrives.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use weft_lab::{Lab, wait_until};

use super::bed::run;

/// Until it is ready, or has counted.
const START: Duration = Duration::from_secs(30);
/// What says that commands are taken.
const PROMPT: &str = "testpmd> ";
/// What a count begins with.
const COUNT: &str = "Accumulated forward statistics for all ports";
/// Bursts of 32 packets that circle each way.
const BURSTS: u32 = 16;
/// How long packets circle before they are counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// A process that takes commands; killed when dropped.
pub(super) struct Testpmd {
    child: Child,
    log: PathBuf,
    /// Counts that it has printed.
    counts: usize,
}

/// The two machines. Their packets pass on the second core.
pub(super) struct Machines(Testpmd);

impl Machines {
    /// Starts them at the ports with these sockets. Both send from and to the same Ethernet addresses if
    /// they begin flows.
    pub(super) async fn start(lab: &Lab, name: &str, sockets: &[PathBuf; 2]) -> Result<Self> {
        let testpmd = Testpmd::start(lab, name, &|command| {
            for (number, socket) in sockets.iter().enumerate() {
                let device = format!(
                    "net_virtio_user{number},path={},mac=02:00:00:00:00:0{number},queue_size=1024",
                    socket.display()
                );
                command.arg("--vdev").arg(device);
            }
            let flows = format!("--flowgen-flows={}", i32::MAX);
            command.args(["--", "-i", "--nb-cores", "1", &flows]);
            command.args(["--txonly-multi-flow", "--txd", "1024", "--rxd", "1024"]);
            for (number, other) in [(0, 1), (1, 0)] {
                let peer = format!("--eth-peer={number},02:00:00:00:00:0{other}");
                command.arg(peer);
            }
        })?;
        testpmd.is_ready().await?;
        // Its thread that takes commands runs as soon as there is one, although a dataplane keeps the core
        // busy: a window is the time between two commands.
        let pid = testpmd.pid().to_string();
        run("chrt", &["--fifo", "--pid", "1", &pid])?;
        Ok(Self(testpmd))
    }

    /// Has 64-byte packets of 256 flows, each of which a machine sends on at the one port when it has come
    /// in by the other, for long enough that addresses are learned, sessions set up and pages there.
    pub(super) async fn begin_circle(&mut self) -> Result<()> {
        // It begins with empty rings.
        self.0.say("set flush_rx on")?;
        self.0.say("set fwd io")?;
        self.count(&format!("start tx_first {BURSTS}"), WARM_UP)
            .await?;
        // What is on its way at a window's end goes on in the next. To empty the rings takes 20 ms, too.
        self.0.say("set flush_rx off")
    }

    /// How many of the packets that circle arrived in a second, both ways together.
    pub(super) async fn circle(&mut self, window: Duration) -> Result<f64> {
        self.count("start", window).await
    }

    /// As many 64-byte packets as they can make, at both ports, each of a flow of its own. How many arrived
    /// in a second, both ways together.
    pub(super) async fn begin_flows(&mut self, window: Duration) -> Result<f64> {
        self.0.say("set fwd flowgen")?;
        self.count("start", window).await
    }

    /// Packets per second from a command that starts them on.
    async fn count(&mut self, start: &str, time: Duration) -> Result<f64> {
        self.0.say(start)?;
        let started = Instant::now();
        tokio::time::sleep(time).await;
        self.0.say("stop")?;
        let elapsed = started.elapsed();
        Ok(self.0.next_count().await? / elapsed.as_secs_f64())
    }
}

impl Testpmd {
    /// Starts one whose arguments `configure` adds; `name` names its files.
    pub(super) fn start(lab: &Lab, name: &str, configure: &dyn Fn(&mut Command)) -> Result<Self> {
        let log = lab.path(&format!("{name}.log"));
        let file = File::create(&log)?;
        // A count must be in the file when it has been made.
        let mut command = Command::new("stdbuf");
        command.args(["--output=L", "dpdk-testpmd"]);
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
        Ok(Self {
            child,
            log,
            counts: 0,
        })
    }

    /// Gives a command.
    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        let Some(stdin) = &mut self.child.stdin else {
            bail!("testpmd takes no commands");
        };
        Ok(stdin.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
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

    /// Waits for its next count: packets that arrived at all ports.
    async fn next_count(&mut self) -> Result<f64> {
        let number = self.counts;
        self.counts += 1;
        let counted = wait_until("a count of packets", START, async || {
            let printed = self.printed();
            Ok(received(&printed, number).ok_or(printed))
        });
        Ok(counted.await?)
    }
}

/// Packets that arrived, of a count by its number.
fn received(printed: &str, number: usize) -> Option<f64> {
    let count = printed.split(COUNT).nth(number + 1)?;
    let (_, behind) = count.split_once("RX-packets:")?;
    let (line, _) = behind.split_once('\n')?;
    line.split_whitespace().next()?.parse().ok()
}

impl Drop for Testpmd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
