//! Packets and new sessions through access lists, beside VPP.
//!
//! Both dataplanes stand between the same two vhost-user ports, and packets come from the same source
//! ([`super::testpmd`]); each has a core, and the source another.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_lab::Lab;
use weft_tests::DataplaneKind;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAction, AclAddReplace, AclInterfaceSetAclList, AclRule, InterfaceAcls,
};
use weft_vpp_wire::{FixedString, List, Prefix};

use super::testpmd::{Traffic, send};
use super::{KIND, millions, ports};
use crate::report::Table;

/// How long flows begin: in VPP's table, and so in the switch's, there is room for half a million.
const BEGINNING: Duration = Duration::from_millis(100);

/// What both ports are given for what comes in by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// No list.
    Open,
    /// So many rules that do not match, and one that permits, without sessions.
    Rules(u16),
    /// Packets of established flows.
    Established,
    /// Each packet begins a flow.
    Beginning,
}

const CASES: [Case; 6] = [
    Case::Open,
    Case::Rules(0),
    Case::Rules(100),
    Case::Rules(10_000),
    Case::Established,
    Case::Beginning,
];

/// Measures all cases on the switch, and on `vpp` where it is at hand, `turns` times for `time` each;
/// what counts is the best.
pub(crate) async fn run(
    vpp: Option<&DataplaneKind>,
    time: Duration,
    turns: usize,
) -> Result<Table> {
    let mut table =
        Table::new("64-byte packets through two ports with access lists, both ways together");
    for case in CASES {
        let (mut own, mut peer) = (0.0_f64, 0.0_f64);
        for _ in 0..turns {
            own = own.max(measure(&DataplaneKind::Switch, case, time).await?);
            if let Some(vpp) = vpp {
                peer = peer.max(measure(vpp, case, time).await?);
            }
        }
        if vpp.is_some() {
            let beside = format!("(VPP {})", millions(peer));
            table.ratio(case.to_string(), millions(own), beside, peer / own, None);
        } else {
            table.figure(case.to_string(), millions(own));
        }
    }
    Ok(table)
}

async fn measure(kind: &DataplaneKind, case: Case, time: Duration) -> Result<f64> {
    let lab = Lab::new(KIND)?;
    let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
    let host = lab.namespace("host")?;
    let mut dataplane = kind.start(&lab, &host, "dataplane").await?;
    pin(dataplane.process().pid())?;
    let (traffic, time) = match case {
        Case::Beginning => (Traffic::NewFlows, BEGINNING),
        _ => (Traffic::Circling, time),
    };
    let learn = traffic == Traffic::Circling;
    let ports = ports::make(dataplane.socket(), &sockets, learn).await?;
    if let Some(rules) = case.rules() {
        let request = AclAddReplace {
            acl_index: ACL_NONE,
            tag: FixedString::EMPTY,
            r: List::try_from(rules)?,
        };
        let list = ports.api.request(request).await?.acl_index;
        for &sw_if_index in &ports.interfaces {
            let acls = InterfaceAcls::new(vec![list], Vec::new())?;
            let request = AclInterfaceSetAclList { sw_if_index, acls };
            ports.api.request(request).await?;
        }
    }
    let sent = send(&lab, "source", &sockets, traffic, time).await;
    sent.with_context(|| format!("{kind:?}, {case}"))
}

/// Puts a process on the first core, where the source is not.
fn pin(pid: u32) -> Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", "0", &pid.to_string()]);
    let done = taskset.output().context("cannot run `taskset`")?;
    ensure!(done.status.success(), "`taskset`: {done:?}");
    Ok(())
}

impl Case {
    fn rules(self) -> Option<Vec<AclRule>> {
        let count = match self {
            Self::Open => return None,
            Self::Rules(count) => count,
            Self::Established | Self::Beginning => {
                return Some(vec![any(AclAction::PERMIT_REFLECT)]);
            }
        };
        // As the members of a remote group have them: one address, one protocol, some ports.
        let others = (0..count).map(|number| {
            let [high, low] = number.to_be_bytes();
            AclRule {
                src_prefix: prefix(Ipv4Addr::new(10, 9, high, low), 32),
                proto: 17,
                dstport_or_icmpcode_first: number % 8,
                dstport_or_icmpcode_last: number % 8 + 100,
                ..any(AclAction::DENY)
            }
        });
        Some(others.chain([any(AclAction::PERMIT)]).collect())
    }
}

fn any(is_permit: AclAction) -> AclRule {
    AclRule {
        is_permit,
        src_prefix: prefix(Ipv4Addr::UNSPECIFIED, 0),
        dst_prefix: prefix(Ipv4Addr::UNSPECIFIED, 0),
        proto: 0,
        srcport_or_icmptype_first: 0,
        srcport_or_icmptype_last: u16::MAX,
        dstport_or_icmpcode_first: 0,
        dstport_or_icmpcode_last: u16::MAX,
        tcp_flags_mask: 0,
        tcp_flags_value: 0,
    }
}

fn prefix(address: Ipv4Addr, len: u8) -> Prefix {
    Prefix {
        address: IpAddr::V4(address),
        len,
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open => f.write_str("no list"),
            Self::Rules(count) => write!(f, "past {count} rules"),
            Self::Established => f.write_str("256 established flows"),
            Self::Beginning => f.write_str("new sessions"),
        }
    }
}
