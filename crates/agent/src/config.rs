//! The configuration of an agent.

mod overlay;

use std::path::PathBuf;
use std::time::Duration;

use weft_config::{ConfigErrors, Document, Table};
use weft_model::{HostName, Keyspace, PhysnetName, SocketDirectory};
use weft_plan::{HostNetwork, UplinkDevice, VhostUserMode, VhostUserNetwork};
use weft_store::StoreConfig;

/// What the agent of a host has to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The host's name in the store.
    pub host: HostName,
    /// The keys of the store.
    pub keys: Keyspace,
    /// Where the store is.
    pub store: StoreConfig,
    /// How long after the agent's death its `alive` and `physnets` keys vanish.
    pub lease_ttl: Duration,
    /// Where VPP is.
    pub vpp: VppConfig,
    /// Uplinks and the like.
    pub network: HostNetwork,
}

/// Where VPP is, and how it is looked after.
#[derive(Clone, Debug)]
pub struct VppConfig {
    /// The socket of its binary API (`socksvr { socket-name … }` in VPP's startup.conf).
    pub api_socket: PathBuf,
    /// How often VPP is compared with what is wanted though nothing has happened.
    pub resync: Duration,
}

impl Config {
    /// Reads the text of a configuration; `file` is its name in faults.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        let document = Document::parse(file, text);
        let root = document.root();
        let host = root.text::<HostName>("host").required();
        let keys = root
            .text::<String>("lead_in")
            .try_map(|text| Keyspace::new(&text));
        let keys = keys.or(Keyspace::default());
        let mac_age = root.number("mac_age_minutes", 0..=255).or(5);

        let section = root.section("store");
        let store = StoreConfig::read(&section);
        let lease_ttl = section
            .duration(
                "lease_ttl",
                Duration::from_secs(2)..=Duration::from_hours(1),
            )
            .or(Duration::from_secs(30));

        let section = root.section("vpp");
        let api_socket = section
            .text::<PathBuf>("api_socket")
            .or(PathBuf::from("/run/vpp/api.sock"));
        let resync = section
            .duration("resync", Duration::from_secs(1)..=Duration::from_hours(24))
            .or(Duration::from_mins(5));

        let section = root.section("vhost_user");
        let directory = section
            .text::<SocketDirectory>("directory")
            .or(VhostUserNetwork::default().directory);
        let mode = section.text::<String>("mode").try_map(|word| match word.as_str() {
            "client" => Ok(VhostUserMode::Client),
            "server" => Ok(VhostUserMode::Server),
            _ => Err(format!(
                "`{word}` is no mode of VPP: `client` (QEMU listens) or `server` (VPP listens) is wanted"
            )),
        });
        let mode = mode.or(VhostUserMode::Client);

        let section = root.section("security");
        let secure_taps = section.flag("secure_taps").or(false);

        let physnets = physnets(&root);
        let underlay = if root.contains("overlay") {
            overlay::underlay(&root.section("overlay"), physnets.as_ref()).map(Some)
        } else {
            Some(None)
        };
        document.finish(|| {
            Some(Self {
                host: host?,
                keys,
                store: store?,
                lease_ttl,
                vpp: VppConfig { api_socket, resync },
                network: HostNetwork {
                    physnets: physnets?,
                    mac_age,
                    vhost_user: VhostUserNetwork { directory, mode },
                    secure_taps,
                    underlay: underlay?,
                },
            })
        })
    }
}

/// The uplinks by physical network; `None` if a fault was noted.
fn physnets(root: &Table<'_>) -> Option<std::collections::BTreeMap<PhysnetName, UplinkDevice>> {
    let mut physnets = std::collections::BTreeMap::new();
    let mut sound = true;
    for (name, table) in root.tables::<PhysnetName>("physnets") {
        let existing = table
            .text("interface")
            .optional()
            .map(UplinkDevice::Existing);
        let host = table
            .text("host_interface")
            .optional()
            .map(UplinkDevice::HostInterface);
        let device = match (existing, host) {
            (Some(device), None) | (None, Some(device)) => device,
            (Some(_), Some(_)) => {
                table.refuse("host_interface", format!(
                    "physnet `{name}` has both `interface` and `host_interface`; keep the one that it is: \
                     an interface that VPP has, or a device of the kernel"
                ));
                sound = false;
                continue;
            }
            (None, None) => {
                // A faulty value was noted where it stands.
                if !table.contains("interface") && !table.contains("host_interface") {
                    table.refuse(
                        "interface",
                        format!(
                            "physnet `{name}` needs `interface = \"…\"` (one that VPP has) or \
                         `host_interface = \"…\"` (a device of the kernel)"
                        ),
                    );
                }
                sound = false;
                continue;
            }
        };
        let same = |other: &UplinkDevice| other.vpp_name() == device.vpp_name();
        if let Some((other, _)) = physnets.iter().find(|(_, other)| same(other)) {
            table.refuse("interface", format!(
                "physnet `{name}` uses interface {}, which physnet `{other}` has: their VLANs would be the same",
                device.vpp_name()
            ));
            sound = false;
        }
        physnets.insert(name, device);
    }
    sound.then_some(physnets)
}

#[cfg(test)]
mod tests;
