//! The dataplane of a host: `weft switch`, or a real VPP.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use weft_lab::{Lab, Namespace, Process, wait_until};

use crate::binary::weft_binary;

/// How long a dataplane may take until it can be talked to.
const START: Duration = Duration::from_secs(20);

/// Which program forwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataplaneKind {
    /// `weft switch`.
    Switch,
    /// VPP.
    Vpp {
        /// Its executable, `…/bin/vpp`.
        binary: PathBuf,
        /// A library to load first.
        preload: Option<PathBuf>,
        /// It never sleeps: for figures, where it has a core of its own.
        is_polling: bool,
    },
}

/// A running dataplane. The process is stopped when this is dropped.
#[derive(Debug)]
pub struct Dataplane {
    process: Process,
    socket: PathBuf,
}

impl DataplaneKind {
    /// The one that the environment asks for.
    pub fn from_environment() -> Result<Self> {
        match std::env::var("WEFT_DATAPLANE").as_deref() {
            Err(_) | Ok("switch") => Ok(Self::Switch),
            Ok("vpp") => Self::vpp_from_environment()
                .context("WEFT_DATAPLANE=vpp needs WEFT_VPP_BINARY, the path of `vpp`"),
            Ok(other) => bail!("WEFT_DATAPLANE is `{other}`; `switch` and `vpp` are known"),
        }
    }

    /// VPP, whichever is asked for, if the environment says where one is.
    pub fn vpp_from_environment() -> Option<Self> {
        Some(Self::Vpp {
            binary: std::env::var_os("WEFT_VPP_BINARY")?.into(),
            preload: std::env::var_os("WEFT_VPP_PRELOAD").map(PathBuf::from),
            is_polling: false,
        })
    }

    /// Starts one in a host's namespace. `name` names its files.
    pub async fn start(&self, lab: &Lab, namespace: &Namespace, name: &str) -> Result<Dataplane> {
        let socket = lab.path(&format!("{name}.sock"));
        // What a killed one left would answer nobody.
        let _ = std::fs::remove_file(&socket);
        let command = match self {
            Self::Switch => switch_command(lab, namespace, name, &socket)?,
            Self::Vpp {
                binary,
                preload,
                is_polling,
            } => {
                let preload = preload.as_deref();
                vpp_command(lab, namespace, name, &socket, binary, preload, *is_polling)?
            }
        };
        let mut process = lab.spawn(name, command)?;
        wait_until("the dataplane's API", START, async || {
            process.check()?;
            Ok(match tokio::net::UnixStream::connect(&socket).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            })
        })
        .await?;
        Ok(Dataplane { process, socket })
    }
}

impl Dataplane {
    /// Its API socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Stops it in order; says how it ended.
    pub fn stop(self) -> Option<ExitStatus> {
        self.process.stop()
    }

    /// Its process, to be killed or asked for its number.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn switch_command(lab: &Lab, namespace: &Namespace, name: &str, socket: &Path) -> Result<Command> {
    let config = lab.write(
        &format!("{name}.toml"),
        &format!("api_socket = \"{}\"\n", socket.display()),
    )?;
    let mut command = namespace.command(&weft_binary()?.to_string_lossy());
    command.arg("switch").arg("--config").arg(config);
    Ok(command)
}

fn vpp_command(
    lab: &Lab,
    namespace: &Namespace,
    name: &str,
    socket: &Path,
    binary: &Path,
    preload: Option<&Path>,
    is_polling: bool,
) -> Result<Command> {
    let prefix = binary
        .parent()
        .and_then(Path::parent)
        .with_context(|| format!("{} is in no `bin` directory", binary.display()))?;
    let library = ["lib/x86_64-linux-gnu", "lib64", "lib"]
        .map(|directory| prefix.join(directory))
        .into_iter()
        .find(|directory| directory.join("vpp_plugins").is_dir())
        .with_context(|| format!("there are no `vpp_plugins` below {}", prefix.display()))?;
    let run = lab.path(name);
    std::fs::create_dir_all(&run)?;
    let sleep = if is_polling {
        ""
    } else {
        "poll-sleep-usec 200"
    };
    // Unique in the machine: the prefix names shared memory.
    let instance = format!("{}-{name}", lab.name());
    let config = lab.write(
        &format!("{name}.conf"),
        &format!(
            "unix {{ nodaemon nosyslog runtime-dir {run} cli-listen {run}/cli.sock \
               cli-no-pager {sleep} }}\n\
             api-segment {{ prefix {instance} }}\n\
             socksvr {{ socket-name {socket} }}\n\
             statseg {{ socket-name {run}/stats.sock size 32M page-size default }}\n\
             memory {{ main-heap-size 1G main-heap-page-size default }}\n\
             buffers {{ buffers-per-numa 16384 page-size default }}\n\
             plugins {{\n  path {library}/vpp_plugins\n  plugin default {{ disable }}\n  \
               plugin af_packet_plugin.so {{ enable }}\n  plugin tap_plugin.so {{ enable }}\n  \
               plugin tracedump_plugin.so {{ enable }}\n  plugin acl_plugin.so {{ enable }}\n  \
               plugin vhost_plugin.so {{ enable }}\n  plugin vxlan_plugin.so {{ enable }}\n  \
               plugin vxlan-gpe_plugin.so {{ enable }}\n}}\n",
            run = run.display(),
            socket = socket.display(),
            library = library.display(),
        ),
    )?;
    // `env` sets the variables behind `ip netns exec`, which needs none of this.
    let mut command = namespace.command("env");
    command.arg(format!("LD_LIBRARY_PATH={}", library.display()));
    if let Some(preload) = preload {
        command.arg(format!("LD_PRELOAD={}", preload.display()));
    }
    command.arg(binary).arg("-c").arg(config);
    Ok(command)
}
