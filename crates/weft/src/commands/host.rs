//! `weft plan`, `explain`, `trace`, `doctor`, `get objects`: this host, as its agent's configuration knows it.
//! The store and VPP are asked directly, whether or not an agent runs, and nothing is changed.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use weft_agent::inspect::{self, Check, Explanation, Host, TraceCheck, TracedPacket, Verdict};
use weft_model::{PortId, Status};
use weft_plan::{Object, Operation, Plan};

use super::serve::agent_config;
use crate::cli::{Explain, HostArgs, Trace};
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Output, Paint, Table};

/// The result of `weft plan` for programs.
#[derive(Debug, Serialize)]
struct PlanReport {
    /// Revision of the store.
    revision: i64,
    operations: Vec<OperationReport>,
    /// What should be done but cannot be yet, and what it waits for.
    blocked: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct OperationReport {
    /// `create`, `update` or `delete`.
    action: &'static str,
    object: String,
    /// The object as it shall be; as it was if it is deleted.
    value: String,
}

/// What the agent would change now.
pub(super) async fn plan(args: &HostArgs, output: Output) -> anyhow::Result<Exit> {
    let host = look(args).await?;
    let plan = host.plan();
    output.result(&PlanReport::of(host.revision(), &plan), |paint| {
        plan_text(&plan, host.revision(), paint)
    })?;
    Ok(if plan.is_empty() && plan.blocked.is_empty() {
        Exit::Ok
    } else {
        Exit::Changes
    })
}

/// What VPP holds of ours.
pub(super) async fn objects(args: &HostArgs, output: Output) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Held {
        object: String,
        handle: Option<String>,
        value: String,
    }
    let host = look(args).await?;
    let held = |held: inspect::Held| {
        let (object, value) = in_words(&held.object.to_string());
        Held {
            object,
            handle: held.handle,
            value,
        }
    };
    let objects: Vec<Held> = host.objects().into_iter().map(held).collect();
    output.result(&serde_json::json!({ "objects": objects }), |paint| {
        let mut table = Table::new(&["OBJECT", "IN VPP", "VALUE"]);
        for held in &objects {
            let handle = held.handle.clone().unwrap_or_default();
            table.row([
                Cell::from(&held.object),
                Cell::from(handle),
                Cell::from(&held.value),
            ]);
        }
        table.render(paint, "VPP holds nothing of ours")
    })?;
    Ok(Exit::Ok)
}

/// How a port of this host has come about, or why not.
pub(super) async fn explain(what: Explain, output: Output) -> anyhow::Result<Exit> {
    let Explain::Port { id, host: args } = what;
    let host = look(&args).await?;
    let Some(explanation) = host.explain(&id) else {
        return Err(unknown_port(&host, &id));
    };
    let report = Report::of(id.as_str(), &explanation);
    output.result(&report, |paint| report.text(paint))?;
    Ok(Exit::Ok)
}

/// What packets of a port of this host may do, and why.
pub(super) async fn trace(what: Trace, output: Output) -> anyhow::Result<Exit> {
    let Trace::Port {
        id,
        count,
        timeout,
        host: args,
    } = what;
    let config = agent_config(&args.config)?;
    let host = look(&args).await?;
    if !host.ports().any(|port| *port == id) {
        return Err(unknown_port(&host, &id));
    }
    let packets = host.trace(&config.vpp, &id, count.into(), timeout).await;
    let packets = packets.map_err(|error| {
        Failure::new(error).hint("`weft explain port` says how far the port has come")
    })?;
    let report: Vec<PacketReport> = packets.iter().map(PacketReport::of).collect();
    output.result(&serde_json::json!({ "packets": report }), |paint| {
        trace_text(&report, paint)
    })?;
    if packets.is_empty() {
        let message = format!(
            "no packet from or to port `{id}` within {}",
            humantime::format_duration(timeout)
        );
        return Err(Failure::new(message)
            .hint("send some meanwhile, or wait longer with --timeout")
            .into());
    }
    Ok(Exit::Ok)
}

