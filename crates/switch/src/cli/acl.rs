//! `show acl-plugin …`, `set acl-plugin …`, `clear acl-plugin sessions` (VPP
//! `src/plugins/acl/acl.c`).

mod sessions;
mod tables;

use std::fmt::Write as _;

use weft_graph::{
    Acl, AclAction, AclDirection, AclIndex, AclPrefixes, AclRule, MacIpAcl, PortRange,
};
use weft_packet::SwIfIndex;

use super::{CliError, no_more, unknown};
use crate::control::Control;

pub(super) use sessions::{clear as clear_sessions, set, show as show_sessions};
pub(super) use tables::show as show_tables;

/// Numbers as VPP's `format_vec32` lists them.
fn list<T: std::fmt::Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let numbers = numbers.into_iter().map(|number| number.to_string());
    numbers.collect::<Vec<_>>().join(", ")
}

/// The number behind a word, if that is there.
fn numbered(
    command: &'static str,
    word: &str,
    arguments: &[&str],
) -> Result<Option<u32>, CliError> {
    match arguments {
        [] => Ok(None),
        [first, number] if *first == word => {
            let number = number.parse().map_err(|_| unknown(command, arguments))?;
            Ok(Some(number))
        }
        rest => Err(unknown(command, rest)),
    }
}

pub(super) fn show_acl(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let wanted = numbered("show acl-plugin acl", "index", arguments)?;
    let mut text = String::new();
    let shown = |index: AclIndex| wanted.is_none_or(|wanted| wanted == index.0);
    for (index, acl) in control.tables.acls().filter(|(index, _)| shown(*index)) {
        write_acl(&mut text, index, acl);
        // VPP prints these lines once any list as far was applied; here, when this one is.
        for (direction, interfaces) in ["inbound", "outbound"].iter().zip(&acl.applied) {
            if !interfaces.is_empty() {
                let interfaces = list(interfaces);
                let _ = writeln!(text, "  applied {direction} on sw_if_index: {interfaces}");
            }
        }
        if !acl.contexts.is_empty() {
            let contexts = list(&acl.contexts);
            let _ = writeln!(text, "  used in lookup context index: {contexts}");
        }
    }
    Ok(text)
}

/// VPP `acl_print_acl_x`.
fn write_acl(text: &mut String, AclIndex(index): AclIndex, acl: &Acl) {
    let tag = String::from_utf8_lossy(&acl.tag);
    let _ = writeln!(
        text,
        "acl-index {index} count {} tag {{{tag}}}",
        acl.rules.len()
    );
    for (number, rule) in acl.rules.iter().enumerate() {
        let _ = writeln!(text, "  {number:>9}: {}", rule_text(rule));
    }
}

fn rule_text(rule: &AclRule) -> String {
    let action = match rule.action {
        AclAction::Deny => "deny",
        AclAction::Permit => "permit",
        AclAction::PermitReflect => "permit+reflect",
    };
    let (family, source, destination) = match rule.prefixes {
        AclPrefixes::V4 {
            source,
            destination,
        } => (
            "ipv4",
            format!("{}/{}", source.address(), source.len()),
            format!("{}/{}", destination.address(), destination.len()),
        ),
        AclPrefixes::V6 {
            source,
            destination,
        } => (
            "ipv6",
            format!("{}/{}", source.address(), source.len()),
            format!("{}/{}", destination.address(), destination.len()),
        ),
    };
    let range = |ports: PortRange| {
        if ports.first() == ports.last() {
            ports.first().to_string()
        } else {
            format!("{}-{}", ports.first(), ports.last())
        }
    };
    let mut text = format!("{family} {action} src {source} dst {destination}");
    let (sport, dport) = (range(rule.source_ports), range(rule.destination_ports));
    let _ = write!(text, " proto {} sport {sport} dport {dport}", rule.protocol);
    if rule.tcp_flags_mask != 0 || rule.tcp_flags_value != 0 {
        let (value, mask) = (rule.tcp_flags_value, rule.tcp_flags_mask);
        let _ = write!(text, " tcpflags {value} mask {mask}");
    }
    text
}

