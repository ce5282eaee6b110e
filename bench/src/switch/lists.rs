//! Packets and new sessions through access lists, beside VPP.
//!
//! Both dataplanes stand between two vhost-user ports each, and packets come from the same kind of machines
//! ([`super::testpmd`]), in turns ([`super::bed`]). Where packets circle the dataplane is the slower side,
//! down to about what [`super::vhost_user`] shows for DPDK's vhost, which is what the machines can do.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAction, AclAddReplace, AclInterfaceSetAclList, AclRule, InterfaceAcls,
};
use weft_vpp_wire::{FixedString, List, Prefix};

use super::MPACKETS;
use super::bed::{Bed, circle};
use crate::rates::Rates;
use crate::report::Table;

/// How long flows begin: in VPP's table, and so in the switch's, there is room for half a million.
const BEGINNING: Duration = Duration::from_millis(100);
/// How often they do; each time both dataplanes are started anew.
const BEGINNINGS: usize = 5;

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

/// Measures all cases on the switch, and on `vpp` where it is at hand, in turns, in `windows` windows of
/// `window` each.
pub(crate) async fn run(
    vpp: Option<&DataplaneKind>,
    windows: usize,
    window: Duration,
) -> Result<Table> {
    let mut table =
        Table::new("64-byte packets through two ports with access lists, both ways together");
    let mut beds = start(vpp, true).await?;
    for case in CIRCLING {
        for bed in &beds {
            bed.set_running(true)?;
            set_list(bed, case).await?;
            bed.set_running(false)?;
        }
        let rates = circle(&mut beds, windows, window).await;
        show(&mut table, case, &rates.with_context(|| case.to_string())?);
    }
    drop(beds);
    let mut rates = vec![Rates::of(MPACKETS); 1 + usize::from(vpp.is_some())];
    for _ in 0..BEGINNINGS {
        // In a table that knows no session yet but those of packets that circled.
        let mut beds = start(vpp, false).await?;
        for (bed, rates) in beds.iter_mut().zip(&mut rates) {
            bed.set_running(true)?;
            set_list(bed, Case::Beginning).await?;
            bed.machines.begin_circle().await?;
            rates.push(bed.machines.begin_flows(BEGINNING).await? / 1e6);
            bed.set_running(false)?;
        }
    }
    show(&mut table, Case::Beginning, &rates);
    table.note(format!(
        "median of {windows} windows of {} ms in turns ({BEGINNINGS} of {} ms for new sessions), the least and \
         the greatest; the ratio is the median of theirs",
        window.as_millis(),
        BEGINNING.as_millis()
    ));
    Ok(table)
}

fn show(table: &mut Table, case: Case, rates: &[Rates]) {
    match rates {
        [own, peer] => {
            let beside = format!("(VPP {peer})");
            table.ratio(
                case.to_string(),
                own.to_string(),
                beside,
                peer.times(own),
                None,
            );
        }
        [own, ..] => table.figure(case.to_string(), own.to_string()),
        [] => {}
    }
}

/// The switch, and VPP where it is at hand, both standing still; `learn` says whether they learn addresses.
async fn start(vpp: Option<&DataplaneKind>, learn: bool) -> Result<Vec<Bed>> {
    let mut beds = Vec::new();
    for kind in [Some(&DataplaneKind::Switch), vpp].into_iter().flatten() {
        beds.push(Bed::dataplane(kind, learn).await?);
    }
    Ok(beds)
}

/// Gives both ports the list of a case.
async fn set_list(bed: &Bed, case: Case) -> Result<()> {
    let (Some(rules), Some(ports)) = (case.rules(), &bed.ports) else {
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
