//! Sessions: shown, cleared, and what holds for them.

use std::fmt::Write as _;

use weft_graph::{SessionTimeout, SessionTotals};

use super::super::{CliError, no_more, unknown};
use crate::control::Control;

/// Milliseconds of a second: the clock that sessions are shown with.
const CLOCKS_PER_SECOND: u128 = 1000;

/// The sums and the counts per thread as VPP's; with `verbose`, each session in a line of our own.
pub(in super::super) fn show(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    let is_verbose = match arguments {
        [] => false,
        ["verbose"] | ["verbose", _] => true,
        rest => return Err(unknown("show acl-plugin sessions", rest)),
    };
    let tables = &control.tables;
    let interfaces: Vec<_> = tables.interfaces().map(|(index, _)| index).collect();
    let live = u64::from(tables.session_count());
    let all = interfaces.iter().flat_map(|index| {
        (0..tables.workers()).map(|worker| tables.session_totals(*index, worker))
    });
    // Interfaces that are gone took their counters along.
    let added: u64 = all.map(|own| own.added).sum();
    let added = added.max(live);
    let deleted = added - live;
    let mut text = String::new();
    let _ = writeln!(text, "Sessions total: add {added} - del {deleted} = {live}");
    let _ = writeln!(
        text,
        "Sessions active: add {added} - deact {deleted} = {live}"
    );
    let _ = writeln!(
        text,
        "Sessions being purged: deact {deleted} - del {deleted} = 0"
    );
    let now = control.started.elapsed();
    let (clock, rate) = (now.as_millis(), CLOCKS_PER_SECOND);
    let _ = writeln!(text, "now: {clock} clocks per second: {rate}");
    text.push_str("\n\nPer-thread data:\n");
    for worker in 0..tables.workers() {
        let _ = writeln!(text, "Thread #{}:", worker + 1);
        text.push_str("  connection add/del stats:\n");
        for index in &interfaces {
            let SessionTotals {
                added,
                deleted,
                epoch_changes,
            } = tables.session_totals(*index, worker);
            let left = added.saturating_sub(deleted);
            let _ = writeln!(
                text,
                "    sw_if_index {index}: add {added} - del {deleted} = {left}; epoch chg: {epoch_changes}"
            );
        }
    }
    let reclassifies = u8::from(tables.reclassifies_sessions());
    let _ = writeln!(text, "Reclassify sessions: {reclassifies}");
    if is_verbose {
        for session in tables.sessions(now) {
            let [source, destination] = session.ports;
            let _ = writeln!(
                text,
                "  sw_if_index {} proto {} {} {source} -> {} {destination} idle {} ms timeout {} s | sess id {} thread id {}",
                session.sw_if_index,
                session.protocol,
                session.source,
                session.destination,
                session.idle_ms,
                tables.session_timeout(session.timeout),
                session.number,
                session.worker + 1
            );
        }
    }
    Ok(text)
}

pub(in super::super) fn clear(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    no_more("clear acl-plugin sessions", arguments)?;
    control.tables.clear_sessions(None);
    control.touch();
    control.publish();
    Ok(String::new())
}

/// Those of VPP's settings that there are here.
pub(in super::super) fn set(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    const COMMAND: &str = "set acl-plugin";
    let number = |word: &str| -> Result<u32, CliError> {
        word.parse().map_err(|_| unknown(COMMAND, arguments))
    };
    let timeout = match arguments {
        ["reclassify-sessions", on] => {
            let on = number(on)? != 0;
            control.tables.set_reclassify_sessions(on);
            control.touch();
            control.publish();
            return Ok(String::new());
        }
        ["session", "table", "max-entries", most] => {
            control.tables.set_session_limit(number(most)?);
            return Ok(String::new());
        }
        ["session", "timeout", "udp", "idle", seconds] => (SessionTimeout::UdpIdle, seconds),
        ["session", "timeout", "tcp", "idle", seconds] => (SessionTimeout::TcpIdle, seconds),
        ["session", "timeout", "tcp", "transient", seconds] => {
            (SessionTimeout::TcpTransient, seconds)
        }
        rest => return Err(unknown(COMMAND, rest)),
    };
    let (timeout, seconds) = timeout;
    control
        .tables
        .set_session_timeout(timeout, number(seconds)?);
    Ok(String::new())
}
