//! The command line: what can be said, and the help that teaches it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use weft_model::{AddressGroupId, HostName, PortId, SecurityGroupId};

/// Where the server is unless something else is said.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:7090";

const ABOUT: &str = "\
A desired-state network control plane for VPP.

Say what the network of every host should be; a store holds it, an agent on each host makes VPP so
and keeps it so, and says what is really in effect.";

const AFTER: &str = "\
Exit codes:
  0    done; for a server, agent or switch: ended in order, as it was told by a signal
  1    failed; the error on stderr says what, why, and what to do
  2    `weft plan` only: VPP is not as the store wants it
  64   the command line is wrong
  78   a configuration or input file is wrong; nothing was done
  130  interrupted (143: terminated)

Output goes to stdout, everything else to stderr. NO_COLOR is honoured.

Try it on this machine, as root:
  weft demo";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "weft", version, about = ABOUT, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How to print results: for people, or for programs
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "table|json|yaml"
    )]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) output: Format,
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "auto|always|never"
    )]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) color: ColorChoice,
    /// Where `weft server` is [default: http://127.0.0.1:7090]
    #[arg(long, global = true, env = "WEFT_SERVER", default_value = DEFAULT_SERVER, value_name = "URL")]
    #[arg(hide_default_value = true, hide_env_values = true)]
    pub(crate) server: String,
    /// Say more on stderr: -v debug, -vv trace (WEFT_LOG takes finer filters)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the REST API, and the embedded store if so configured
    #[command(after_help = "\
Examples:
  weft server                               # embedded store, on http://127.0.0.1:7090
  weft server --config /etc/weft/server.toml
  weft server --print-openapi > openapi.json")]
    Server(ServerArgs),

    /// Keep the VPP of this host as the store wants it
    #[command(after_help = "\
A configuration:
  host = \"compute-7\"
  [store]
  endpoints = [\"http://10.0.0.1:2379\", \"http://10.0.0.2:2379\"]
  [vpp]
  api_socket = \"/run/vpp/api.sock\"
  [physnets.physnet1]
  interface = \"GigabitEthernet0/8/0\"     # or: host_interface = \"eth1\"

Examples:
  weft agent --config /etc/weft/agent.toml
  weft agent --config /etc/weft/agent.toml --check    # read it, say what is wrong, start nothing")]
    Agent(AgentArgs),

    /// Run the embedded dataplane, or ask one (or a VPP) for its state
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "\
Examples:
  weft switch --config /etc/weft/switch.toml
  weft switch show interface --socket /run/vpp/api.sock
  weft switch trace add af-packet-input 10 --config /etc/weft/switch.toml"
    )]
    Switch(SwitchArgs),

    /// Make the ports and groups of the store as a YAML file says
    #[command(after_help = "\
A file:
  networks:
    - {name: blue, network_type: vlan, physnet: physnet1, segmentation_id: 100}
  security_groups:
    - id: web
      rules:
        - {direction: ingress, protocol: tcp, ports: 80}
        - {direction: ingress, protocol: tcp, ports: 22, remote: 10.0.0.0/8}
        - {direction: egress, remote_group: web}        # also: remote_address_group
  ports:
    - {id: web-1, host: host-a, network: blue, fixed_ips: [10.0.0.1]}
    - {id: web-2, host: host-b, network: blue, fixed_ips: [10.0.0.2],
       binding_type: vhostuser, security_groups: [web]}

Examples:
  weft apply -f net.yaml
  weft apply -f net.yaml --dry-run          # say what would be done
  weft apply -f net.yaml --wait 30s         # until every port works, or fail
  weft apply -f net.yaml --prune            # ports of these hosts that no file names are deleted
  generate | weft apply -f -")]
    Apply(ApplyArgs),

    /// Delete ports and groups from the store
    #[command(after_help = "\
Examples:
  weft delete port web-1
  weft delete port web-1 --host host-a      # where a port is on two hosts, as while it migrates
  weft delete security-group web
  weft delete address-group offices
  weft delete -f net.yaml                   # all ports and groups that the file names")]
    Delete(DeleteArgs),

    /// List ports, groups, networks, hosts, the agents' reports, or the objects in this host's VPP
    #[command(after_help = "\
