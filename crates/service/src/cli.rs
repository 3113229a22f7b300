//! The command line of `mailcupd`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use mailcup_wire::{MailServerKind, Role, WhenDown};

use crate::{backup::MailPattern, config::PolicyAddress};

/// Stands beside a mail server, is asked about every login and submission, and keeps the log.
#[derive(Debug, Parser)]
#[command(name = "mailcupd", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service
    Serve(Serve),
    /// Work on admins from the server's own shell
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Print what to paste into a mail server's configuration, with a freshly minted key
    MailserverConfig(MailserverConfig),
    /// Read logs of Dovecot and Postfix, so that there is history from before mailcupd
    #[command(
        after_help = "Exit codes: 0 done; 1 the service or its database failed; 2 wrong arguments; 3 some file is \
                            no log or can't be read, the others were; 130 cancelled, and what was stored stays"
    )]
    ImportLog(ImportLog),
    /// Snapshots of the service and of the mail beside it
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Write events of the past, one JSON document a line on stdin, into the log of a service that does not run
    #[command(hide = true)]
    History(Place),
}

#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder that holds the service's state
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    #[command(flatten)]
    pub place: Place,
    /// The private listener: API, Dovecot policy, metrics; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub http: Option<SocketAddr>,
    /// The public listener: what strangers may reach
    #[arg(long, value_name = "ADDR:PORT")]
    pub public: Option<SocketAddr>,
    /// Where Postfix asks
    #[arg(long, value_name = "ADDR:PORT|unix:PATH")]
    pub postfix_policy: Option<PolicyAddress>,
    /// Read the tokens of the console that starts it from stdin, as one line of JSON, and end when stdin closes
    #[arg(long)]
    pub sidecar: bool,
    /// Answer on the socket in the data folder alone, send nothing, change nothing by itself: for a rehearsal
    #[arg(long, hide = true)]
    pub rehearsal: bool,
}

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Add an admin; the password is read from stdin
    Create(AdminCreate),
    /// Let a locked-out admin in: passes blocks for 15 minutes and prints a sign-in code that works once
    Recover(AdminRecover),
}

#[derive(Debug, Args)]
pub struct AdminCreate {
    #[command(flatten)]
    pub place: Place,
    pub login: String,
    /// Where one-time codes go
    #[arg(long)]
    pub email: String,
    #[arg(long, default_value = "")]
    pub name: String,
    #[arg(long, value_enum, default_value = "admin")]
    pub role: RoleName,
}

#[derive(Debug, Args)]
pub struct AdminRecover {
    #[command(flatten)]
    pub place: Place,
    pub login: String,
    /// Replace a forgotten password by one that is read from stdin
    #[arg(long)]
    pub new_password: bool,
}

#[derive(Debug, Args)]
pub struct MailserverConfig {
    #[arg(value_enum)]
    pub server: ServerName,
    #[command(flatten)]
    pub place: Place,
    /// What the mail server does while mailcupd gives no answer: mail goes on, or nobody gets in
    #[arg(long, value_enum, default_value = "open")]
    pub when_down: WhenDownName,
}

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Make the repository that the configuration names, and print the recovery phrase, once
    Init(Place),
    /// Print another recovery phrase, for when the first is lost or was seen
    RecoveryPhrase(Place),
    /// Write a snapshot now, and let go of those that no rule keeps
    #[command(
        visible_alias = "now",
        after_help = "Exit codes: 0 all of it is in the snapshot; 1 there is no new snapshot; 2 wrong arguments; \
                      3 there is one, and it lacks something; 130 cancelled, and nothing changed"
    )]
    Run(BackupOutput),
    /// Name the snapshots that there are
    List(BackupOutput),
    /// Prove that the repository is whole
    #[command(
        visible_alias = "verify",
        after_help = "Exit codes: 0 whole; 1 it could not be looked at; 2 wrong arguments; 3 something is damaged; \
                      130 cancelled"
    )]
    Check(BackupCheck),
    /// Rehearse a disaster: restore the newest snapshot aside, start a service on it, compare, and measure the time
    #[command(
        after_help = "Exit codes: 0 all checks passed; 1 it could not be rehearsed; 2 wrong arguments; 3 a check \
                      failed; 130 cancelled"
    )]
    Drill(BackupOutput),
    /// Bring a server back from a snapshot, onto a new, empty machine; the recovery phrase is read from stdin
    #[command(
        after_help = "Exit codes: 0 all of it is back; 1 nothing was changed; 2 wrong arguments; 3 it is back but \
                      for what is named; 130 cancelled, and nothing changed"
    )]
    Restore(BackupRestore),
    /// Bring the repository back from a copy at a target, to restore from it; again to go on with it
    #[command(
        after_help = "Exit codes: 0 all of it is here; 1 it is not; 2 wrong arguments; 3 files of the copy are damaged, \
                      and the rest is here; 130 cancelled, to be gone on with"
    )]
    Fetch(BackupFetch),
}

