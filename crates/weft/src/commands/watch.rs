//! `weft watch`: what there is, then every change.

use weft_server::{RecordEvent, WatchEvent};

use super::record;
use crate::cli::{WatchArgs, Watched};
use crate::client::{Client, Heard, Watch};
use crate::exit::Exit;
use crate::output::{Output, Paint, note};

/// Follows the store until it is interrupted.
pub(super) async fn watch(args: WatchArgs, client: Client, output: Output) -> anyhow::Result<Exit> {
    let kinds = match args.what {
        Watched::Ports => "port,port_condition",
        Watched::Groups => "security_group,address_group,group_member,security_group_condition",
        Watched::State => {
            "alive,physnet,port_state,port_condition,physnet_condition,security_group_condition"
        }
    };
    let mut watch = Watch::new(client, kinds, args.host);
    let mut is_broken = false;
    loop {
        match watch.next().await? {
            Heard::Broken(reason) => {
                // Once an outage, not once a try.
                if !std::mem::replace(&mut is_broken, true) {
                    output.warn(&format!("{reason}; the watch goes on as soon as it can"));
                }
            }
            Heard::Anew => {
                output.warn("the history is gone; all that there is follows anew");
            }
            Heard::Event(event) => {
                if std::mem::take(&mut is_broken) {
                    note("the watch goes on");
                }
                say(&event, output)?;
            }
        }
    }
}

fn say(event: &WatchEvent, output: Output) -> anyhow::Result<()> {
    match event {
        WatchEvent::Disconnected { reason, .. } => {
            output.warn(&format!("the server cannot reach its store: {reason}"));
        }
        WatchEvent::Connected { .. } => note("the server reaches its store again"),
        // Signs of life are of no interest to people.
        WatchEvent::Progress { .. } if output.format == crate::cli::Format::Table => {}
        _ => output.event(event, |paint| line(event, paint))?,
    }
    Ok(())
}

fn line(event: &WatchEvent, paint: Paint) -> String {
    let (
        sign,
        RecordEvent {
            revision, record, ..
        },
    ) = match event {
        WatchEvent::Put(event) => (paint.green("+"), event),
        WatchEvent::Delete(event) => (paint.red("-"), event),
        WatchEvent::Synced { revision } => {
            let text = format!("{revision:>8}   that is all for now; changes follow");
            return format!("{}\n", paint.dim(&text));
        }
        _ => return String::new(),
    };
    // Of a host, of a group, or of neither.
    let place = record.group.as_deref().unwrap_or(&record.host);
    let name = [Some(place), record.id.as_deref()];
    let name: Vec<&str> = name
        .into_iter()
        .flatten()
        .filter(|n| !n.is_empty())
        .collect();
    let name = name.join("/");
    let value = record::value(record);
    let value = if value.is_empty() {
        value
    } else {
        format!("  {value}")
    };
    format!(
        "{revision:>8} {sign} {:<17} {name}{value}\n",
        record::kind(record.kind)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let line = |json: &str| line(&serde_json::from_str(json).unwrap(), Paint::OFF);
        assert_eq!(
            line(
                r#"{"type":"put","revision":12,"kind":"port_condition","host":"h","id":"a",
                    "mod_revision":12,"value":{"status":"pending","reason":"VPP is gone"}}"#
            ),
            "      12 + port_condition    h/a  pending: VPP is gone\n"
        );
        assert_eq!(
            line(
                r#"{"type":"delete","revision":13,"kind":"port","host":"h","id":"a","mod_revision":13}"#
            ),
            "      13 - port              h/a\n"
        );
        assert_eq!(
            line(
                r#"{"type":"put","revision":14,"kind":"group_member","group":"web","id":"a",
                    "mod_revision":14,"value":["10.0.0.1"]}"#
            ),
            "      14 + group_member      web/a  [\"10.0.0.1\"]\n"
        );
        assert_eq!(
            line(
                r#"{"type":"delete","revision":15,"kind":"security_group","id":"web","mod_revision":15}"#
            ),
            "      15 - security_group    web\n"
        );
    }
}