Examples:
  weft get ports
  weft get ports --host host-a --status failed
  weft get security-groups
  weft get address-groups
  weft get networks
  weft get hosts -o json
  weft get state --kind port_condition
  weft get objects --config /etc/weft/agent.toml")]
    Get {
        #[command(subcommand)]
        what: Get,
    },

    /// Say everything about one port, one group or one host
    #[command(after_help = "\
Examples:
  weft describe port web-1
  weft describe security-group web
  weft describe address-group offices
  weft describe host host-a")]
    Describe {
        #[command(subcommand)]
        what: Describe,
    },

    /// Follow the store: what there is, then every change
    #[command(after_help = "\
Goes on by itself, without a gap, when the server was away.

Examples:
  weft watch                        # ports and what is said of them
  weft watch groups
  weft watch state --host host-a
  weft watch ports -o json          # one JSON object a line")]
    Watch(WatchArgs),

    /// Say what the agent of this host would change in its VPP now; change nothing
    #[command(after_help = "\
Works whether or not an agent runs. Exits with 0 if there is nothing to do, and with 2 if there is.

Examples:
  weft plan --config /etc/weft/agent.toml
  weft plan --config /etc/weft/agent.toml -o json")]
    Plan(HostArgs),

    /// Explain a port of this host: from its record to every object in VPP
    #[command(after_help = "\
Examples:
  weft explain port web-1 --config /etc/weft/agent.toml")]
    Explain {
        #[command(subcommand)]
        what: Explain,
    },

    /// Say what each packet of a port of this host may do, and which group and rule says so
    #[command(after_help = "\
Turns VPP's packet trace on, looks at it five times a second, and turns it off again. Traces of
others are cleared, and VPP's workers pause for as long as it prints some dozens of packets.

Examples:
  weft trace port web-1 --config /etc/weft/agent.toml
  weft trace port web-1 --count 20 --timeout 1m")]
    Trace {
        #[command(subcommand)]
        what: Trace,
    },

    /// Check whether this host is fit: hugepages, VPP, its plugins, store, physical networks, sockets
    #[command(after_help = "\
Exits with 1 if a check failed; warnings alone are no failure.

Examples:
  weft doctor --config /etc/weft/agent.toml")]
    Doctor(HostArgs),

    /// Show all of it on this machine: two hosts, five ports, packets, crashes; needs root
    #[command(after_help = "\
Makes network namespaces with names of their own, and removes them afterwards, also when it is
interrupted. Nothing else on the machine is touched. Exits with 0 only if every check held.

Examples:
  weft demo
  weft demo --verbose               # with the commands that are run, and what they print
  weft demo --keep                  # leave it running at the end, to look around")]
    Demo(DemoArgs),

    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  weft completions bash > /etc/bash_completion.d/weft")]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Configuration; without it: embedded store under /var/lib/weft, REST on 127.0.0.1:7090
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Read the configuration, say what is wrong with it, and start nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// Print the description of the REST API and start nothing
    #[arg(long, conflicts_with_all = ["config", "check"])]
    pub(crate) print_openapi: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Read the configuration, say what is wrong with it, and start nothing
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    #[command(subcommand)]
    pub(crate) ask: Option<SwitchAsk>,
    /// Configuration; without it everything has its default
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Read the configuration, say what is wrong with it, and start nothing
    #[arg(long)]
    pub(crate) check: bool,
}

/// Questions to a running dataplane, in the words of VPP's debug CLI.
#[derive(Debug, Subcommand)]
pub(crate) enum SwitchAsk {
    /// Show interfaces, bridge domains, counters, traces, …
    #[command(after_help = "\
Examples:
  weft switch show interface
  weft switch show bridge-domain 1 detail
  weft switch show errors
  weft switch show trace --socket /run/vpp/api.sock")]
    Show(SwitchWords),
    /// Begin to trace packets
    #[command(after_help = "Examples:\n  weft switch trace add af-packet-input 10")]
    Trace(SwitchWords),
    /// Clear counters or traces
    #[command(after_help = "Examples:\n  weft switch clear errors")]
    Clear(SwitchWords),
}

