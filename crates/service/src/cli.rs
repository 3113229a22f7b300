//! The command line of `mailcupd`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::config::PolicyAddress;

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
    /// Print the OpenAPI document
    Openapi,
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
}

impl Cli {
    /// Reads arguments as the shell gives them; the first is the program's name.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}
