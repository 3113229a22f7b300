use std::path::Path;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::run::build_programs;
use crate::workspace::{FEATURES, Workspace};
use crate::{step, ui};

#[derive(clap::Args)]
pub struct Options {
    /// What to measure
    #[arg(value_enum, default_values_t = [Part::Policy, Part::Latency])]
    parts: Vec<Part>,
    /// Passed on to the benchmark
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    /// What a mail server's request costs, beside bare responders
    Policy,
    /// From a login on a real Dovecot to the notification
    Latency,
    /// How long refusals of every kind take on a real Dovecot and Postfix; takes the tries of each kind
    Refusals,
    /// What proofs of work cost a solver, and the service; takes the number of attempts
    Captcha,
    /// A log of ten million events in the service
    History,
    /// Reading and storing a mail server's log; takes the number of its lines
    Import,
    /// A million events in the console's local copy
    Store,
    /// A million events in the console's real window
    Window,
    /// Old mail in the console's real window, with no network; takes the numbers of messages and snapshots
    Offline,
    /// The repository of snapshots beside Debian's restic; takes the numbers of messages and rounds
    Snapshots,
    /// Snapshots as a mirror holds them: opening, comparing, searching, indexing; takes the numbers of messages and snapshots
    Review,
    /// The risk score: what it costs, and how it tells invented attackers from people
    Risk,
    /// Attacks on 200 invented people: what stops them and whom it hits wrongly; takes a seed
    Attacks,
}

pub fn bench(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    options.check()?;
    if options.parts.iter().any(|part| part.needs_the_product()) {
        prerequisites::require_root("bench")?;
        ui::require_node()?;
        prerequisites::ensure(Purpose::Test)?;
        ui::build(workspace)?;
    } else if options.parts.iter().any(|part| part.needs_mail_servers()) {
        prerequisites::require_root("bench")?;
        prerequisites::ensure(Purpose::Test)?;
    } else {
        prerequisites::ensure(Purpose::Build)?;
    }
    for part in &options.parts {
        match part {
            Part::Policy => run(workspace, options, "policy", "Measure the service")?,
            Part::Refusals => run(workspace, options, "refusals", "Measure refusals by mail servers")?,
            Part::Captcha => run(workspace, options, "captcha", "Measure proofs of work")?,
            Part::History => run(workspace, options, "history", "Measure the service with a long log")?,
            Part::Import => run(workspace, options, "import", "Measure the import of a log")?,
            Part::Store => run(workspace, options, "store", "Measure the local copy")?,
            Part::Snapshots => run(workspace, options, "restic", "Measure the repository beside restic")?,
            Part::Review => run(workspace, options, "review", "Measure the review of snapshots")?,
            Part::Risk => run(workspace, options, "risk", "Measure the risk score")?,
            Part::Attacks => run(workspace, options, "attacks", "Attack invented people")?,
            Part::Latency => {
                build_programs(workspace, &["mailcup-console", "mailcupd"], true)?;
                run(workspace, options, "latency", "Measure from the login to the notification")?;
            }
            Part::Offline => {
                build_programs(workspace, &["mailcup-console", "mailcupd"], true)?;
                let mut cargo = workspace.cargo();
                cargo.arg("bench").args(FEATURES).args(["--bench", "offline", "--no-run"]);
                step::run("Build the measurement", &mut cargo)?;
                run_without_network(workspace, options, "offline", "Review old mail offline")?;
            }
            Part::Window => {
                build_programs(workspace, &["mailcup-console", "mailcupd"], true)?;
                let mut cargo = workspace.cargo();
                cargo.arg("build").args(FEATURES).args(["--release", "--example", "empty_window"]);
                step::run("Build an empty window", &mut cargo)?;
                run(workspace, options, "window", "Measure the window with a million events")?;
            }
        }
    }
    Ok(())
}

impl Options {
    fn check(&self) -> Result<(), Failure> {
        if self.arguments.is_empty() || self.parts.len() == 1 {
            return Ok(());
        }
        Err(Failure::new(
            "arguments are for one benchmark: name it, as in `cargo xtask bench history -- 100_000`",
        ))
    }
}

impl Part {
    /// Whether it starts the window with its pages, and real mail servers.
    fn needs_the_product(self) -> bool {
        match self {
            Self::Latency | Self::Window | Self::Offline => true,
            Self::Policy
            | Self::Refusals
            | Self::Captcha
            | Self::History
            | Self::Import
            | Self::Store
            | Self::Review
            | Self::Snapshots
            | Self::Risk
            | Self::Attacks => false,
        }
    }

    /// Whether it starts real mail servers.
    fn needs_mail_servers(self) -> bool {
        match self {
            Self::Latency | Self::Window | Self::Offline | Self::Refusals => true,
            Self::Policy
            | Self::Captcha
            | Self::History
            | Self::Import
            | Self::Store
            | Self::Review
            | Self::Snapshots
            | Self::Risk
            | Self::Attacks => false,
        }
    }
}

fn run(workspace: &Workspace, options: &Options, bench: &str, what: &str) -> Result<(), Failure> {
    let mut cargo = workspace.cargo();
    cargo.arg("bench").args(FEATURES).args(["--bench", bench]);
    if !options.arguments.is_empty() {
        cargo.arg("--").args(&options.arguments);
    }
    step::run(what, &mut cargo)
}

/// In a network namespace of its own, in which there is loopback and no route.
fn run_without_network(
    workspace: &Workspace,
    options: &Options,
    bench: &str,
    what: &str,
) -> Result<(), Failure> {
    const UP: &str = "ip link set lo up && exec \"$@\"";
    let mut unshare = workspace.tool(Path::new("unshare"));
    unshare.args(["--net", "sh", "-c", UP, "sh"]).arg(workspace.cargo().get_program());
    unshare.args(["bench", "--offline"]).args(FEATURES).args(["--bench", bench]);
    unshare.arg("--").args(&options.arguments);
    step::run(what, &mut unshare)
}

#[cfg(test)]
mod tests {
    use clap::{Parser, ValueEnum as _};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &[&str]) -> Options {
        Line::parse_from([&["bench"], line].concat()).options
    }

    #[test]
    fn arguments_are_for_one_part() {
        assert!(options(&["history", "--", "100000"]).check().is_ok());
        assert!(options(&["policy", "latency"]).check().is_ok());
        assert!(options(&["policy", "history", "--", "100000"]).check().is_err());
        assert!(options(&["--", "100000"]).check().is_err(), "without a name there are two");
    }

    #[test]
    fn only_what_starts_mail_servers_asks_for_root() {
        let which = |needs: fn(Part) -> bool| -> Vec<String> {
            let parts = Part::value_variants().iter().filter(|part| needs(**part));
            parts.filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned())).collect()
        };
        assert_eq!(which(Part::needs_the_product), ["latency", "window", "offline"]);
        assert_eq!(which(Part::needs_mail_servers), ["latency", "refusals", "window", "offline"]);
    }
}