#[derive(Debug, Args)]
pub(crate) struct SwitchWords {
    /// The rest of the command
    #[arg(required = true, value_name = "WORD")]
    pub(crate) words: Vec<String>,
    /// The socket of the binary API
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Take the socket from the configuration of this switch
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// File, or `-` for stdin; may be given again
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Delete the other ports of the hosts that the files name
    #[arg(long)]
    pub(crate) prune: bool,
    /// Wait until every port is effective, and fail if one is not in time
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "dry_run")]
    pub(crate) wait: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DeleteArgs {
    #[command(subcommand)]
    pub(crate) what: Option<Delete>,
    /// File whose ports and groups are deleted, or `-` for stdin; may be given again
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Delete {
    /// Delete one port
    Port {
        /// The port
        id: PortId,
        /// On which host; needed only if it is on more than one
        #[arg(long)]
        host: Option<HostName>,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete one security group; ports that name it are allowed nothing by it
    SecurityGroup {
        /// The group
        id: SecurityGroupId,
    },
    /// Delete one address group; rules that name it allow nothing
    AddressGroup {
        /// The group
        id: AddressGroupId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Get {
    /// The ports that are wanted, and how far each has come
    #[command(visible_alias = "port")]
    Ports {
        /// Only this one
        id: Option<PortId>,
        /// Only those of this host
        #[arg(long)]
        host: Option<HostName>,
        /// Only those of this status: accepted, programmed, effective, pending, failed, unreported
        #[arg(long)]
        status: Option<String>,
        /// Only those on this physical network
        #[arg(long)]
        physnet: Option<String>,
    },
    /// The security groups with their rules and members
    #[command(visible_alias = "security-group")]
    SecurityGroups {
        /// Only this one
        id: Option<SecurityGroupId>,
    },
    /// The address groups with their addresses
    #[command(visible_alias = "address-group")]
    AddressGroups {
        /// Only this one
        id: Option<AddressGroupId>,
    },
    /// The networks of ports, and overlays with a record: what carries them, how many ports they have
    #[command(visible_alias = "network")]
    Networks,
    /// The hosts: whether their agent lives, their physical networks, their ports by status
    #[command(visible_alias = "host")]
    Hosts {
        /// Only this one
        name: Option<HostName>,
    },
    /// What the agents report, record by record
    State {
        /// Only that of this host
        #[arg(long)]
        host: Option<HostName>,
        /// Only these kinds: alive, physnet, port_state, port_condition, physnet_condition,
        /// security_group_condition
        #[arg(long, value_delimiter = ',')]
        kind: Vec<String>,
    },
    /// The objects of ours in the VPP of this host, with their numbers there
    Objects(HostArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Describe {
    /// A port: its record, its status, and what became of it
    Port {
        /// The port
        id: PortId,
    },
    /// A security group: its rules in words, its members, its state on each host
    SecurityGroup {
        /// The group
        id: SecurityGroupId,
    },
    /// An address group: its addresses, and whose rules name it
    AddressGroup {
        /// The group
        id: AddressGroupId,
    },
    /// A host: its agent, its physical networks, its ports
    Host {
        /// The host
        name: HostName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// What to follow: ports that are wanted and what is said of them, groups and who is in them, or
    /// all that agents report
    #[arg(value_enum, default_value_t, value_name = "ports|groups|state")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) what: Watched,
    /// Only that of this host
    #[arg(long)]
    pub(crate) host: Option<HostName>,
}

/// What `weft watch` follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Watched {
    /// Ports that are wanted and what is said of them.
    #[default]
    Ports,
    /// Security groups, their members, and address groups.
    Groups,
    /// All that the agents report.
    State,
}

#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// Configuration of this host's agent
    #[arg(long, value_name = "FILE", default_value = "/etc/weft/agent.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Explain {
    /// A port of this host
    Port {
        /// The port
        id: PortId,
        #[command(flatten)]
        host: HostArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trace {
    /// The packets from and to a port of this host
    Port {
        /// The port
        id: PortId,
        /// So many packets
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: u16,
        /// No longer than this
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
        timeout: Duration,
        #[command(flatten)]
        host: HostArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave everything running at the end, until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
    /// Where the demo's REST API listens; a free port of the loopback if not given
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// A time such as `30s` or `1m`.
fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for instance `30s`"))
}

#[cfg(test)]
mod tests;
