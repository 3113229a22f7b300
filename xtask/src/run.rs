use std::env;
use std::process::Command;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::workspace::{FEATURES, Workspace};
use crate::{data, say, step, ui};

#[derive(clap::Args)]
pub struct Options {
    /// Build with optimizations: slower to build, faster to use
    #[arg(long)]
    release: bool,
    /// Passed on to the console
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    require_display()?;
    ui::require_node()?;
    prerequisites::ensure(Purpose::Build)?;
    ui::build(workspace)?;
    build_programs(workspace, &["mailcup-console", "mailcupd"], options.release)?;
    data::try_to_fetch(workspace, profile(options.release));
    let console = workspace.program(profile(options.release), "mailcup-console");
    say::step("Open the console");
    step::become_program(Command::new(console).args(&options.arguments))
}

/// Builds these programs, in the feature set that all builds share.
pub fn build_programs(workspace: &Workspace, names: &[&str], release: bool) -> Result<(), Failure> {
    let mut cargo = workspace.cargo();
    cargo.arg("build").args(FEATURES);
    for name in names {
        cargo.args(["--bin", name]);
    }
    if release {
        cargo.arg("--release");
    }
    step::run("Build the programs", &mut cargo)
}

pub fn profile(release: bool) -> &'static str {
    if release { "release" } else { "debug" }
}

/// On Linux a window needs a display; better said before a long build than after.
pub fn require_display() -> Result<(), Failure> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        return Err(Failure::new(
            "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): start this in a desktop session.\n\
             To try it where there is none: xvfb-run --auto-servernum cargo xtask run",
        ));
    }
    Ok(())
}
