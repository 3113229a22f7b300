use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::run::build_programs;
use crate::workspace::{FEATURES, Workspace};
use crate::{step, ui};

#[derive(clap::Args)]
pub struct Options {
    /// Passed on to the benchmark of the service
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub fn bench(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    prerequisites::require_root("bench")?;
    ui::require_node()?;
    prerequisites::ensure(Purpose::Test)?;
    ui::build(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.arg("bench").args(FEATURES).args(["--bench", "policy"]);
    if !options.arguments.is_empty() {
        cargo.arg("--").args(&options.arguments);
    }
    step::run("Measure the service", &mut cargo)?;
    latency(workspace)
}

/// From a login on a real Dovecot to the notification, with the real service and the real window.
fn latency(workspace: &Workspace) -> Result<(), Failure> {
    build_programs(workspace, &["mailcup-console", "mailcupd"], true)?;
    let mut cargo = workspace.cargo();
    cargo.arg("bench").args(FEATURES).args(["--bench", "latency"]);
    step::run("Measure from the login to the notification", &mut cargo)
}
