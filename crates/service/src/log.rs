//! What the service says about itself on stderr, as text or JSON. Never secrets, never message content.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, ConfigError, LogFormat};

/// Begins logging for the whole process.
pub fn begin(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_filter).map_err(|error| {
        ConfigError::Conflict(format!(
            "log.filter “{}” is not a filter such as info or mailcup_service=debug: {error}",
            config.log_filter
        ))
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let output = fmt::layer().with_writer(std::io::stderr);
    let begun = match config.log {
        LogFormat::Text => registry.with(output.with_ansi(false).with_target(false)).try_init(),
        LogFormat::Json => registry.with(output.json().flatten_event(true)).try_init(),
    };
    begun.map_err(|error| ConfigError::Conflict(format!("logging can't begin: {error}")))
}
