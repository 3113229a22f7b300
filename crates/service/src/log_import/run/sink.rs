//! Where portions go: to the running service through its socket, or right into its database.

use std::{io, sync::Arc};

use mailcup_wire::{ImportEvents, ImportReport, Problem};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixStream, unix},
};

use crate::{
    app::{App, Limits},
    audit::Actor,
    clock::Clock,
    config::Config,
    local::{self, ImportStep, Request},
    log_import::{
        gathering::Found,
        keep::{self, Bounds},
    },
};

pub(super) enum Sink {
    /// Only counts.
    Nowhere,
    Service(Box<Service>),
    Database {
        app: Arc<App>,
        bounds: Bounds,
        names: String,
    },
}

/// The running service.
pub(super) struct Service {
    write: unix::OwnedWriteHalf,
    read: BufReader<unix::OwnedReadHalf>,
}

impl Sink {
    pub async fn open(config: Config, names: &str, also_recorded: bool) -> Result<Self, String> {
        if let Some(stream) = local::connect(&config).await {
            let (read, write) = stream_halves(stream);
            let mut service = Box::new(Service { write, read });
            let request = Request::Import { names: names.to_owned(), also_recorded };
            service.say(&request).await.map_err(|error| silent(&error))?;
            service.hear::<()>().await?;
            return Ok(Self::Service(service));
        }
        let app = App::open(config, Clock::system(), Limits::default(), None)
            .await
            .map_err(|error| error.to_string())?;
        if let Err(problem) = app.must_be_set_up() {
            app.close().await.map_err(|error| error.to_string())?;
            return Err(problem.problem().message.clone());
        }
        let places = Arc::clone(&app.places);
        // Opening the app began it too; whoever comes second waits or finds it done.
        let _ = tokio::task::spawn_blocking(move || places.load()).await;
        let bounds = Bounds::of(&app, also_recorded);
        Ok(Self::Database { app, bounds, names: names.to_owned() })
    }

    /// Stores a portion, all of it or nothing.
    pub async fn keep(&mut self, found: Vec<Found>) -> Result<ImportEvents, String> {
        if found.is_empty() {
            return Ok(ImportEvents::default());
        }
        match self {
            Self::Nowhere => Ok(ImportEvents::default()),
            Self::Service(service) => {
                service.say(&ImportStep::Events(found)).await.map_err(|error| silent(&error))?;
                service.hear().await
            }
            Self::Database { app, bounds, .. } => {
                keep::keep(app, found, *bounds).await.map_err(|error| error.to_string())
            }
        }
    }

    pub async fn close(self, report: &ImportReport) -> Result<(), String> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Service(mut service) => {
                let end = ImportStep::End(report.clone());
                service.say(&end).await.map_err(|error| silent(&error))?;
                service.hear().await
            }
            Self::Database { app, names, .. } => {
                let noted = keep::note(&app, &Actor::default(), &names, report).await;
                app.close().await.map_err(|error| error.to_string())?;
                noted.map_err(|error| error.to_string())
            }
        }
    }
}

impl Service {
    async fn say(&mut self, what: &impl serde::Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.write.write_all(&line).await
    }

    async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, String> {
        let mut line = String::new();
        self.read.read_line(&mut line).await.map_err(|error| silent(&error))?;
        let answer: Result<T, Problem> = serde_json::from_str(&line).map_err(|error| silent(&error))?;
        answer.map_err(|problem| problem.message)
    }
}

fn stream_halves(stream: UnixStream) -> (BufReader<unix::OwnedReadHalf>, unix::OwnedWriteHalf) {
    let (read, write) = stream.into_split();
    (BufReader::new(read), write)
}

fn silent(error: &dyn std::error::Error) -> String {
    format!("the service said nothing: {error}")
}
