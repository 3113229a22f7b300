use std::path::PathBuf;

use clap::Parser;

/// Given at start at login: the console begins in the tray.
pub const IN_TRAY: &str = "--in-tray";

/// Guards your organization's mail accounts from the desktop
#[derive(Debug, Parser)]
#[command(name = "mailcup-console", version)]
pub struct Arguments {
    /// Where the console keeps its data, instead of the user's data folder
    #[arg(long, value_name = "DIR", env = "MAILCUP_CONSOLE_DATA")]
    pub data_dir: Option<PathBuf>,
    /// Begin in the tray, without showing the window
    #[arg(long)]
    pub in_tray: bool,
}