#[derive(Debug, Args)]
pub struct BackupOutput {
    #[command(flatten)]
    pub place: Place,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct BackupCheck {
    #[command(flatten)]
    pub place: Place,
    /// Read and unseal everything, too
    #[arg(long)]
    pub read_data: bool,
}

#[derive(Debug, Args)]
pub struct BackupRestore {
    /// The configuration file (TOML), if it names the repository
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The repository's folder
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// The data folder that is to be: empty, or not there yet
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The first digits of a snapshot's name; the newest if it is not given
    #[arg(long, value_name = "NAME")]
    pub snapshot: Option<String>,
    /// Where the mail goes, such as /var/vmail/{domain}/{user}/Maildir; to where it lay if it is not given
    #[arg(long, value_name = "PATTERN", conflicts_with = "without_mail")]
    pub mail_to: Option<MailPattern>,
    /// Bring back the service alone
    #[arg(long)]
    pub without_mail: bool,
}

#[derive(Debug, Args)]
pub struct BackupFetch {
    /// The copy: rest:https://USER@HOST/PATH/, sftp://USER@HOST:PORT/PATH (//PATH from the root on),
    /// s3:https://HOST/BUCKET/FOLDER, or a folder
    #[arg(long, value_name = "ADDRESS")]
    pub from: String,
    /// The folder of the repository that is to be
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// A file with the password, private key or secret key
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Of the SSH host, as ssh-keygen -l shows it: SHA256:…
    #[arg(long, value_name = "FINGERPRINT")]
    pub host_key: Option<String>,
    /// Of the bucket
    #[arg(long, value_name = "NAME", default_value = "us-east-1")]
    pub region: String,
    /// Of the bucket
    #[arg(long, value_name = "KEY", default_value = "")]
    pub access_key: String,
}

#[derive(Debug, Args)]
pub struct ImportLog {
    /// Logs as syslog, journalctl -o json, Dovecot or Postfix write them, also packed by gzip or zstd; - is stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
    /// The time zone of stamps that name none, such as Europe/Berlin; this machine's if it is not given
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// The year of a file's first line where stamps name none; else it follows from when the file was written
    #[arg(long, value_parser = clap::value_parser!(i16).range(1990..=2200))]
    pub year: Option<i16>,
    /// Store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also take what mailcupd has recorded itself, for mail servers that were connected later than others
    #[arg(long)]
    pub also_recorded: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    Owner,
    Admin,
    Auditor,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ServerName {
    Dovecot,
    Postfix,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum WhenDownName {
    Open,
    Closed,
}

impl Cli {
    /// Reads arguments as the shell gives them; the first is the program's name.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

impl From<ServerName> for MailServerKind {
    fn from(name: ServerName) -> Self {
        match name {
            ServerName::Dovecot => Self::Dovecot,
            ServerName::Postfix => Self::Postfix,
        }
    }
}

impl From<WhenDownName> for WhenDown {
    fn from(name: WhenDownName) -> Self {
        match name {
            WhenDownName::Open => Self::Open,
            WhenDownName::Closed => Self::Closed,
        }
    }
}
