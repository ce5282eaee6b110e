//! `show bridge-domain`.

use std::fmt::Write as _;

use weft_graph::{BdId, BdIndex, BridgeDomain, OuterTag, PortType, TagRewrite};

use super::table::{center, centered_row};
use super::{CliError, name_of, unknown};
use crate::control::Control;

const COMMAND: &str = "show bridge-domain";

#[derive(Default)]
struct Details {
    features: bool,
    members: bool,
    tag: bool,
    neighbours: bool,
}

pub(super) fn show(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let failed = |message| CliError::Failed {
        command: COMMAND,
        message,
    };
    let mut details = Details::default();
    let only = match arguments {
        [] => None,
        [id, options @ ..] => {
            let id = id.parse::<u32>().map_err(|_| unknown(COMMAND, arguments))?;
            for option in options {
                match *option {
                    "detail" | "det" => {
                        details = Details {
                            features: true,
                            members: true,
                            tag: true,
                            neighbours: true,
                        };
                    }
                    "int" => details.members = true,
                    "arp" => details.neighbours = true,
                    "bd-tag" => details.tag = true,
                    other => return Err(unknown(COMMAND, &[other])),
                }
            }
            Some(BdId(id))
        }
    };
    match only {
        Some(BdId(0)) => {
            let text = "No operations on the default bridge domain are supported";
            return Err(failed(text.to_owned()));
        }
        Some(id) if control.tables.bridge_domain(id).is_none() => {
            return Err(failed(format!("No such bridge domain {id}")));
        }
        _ => {}
    }
    let domains = control.tables.bridge_domains();
    let chosen = domains.filter(|(_, domain)| only.is_none_or(|id| domain.id == id));
    let mut text = String::new();
    for (index, domain) in chosen {
        if text.is_empty() {
            header(&mut text);
        }
        row(&mut text, control, index, domain);
        if details.features {
            features(&mut text, domain);
        }
        if details.members {
            members(&mut text, control, domain);
        }
        if details.neighbours {
            neighbours(&mut text, domain);
        }
        if details.tag
            && let Some(tag) = control.bd_tags.get(&domain.id.0)
        {
            let _ = writeln!(text, "\n  BD-Tag: {tag}");
        }
    }
    if text.is_empty() {
        text.push_str("no bridge-domains in use\n");
    }
    Ok(text)
}

/// What ARP and neighbour discovery are answered with, where that is switched on.
fn neighbours(text: &mut String, domain: &BridgeDomain) {
    if !domain.flags.arp_term {
        return;
    }
    let _ = writeln!(text, "\n  IP4/IP6 to MAC table for ARP Termination");
    for (address, mac) in domain.neighbours() {
        let _ = writeln!(text, "{} =>   {mac} ", center(&address.to_string(), 40));
    }
}

fn header(text: &mut String) {
    let columns = [
        ("BD-ID", 8),
        ("Index", 7),
        ("Age(min)", 9),
        ("Learning", 9),
        ("U-Forwrd", 9),
        ("UU-Flood", 11),
        ("Flooding", 9),
        ("ARP-Term", 9),
        ("arp-ufwd", 9),
        ("Learned", 8),
        ("Limit", 8),
        ("BVI-Intf", 11),
    ];
    let _ = writeln!(text, "{}", centered_row(&columns, " "));
}