pub(super) fn show_interface(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    const COMMAND: &str = "show acl-plugin interface";
    let mut wanted: Option<u32> = None;
    let (mut with_rules, mut with_contexts) = (false, false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "sw_if_index" => {
                let number = words.next().and_then(|number| number.parse().ok());
                wanted = Some(number.ok_or_else(|| unknown(COMMAND, &[word]))?);
            }
            "acl" => with_rules = true,
            "detail" => with_contexts = true,
            other => return Err(unknown(COMMAND, &[other])),
        }
    }
    let mut text = String::new();
    let interfaces = control.tables.interfaces().map(|(index, _)| index);
    for index in interfaces.filter(|index| wanted.is_none_or(|wanted| wanted == index.0)) {
        let _ = writeln!(text, "sw_if_index {index}:");
        let Some(own) = control.tables.interface_acls(index) else {
            continue;
        };
        if own.epochs.iter().any(|epoch| *epoch > 0) {
            let [input, output] = own.epochs;
            // VPP marks those of input in the highest bit.
            let _ = writeln!(text, "   input policy epoch: {:x}", input | 0x8000);
            let _ = writeln!(text, "   output policy epoch: {output:x}");
        }
        for (direction, acls) in ["input", "output"].iter().zip(&own.acls) {
            if acls.is_empty() {
                continue;
            }
            let indices = list(acls.iter().map(|acl| acl.0));
            let _ = writeln!(text, "  {direction} acl(s): {indices}");
            if with_rules {
                text.push('\n');
                for acl in acls {
                    if let Some(own) = control.tables.acl(*acl) {
                        write_acl(&mut text, *acl, own);
                    }
                }
                text.push('\n');
            }
        }
        if with_contexts {
            for (direction, context) in ["   input", "  output"].iter().zip(own.contexts) {
                let context = context.map_or(-1, i64::from);
                let _ = writeln!(text, "{direction} lookup context index: {context}");
            }
        }
    }
    Ok(text)
}

pub(super) fn show_contexts(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let wanted = numbered("show acl-plugin lookup context", "index", arguments)?;
    let mut text = String::new();
    for (index, context) in control.tables.lookup_contexts() {
        if wanted.is_some_and(|wanted| wanted != index) {
            continue;
        }
        let is_input = u8::from(context.direction == AclDirection::Input);
        let own = control.tables.interface_acls(context.sw_if_index);
        let acls = own.map(|own| own.acls[context.direction as usize].iter().map(|acl| acl.0));
        let acls = list(acls.into_iter().flatten());
        let _ = writeln!(
            text,
            "index {index}:interface ACL sw_if_index: {} is_input: {is_input}, acl_indices: {acls}",
            context.sw_if_index
        );
    }
    if text.is_empty() {
        text.push_str("ACL lookup contexts are not initialized\n");
    }
    Ok(text)
}

pub(super) fn show_macip(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let wanted = numbered("show acl-plugin macip acl", "index", arguments)?;
    let mut text = String::new();
    for (index, macip) in control.tables.macips() {
        if wanted.is_none_or(|wanted| wanted == index.0) {
            write_macip(&mut text, index.0, macip);
        }
    }
    Ok(text)
}

/// VPP `macip_acl_print`, whose lines of table indices mean nothing here.
fn write_macip(text: &mut String, index: u32, macip: &MacIpAcl) {
    let tag = String::from_utf8_lossy(&macip.tag);
    let count = macip.rules.len();
    let _ = write!(
        text,
        "MACIP acl_index: {index}, count: {count} (true len {count})"
    );
    let _ = writeln!(text, " tag {{{tag}}} is free pool slot: 0");
    for (number, rule) in macip.rules.iter().enumerate() {
        let family = if rule.address.is_ipv6() {
            "ipv6"
        } else {
            "ipv4"
        };
        let (action, mac, mask) = (u8::from(rule.permit), rule.mac, rule.mac_mask);
        let (address, len) = (rule.address, rule.prefix_len);
        let _ = writeln!(
            text,
            "    rule {number}: {family} action {action} ip {address}/{len} mac {mac} mask {mask}"
        );
    }
    if !macip.applied.is_empty() {
        let interfaces = list(&macip.applied);
        let _ = writeln!(text, "  applied on sw_if_index(s): {interfaces}");
    }
}

pub(super) fn show_macip_interface(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    no_more("show acl-plugin macip interface", arguments)?;
    let mut text = String::new();
    for index in (0..).take(control.tables.macip_interfaces()) {
        let own = control.tables.interface_acls(SwIfIndex(index));
        let list = own.and_then(|own| own.macip);
        let list = list.map_or(-1, |list| i64::from(list.0));
        let _ = writeln!(text, "  sw_if_index {index}: {list}");
    }
    Ok(text)
}
