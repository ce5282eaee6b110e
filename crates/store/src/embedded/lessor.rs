//! When leases run out.
//!
//! That a lease exists, and which keys hang on it, is in the file; when it runs out is only
//! here. After a restart every lease gets its whole time again, as etcd gives it when the leader
//! changes: nobody could renew while the server was away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// etcd's smallest time to live, from its default election timeout:
/// ceil(3 / 2 × 10 ticks × 100 ms), `server/etcdserver/server.go`.
pub(super) const MIN_TTL_SECONDS: i64 = 2;
/// etcd's greatest (`lease.MaxLeaseTTL`).
pub(super) const MAX_TTL_SECONDS: i64 = 9_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Lessor {
    leases: Mutex<HashMap<i64, Lease>>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    ttl_seconds: i64,
    runs_out: Instant,
    /// It has run out and is being removed; it can no longer be renewed.
    ending: bool,
}

/// What is known of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remaining {
    pub(super) granted_seconds: i64,
    pub(super) left_seconds: i64,
}

impl Lessor {
    /// Notes a lease that is in the file, with its whole time before it.
    pub(super) fn granted(&self, id: i64, ttl_seconds: i64, now: Instant) {
        let lease = Lease {
            ttl_seconds,
            runs_out: now + seconds(ttl_seconds),
            ending: false,
        };
        self.leases().insert(id, lease);
    }

    /// Notes that a lease is no longer in the file.
    pub(super) fn revoked(&self, id: i64) {
        self.leases().remove(&id);
    }

    /// Gives a lease its whole time again; gives that time, or `None` if there is no such lease.
    pub(super) fn renew(&self, id: i64, now: Instant) -> Option<i64> {
        let mut leases = self.leases();
        let lease = leases.get_mut(&id).filter(|lease| !lease.ending)?;
        lease.runs_out = now + seconds(lease.ttl_seconds);
        Some(lease.ttl_seconds)
    }

    pub(super) fn remaining(&self, id: i64, now: Instant) -> Option<Remaining> {
        let leases = self.leases();
        let lease = leases.get(&id).filter(|lease| !lease.ending)?;
        let left = lease.runs_out.saturating_duration_since(now).as_secs();
        Some(Remaining {
            granted_seconds: lease.ttl_seconds,
            left_seconds: i64::try_from(left).unwrap_or(i64::MAX),
        })
    }

    /// All leases, the one that runs out first in front.
    pub(super) fn ids(&self) -> Vec<i64> {
        let mut leases: Vec<(Instant, i64)> = self
            .leases()
            .iter()
            .map(|(id, lease)| (lease.runs_out, *id))
            .collect();
        leases.sort_unstable();
        leases.into_iter().map(|(_, id)| id).collect()
    }

    /// Takes out the leases that have run out: each is given once and can no longer be renewed.
    pub(super) fn take_run_out(&self, now: Instant) -> Vec<i64> {
        let mut leases = self.leases();
        let mut ids = Vec::new();
        for (id, lease) in leases.iter_mut() {
            if lease.runs_out <= now && !lease.ending {
                lease.ending = true;
                ids.push(*id);
            }
        }
        ids
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<i64, Lease>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(ttl: i64) -> Duration {
    // MAX_TTL_SECONDS, 285 years, still fits an Instant.
    Duration::from_secs(u64::try_from(ttl.clamp(0, MAX_TTL_SECONDS)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_out_once_and_is_not_renewed_then() {
        let lessor = Lessor::default();
        let start = Instant::now();
        let after = |s| start + Duration::from_secs(s);
        lessor.granted(7, 10, start);
        assert_eq!(
            lessor.remaining(7, after(4)),
            Some(Remaining {
                granted_seconds: 10,
                left_seconds: 6
            })
        );
        assert_eq!(lessor.renew(7, after(9)), Some(10));
        assert!(lessor.take_run_out(after(18)).is_empty());
        assert_eq!(lessor.take_run_out(after(19)), [7]);
        assert!(lessor.take_run_out(after(20)).is_empty());
        assert_eq!(lessor.renew(7, after(20)), None);
        lessor.revoked(7);
        assert_eq!(lessor.remaining(7, after(20)), None);
        assert!(lessor.ids().is_empty());
    }
}
