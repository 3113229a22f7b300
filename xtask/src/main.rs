//! The project's own commands. Each makes sure of what it needs, does one thing, and says how it went.

mod bench;
mod check;
mod data;
mod failure;
mod fuzz;
mod lab;
mod package;
mod platform;
mod prerequisites;
mod run;
mod say;
mod step;
mod tally;
mod test;
mod tools;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "MailCup's own commands", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what changed and open the console on this computer's own service
    Run(run::Options),
    /// Start a real Postfix and Dovecot with lifelike traffic, and the console on them
    Lab(lab::Options),
    /// Run every test: pages, crates, and the real window against real servers
    Test,
    /// Check form: formatting, lints, docs, licences, generated files, repository rules
    Check,
    /// Measure the service against bare responders, and how fast a notification comes
    Bench(bench::Options),
    /// Throw bytes at all that reads from outside, and see that nothing breaks
    Fuzz(fuzz::Options),
    /// Make deb and rpm packages of the console and of the service
    Package(package::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::problem(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    let workspace = Workspace::locate()?;
    match command {
        Command::Run(options) => run::run(&workspace, &options),
        Command::Lab(options) => lab::lab(&workspace, &options),
        Command::Test => test::test(&workspace),
        Command::Check => check::check(&workspace),
        Command::Bench(options) => bench::bench(&workspace, &options),
        Command::Fuzz(options) => fuzz::fuzz(&workspace, &options),
        Command::Package(options) => package::package(&workspace, &options),
    }
}