fn unknown_port(host: &Host, id: &PortId) -> anyhow::Error {
    let ports: Vec<String> = host.ports().map(ToString::to_string).collect();
    let ports = if ports.is_empty() {
        "none".to_owned()
    } else {
        ports.join(", ")
    };
    let message = format!("the store wants no port `{id}` of this host; it wants: {ports}");
    Failure::new(message)
        .hint("`weft get ports` lists those of all hosts")
        .into()
}

/// Whether this host is fit.
pub(super) async fn doctor(args: &HostArgs, output: Output) -> anyhow::Result<Exit> {
    let config = agent_config(&args.config)?;
    let checks = inspect::doctor(&config).await;
    let all: Vec<_> = checks.iter().map(check_report).collect();
    output.result(&serde_json::json!({ "checks": all }), |paint| {
        doctor_text(&checks, paint)
    })?;
    let is_fit = checks.iter().all(|check| check.verdict != Verdict::Failure);
    Ok(if is_fit { Exit::Ok } else { Exit::Failed })
}

async fn look(args: &HostArgs) -> anyhow::Result<Host> {
    let config = agent_config(&args.config)?;
    Host::look(&config).await.map_err(|error| {
        Failure::new(error)
            .hint("`weft doctor` looks at what this host needs, one by one")
            .into()
    })
}

/// `bridge-domain p.flat: learn` in two.
fn in_words(object: &str) -> (String, String) {
    let (key, value) = object.split_once(": ").unwrap_or((object, ""));
    (key.to_owned(), value.to_owned())
}

// ===== plan =====

impl PlanReport {
    fn of(revision: i64, plan: &Plan) -> Self {
        let operation = |operation: &Operation| {
            let (object, value) = in_words(&operation.object().to_string());
            let action = match operation {
                Operation::Create(_) => "create",
                Operation::Update { .. } => "update",
                Operation::Delete(_) => "delete",
            };
            OperationReport {
                action,
                object,
                value,
            }
        };
        Self {
            revision,
            operations: plan.operations().map(operation).collect(),
            blocked: plan
                .blocked
                .iter()
                .map(|(k, o)| (k.to_string(), o.to_string()))
                .collect(),
        }
    }
}

fn plan_text(plan: &Plan, revision: i64, paint: Paint) -> String {
    if plan.is_empty() && plan.blocked.is_empty() {
        return format!("nothing to do: VPP is as the store wants it (revision {revision})\n");
    }
    let line = |line: &str| match line.chars().next() {
        Some('+') => paint.green(line),
        Some('-') => paint.red(line),
        _ => paint.yellow(line),
    };
    let mut text = String::new();
    for operation in plan.to_string().lines() {
        let _ = writeln!(text, "{}", line(operation));
    }
    let _ = writeln!(
        text,
        "{} to do (revision {revision})",
        plan.operations().count()
    );
    text
}

// ===== explain =====

/// The result of `weft explain` for programs.
#[derive(Debug, Serialize)]
struct Report {
    port: String,
    mod_revision: i64,
    /// The record, if it can be used.
    record: Option<serde_json::Value>,
    status: Status,
    /// The objects in the order in which they are made.
    objects: Vec<ObjectReport>,
}

#[derive(Debug, Serialize)]
struct ObjectReport {
    object: String,
    status: Status,
    wanted: String,
    observed: Option<String>,
    /// Its number in VPP.
    handle: Option<String>,
    /// What must be there before it.
    requires: Vec<String>,
    /// Of an access list: its rules in the order of their matching.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<String>,
}

/// So many rules of a list are shown to people; a member of a group is a rule.
const RULES_SHOWN: usize = 20;