fn row(text: &mut String, control: &Control, index: BdIndex, domain: &BridgeDomain) {
    let on = |flag| if flag { "on" } else { "off" };
    let flags = domain.flags;
    let age = if domain.mac_age == 0 {
        "off".to_owned()
    } else {
        domain.mac_age.to_string()
    };
    let uu_flood = match domain.uu_fwd {
        Some(own) => name_of(control, own),
        None if flags.uu_flood => "flood",
        None => "drop",
    };
    let columns = [
        (domain.id.to_string(), 8),
        (index.0.to_string(), 7),
        (age, 9),
        (on(flags.learn).to_owned(), 9),
        (on(flags.forward).to_owned(), 9),
        (uu_flood.to_owned(), 11),
        (on(flags.flood).to_owned(), 9),
        (on(flags.arp_term).to_owned(), 9),
        (on(control.arp_ufwd.contains(&domain.id.0)).to_owned(), 9),
        (
            control
                .tables
                .learned(domain.id)
                .unwrap_or_default()
                .to_string(),
            8,
        ),
        (domain.learn_limit.to_string(), 8),
        (
            domain
                .bvi
                .map_or("N/A", |own| name_of(control, own))
                .to_owned(),
            11,
        ),
    ];
    let columns: Vec<_> = columns
        .iter()
        .map(|(text, width)| (text.as_str(), *width))
        .collect();
    let _ = writeln!(text, "{}", centered_row(&columns, " "));
}

/// The features that are on, with their nodes.
fn features(text: &mut String, domain: &BridgeDomain) {
    let all = [
        (domain.flags.learn, "LEARN", "l2-learn"),
        (domain.flags.forward, "FWD", "l2-fwd"),
        (domain.flags.uu_flood, "UU_FLOOD", "l2-flood"),
        (domain.flags.flood, "FLOOD", "l2-flood"),
    ];
    for (_, name, node) in all.iter().filter(|(on, ..)| *on) {
        let _ = writeln!(text, "{name:>17} ({node})");
    }
}

fn members(text: &mut String, control: &Control, domain: &BridgeDomain) {
    for (place, member) in domain.members.iter().enumerate() {
        if place == 0 {
            let columns = [
                ("Interface", 30),
                ("If-idx", 7),
                ("SHG", 5),
                ("BVI", 5),
                ("TxFlood", 9),
                ("VLAN-Tag-Rewrite", 30),
            ];
            let _ = writeln!(text, "\n{}", centered_row(&columns, ""));
        }
        let rewrite = control
            .tables
            .interface(member.sw_if_index)
            .map(|own| own.rewrite);
        let is_bvi = member.port_type == PortType::Bvi;
        let (index, shg) = (member.sw_if_index.to_string(), member.shg.to_string());
        let columns = [
            (name_of(control, member.sw_if_index), 30),
            (&index, 7),
            (&shg, 5),
            (if is_bvi { "*" } else { "-" }, 5),
            (if is_bvi || member.floods { "*" } else { "-" }, 9),
            (&rewrite_text(rewrite.unwrap_or_default()), 30),
        ];
        let _ = writeln!(text, "{}", centered_row(&columns, ""));
    }
}

/// A tag rewrite in VPP's words (`format_vtr`).
pub(super) fn rewrite_text(rewrite: TagRewrite) -> String {
    let one = |name: &str, outer: OuterTag, tag: u16| format!("{name} {} {tag}", protocol(outer));
    let two = |name: &str, outer: OuterTag, [first, second]: [u16; 2]| {
        format!("{name} {} {first} {second}", protocol(outer))
    };
    match rewrite {
        TagRewrite::Disabled => "none".to_owned(),
        TagRewrite::Pop1 => "pop-1".to_owned(),
        TagRewrite::Pop2 => "pop-2".to_owned(),
        TagRewrite::Push1 { outer, tag } => one("push-1", outer, tag),
        TagRewrite::Push2 { outer, tags } => two("push-2", outer, tags),
        TagRewrite::Translate1To1 { outer, tag } => one("trans-1-1", outer, tag),
        TagRewrite::Translate1To2 { outer, tags } => two("trans-1-2", outer, tags),
        TagRewrite::Translate2To1 { outer, tag } => one("trans-2-1", outer, tag),
        TagRewrite::Translate2To2 { outer, tags } => two("trans-2-2", outer, tags),
    }
}

fn protocol(outer: OuterTag) -> &'static str {
    match outer {
        OuterTag::Dot1q => "dot1q",
        OuterTag::Dot1ad => "dot1ad",
    }
}
