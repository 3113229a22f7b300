//! `mailcupd backup …`.

mod fetch;
mod print;
mod terminal;

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::Arc,
};

use mailcup_snapshots::{Folder, Part, RecoveryPhrase, Watch, scrub};
use tokio::runtime::Runtime;

use self::terminal::Terminal;
use super::{
    BackupError, MailTo, RestoreError, Wanted, WrappedServerKey, back_up,
    drill::{self, Started},
    open_repository, restore,
};
use crate::{
    cli::{BackupCheck, BackupCommand, BackupOutput, BackupRestore, Place, Serve},
    clock::Clock,
    config::{BackupConfig, Config},
    local,
    secrets::ServerKey,
};

/// The exit code with what to say on stderr.
type Failure = (u8, String);

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INCOMPLETE: u8 = 3;
const CANCELLED: u8 = 130;

/// Does what the command says and prints what came of it.
pub fn run(runtime: &Runtime, command: BackupCommand) -> Result<(), Failure> {
    match command {
        BackupCommand::Init(place) => {
            let (config, backup) = read(place)?;
            require_data_folder(&config.data_dir)?;
            let phrase = super::init(&config.data_dir, &backup, |phrase| wrap(runtime, &config, phrase));
            say(&print::phrase(&phrase.map_err(|error| failed(&error))?, &backup))
        }
        BackupCommand::RecoveryPhrase(place) => {
            let (config, backup) = read(place)?;
            let phrase =
                super::add_phrase(&config.data_dir, &backup, |phrase| wrap(runtime, &config, phrase));
            say(&print::phrase(&phrase.map_err(|error| failed(&error))?, &backup))
        }
        BackupCommand::Run(arguments) => run_now(runtime, arguments),
        BackupCommand::List(BackupOutput { place, json }) => {
            let (config, backup) = read(place)?;
            let repository = open_repository(&config.data_dir, &backup).map_err(|error| failed(&error))?;
            let listing = repository.snapshots().map_err(|error| failed(&error))?;
            let text = print::list(&repository, &listing, json);
            say(&text)?;
            match listing.damaged.len() {
                0 => Ok(()),
                count => {
                    Err((INCOMPLETE, format!("{count} snapshots can't be read; see `mailcupd backup check`")))
                }
            }
        }
        BackupCommand::Check(arguments) => check(runtime, arguments),
        BackupCommand::Drill(arguments) => rehearse(runtime, arguments),
        BackupCommand::Restore(arguments) => bring_back(runtime, arguments),
        BackupCommand::Fetch(arguments) => fetch::fetch(runtime, &arguments),
    }
}

fn run_now(runtime: &Runtime, BackupOutput { place, json }: BackupOutput) -> Result<(), Failure> {
    let (config, backup) = read(place)?;
    must_be_the_service(&config.data_dir)?;
    let handle = runtime.handle().clone();
    let done =
        watched(runtime, move |watch| back_up(&handle, &config.data_dir, &backup, &Clock::system(), watch))?;
    let run = done.map_err(|error| if error.is_cancelled() { cancelled(&error) } else { failed(&error) })?;
    say(&if json { print::run_as_json(&run) } else { print::run(&run) })?;
    if run.is_complete() {
        return Ok(());
    }
    Err((INCOMPLETE, "the snapshot lacks what is named above".to_owned()))
}

fn check(runtime: &Runtime, BackupCheck { place, read_data }: BackupCheck) -> Result<(), Failure> {
    let (config, backup) = read(place)?;
    let done = watched(runtime, move |watch| {
        // Without a key: what it finds is said even if no key opens anything.
        let names = scrub(&Folder::new(&backup.repository), watch.as_ref())?;
        let mut faults = names.faults.len();
        say_or_lose(&print::proof(&names));
        let repository = open_repository(&config.data_dir, &backup)?;
        let structure = repository.prove_structure(watch.as_ref())?;
        faults += structure.faults.len();
        say_or_lose(&print::proof(&structure));
        if read_data {
            let data = repository.prove_data(Part::All, watch.as_ref())?;
            faults += data.faults.len();
            say_or_lose(&print::proof(&data));
        }
        Ok::<_, BackupError>(faults)
    })?;
    match done {
        Ok(0) => Ok(()),
        Ok(_) => Err((
            INCOMPLETE,
            "the repository is damaged; what isn't named can be restored. Replace the damaged files from a copy of \
             the repository, or begin a new one"
                .to_owned(),
        )),
        Err(error) if error.is_cancelled() => Err(cancelled(&error)),
        Err(error) => Err(failed(&error)),
    }
}

fn rehearse(runtime: &Runtime, BackupOutput { place, json }: BackupOutput) -> Result<(), Failure> {
    let (config, backup) = read(place)?;
    must_be_the_service(&config.data_dir)?;
    let server_key = ServerKey::open_existing(&config.data_dir)
        .map_err(|_| failed(&BackupError::NoServerKey(config.data_dir.clone())))?;
    let handle = runtime.handle().clone();
    let done = watched(runtime, move |watch| {
        let by = Started { program: drill::own_program(), server_key: &server_key };
        drill::drill(&handle, &config.data_dir, &backup, &by, watch.as_ref())
    })?;
    let report =
        done.map_err(|error| if error.is_cancelled() { cancelled(&error) } else { failed(&error) })?;
    say(&if json { format!("{}\n", serde_json::json!(report)) } else { print::drill(&report) })?;
    if report.checks.iter().all(|check| check.passed) {
        return Ok(());
    }
    Err((INCOMPLETE, "a check failed; see above".to_owned()))
}

