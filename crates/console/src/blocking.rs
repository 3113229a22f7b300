//! Work that waits for the disk or the processor, away from the async threads.

use mailcup_wire::{Code, Problem};

/// Runs it; a panic in it becomes a problem.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::new(Code::Internal, error.to_string()))?
}
