//! Packets and new sessions through access lists, beside VPP.
//!
//! Both dataplanes stand between the same two vhost-user ports, and packets come from the same machines
//! ([`super::testpmd`]); each dataplane has a core, polls while there are packets, and so does the
//! machines' core. What the machines can do at most is measured by [`super::vhost_user`].

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use weft_lab::Lab;
use weft_tests::{Dataplane, DataplaneKind};
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAction, AclAddReplace, AclInterfaceSetAclList, AclRule, InterfaceAcls,
};
use weft_vpp_wire::{FixedString, List, Prefix};

use super::ports::{self, Ports};
use super::rates::Rates;
use super::testpmd::Machines;
use super::{KIND, pin};
use crate::report::Table;

/// How long flows begin: in VPP's table, and so in the switch's, there is room for half a million.
const BEGINNING: Duration = Duration::from_millis(100);
/// Windows in a turn.
const WINDOWS: usize = 4;

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

/// Those in which the same packets circle, one after the other on one dataplane.
const CIRCLING: [Case; 5] = [
    Case::Open,
    Case::Rules(0),
    Case::Rules(100),
    Case::Rules(10_000),
    Case::Established,
];

/// Measures all cases on the switch, and on `vpp` where it is at hand, in turns, with windows of `window`.
pub(crate) async fn run(
    vpp: Option<&DataplaneKind>,
    turns: usize,
    window: Duration,
) -> Result<Table> {
    let mut figures: Vec<_> = CIRCLING
        .into_iter()
        .chain([Case::Beginning])
        .map(|case| (case, Rates::default(), Rates::default()))
        .collect();
    for _ in 0..turns {
        let own = turn(&DataplaneKind::Switch, window).await?;
        let peer = match vpp {
            Some(vpp) => turn(vpp, window).await?,
            None => Vec::new(),
        };
        let peer = peer.into_iter().map(Some).chain(std::iter::repeat(None));
        for ((figures, own), peer) in figures.iter_mut().zip(own).zip(peer) {
            figures.1.extend(own);
            figures.2.extend(peer.unwrap_or_default());
        }
    }
    let mut table =
        Table::new("64-byte packets through two ports with access lists, both ways together");
    for (case, own, peer) in figures {
        if vpp.is_some() {
            let ratio = peer.median() / own.median();
            let beside = format!("(VPP {peer})");
            table.ratio(case.to_string(), own.to_string(), beside, ratio, None);
        } else {
            table.figure(case.to_string(), own.to_string());
        }
    }
    Ok(table)
}

/// The rates of all cases, in their order.
async fn turn(kind: &DataplaneKind, window: Duration) -> Result<Vec<Vec<f64>>> {
    let mut all = Vec::new();
    {
        let lab = Lab::new(KIND)?;
        let (_dataplane, ports, sockets) = start(&lab, kind, true).await?;
        let mut machines = Machines::start(&lab, "machines", &sockets).await?;
        for case in CIRCLING {
            set_list(&ports, case).await?;
            let rates = machines.circle(WINDOWS, window).await;
            all.push(rates.with_context(|| format!("{kind:?}, {case}"))?);
        }
    }
    // In a table that knows no session yet.
    let lab = Lab::new(KIND)?;
    let (_dataplane, ports, sockets) = start(&lab, kind, false).await?;
    let mut machines = Machines::start(&lab, "machines", &sockets).await?;
    set_list(&ports, Case::Beginning).await?;
    let rate = machines.begin_flows(BEGINNING).await;
    all.push(vec![
        rate.with_context(|| format!("{kind:?}, {}", Case::Beginning))?,
    ]);
    Ok(all)
}

/// A dataplane with two ports on the first core; `learn` says whether it learns addresses.
async fn start(
    lab: &Lab,
    kind: &DataplaneKind,
    learn: bool,
) -> Result<(Dataplane, Ports, [PathBuf; 2])> {
    let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
    let host = lab.namespace("host")?;
    let mut dataplane = kind.start(lab, &host, "dataplane").await?;
    pin(dataplane.process().pid())?;
    let ports = ports::make(dataplane.socket(), &sockets, learn).await?;
    Ok((dataplane, ports, sockets))
}

/// Gives both ports the list of a case.
async fn set_list(ports: &Ports, case: Case) -> Result<()> {
    let Some(rules) = case.rules() else {
        return Ok(());
    };
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
