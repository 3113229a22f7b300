use std::process::Command;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::run::{build_programs, profile, require_display};
use crate::workspace::Workspace;
use crate::{data, say, step, ui};

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Options {
    /// Passed on to mailcup-lab: see `cargo xtask lab --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn lab(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let asks_for = |words: &[&str]| options.arguments.iter().any(|word| words.contains(&word.as_str()));
    if !asks_for(&["--help", "-h"]) {
        prerequisites::require_root("lab")?;
    }
    if !asks_for(&["--help", "-h", "--headless"]) {
        require_display()?;
    }
    ui::require_node()?;
    prerequisites::ensure(Purpose::MailServers)?;
    ui::build(workspace)?;
    build_programs(workspace, &["mailcup-console", "mailcupd", "mailcup-lab"], false)?;
    data::try_to_fetch(workspace, profile(false));
    say::step("Start the lab");
    step::become_program(
        Command::new(workspace.program(profile(false), "mailcup-lab")).args(&options.arguments),
    )
}
