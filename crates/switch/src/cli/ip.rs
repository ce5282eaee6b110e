//! `show ip fib`, `show ip neighbors` and the same of IPv6.

use std::fmt::Write as _;
use std::net::IpAddr;

use weft_graph::{FibEntryIp, IpPrefix, PathKind};

use super::table::centered_row;
use super::{CliError, interface_of, name_of, unknown};
use crate::control::Control;

pub(super) fn show_fib4(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    show_fib(control, "show ip fib", arguments, false)
}

pub(super) fn show_fib6(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    show_fib(control, "show ip6 fib", arguments, true)
}

/// All entries, or that which holds for an address, or that of a prefix.
fn show_fib(
    control: &Control,
    command: &'static str,
    arguments: &[&str],
    is_ip6: bool,
) -> Result<String, CliError> {
    let wanted = match arguments {
        [] => None,
        [word] => Some(prefix(word).ok_or_else(|| unknown(command, arguments))?),
        [_, rest @ ..] => return Err(unknown(command, rest)),
    };
    let name = if is_ip6 { "ipv6" } else { "ipv4" };
    let mut text = format!(
        "{name}-VRF:0, fib_index:0, flow hash:[src dst sport dport proto flowlabel ] epoch:0 \
         flags:none\n"
    );
    let entries = control.tables.fib_entries().into_iter();
    let entries = entries.filter(|own| own.prefix.address().is_ipv6() == is_ip6);
    let chosen: Vec<_> = match wanted {
        None => entries.collect(),
        Some(wanted) => {
            let covers = |own: &FibEntryIp| {
                own.prefix.len() <= wanted.len() && own.prefix.contains(wanted.address())
            };
            let best = entries.filter(covers).max_by_key(|own| own.prefix.len());
            best.into_iter().collect()
        }
    };
    for entry in chosen {
        let _ = writeln!(text, "{}", entry.prefix);
        let _ = writeln!(
            text,
            "  unicast-{}-chain",
            if is_ip6 { "ip6" } else { "ip4" }
        );
        let _ = writeln!(text, "  [@0]: {}", path(control, &entry));
    }
    Ok(text)
}

fn prefix(word: &str) -> Option<IpPrefix> {
    let (address, len) = match word.split_once('/') {
        Some((address, len)) => (address, Some(len.parse().ok()?)),
        None => (word, None),
    };
    let address: IpAddr = address.parse().ok()?;
    match len {
        Some(len) => IpPrefix::new(address, len),
        None => Some(IpPrefix::host(address)),
    }
}

/// What an entry leads to, as the last of VPP's objects on the way reads.
fn path(control: &Control, entry: &FibEntryIp) -> String {
    let path = entry.path;
    let (short, long) = match entry.prefix.address() {
        IpAddr::V4(_) => ("ip4", "ipv4"),
        IpAddr::V6(_) => ("ip6", "ipv6"),
    };
    let on = path.interface.map(|index| name_of(control, index));
    match (path.kind, path.next_hop, on) {
        (PathKind::Local, Some(address), Some(on)) => format!("dpo-receive: {address} on {on}"),
        (PathKind::Local, _, _) => "dpo-receive".to_owned(),
        (PathKind::Normal, None, Some(on)) => {
            format!("{long}-glean: [src:{}] {on}", entry.prefix)
        }
        (PathKind::Normal, Some(next_hop), Some(on)) => {
            let known = control.tables.neighbours();
            let mut known = known.filter(|(index, address, _)| {
                Some(*index) == path.interface && *address == next_hop
            });
            let mac = known.next().map(|(_, _, own)| own.mac.to_string());
            let mac = mac.unwrap_or_else(|| "arp".to_owned());
            format!("{long} via {next_hop} {on}: {mac}")
        }
        (PathKind::Normal, Some(next_hop), None) => format!("{long} via {next_hop}"),
        _ => format!("dpo-drop {short}"),
    }
}

pub(super) fn show_neighbors(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    neighbors(control, "show ip neighbors", arguments, false)
}

pub(super) fn show_neighbors6(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    neighbors(control, "show ip6 neighbors", arguments, true)
}

/// `show ip neighbors` shows those of both families, as in VPP.
fn neighbors(
    control: &Control,
    command: &'static str,
    arguments: &[&str],
    is_ip6: bool,
) -> Result<String, CliError> {
    let only = match arguments {
        [] => None,
        [word] => Some(interface_of(control, command, word)?),
        [_, rest @ ..] => return Err(unknown(command, rest)),
    };
    let columns = [
        ("Age", 14),
        ("IP", 43),
        ("Flags", 10),
        ("Ethernet", 20),
        ("Interface", 25),
    ];
    let mut text = format!("{}\n", centered_row(&columns, ""));
    let now = control.started.elapsed();
    for (index, address, own) in control.tables.neighbours() {
        let is_hidden = only.is_some_and(|only| only != index) || is_ip6 && address.is_ipv4();
        if is_hidden {
            continue;
        }
        let age = now.saturating_sub(own.updated).as_secs_f64();
        let flags = if own.is_static { "S" } else { "D" };
        let _ = writeln!(
            text,
            "{age:>12.4}  {address:^43}  {flags:^8}  {} {}",
            own.mac,
            name_of(control, index)
        );
    }
    Ok(text)
}
