//! `show l2fib`.

use std::fmt::Write as _;

use weft_graph::{BdId, BdIndex, FibEntry, FibFlags};

use super::table::centered_row;
use super::{CliError, name_of, unknown};
use crate::control::Control;

const COMMAND: &str = "show l2fib";

pub(super) fn show(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let mut is_verbose = false;
    let mut only_bd = None;
    let mut learned = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        is_verbose = true;
        match *word {
            "verbose" | "all" => {}
            "learn" => learned = Some(true),
            "add" => learned = Some(false),
            "bd_id" | "bd_index" => {
                let number = words.next().and_then(|number| number.parse().ok());
                let number: u32 = number.ok_or_else(|| unknown(COMMAND, &[word]))?;
                let index = match *word {
                    "bd_id" => control.tables.bd_index(BdId(number)),
                    _ => u16::try_from(number).ok().map(BdIndex),
                };
                let missing = || CliError::Failed {
                    command: COMMAND,
                    message: format!("bridge domain id {number} doesn't exist"),
                };
                only_bd = Some(index.ok_or_else(missing)?);
            }
            other => return Err(unknown(COMMAND, &[other])),
        }
    }
    let mut entries = control.tables.macs(None);
    if entries.is_empty() {
        return Ok("no l2fib entries\n".to_owned());
    }
    entries.sort_by_key(|entry| (entry.bd_index, entry.mac));
    let is_learned = |entry: &FibEntry| !entry.flags.intersects(FibFlags::AGE_NOT);
    let count = entries.iter().filter(|entry| is_learned(entry)).count();
    let mut text = String::new();
    if is_verbose {
        header(&mut text);
        let shown = entries.iter().filter(|entry| {
            only_bd.is_none_or(|bd: BdIndex| bd.0 == entry.bd_index)
                && learned.is_none_or(|wanted| wanted == is_learned(entry))
        });
        for entry in shown {
            row(&mut text, control, entry);
        }
    }
    let (total, limit) = (entries.len(), control.config.learn_limit);
    let _ = writeln!(
        text,
        "L2FIB total/learned entries: {total}/{count}  Learn limit: {limit} "
    );
    Ok(text)
}

fn header(text: &mut String) {
    let columns = [
        ("Mac-Address", 19),
        ("BD-Idx", 7),
        ("If-Idx", 7),
        ("BSN-ISN", 8),
        ("Age(min)", 9),
        ("static", 7),
        ("filter", 7),
        ("bvi", 5),
        ("Interface-Name", 30),
    ];
    let _ = writeln!(text, "{}", centered_row(&columns, ""));
}

fn row(text: &mut String, control: &Control, entry: &FibEntry) {
    let domain_of = |index: u16| {
        let mut domains = control.tables.bridge_domains();
        domains
            .find(|(own, _)| own.0 == index)
            .map(|(_, domain)| domain)
    };
    let [minute, ..] = (control.started.elapsed().as_secs() / 60).to_le_bytes();
    let age = if entry.flags.intersects(FibFlags::AGE_NOT) {
        "no".to_owned()
    } else if domain_of(entry.bd_index).is_none_or(|domain| domain.mac_age == 0) {
        "-".to_owned()
    } else {
        minute.wrapping_sub(entry.timestamp).to_string()
    };
    let star = |flag| {
        if entry.flags.intersects(flag) {
            "*"
        } else {
            "-"
        }
    };
    let [bd_sn, if_sn] = entry.sn.to_be_bytes();
    let columns = [
        (entry.mac.to_string(), 19),
        (entry.bd_index.to_string(), 7),
        (entry.sw_if_index.to_string(), 7),
        (format!("{bd_sn:>3}/{if_sn:<3}"), 8),
        (age, 9),
        (star(FibFlags::STATIC).to_owned(), 7),
        (star(FibFlags::FILTER).to_owned(), 7),
        (star(FibFlags::BVI).to_owned(), 5),
        (name_of(control, entry.sw_if_index).to_owned(), 30),
    ];
    let columns: Vec<_> = columns
        .iter()
        .map(|(text, width)| (text.as_str(), *width))
        .collect();
    let _ = writeln!(text, "{}", centered_row(&columns, ""));
}
