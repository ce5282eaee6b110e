//! The command line, as VPP has one: commands come over the API (`cli_inband`), text goes back.
//!
//! Words may be abbreviated as long as they stay unambiguous. Tables look like VPP's, so that eyes
//! and scripts that know those find their way.

mod acl;
mod baselines;
mod bridge;
mod fib;
mod hardware;
mod interfaces;
mod ip;
mod nodes;
mod table;
mod trace;
mod tunnels;
mod vhost_user;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use weft_packet::SwIfIndex;

pub(crate) use baselines::Baselines;

use crate::control::Control;
use crate::version::{API_RELEASE, PROGRAM};

/// Why a command gave no answer, in VPP's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CliError {
    /// No such command, or not with these words.
    #[error("{context}unknown input `{rest}'")]
    UnknownInput {
        /// The words understood, with a colon; empty if none.
        context: String,
        /// What was not understood.
        rest: String,
    },
    /// Several commands begin like this.
    #[error("ambiguous input `{word}': {candidates}")]
    Ambiguous {
        /// The word.
        word: String,
        /// What it may mean.
        candidates: String,
    },
    /// The command was understood and cannot be done.
    #[error("{command}: {message}")]
    Failed {
        /// The command.
        command: &'static str,
        /// Why.
        message: String,
    },
}

/// One command.
struct Command {
    path: &'static str,
    help: &'static str,
    run: fn(&mut Control, &[&str]) -> Result<String, CliError>,
}

const COMMANDS: &[Command] = &[
    Command {
        path: "clear acl-plugin sessions",
        help: "clear acl-plugin sessions",
        run: acl::clear_sessions,
    },
    Command {
        path: "clear errors",
        help: "clear errors",
        run: clear_errors,
    },
    Command {
        path: "clear interfaces",
        help: "clear interfaces",
        run: clear_interfaces,
    },
    Command {
        path: "clear runtime",
        help: "clear runtime",
        run: clear_runtime,
    },
    Command {
        path: "clear trace",
        help: "clear trace",
        run: trace::clear,
    },
    Command {
        path: "set acl-plugin",
        help: "set acl-plugin session timeout {{udp idle}|tcp {idle|transient}} <seconds>",
        run: acl::set,
    },
    Command {
        path: "show acl-plugin acl",
        help: "show acl-plugin acl [index N]",
        run: acl::show_acl,
    },
    Command {
        path: "show acl-plugin interface",
        help: "show acl-plugin interface [sw_if_index N] [acl]",
        run: acl::show_interface,
    },
    Command {
        path: "show acl-plugin lookup context",
        help: "show acl-plugin lookup context [index N]",
        run: acl::show_contexts,
    },
    Command {
        path: "show acl-plugin macip acl",
        help: "show acl-plugin macip acl [index N]",
        run: acl::show_macip,
    },
    Command {
        path: "show acl-plugin macip interface",
        help: "show acl-plugin macip interface",
        run: acl::show_macip_interface,
    },
    Command {
        path: "show acl-plugin sessions",
        help: "show acl-plugin sessions [verbose]",
        run: acl::show_sessions,
    },
    Command {
        path: "show acl-plugin tables",
        help: "show acl-plugin tables [acl] [index N]",
        run: acl::show_tables,
    },
    Command {
        path: "show bridge-domain",
        help: "show bridge-domain [<bridge-domain-id> [detail|int|arp|bd-tag]]",
        run: bridge::show,
    },
    Command {
        path: "show buffers",
        help: "show buffers",
        run: hardware::show_buffers,
    },
    Command {
        path: "show errors",
        help: "show errors",
        run: nodes::show_errors,
    },
    Command {
        path: "show hardware-interfaces",
        help: "show hardware-interfaces [<interface>]",
        run: hardware::show,
    },
    Command {
        path: "show interface",
        help: "show interface [address|<interface> [<interface> ...]] [tag|vtr]",
        run: interfaces::show,
    },
    Command {
        path: "show ip fib",
        help: "show ip fib [<ip4-addr>[/<width>]]",
        run: ip::show_fib4,
    },
    Command {
        path: "show ip neighbors",
        help: "show ip neighbors [interface]",
        run: ip::show_neighbors,
    },
    Command {
        path: "show ip6 fib",
        help: "show ip6 fib [<ip6-addr>[/<width>]]",
        run: ip::show_fib6,
    },
    Command {
        path: "show ip6 neighbors",
        help: "show ip6 neighbors [interface]",
        run: ip::show_neighbors6,
    },
    Command {
        path: "show l2fib",
        help: "show l2fib [all] | [bd_id <nn> | bd_index <nn>] [learn | add]",
        run: fib::show,
    },
    Command {
        path: "show runtime",
        help: "show runtime",
        run: nodes::show_runtime,
    },
    Command {
        path: "show tap",
        help: "show tap [<interface>]",
        run: hardware::show_tap,
    },
    Command {
        path: "show threads",
        help: "show threads",
        run: nodes::show_threads,
    },
    Command {
        path: "show trace",
        help: "show trace [max <count>]",
        run: trace::show,
    },
    Command {
        path: "show version",
        help: "show version",
        run: show_version,
    },
    Command {
        path: "show vhost-user",
        help: "show vhost-user [<interface> [<interface> [..]]]",
        run: vhost_user::show,
    },
    Command {
        path: "show vxlan tunnel",
        help: "show vxlan tunnel",
        run: tunnels::show_vxlan,
    },
    Command {
        path: "show vxlan-gpe",
        help: "show vxlan-gpe",
        run: tunnels::show_gpe,
    },
    Command {
        path: "trace add",
        help: "trace add <input-graph-node> <count>",
        run: trace::add,
    },
];

