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
    /// A log of ten million events in the service
    History,
    /// A million events in the console's local copy
    Store,
    /// A million events in the console's real window
    Window,
}

pub fn bench(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    prerequisites::require_root("bench")?;
    ui::require_node()?;
    prerequisites::ensure(Purpose::Test)?;
    ui::build(workspace)?;
    for part in &options.parts {
        match part {
            Part::Policy => run(workspace, options, "policy", "Measure the service")?,
            Part::History => run(workspace, options, "history", "Measure the service with a long log")?,
            Part::Store => run(workspace, options, "store", "Measure the local copy")?,
            Part::Latency => {
                build_programs(workspace, &["mailcup-console", "mailcupd"], true)?;
                run(workspace, options, "latency", "Measure from the login to the notification")?;
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

fn run(workspace: &Workspace, options: &Options, bench: &str, what: &str) -> Result<(), Failure> {
    let mut cargo = workspace.cargo();
    cargo.arg("bench").args(FEATURES).args(["--bench", bench]);
    if !options.arguments.is_empty() {
        cargo.arg("--").args(&options.arguments);
    }
    step::run(what, &mut cargo)
}
