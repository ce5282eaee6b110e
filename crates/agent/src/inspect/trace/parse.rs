//! What `show trace` prints, packet by packet. VPP and the embedded switch print alike.
//!
//! ```text
//! ------------------- Start of thread 0 vpp_main -------------------
//! Packet 1
//!
//! 00:00:21:782305: virtio-input
//!   virtio: hw_if_index 1 …
//! 00:00:21:782366: acl-plugin-in-ip4-l2
//!   acl-plugin: lc_index: 0, sw_if_index 1, next index 0, action: 0, match: acl 0 rule 1 …
//! ```
//!
//! Sources: `trace_cli.c` and `format_acl_plugin_trace`, `format_fa_5tuple` (plugins/acl),
//! `format_l2_in_acl_trace` of VPP. What is not understood is passed over: other nodes, other
//! releases.

use weft_model::IpProtocol;

/// One packet's way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) steps: Vec<Step>,
}

/// One node on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) node: String,
    /// What the node says, without the space in front.
    pub(super) lines: Vec<String>,
}

/// A packet that came before access lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AclStep {
    pub(super) sw_if_index: u32,
    /// Whether VPP received it from the interface, and does not send it there.
    pub(super) is_input: bool,
    pub(super) passed: bool,
    pub(super) matched: Matched,
    /// `10.0.0.1 -> 10.0.0.2 udp port 1234 -> 80`.
    pub(super) flow: String,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matched {
    /// A rule of a list, by VPP's number of the list.
    Rule { acl: u32, rule: usize },
    /// A session that an earlier packet has made.
    Session,
    /// Nothing.
    Nothing,
}

/// A packet that came before a list of source addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceStep {
    pub(super) sw_if_index: u32,
    pub(super) passed: bool,
}

/// How `action` is printed where a session decided (`acl_fa_node_fn`).
const ACTION_SESSION: i64 = 3;

/// All packets of a text.
pub(super) fn packets(text: &str) -> Vec<Packet> {
    let mut packets: Vec<Packet> = Vec::new();
    for line in text.lines() {
        if is_head(line, "Packet ") {
            packets.push(Packet::default());
        } else if line.starts_with("-----") {
            // The next thread.
        } else if let Some(packet) = packets.last_mut() {
            packet.add(line);
        }
    }
    packets
}

fn is_head(line: &str, word: &str) -> bool {
    let number = line.strip_prefix(word);
    number.is_some_and(|number| number.trim().parse::<u32>().is_ok())
}

impl Packet {
    fn add(&mut self, line: &str) {
        if let Some(node) = node_of(line) {
            let node = node.to_owned();
            self.steps.push(Step {
                node,
                lines: Vec::new(),
            });
        } else if let Some(step) = self.steps.last_mut()
            && !line.trim().is_empty()
        {
            step.lines.push(line.trim().to_owned());
        }
    }

    /// Whether the interface is on its way.
    pub(super) fn concerns(&self, sw_if_index: u32) -> bool {
        let is_on_way = |step: &Step| {
            let is_layer_2 = step.node == "l2-input" || step.node == "l2-output";
            let layer_2 = is_layer_2 && step.number("sw_if_index") == Some(i64::from(sw_if_index));
            layer_2
                || step.acl().is_some_and(|acl| acl.sw_if_index == sw_if_index)
                || step.source().is_some_and(|s| s.sw_if_index == sw_if_index)
        };
        self.steps.iter().any(is_on_way)
    }

    /// What it is, as far as nodes say.
    pub(super) fn summary(&self) -> String {
        let flow = self.steps.iter().find_map(|step| Some(step.acl()?.flow));
        flow.or_else(|| {
            let ethernet = self.steps.iter().find(|step| step.node == "ethernet-input");
            let ethernet = ethernet.and_then(|step| step.lines.last());
            let layer_2 = self.steps.iter().find(|step| step.node == "l2-input");
            let layer_2 = layer_2.and_then(|step| step.lines.first());
            ethernet.or(layer_2).cloned()
        })
        .unwrap_or_else(|| "a packet".to_owned())
    }

