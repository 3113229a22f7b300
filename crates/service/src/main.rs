//! `mailcupd`.

use std::{io::Write, process::ExitCode};

use mailcup_service::{
    cli::{Cli, Command},
    config::{Config, ConfigError},
    http, log, server,
};

/// The command line or the configuration is wrong.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(std::io::stderr(), "mailcupd: {message}");
            ExitCode::from(code)
        }
    }
}

fn run(command: Command) -> Result<(), (u8, String)> {
    match command {
        Command::Serve(arguments) => {
            let config = Config::read(&arguments, std::env::vars()).map_err(|error| usage(&error))?;
            log::begin(&config).map_err(|error| usage(&error))?;
            block_on(server::serve(config, arguments.sidecar))
        }
        Command::Openapi => {
            let document = http::openapi().to_pretty_json().map_err(|error| failure(&error))?;
            writeln!(std::io::stdout(), "{document}").map_err(|error| failure(&error))
        }
    }
}

fn block_on<E: ToString>(work: impl Future<Output = Result<(), E>>) -> Result<(), (u8, String)> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| failure(&error))?;
    runtime.block_on(work).map_err(|error| failure(&error))
}

fn usage(error: &ConfigError) -> (u8, String) {
    (USAGE, error.to_string())
}

fn failure(error: &impl ToString) -> (u8, String) {
    (1, error.to_string())
}
