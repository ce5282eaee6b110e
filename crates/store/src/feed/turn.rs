//! Whether a member's answers to progress requests can be taken at their word.
//!
//! The embedded server, and etcd since 3.5.8, answer in turn: when all watches of the stream have reported
//! up to the revision that the answer names. Older ones answer while reports still wait to be sent.

use crate::client::endpoints::EtcdClient;

/// The first etcd that answers in turn.
const FIRST: [u32; 3] = [3, 5, 8];
/// What the embedded server puts behind the release whose protocol it serves.
const EMBEDDED: &str = "weft.";

/// Whether the member behind `client` answers in turn; not, if it does not say what it is.
pub(super) async fn answers_in_turn(client: &EtcdClient) -> bool {
    match client.maintenance_client().status().await {
        Ok(status) => is_in_turn(status.version()),
        Err(error) => {
            tracing::debug!(%error, "the store does not say which release it is");
            false
        }
    }
}

fn is_in_turn(version: &str) -> bool {
    let (release, build) = version.split_once('+').unwrap_or((version, ""));
    if build.starts_with(EMBEDDED) {
        return true;
    }
    // What comes before a release, as 3.5.8-rc.0, may lack what it has.
    let numbers = release.split('.').map(|number| number.parse::<u32>().ok());
    let numbers: Option<Vec<u32>> = numbers.collect();
    numbers.is_some_and(|numbers| numbers.as_slice() >= FIRST.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcd_answers_in_turn_since_3_5_8_and_the_embedded_server_always() {
        for version in ["3.5.8", "3.5.21", "3.6.0", "4.0.0", "3.4.0+weft.0.1.0"] {
            assert!(is_in_turn(version), "{version}");
        }
        for version in ["3.4.30", "3.5.7", "3.5.8-rc.0", "3.4.0+other", "", "later"] {
            assert!(!is_in_turn(version), "{version}");
        }
    }
}
