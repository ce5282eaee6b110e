//! Which access list and rule lets each packet of a port pass, or drops it: by VPP's own packet
//! trace, over its debug CLI.
//!
//! VPP traces the next so many packets of an input node, whatever port they are of; so it is looked
//! at again and again, those of the port are kept, and the trace is begun anew before it is full.
//! Traces that somebody else has asked for are cleared by that.

mod parse;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weft_model::PortId;
use weft_plan::{AclRule, Direction, Object, ObjectKey};
use weft_vpp::{CallError, ConnectError, Connection, Timeouts};

use super::{CLIENT_NAME, Host};
use crate::config::VppConfig;
use parse::{AclStep, Matched, Packet};

/// The nodes by which packets come from TAPs, virtual machines and uplinks. A VPP has those whose
/// plugins it has; TAPs have a node of their own since 26.02 (`src/plugins/tap/rx_node.c`).
const INPUT_NODES: [&str; 9] = [
    "tap-input",
    "virtio-input",
    "vhost-user-input",
    "af-packet-input",
    "dpdk-input",
    "avf-input",
    "rdma-input",
    "vmxnet3-input",
    "memif-input",
];

/// So many packets are traced of each node before it is looked at and begun anew. VPP's workers
/// stand still while it prints them (`show trace` is not `is_mp_safe`), so they are few; on a busy
/// host those of the port are among them by chance.
const AT_ONCE: usize = 32;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// A packet of a port, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedPacket {
    /// What it is: `10.0.0.1 -> 10.0.0.2 udp port 1234 -> 80`, or what Ethernet says.
    pub summary: String,
    /// Whether the machine behind the port has sent it; else it was on its way there.
    pub direction: Direction,
    /// What it came before, in order; also before the lists of another port of this host.
    pub checks: Vec<TraceCheck>,
    /// How many copies were made of it, one for each interface that it was flooded to; 1 if it was
    /// not flooded. All of them have one trace.
    pub copies: usize,
    /// Why it, or one of the copies, was dropped; `None` if none was.
    pub dropped: Option<String>,
    /// The last node that it came to.
    pub last_node: String,
}

/// A list that a packet came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceCheck {
    /// The interface that has the list: its object, or its number if it is not ours.
    pub interface: String,
    /// Seen from the machine behind it.
    pub direction: Direction,
    /// Whether it passed.
    pub passed: bool,
    /// What decided, in words.
    pub by: String,
}

/// Why packets cannot be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The port has no interface in VPP.
    #[error("port {0} has no interface in VPP yet")]
    NoInterface(PortId),
    /// VPP traces none of the nodes by which packets come.
    #[error("VPP traces no packets: {0}")]
    Refused(String),
    /// VPP cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// VPP does not answer.
    #[error("VPP cannot be asked: {0}")]
    Vpp(#[from] CallError),
}

impl Host {
    /// Traces packets from and to a port, over a connection of its own, until there are `count`, or
    /// `within` is over.
    pub async fn trace(
        &self,
        config: &VppConfig,
        port: &PortId,
        count: usize,
        within: Duration,
    ) -> Result<Vec<TracedPacket>, TraceError> {
        let keys = [ObjectKey::vhost_user(port), ObjectKey::tap(port)];
        let number = keys.iter().find_map(|key| match key {
            ObjectKey::Interface(interface) => self.session.sw_if_index(interface),
            _ => None,
        });
        let number = number.ok_or_else(|| TraceError::NoInterface(port.clone()))?;
        let (connection, events) =
            Connection::connect(&config.api_socket, CLIENT_NAME, Timeouts::default()).await?;
        let traced = self.trace_interface(&connection, number.0, count, within);
        let traced = traced.await;
        // Also after an error: a trace costs the packets that it writes down.
        let cleared = connection.cli("clear trace").await;
        events.close().await;
        let traced = traced?;
        cleared?;
        Ok(traced)
    }