/// Runs a command line and returns what it prints.
pub(crate) fn run(control: &mut Control, line: &str) -> Result<String, CliError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let [prefix @ .., "?" | "help"] = words.as_slice() {
        return Ok(help(prefix));
    }
    let (command, arguments) = find(&words)?;
    (command.run)(control, arguments)
}

/// The command that the first words mean, and the other words.
fn find<'w, 'l>(words: &'w [&'l str]) -> Result<(&'static Command, &'w [&'l str]), CliError> {
    let mut candidates: Vec<&Command> = COMMANDS.iter().collect();
    let mut understood = String::new();
    for (depth, word) in words.iter().enumerate() {
        let at_depth = |command: &Command| command.path.split(' ').nth(depth).unwrap_or("");
        let exact: Vec<_> = candidates
            .iter()
            .copied()
            .filter(|command| at_depth(command) == *word)
            .collect();
        let begun = |command: &&Command| at_depth(command).starts_with(word);
        let next = if exact.is_empty() {
            candidates.iter().copied().filter(begun).collect()
        } else {
            exact
        };
        let mut meanings: Vec<_> = next.iter().map(|command| at_depth(command)).collect();
        meanings.dedup();
        match (meanings.as_slice(), next.as_slice()) {
            ([], _) => break,
            ([_], [command]) if command.path.split(' ').count() == depth + 1 => {
                return Ok((command, words.get(depth + 1..).unwrap_or_default()));
            }
            ([meaning], _) => {
                if !understood.is_empty() {
                    understood.push(' ');
                }
                understood.push_str(meaning);
            }
            (several, _) => {
                let (word, candidates) = ((*word).to_owned(), several.join(", "));
                return Err(CliError::Ambiguous { word, candidates });
            }
        }
        candidates = next;
    }
    let depth = understood.split_whitespace().count();
    let rest = words.get(depth..).unwrap_or_default().join(" ");
    let context = if understood.is_empty() {
        understood
    } else {
        format!("{understood}: ")
    };
    Err(CliError::UnknownInput { context, rest })
}

/// The commands that begin with these words.
fn help(prefix: &[&str]) -> String {
    let begins = |command: &&Command| {
        let path = command.path.split(' ');
        prefix.len() <= path.clone().count()
            && prefix
                .iter()
                .zip(path)
                .all(|(word, own)| own.starts_with(word))
    };
    let mut text = String::new();
    for command in COMMANDS.iter().filter(begins) {
        let _ = writeln!(text, "  {:<39}  {}", command.path, command.help);
    }
    text
}

fn show_version(_: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show version", arguments)?;
    Ok(format!(
        "{PROGRAM} v{} (API of VPP {API_RELEASE})\n",
        env!("CARGO_PKG_VERSION")
    ))
}

fn clear_errors(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("clear errors", arguments)?;
    control.baselines.clear_errors(&control.tables);
    Ok(String::new())
}

fn clear_interfaces(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("clear interfaces", arguments)?;
    control.baselines.clear_interfaces(&control.tables);
    Ok(String::new())
}

fn clear_runtime(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("clear runtime", arguments)?;
    control.baselines.clear_runtime(&control.tables);
    Ok(String::new())
}

/// Words that a command does not know are an error, as in VPP.
fn no_more(command: &'static str, arguments: &[&str]) -> Result<(), CliError> {
    match arguments {
        [] => Ok(()),
        rest => Err(unknown(command, rest)),
    }
}

fn unknown(command: &'static str, rest: &[&str]) -> CliError {
    CliError::UnknownInput {
        context: format!("{command}: "),
        rest: rest.join(" "),
    }
}

/// An interface by its name or index.
fn interface_of(
    control: &Control,
    command: &'static str,
    word: &str,
) -> Result<SwIfIndex, CliError> {
    let mut all = control.tables.interfaces();
    let by_name = all
        .find(|(_, interface)| interface.name == word)
        .map(|(index, _)| index);
    let by_number = || {
        let index = SwIfIndex(word.parse().ok()?);
        control.tables.interface(index).map(|_| index)
    };
    by_name
        .or_else(by_number)
        .ok_or_else(|| unknown(command, &[word]))
}

/// Name of an interface, `N/A` for none.
fn name_of(control: &Control, index: SwIfIndex) -> &str {
    control
        .tables
        .interface(index)
        .map_or("N/A", |interface| &interface.name)
}
