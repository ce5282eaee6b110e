//! Who says that it has a MAC address, and whose word counts.

use std::net::IpAddr;

use weft_model::{HostName, InvalidRecord, PortId};

use super::LocalMac;
use crate::intent::RemoteMac;

/// Who says so: a port of this host, or another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Local(PortId),
    Remote(HostName),
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// The underlay address; `None` if it is this host's own port.
    host: Option<IpAddr>,
    ips: Box<[IpAddr]>,
    /// Revision of the port's record, and of the word itself where that is the same.
    revision: (i64, i64),
}

/// All that is said of one MAC address.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    /// Most have one; two while a machine moves.
    held: Vec<(Claim, Result<Held, InvalidRecord>)>,
}

/// Where a MAC address is in effect, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The far end of the tunnel; `None` on this host, or where no tunnel leads.
    pub(super) remote: Option<IpAddr>,
    pub(super) ips: Box<[IpAddr]>,
}

impl From<RemoteMac> for Result<Held, InvalidRecord> {
    fn from(remote: RemoteMac) -> Self {
        let advertisement = remote.advertisement?;
        Ok(Held {
            host: Some(advertisement.host),
            ips: advertisement.ips,
            revision: (advertisement.revision, remote.mod_revision),
        })
    }
}

impl From<&LocalMac> for Result<Held, InvalidRecord> {
    fn from(entry: &LocalMac) -> Self {
        Ok(Held {
            host: None,
            ips: entry.ips.clone(),
            revision: (entry.revision, 0),
        })
    }
}

impl Claims {
    /// Enters what is said by one now, or that nothing is.
    pub(super) fn set(&mut self, claim: &Claim, held: Option<Result<Held, InvalidRecord>>) {
        self.held.retain(|(other, _)| other != claim);
        if let Some(held) = held {
            self.held.reserve_exact(1);
            self.held.push((claim.clone(), held));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The other hosts that say something of it.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.held.iter().filter_map(|(claim, _)| match claim {
            Claim::Remote(host) => Some(host),
            Claim::Local(_) => None,
        })
    }

    /// The usable words of other hosts, by revision.
    pub(super) fn words(&self) -> impl Iterator<Item = (&HostName, (i64, i64))> {
        self.held.iter().filter_map(|(claim, held)| match claim {
            Claim::Remote(host) => Some((host, held.as_ref().ok()?.revision)),
            Claim::Local(_) => None,
        })
    }

    /// The word that counts: the newest. `local` is our end of the tunnels: a host of the other IP
    /// version, or of our own address, cannot be reached by one.
    pub(super) fn place(&self, local: Option<IpAddr>) -> Option<Place> {
        let held = self.held.iter().filter_map(|(_, held)| held.as_ref().ok());
        let newest = held.max_by_key(|held| held.revision)?;
        match newest.host {
            Some(host) if reachable(host, local) => Some(Place {
                remote: Some(host),
                ips: newest.ips.clone(),
            }),
            Some(_) => None,
            None => Some(Place {
                remote: None,
                ips: newest.ips.clone(),
            }),
        }
    }

    /// Why some word counts for nothing, if so.
    pub(super) fn fault(&self, local: Option<IpAddr>) -> Option<String> {
        self.held.iter().find_map(|(claim, held)| {
            let Claim::Remote(name) = claim else {
                return None;
            };
            match held {
                Err(error) => Some(format!("what host {name} says: {error}")),
                Ok(Held {
                    host: Some(host), ..
                }) if !reachable(*host, local) => {
                    let local = local.map_or("none".to_owned(), |local| local.to_string());
                    Some(format!(
                        "host {name} has the underlay address {host}, and this one {local}: \
                         no tunnel leads from one to the other"
                    ))
                }
                Ok(_) => None,
            }
        })
    }
}

fn reachable(host: IpAddr, local: Option<IpAddr>) -> bool {
    local.is_some_and(|local| local != host && local.is_ipv4() == host.is_ipv4())
}