fn bring_back(runtime: &Runtime, arguments: BackupRestore) -> Result<(), Failure> {
    let BackupRestore { config, from, to, snapshot, mail_to, without_mail } = arguments;
    let repository = match from {
        Some(from) => from,
        None => read(Place { config, data_dir: Some(to.clone()) })?.1.repository,
    };
    let mail = match (mail_to, without_mail) {
        (_, true) => MailTo::Nowhere,
        (Some(pattern), false) => MailTo::Pattern(pattern),
        (None, false) => MailTo::Original,
    };
    let data_dir = std::path::absolute(&to).map_err(|error| (USAGE, format!("{}: {error}", to.display())))?;
    let wanted = Wanted { repository, phrase: read_phrase()?, snapshot, data_dir, mail };
    let handle = runtime.handle().clone();
    let done = watched(runtime, move |watch| {
        restore(&handle, &wanted, watch.as_ref()).map(|restored| (restored, wanted))
    })?;
    let (restored, wanted) =
        done.map_err(
            |error: RestoreError| {
                if error.is_cancelled() { cancelled(&error) } else { failed(&error) }
            },
        )?;
    say(&print::restored(&restored, &wanted))?;
    match &restored.mail {
        Some(mail) if !mail.troubles.is_empty() => {
            Err((INCOMPLETE, "all is back but what is named above".to_owned()))
        }
        Some(_) | None => Ok(()),
    }
}

/// Works on a thread of its own, shows how far it is, and lets Ctrl+C stop it.
fn watched<T: Send + 'static>(
    runtime: &Runtime,
    work: impl FnOnce(&Arc<dyn Watch>) -> T + Send + 'static,
) -> Result<T, Failure> {
    let terminal = Arc::new(Terminal::default());
    let watch: Arc<dyn Watch> = terminal.clone();
    runtime.block_on(async {
        let mut work = tokio::task::spawn_blocking(move || work(&watch));
        loop {
            tokio::select! {
                done = &mut work => {
                    terminal.clear();
                    return done.map_err(|error| failed(&error));
                }
                _ = tokio::signal::ctrl_c() => terminal.cancel(),
            }
        }
    })
}

/// Seals the server key: by the running service, which may be the only one to see it, else from its file.
fn wrap(
    runtime: &Runtime,
    config: &Config,
    phrase: &RecoveryPhrase,
) -> Result<WrappedServerKey, BackupError> {
    let request = local::Request::WrapServerKey { phrase: phrase.expose().to_owned() };
    match runtime.block_on(local::ask_running(config, &request)) {
        None => super::wrap_from_file(&config.data_dir, phrase),
        Some(Ok(answer)) => {
            serde_json::from_str(&answer).map_err(|error| BackupError::io(&config.data_dir, error.into()))
        }
        Some(Err(message)) => Err(BackupError::io(&config.data_dir, io::Error::other(message))),
    }
}

fn read(place: Place) -> Result<(Config, BackupConfig), Failure> {
    let serve = Serve { place, ..Serve::default() };
    let config = Config::read(&serve, std::env::vars()).map_err(|error| (USAGE, error.to_string()))?;
    let backup = config.backup.clone().ok_or_else(|| (USAGE, BackupError::NotConfigured.to_string()))?;
    Ok((config, backup))
}

/// Whether the data folder is there, and the service's own.
fn require_data_folder(data_dir: &Path) -> Result<(), Failure> {
    must_be_the_service(data_dir)?;
    let says = |error: io::Error| (FAILED, format!("{}: {error}", data_dir.display()));
    fs::metadata(data_dir).map(drop).map_err(says)
}

/// What another user makes, the service couldn't read.
fn must_be_the_service(data_dir: &Path) -> Result<(), Failure> {
    let Ok(found) = fs::metadata(data_dir) else { return Ok(()) };
    let own = rustix::process::geteuid().as_raw();
    if found.uid() == own {
        return Ok(());
    }
    Err((
        USAGE,
        format!(
            "{} belongs to user {}; run this as that user: sudo -u '#{}' mailcupd backup …",
            data_dir.display(),
            found.uid(),
            found.uid()
        ),
    ))
}

/// The first line of stdin.
fn read_phrase() -> Result<RecoveryPhrase, Failure> {
    if io::stdin().is_terminal() {
        // Nobody is left to ask if stderr is closed.
        let _ = write!(io::stderr(), "Recovery phrase: ");
    }
    let mut line = zeroize::Zeroizing::new(String::new());
    io::stdin().read_line(&mut line).map_err(|error| failed(&error))?;
    line.parse().map_err(|error| (USAGE, format!("the recovery phrase on stdin can't be used: {error}")))
}

fn say(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| failed(&error))
}

/// While work goes on, a closed stdout is no reason to end it.
fn say_or_lose(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    (FAILED, error.to_string())
}

fn cancelled(error: &dyn std::fmt::Display) -> Failure {
    (CANCELLED, error.to_string())
}