/// The rules of a list in words.
fn rules(object: &Object) -> Vec<String> {
    match object {
        Object::Acl(acl) => acl.rules.iter().map(ToString::to_string).collect(),
        Object::MacIpAcl(acl) => acl.rules.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

impl Report {
    fn of(port: &str, explanation: &Explanation) -> Self {
        let objects = explanation
            .objects
            .iter()
            .flatten()
            .map(|(standing, handle)| {
                let (object, wanted) = in_words(&standing.wanted.to_string());
                ObjectReport {
                    rules: rules(&standing.wanted),
                    object,
                    status: standing.status.clone(),
                    wanted,
                    observed: standing
                        .observed
                        .as_ref()
                        .map(|object| in_words(&object.to_string()).1),
                    handle: handle.clone(),
                    requires: standing
                        .wanted
                        .requires()
                        .map(|key| key.to_string())
                        .collect(),
                }
            });
        Self {
            port: port.to_owned(),
            mod_revision: explanation.record.mod_revision,
            record: explanation
                .record
                .binding
                .as_ref()
                .ok()
                .map(weft_model::PortBinding::to_json),
            status: explanation.status.clone(),
            objects: objects.collect(),
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = format!(
            "port {}, revision {}: ",
            paint.bold(&self.port),
            self.mod_revision
        );
        let reason = self
            .status
            .reason()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let _ = writeln!(text, "{}{reason}", self.status.word());
        if let Some(record) = &self.record {
            let _ = writeln!(text, "record {record}");
        }
        for object in &self.objects {
            let handle = object
                .handle
                .as_ref()
                .map(|h| format!(" [{h}]"))
                .unwrap_or_default();
            let is_well = object.status == Status::Effective;
            let sign = if is_well {
                paint.green("✓")
            } else {
                paint.yellow("…")
            };
            let _ = writeln!(
                text,
                "{sign} {}{handle}: {}",
                paint.bold(&object.object),
                object.wanted
            );
            if !object.requires.is_empty() {
                let _ = writeln!(text, "    requires {}", object.requires.join(" and "));
            }
            for (number, rule) in object.rules.iter().enumerate().take(RULES_SHOWN) {
                let _ = writeln!(text, "    {number}: {rule}");
            }
            if object.rules.len() > RULES_SHOWN {
                let more = object.rules.len() - RULES_SHOWN;
                let _ = writeln!(text, "    and {more} more (-o json shows all)");
            }
            if is_well {
                continue;
            }
            let observed = object.observed.as_deref().unwrap_or("is not there");
            let _ = writeln!(text, "    observed: {observed}");
            let reason = object
                .status
                .reason()
                .map(|r| format!(": {r}"))
                .unwrap_or_default();
            let _ = writeln!(text, "    {}{reason}", object.status.word());
        }
        text
    }
}

// ===== trace =====

/// A packet in the result of `weft trace` for programs.
#[derive(Debug, Serialize)]
struct PacketReport {
    packet: String,
    /// `egress`: from the machine behind the port; `ingress`: to it.
    direction: String,
    checks: Vec<CheckReport>,
    /// `dropped` or `passed`; of a flooded one, what became of any of the copies.
    result: &'static str,
    /// Why it was dropped.
    reason: Option<String>,
    /// More than 1 if it was flooded.
    copies: usize,
    /// The last node of VPP's graph that it came to.
    last_node: String,
}

#[derive(Debug, Serialize)]
struct CheckReport {
    interface: String,
    direction: String,
    passed: bool,
    by: String,
}

impl PacketReport {
    fn of(packet: &TracedPacket) -> Self {
        let check = |check: &TraceCheck| CheckReport {
            interface: check.interface.clone(),
            direction: check.direction.to_string(),
            passed: check.passed,
            by: check.by.clone(),
        };
        Self {
            packet: packet.summary.clone(),
            direction: packet.direction.to_string(),
            checks: packet.checks.iter().map(check).collect(),
            result: match packet.dropped {
                Some(_) => "dropped",
                None => "passed",
            },
            reason: packet.dropped.clone(),
            copies: packet.copies,
            last_node: packet.last_node.clone(),
        }
    }
}

fn trace_text(packets: &[PacketReport], paint: Paint) -> String {
    let mut text = String::new();
    for packet in packets {
        let result = match &packet.reason {
            Some(reason) if packet.copies > 1 => {
                let copies = packet.copies;
                paint.yellow(&format!("not all of {copies} copies passed ({reason})"))
            }
            Some(reason) => paint.red(&format!("dropped ({reason})")),
            None => paint.green("passed"),
        };
        let head = format!("{} {}", packet.direction, packet.packet);
        let _ = writeln!(text, "{}: {result}", paint.bold(&head));
        for check in &packet.checks {
            let sign = if check.passed {
                paint.green("✓")
            } else {
                paint.red("✗")
            };
            let CheckReport {
                interface,
                direction,
                by,
                ..
            } = check;
            let _ = writeln!(text, "  {sign} {direction} of {interface}: {by}");
        }
        if packet.checks.is_empty() {
            let _ = writeln!(
                text,
                "  no access list sees it; last node {}",
                packet.last_node
            );
        }
    }
    text
}

// ===== doctor =====

fn check_report(check: &Check) -> serde_json::Value {
    serde_json::json!({
        "check": check.name,
        "verdict": check.verdict.to_string(),
        "found": check.found,
        "advice": check.advice,
    })
}

fn doctor_text(checks: &[Check], paint: Paint) -> String {
    let width = checks
        .iter()
        .map(|check| check.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => paint.green("OK  "),
            Verdict::Warning => paint.yellow("WARN"),
            Verdict::Failure => paint.red("FAIL"),
        };
        let _ = writeln!(text, "{verdict}  {:<width$}  {}", check.name, check.found);
        if let Some(advice) = &check.advice {
            let _ = writeln!(text, "      {:<width$}  {} {advice}", "", paint.cyan("→"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_line_by_line() {
        assert_eq!(
            plan_text(&Plan::default(), 7, Paint::OFF),
            "nothing to do: VPP is as the store wants it (revision 7)\n"
        );
        let bridge = weft_plan::Object::BridgeDomain(weft_plan::BridgeDomain {
            segment: "p.vlan.7".parse().unwrap(),
            flags: weft_plan::BridgeFlags::LEARNING,
            mac_age: 5,
        });
        let plan = Plan {
            levels: vec![vec![Operation::Delete(bridge.into())]],
            blocked: BTreeMap::new(),
        };
        assert_eq!(
            plan_text(&plan, 7, Paint::OFF),
            "- bridge-domain p.vlan.7: learn forward flood uu-flood, mac-age 5 min\n1 to do (revision 7)\n"
        );
        assert_eq!(
            serde_json::to_value(PlanReport::of(7, &plan)).unwrap(),
            serde_json::json!({"revision": 7, "blocked": {}, "operations": [
                {"action": "delete", "object": "bridge-domain p.vlan.7",
                 "value": "learn forward flood uu-flood, mac-age 5 min"}]})
        );
    }

    #[test]
    fn a_packet_is_told_with_what_decided_of_it() {
        let packet = TracedPacket {
            summary: "10.0.0.1 -> 10.0.0.2 proto 6 port 1 -> 81".to_owned(),
            direction: weft_plan::Direction::Egress,
            checks: vec![TraceCheck {
                interface: "vhost-user web-1".to_owned(),
                direction: weft_plan::Direction::Egress,
                passed: false,
                by: "no rule allows it".to_owned(),
            }],
            copies: 1,
            dropped: Some("acl-plugin-in-ip4-l2: ACL deny packets".to_owned()),
            last_node: "drop".to_owned(),
        };
        assert_eq!(
            trace_text(&[PacketReport::of(&packet)], Paint::OFF),
            "egress 10.0.0.1 -> 10.0.0.2 proto 6 port 1 -> 81: dropped (acl-plugin-in-ip4-l2: ACL deny packets)\n  ✗ egress of vhost-user web-1: no rule allows it\n"
        );
    }

    #[test]
    fn a_check_that_fails_says_what_to_do() {
        let check = |name: &str, verdict, advice: Option<&str>| Check {
            name: name.to_owned(),
            verdict,
            found: "this".to_owned(),
            advice: advice.map(str::to_owned),
        };
        let checks = [
            check("VPP socket", Verdict::Ok, None),
            check("store", Verdict::Failure, Some("start it")),
        ];
        assert_eq!(
            doctor_text(&checks, Paint::OFF),
            "OK    VPP socket  this\nFAIL  store       this\n                  → start it\n"
        );
    }
}
