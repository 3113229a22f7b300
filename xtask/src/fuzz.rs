use std::path::PathBuf;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::workspace::Workspace;
use crate::{say, step, tools};

#[derive(clap::Args)]
pub struct Options {
    /// What to fuzz; all of it, one after the other, if nothing is named
    #[arg(value_enum)]
    targets: Vec<Target>,
    /// For how long each
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    seconds: u32,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    /// Requests of Postfix
    #[value(name = "postfix_request")]
    PostfixRequest,
    /// Requests of Dovecot
    #[value(name = "dovecot_request")]
    DovecotRequest,
    /// Pasted networks
    #[value(name = "networks")]
    Networks,
    /// Files of rules and limits
    #[value(name = "rules_file")]
    RulesFile,
    /// What devices say of passkeys
    #[value(name = "passkey")]
    Passkey,
    /// Logs of mail servers
    #[value(name = "log_line")]
    LogLine,
    /// Messages that are shown from snapshots
    #[value(name = "shown_mail")]
    ShownMail,
}

/// Memory of one fuzzed run, in MiB.
const MEMORY: u32 = 1_024;

/// Looks for bytes that break what must hold. What is found is kept in `fuzz/artifacts`; what widens the search, in
/// the cache folder, where [`Target::name`] is its folder.
pub fn fuzz(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    prerequisites::ensure(Purpose::Build)?;
    let all = [
        Target::PostfixRequest,
        Target::DovecotRequest,
        Target::Networks,
        Target::RulesFile,
        Target::Passkey,
        Target::LogLine,
        Target::ShownMail,
    ];
    let targets = if options.targets.is_empty() { &all[..] } else { &options.targets };
    let program = tools::find_or_install(workspace, "cargo-fuzz")
        .ok_or_else(|| Failure::new("cargo-fuzz is needed: cargo install cargo-fuzz"))?;
    for target in targets {
        let name = target.name();
        let found = workspace.fuzzed().join(name);
        std::fs::create_dir_all(&found)
            .map_err(|error| Failure::io("making a folder for a corpus", &error))?;
        let mut fuzz = workspace.tool(&program);
        // Optimizing across crates at link time takes minutes for each target and finds nothing more.
        fuzz.env("CARGO_PROFILE_RELEASE_LTO", "off");
        fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--features", "libfuzzer"]);
        fuzz.arg("--target-dir").arg(workspace.fuzzed().join("target")).arg(name);
        fuzz.arg(&found).arg(seeds(workspace, name)).arg("--");
        fuzz.arg(format!("-max_total_time={}", options.seconds));
        fuzz.arg(format!("-rss_limit_mb={MEMORY}")).args(["-timeout=10", "-print_final_stats=1"]);
        step::run(&format!("Fuzz {name} for {} s", options.seconds), &mut fuzz)?;
    }
    say::result("nothing was found");
    Ok(())
}

fn seeds(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root.join("fuzz").join("corpora").join(name)
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::PostfixRequest => "postfix_request",
            Self::DovecotRequest => "dovecot_request",
            Self::Networks => "networks",
            Self::RulesFile => "rules_file",
            Self::Passkey => "passkey",
            Self::LogLine => "log_line",
            Self::ShownMail => "shown_mail",
        }
    }
}
