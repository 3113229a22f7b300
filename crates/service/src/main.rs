//! `mailcupd`.

use std::{io::Write, process::ExitCode};

use jiff::tz::TimeZone;
use mailcup_service::{
    backup,
    cli::{AdminCommand, AdminCreate, AdminRecover, Cli, Command, ImportLog, MailserverConfig, Place, Serve},
    config::{Config, ConfigError},
    history, http, local, log,
    log_import::run::{self, Ended, Options},
    server,
};
use mailcup_wire::{Login, NewAdmin};

/// Requests are many small allocations on many threads, at which the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line or the configuration is wrong.
const USAGE: u8 = 2;

/// A file is no log, or can't be read.
const UNREAD: u8 = 3;

/// Like a program that Ctrl+C ended.
const CANCELLED: u8 = 130;

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
            block_on(server::serve(config, arguments.sidecar, arguments.rehearsal))
        }
        Command::Admin(AdminCommand::Create(arguments)) => {
            let AdminCreate { place, login, email, name, role } = arguments;
            let name = if name.is_empty() { login.clone() } else { name };
            let login = Login(login);
            let password = read_password()?;
            let new = NewAdmin { login, name, email, role: role.into(), password };
            ask(place, local::Request::CreateAdmin(new))
        }
        Command::Admin(AdminCommand::Recover(AdminRecover { place, login, new_password })) => {
            let password = new_password.then(read_password).transpose()?;
            ask(place, local::Request::Recover { login, password })
        }
        Command::MailserverConfig(MailserverConfig { server, place, when_down }) => {
            let request = local::Request::Snippet { server: server.into(), when_down: when_down.into() };
            ask(place, request)
        }
        Command::ImportLog(arguments) => import_log(arguments),
        Command::Backup(command) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            backup::command::run(&runtime.map_err(|error| failure(&error))?, command)
        }
        Command::History(place) => {
            let serve = Serve { place, ..Serve::default() };
            let config = Config::read(&serve, std::env::vars()).map_err(|error| usage(&error))?;
            block_on(async {
                let written = history::read(&config, std::io::stdin().lock()).await;
                let written = written.map_err(|error| error.to_string())?;
                writeln!(std::io::stdout(), "{written}").map_err(|error| error.to_string())
            })
        }
        Command::Openapi => {
            let document = serde_json::to_string_pretty(&http::openapi()).map_err(|error| failure(&error))?;
            writeln!(std::io::stdout(), "{document}").map_err(|error| failure(&error))
        }
    }
}

/// Asks the running service, or its database, and prints the answer.
fn ask(place: Place, request: local::Request) -> Result<(), (u8, String)> {
    let serve = Serve { place, ..Serve::default() };
    let config = Config::read(&serve, std::env::vars()).map_err(|error| usage(&error))?;
    block_on(async {
        let text = local::ask(config, request).await?;
        write!(std::io::stdout(), "{text}").map_err(|error| error.to_string())
    })
}

fn import_log(arguments: ImportLog) -> Result<(), (u8, String)> {
    let ImportLog { files, place, time_zone, year, dry_run, also_recorded, json } = arguments;
    let zone = match time_zone {
        Some(name) => TimeZone::get(&name).map_err(|error| (USAGE, format!("--time-zone: {error}")))?,
        None => TimeZone::system(),
    };
    let serve = Serve { place, ..Serve::default() };
    let config = Config::read(&serve, std::env::vars()).map_err(|error| usage(&error))?;
    let mut ended = Ended::Done;
    let options = Options { files, zone, year, dry_run, json, also_recorded };
    block_on(async {
        ended = run::run(config, options).await?;
        Ok::<_, String>(())
    })?;
    match ended {
        Ended::Done => Ok(()),
        Ended::SomeUnread => Err((UNREAD, "not every file was read; see above".to_owned())),
        Ended::Cancelled => Err((
            CANCELLED,
            "cancelled; what was stored stays, and the same command goes on with the rest".to_owned(),
        )),
    }
}

/// The first line of stdin.
fn read_password() -> Result<String, (u8, String)> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| failure(&error))?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err((USAGE, "give the password on stdin, as one line".to_owned()));
    }
    Ok(password)
}

fn block_on<E: ToString>(work: impl Future<Output = Result<(), E>>) -> Result<(), (u8, String)> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| failure(&error))?;
    let done = runtime.block_on(work).map_err(|error| failure(&error));
    // A read of stdin that is under way can't be called back; waiting for it would keep a sidecar alive.
    runtime.shutdown_background();
    done
}

fn usage(error: &ConfigError) -> (u8, String) {
    (USAGE, error.to_string())
}

fn failure(error: &impl ToString) -> (u8, String) {
    (1, error.to_string())
}
