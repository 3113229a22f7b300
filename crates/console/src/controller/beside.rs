use tokio_util::sync::CancellationToken;

/// Something that runs beside the actor, and how to end it.
pub struct Beside {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Beside {
    pub fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(stop.clone()));
        Self { stop, task }
    }

    /// Tells it to end and waits for that.
    pub async fn end(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a task of the console failed");
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