    /// How many there are of it, once it was flooded.
    pub(super) fn copies(&self) -> usize {
        let outputs = self.steps.iter().filter(|step| step.node == "l2-output");
        outputs.count().max(1)
    }

    /// Why it, or one of its copies, was dropped, if it was.
    pub(super) fn dropped(&self) -> Option<String> {
        let drops = |step: &&Step| step.node == "drop" || step.node == "error-drop";
        if !self.steps.iter().any(|step| drops(&step)) {
            return None;
        }
        let mut lines = self.steps.iter().filter(drops).flat_map(|step| &step.lines);
        let reason = lines.rfind(|line| !line.starts_with("rx:"));
        Some(
            reason
                .cloned()
                .unwrap_or_else(|| "for no reason that is told".to_owned()),
        )
    }
}

/// The node of a line `00:00:21:782305: node`.
fn node_of(line: &str) -> Option<&str> {
    let (time, node) = line.split_once(": ")?;
    let is_time = time.contains(':') && time.bytes().all(|b| b.is_ascii_digit() || b == b':');
    (is_time && !node.contains(' ')).then_some(node)
}

impl Step {
    /// The number behind a word in the first line.
    fn number(&self, word: &str) -> Option<i64> {
        let (_, rest) = self.lines.first()?.split_once(word)?;
        let rest = rest.trim_start_matches([':', ' ']);
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    }

    /// Whether the packet has come from this interface.
    pub(super) fn is_from(&self, sw_if_index: u32) -> bool {
        self.node == "l2-input" && self.number("sw_if_index") == Some(i64::from(sw_if_index))
    }

    pub(super) fn acl(&self) -> Option<AclStep> {
        if !self.node.starts_with("acl-plugin-") {
            return None;
        }
        let acl = self.number(" acl ")?;
        let rule = self.number(" rule ")?;
        let action = self.number("action:")?;
        let matched = match (u32::try_from(acl), usize::try_from(rule)) {
            _ if action == ACTION_SESSION => Matched::Session,
            (Ok(acl), Ok(rule)) => Matched::Rule { acl, rule },
            _ => Matched::Nothing,
        };
        let flow = self.lines.iter().find_map(|line| flow(line));
        Some(AclStep {
            sw_if_index: u32::try_from(self.number("sw_if_index")?).ok()?,
            is_input: self.node.contains("-in-"),
            passed: action != 0,
            matched,
            flow: flow.unwrap_or_default(),
        })
    }

    pub(super) fn source(&self) -> Option<SourceStep> {
        if self.node != "l2-input-acl" {
            return None;
        }
        Some(SourceStep {
            sw_if_index: u32::try_from(self.number("sw_if_index")?).ok()?,
            passed: self.number("next_index")? != 0,
        })
    }
}

/// `… l3 ip4 S -> D l4 … proto P … port a -> b …` in short.
fn flow(line: &str) -> Option<String> {
    let (_, layer_3) = line.split_once(" l3 ip")?;
    let (addresses, layer_4) = layer_3.split_once(" l4 ")?;
    // The version stands in front of the addresses.
    let addresses = addresses.get(1..)?.trim();
    let mut words = layer_4.split(' ').skip_while(|word| *word != "proto");
    let protocol = IpProtocol::new(words.nth(1)?.parse().ok()?);
    let mut words = words.skip_while(|word| *word != "port");
    let (first, second) = (words.nth(1)?, words.nth(1)?);
    Some(match protocol {
        IpProtocol::ICMP | IpProtocol::ICMPV6 => {
            format!("{addresses} {protocol} type {first} code {second}")
        }
        _ => format!("{addresses} {protocol} port {first} -> {second}"),
    })
}