    async fn trace_interface(
        &self,
        connection: &Connection,
        number: u32,
        count: usize,
        within: Duration,
    ) -> Result<Vec<TracedPacket>, TraceError> {
        let until = Instant::now() + within;
        let mut kept = Vec::new();
        let nodes = begin(connection, &INPUT_NODES).await?;
        let most = AT_ONCE * nodes.len();
        let show = format!("show trace max {most}");
        loop {
            tokio::time::sleep_until(until.min(Instant::now() + LOOK)).await;
            let (_, text) = connection.cli(&show).await?;
            let packets = parse::packets(&text);
            let of_port = packets.iter().filter(|packet| packet.concerns(number));
            let of_port = of_port.map(|packet| self.judge(packet, number));
            let found: Vec<TracedPacket> = of_port.take(count - kept.len()).collect();
            if kept.len() + found.len() >= count || Instant::now() >= until {
                kept.extend(found);
                return Ok(kept);
            }
            if packets.len() >= AT_ONCE / 2 {
                kept.extend(found);
                begin(connection, &nodes).await?;
            }
        }
    }

    fn judge(&self, packet: &Packet, number: u32) -> TracedPacket {
        let mut checks = Vec::new();
        let mut direction = Direction::Ingress;
        for step in &packet.steps {
            if let Some(acl) = step.acl() {
                checks.push(TraceCheck {
                    interface: self.interface(acl.sw_if_index),
                    direction: if acl.is_input {
                        Direction::Egress
                    } else {
                        Direction::Ingress
                    },
                    passed: acl.passed,
                    by: self.decided(&acl),
                });
            }
            if let Some(source) = step.source() {
                let by = if source.passed {
                    "its source addresses are the port's"
                } else {
                    "its source addresses are none of the port's (macip-acl)"
                };
                checks.push(TraceCheck {
                    interface: self.interface(source.sw_if_index),
                    direction: Direction::Egress,
                    passed: source.passed,
                    by: by.to_owned(),
                });
            }
            if step.is_from(number) {
                direction = Direction::Egress;
            }
        }
        let last = packet.steps.last();
        TracedPacket {
            summary: packet.summary(),
            direction,
            checks,
            copies: packet.copies(),
            dropped: packet.dropped(),
            last_node: last.map(|step| step.node.clone()).unwrap_or_default(),
        }
    }

    /// The name of an interface.
    fn interface(&self, number: u32) -> String {
        let handle = format!("sw_if_index {number}");
        let interfaces = self.objects().into_iter().filter(|held| {
            matches!(held.object.key(), ObjectKey::Interface(_)) && held.handle.is_some()
        });
        interfaces
            .filter(|held| held.handle.as_ref() == Some(&handle))
            .map(|held| held.object.key().to_string())
            .next()
            .unwrap_or(handle)
    }

    /// What decided of a packet, in words.
    fn decided(&self, step: &AclStep) -> String {
        match step.matched {
            Matched::Session => "it belongs to a flow that a rule allowed before".to_owned(),
            Matched::Nothing => "no rule allows it".to_owned(),
            Matched::Rule { acl, rule } => {
                let Some(key) = self.session.acl_at(acl) else {
                    return format!("rule {rule} of acl_index {acl}, which is not ours");
                };
                let rules = self
                    .reconciler
                    .observed()
                    .and_then(|observed| observed.get(&ObjectKey::Acl(key.clone())));
                let rule_in_words = match rules.map(Arc::as_ref) {
                    Some(Object::Acl(acl)) => acl.rules.get(rule).map(AclRule::to_string),
                    _ => None,
                };
                let words = rule_in_words.map_or(String::new(), |words| format!(": {words}"));
                format!("{key}, rule {rule}{words}")
            }
        }
    }
}

/// Begins to trace anew; gives the nodes that VPP traces.
async fn begin(
    connection: &Connection,
    nodes: &[&'static str],
) -> Result<Vec<&'static str>, TraceError> {
    connection.cli("clear trace").await?;
    let mut traced = Vec::new();
    let mut refusal = String::new();
    for node in nodes {
        let command = format!("trace add {node} {AT_ONCE}");
        let (retval, text) = connection.cli(&command).await?;
        // VPP says what is wrong with a command in its text.
        if retval.is_error() || !text.trim().is_empty() {
            text.trim().clone_into(&mut refusal);
        } else {
            traced.push(*node);
        }
    }
    if traced.is_empty() {
        return Err(TraceError::Refused(refusal));
    }
    Ok(traced)
}

#[cfg(test)]
mod tests;
