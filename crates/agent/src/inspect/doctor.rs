//! Whether a host is fit to be run by an agent: one check after the other, each with what was found
//! and what to do about it.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use rustix::fs::Access;
use weft_model::Key;
use weft_plan::{UplinkDevice, VhostUserMode};
use weft_store::Store;
use weft_vpp::{Connection, Session, Timeouts};
use weft_vpp_wire::capability::Missing;
use weft_vpp_wire::messages::interface::SwInterfaceDump;
use weft_vpp_wire::messages::vpe::ShowVersion;

use super::CLIENT_NAME;
use crate::config::Config;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do, unless it is well.
    pub advice: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Well.
    Ok,
    /// It works, but perhaps not as it is meant to.
    Warning,
    /// It does not work.
    Failure,
}

/// What VPP has only with a plugin, and a host may do without.
struct Plugin {
    name: &'static str,
    /// What the names of its messages hold.
    messages: &'static str,
    /// What is not to be had without it.
    needed_for: &'static str,
    advice: &'static str,
}

/// The plugins that can be done without. Which ones a VPP has is only seen by their messages.
const PLUGINS: [Plugin; 2] = [
    Plugin {
        name: "VPP acl plugin",
        messages: "acl_",
        needed_for: "security groups and anti-spoofing",
        advice: "enable it in VPP's startup.conf: plugins { plugin acl_plugin.so { enable } }",
    },
    Plugin {
        name: "VPP vhost-user",
        messages: "vhost_user_",
        needed_for: "ports of type vhostuser",
        advice: "enable it in VPP's startup.conf: plugins { plugin vhost_plugin.so { enable } }",
    },
];

impl Plugin {
    fn has(&self, missing: &Missing) -> bool {
        missing.message.name.contains(self.messages)
    }

    fn check(&self, missing: &[Missing]) -> Check {
        match missing.iter().find(|missing| self.has(missing)) {
            None => ok(self.name, "is there"),
            Some(missing) => not_ok(
                Verdict::Warning,
                self.name,
                format!("{missing}; without it there are no {}", self.needed_for),
                self.advice,
            ),
        }
    }
}

/// Looks at all that an agent with this configuration depends on. Changes nothing.
pub async fn doctor(config: &Config) -> Vec<Check> {
    let mut checks = vec![hugepages(), vhost_user_directory(config)];
    checks.extend(vpp(config).await);
    checks.extend(store(config).await);
    checks
}

fn ok(name: &str, found: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        verdict: Verdict::Ok,
        found: found.into(),
        advice: None,
    }
}

fn not_ok(
    verdict: Verdict,
    name: &str,
    found: impl Into<String>,
    advice: impl Into<String>,
) -> Check {
    Check {
        name: name.to_owned(),
        verdict,
        found: found.into(),
        advice: Some(advice.into()),
    }
}

fn hugepages() -> Check {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let free = field("HugePages_Free:").unwrap_or(0);
    match field("HugePages_Total:").unwrap_or(0) {
        0 => not_ok(
            Verdict::Warning,
            "hugepages",
            "none are reserved",
            "VPP is slower without them, and virtual machines behind vhost-user usually have their \
             memory in them; `sysctl -w vm.nr_hugepages=1024` reserves 2 GiB (the embedded switch \
             needs none; QEMU can do with `memory-backend-memfd,share=on`)",
        ),
        total => ok("hugepages", format!("{total} reserved, {free} free")),
    }
}

/// Where the sockets of virtual machines are. Which users QEMU and VPP are cannot be known here; so
/// what is tried is what this user may.
fn vhost_user_directory(config: &Config) -> Check {
    const NAME: &str = "vhost-user sockets";
    let vhost_user = &config.network.vhost_user;
    let directory = Path::new(vhost_user.directory.as_str());
    let who = match vhost_user.mode {
        VhostUserMode::Client => "QEMU makes them, VPP connects",
        VhostUserMode::Server => "VPP makes them, QEMU connects",
    };
    let shown = directory.display();
    if !directory.is_dir() {
        let found = match std::fs::metadata(directory) {
            Ok(_) => format!("{shown} is no directory"),
            Err(error) => format!("{shown}: {error}"),
        };
        let advice = format!(
            "the agent makes it when it starts; make it before, writable for who makes sockets \
             there ({who}), if that is not root, or set `vhost_user.directory`"
        );
        return not_ok(Verdict::Warning, NAME, found, advice);
    }
    match rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => ok(NAME, format!("{shown}; {who}")),
        Err(error) => not_ok(
            Verdict::Warning,
            NAME,
            format!("{shown} is not writable for this user: {error}"),
            format!("{who}: its user must be able to make sockets there"),
        ),
    }
}

