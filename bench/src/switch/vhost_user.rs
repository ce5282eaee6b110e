//! Packets between two vhost-user ports, beside DPDK's own vhost library.
//!
//! One `dpdk-testpmd` has both ends (virtio-user) and sends on at the one what comes in by the
//! other, so that 64-byte packets circle through the dataplane both ways for as long as it is
//! measured. In the dataplane's place a second `dpdk-testpmd` then passes them between two of its
//! vhost devices: it polls without end, looks at no address, and is as fast as this gets.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use weft_lab::{Lab, wait_until};
use weft_tests::DataplaneKind;
use weft_vpp::{Connection, Timeouts};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceSetFlags};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::vhost_user::CreateVhostUserIfV2;
use weft_vpp_wire::{BdId, FixedString};

/// Until a program is ready, or has counted.
const START: Duration = Duration::from_secs(30);
/// What says that commands are taken.
const PROMPT: &str = "testpmd> ";
/// Bursts of 32 packets that circle each way.
const BURSTS: u32 = 16;

/// Packets per second that arrived, both ways together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// Through the dataplane.
    pub(super) dataplane: f64,
    /// Through DPDK.
    pub(super) dpdk: f64,
}

/// A `dpdk-testpmd` that takes commands; killed when dropped.
struct Testpmd {
    child: Child,
    log: PathBuf,
}

/// Measures both for `time` each.
pub(super) async fn measure(lab: &Lab, kind: &DataplaneKind, time: Duration) -> Result<Rates> {
    let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
    let dataplane = {
        let host = lab.namespace("host")?;
        let dataplane = kind.start(lab, &host, "dataplane").await?;
        configure(dataplane.socket(), &sockets).await?;
        circle(lab, "through-dataplane", &sockets, time).await?
    };
    let mut peer = Testpmd::start(lab, "peer", &|command| {
        for (number, socket) in sockets.iter().enumerate() {
            let _ = std::fs::remove_file(socket);
            let device = format!("net_vhost{number},iface={}", socket.display());
            command.arg("--vdev").arg(device);
        }
        // Its packets pass on the other core than those of the source.
        command.args(["--main-lcore", "1", "--", "-i", "--nb-cores", "1"]);
    })?;
    peer.is_ready().await?;
    peer.say("start")?;
    let dpdk = circle(lab, "through-dpdk", &sockets, time).await?;
    Ok(Rates { dataplane, dpdk })
}

/// Two ports in one bridge domain, whose sockets the dataplane makes.
async fn configure(api: &std::path::Path, sockets: &[PathBuf; 2]) -> Result<()> {
    let (api, _events) = Connection::connect(api, "weft-bench", Timeouts::default()).await?;
    api.request(BridgeDomainAddDelV2 {
        bd_id: BdId(10),
        flood: true,
        uu_flood: true,
        learn: true,
        forward: true,
        is_add: true,
        ..BridgeDomainAddDelV2::default()
    })
    .await?;
    for socket in sockets {
        let port = CreateVhostUserIfV2 {
            is_server: true,
            sock_filename: FixedString::try_from(socket.to_string_lossy().as_ref())?,
            ..CreateVhostUserIfV2::default()
        };
        let sw_if_index = api.request(port).await?.sw_if_index;
        api.request(SwInterfaceSetL2Bridge {
            rx_sw_if_index: sw_if_index,
            bd_id: BdId(10),
            enable: true,
            ..SwInterfaceSetL2Bridge::default()
        })
        .await?;
        api.request(SwInterfaceSetFlags {
            sw_if_index,
            flags: IfStatusFlags::ADMIN_UP,
        })
        .await?;
    }
    Ok(())
}

/// Lets packets circle for `time`; gives how many arrived in a second.
async fn circle(lab: &Lab, name: &str, sockets: &[PathBuf; 2], time: Duration) -> Result<f64> {
    let mut source = Testpmd::start(lab, name, &|command| {
        for (number, socket) in sockets.iter().enumerate() {
            let device = format!(
                "net_virtio_user{number},path={},mac=02:00:00:00:00:0{number},queue_size=1024",
                socket.display()
            );
            command.arg("--vdev").arg(device);
        }
        command.args(["--", "-i", "--nb-cores", "1", "--forward-mode", "io"]);
        command.args(["--txd", "1024", "--rxd", "1024"]);
        for (number, other) in [(0, 1), (1, 0)] {
            let peer = format!("--eth-peer={number},02:00:00:00:00:0{other}");
            command.arg(peer);
        }
    })?;
    source.is_ready().await?;
    source.say(&format!("start tx_first {BURSTS}"))?;
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
    fn start(lab: &Lab, name: &str, configure: &dyn Fn(&mut Command)) -> Result<Self> {
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

    fn say(&mut self, line: &str) -> Result<()> {
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
    async fn is_ready(&self) -> Result<()> {
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
