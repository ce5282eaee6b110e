//! Waiting for what cannot announce itself.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::LabError;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks again and again until `look` gives a value, for `limit` at most. Until then it says what it
/// sees instead, which is told if time runs out. An error of the lab, such as a process that has
/// died, ends the waiting at once.
pub async fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Result<T, String>, LabError>,
) -> Result<T, LabError> {
    let deadline = Instant::now() + limit;
    loop {
        match look().await? {
            Ok(value) => return Ok(value),
            Err(last) if Instant::now() >= deadline => {
                return Err(LabError::Timeout {
                    what: what.to_owned(),
                    waited: limit,
                    last,
                });
            }
            Err(_) => sleep(INTERVAL).await,
        }
    }
}
