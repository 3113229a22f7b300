//! Waiting for a condition with a deadline, never for a fixed time.

use std::time::{Duration, Instant};

use crate::LabError;

const PACE: Duration = Duration::from_millis(15);

/// Asks `probe` until it gives a value. `what` completes the sentence "… within 10s" of the error, such as
/// "no alert was opened".
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> Result<T, LabError> {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return Ok(found);
        }
        if begun.elapsed() > deadline {
            return Err(LabError::Deadline {
                what: what.to_owned(),
                waited: deadline,
                evidence: String::new(),
            });
        }
        tokio::time::sleep(PACE).await;
    }
}
