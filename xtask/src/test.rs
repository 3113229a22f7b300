use std::time::Instant;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::run::profile;
use crate::tally::Tally;
use crate::workspace::{FEATURES, Workspace, find_program};
use crate::{data, say, step, ui};

/// Runs all tests and closes with a line `tests: N passed, N failed`.
pub fn test(workspace: &Workspace) -> Result<(), Failure> {
    let begun = Instant::now();
    prerequisites::require_root("test")?;
    ui::require_node()?;
    prerequisites::ensure(Purpose::Test)?;
    ui::build(workspace)?;
    data::try_to_fetch(workspace, profile(false));
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    pages(workspace, &mut tally, &mut failures);
    crates(workspace, &mut tally, &mut failures);
    say::note(&format!("everything together took {:.0} s", begun.elapsed().as_secs_f64()));
    say::result(&format!("tests: {} passed, {} failed", tally.passed, tally.failed));
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: ")))
    }
}

fn pages(workspace: &Workspace, tally: &mut Tally, failures: &mut Vec<Failure>) {
    for (what, script) in [("Check the pages' types", "check"), ("Lint the pages", "lint")] {
        if let Err(failure) = step::run(what, &mut ui::npm(workspace, &["run", script])) {
            tally.failed += 1;
            failures.push(failure);
        }
    }
    for (what, script) in [("Test the pages' logic", "test"), ("Test the pages in a browser", "test:e2e")] {
        let mut npm = ui::npm(workspace, &["run", script]);
        failures.extend(step::run_tests(what, &mut npm, tally).err());
    }
}

fn crates(workspace: &Workspace, tally: &mut Tally, failures: &mut Vec<Failure>) {
    // Programs and tests in one go, so that tests find `mailcupd` and `mailcup-console` beside each other.
    let built = step::run(
        "Build the programs and tests",
        workspace.cargo().arg("build").args(FEATURES).args(["--bins", "--tests"]),
    );
    if let Err(failure) = built {
        tally.failed += 1;
        failures.push(failure);
        return;
    }
    let mut cargo = workspace.cargo();
    if find_program("cargo-nextest").is_some() {
        cargo.args(["nextest", "run"]).args(FEATURES).arg("--no-fail-fast");
    } else {
        cargo.arg("test").args(FEATURES).args(["--no-fail-fast", "--bins", "--lib", "--tests"]);
        // Every test of a window needs a processor for its own; nextest has groups for that.
        cargo.env("RUST_TEST_THREADS", "2");
    }
    failures.extend(step::run_tests("Test the crates and the whole product", &mut cargo, tally).err());
}