async fn vpp(config: &Config) -> Vec<Check> {
    let path = &config.vpp.api_socket;
    let connection = Connection::connect(path, CLIENT_NAME, Timeouts::default()).await;
    let (connection, events) = match connection {
        Ok(connected) => connected,
        Err(error) => {
            let advice = "start VPP, or set `vpp.api_socket` to the path of its `socksvr`";
            return vec![not_ok(
                Verdict::Failure,
                "VPP socket",
                error.to_string(),
                advice,
            )];
        }
    };
    let mut checks = vec![ok("VPP socket", path.display().to_string())];
    match connection.request(ShowVersion {}).await {
        Ok(version) => {
            checks.push(ok(
                "VPP version",
                format!("{} {}", version.program, version.version),
            ));
        }
        Err(error) => {
            let advice = "see VPP's log; its version could not be asked for";
            checks.push(not_ok(
                Verdict::Failure,
                "VPP version",
                error.to_string(),
                advice,
            ));
        }
    }
    let missing = Session::missing(&connection);
    let (of_plugins, missing): (Vec<Missing>, Vec<Missing>) = missing
        .into_iter()
        .partition(|missing| PLUGINS.iter().any(|plugin| plugin.has(missing)));
    checks.extend(PLUGINS.iter().map(|plugin| plugin.check(&of_plugins)));
    if missing.is_empty() {
        checks.push(ok("VPP messages", "all others that are needed are there"));
    }
    for message in missing {
        let advice = "run VPP 23.10 or later with the plugin that has it";
        checks.push(not_ok(
            Verdict::Failure,
            "VPP messages",
            message.to_string(),
            advice,
        ));
    }
    checks.extend(uplinks(config, &connection).await);
    events.close().await;
    checks
}

async fn uplinks(config: &Config, connection: &Connection) -> Vec<Check> {
    let interfaces = match connection.dump(SwInterfaceDump::default()).await {
        Ok(interfaces) => interfaces,
        Err(error) => {
            let advice = "see VPP's log; its interfaces could not be asked for";
            return vec![not_ok(
                Verdict::Failure,
                "uplinks",
                error.to_string(),
                advice,
            )];
        }
    };
    let in_vpp = |name: &str| {
        interfaces
            .iter()
            .any(|interface| interface.interface_name == name)
    };
    let mut checks = Vec::new();
    for (physnet, device) in &config.network.physnets {
        let name = format!("physnet {physnet}");
        checks.push(match device {
            UplinkDevice::Existing(interface) if in_vpp(interface.as_str()) => {
                ok(&name, format!("VPP has {interface}"))
            }
            UplinkDevice::Existing(interface) => not_ok(
                Verdict::Failure,
                &name,
                format!("VPP has no interface {interface}"),
                "give the device to VPP (its startup.conf), or correct `interface`; `vppctl show interface` lists what there is",
            ),
            UplinkDevice::HostInterface(host) => {
                // The agent's own network namespace; VPP's may be another, as in containers.
                if in_vpp(&device.vpp_name()) {
                    ok(&name, format!("VPP has {}", device.vpp_name()))
                } else if Path::new("/sys/class/net").join(host.as_str()).exists() {
                    ok(&name, format!("the device {host} is there; the agent makes {}", device.vpp_name()))
                } else {
                    not_ok(
                        Verdict::Failure,
                        &name,
                        format!("there is no device {host}"),
                        "correct `host_interface`; `ip link` lists the devices",
                    )
                }
            }
        });
    }
    if checks.is_empty() {
        checks.push(not_ok(
            Verdict::Warning,
            "physnets",
            "none are configured",
            "ports of flat and VLAN networks need `[physnets.<name>]` with an `interface` or a `host_interface`",
        ));
    }
    checks
}

async fn store(config: &Config) -> Vec<Check> {
    let reach = async {
        let store = Store::connect(config.store.clone()).await?;
        let asked = Instant::now();
        let alive = store
            .get(&config.keys.text(&Key::Alive(config.host.clone())))
            .await?;
        Ok::<_, weft_store::StoreError>((alive.is_some(), asked.elapsed()))
    };
    let endpoints: Vec<String> = config
        .store
        .endpoints
        .iter()
        .map(ToString::to_string)
        .collect();
    match reach.await {
        Err(error) => vec![not_ok(
            Verdict::Failure,
            "store",
            error.to_string(),
            "start the store, or correct `store.endpoints`; VPP keeps forwarding meanwhile",
        )],
        Ok((alive, took)) => vec![
            ok(
                "store",
                format!("{} answered in {took:.1?}", endpoints.join(", ")),
            ),
            if alive {
                ok(
                    "agent",
                    format!("the store says that the agent of {} is alive", config.host),
                )
            } else {
                not_ok(
                    Verdict::Warning,
                    "agent",
                    format!("the store knows of no agent alive on {}", config.host),
                    "start `weft agent`; if it runs, its log says what it waits for",
                )
            },
        ],
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_sockets_is_there_and_writable_or_it_is_told() {
        let config = |directory: &str| {
            let text = format!(
                "host = \"h\"\n[store]\nendpoints = [\"localhost\"]\n\
                 [vhost_user]\ndirectory = \"{directory}\"\n"
            );
            Config::parse("agent.toml", &text).unwrap()
        };
        let check = vhost_user_directory(&config("/tmp"));
        assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
        let check = vhost_user_directory(&config("/nonexistent/sockets"));
        assert_eq!(check.verdict, Verdict::Warning);
        assert!(check.found.contains("/nonexistent/sockets"), "{check:?}");
        let check = vhost_user_directory(&config("/etc/hostname"));
        assert!(check.found.contains("is no directory"), "{check:?}");
    }

    #[test]
    fn a_plugin_is_missed_by_its_messages() {
        use weft_vpp_wire::Declared;
        use weft_vpp_wire::messages::acl::MacipAclDump;
        let missing = Missing {
            message: Declared::of::<MacipAclDump>(),
            found_crc: None,
        };
        let verdicts = PLUGINS.map(|plugin| plugin.check(&[missing]).verdict);
        assert_eq!(verdicts, [Verdict::Warning, Verdict::Ok]);
    }
}
