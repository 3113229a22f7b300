use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::step;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub struct Options {
    /// Passed on to the benchmark
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub fn bench(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    prerequisites::ensure(Purpose::Build)?;
    let mut cargo = workspace.cargo();
    cargo.args(["bench", "--package", "mailcup-service"]);
    if !options.arguments.is_empty() {
        cargo.arg("--").args(&options.arguments);
    }
    step::run("Measure the service", &mut cargo)
}
