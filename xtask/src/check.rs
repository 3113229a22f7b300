use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::workspace::{FEATURES, Workspace};
use crate::{say, step, tools, ui};

/// Where cargo-deny fetches known vulnerabilities from.
const ADVISORIES_HOST: (&str, u16) = ("github.com", 443);

/// Checks the form of everything; runs all checks before it fails.
pub fn check(workspace: &Workspace) -> Result<(), Failure> {
    ui::require_node()?;
    prerequisites::ensure(Purpose::Build)?;
    ui::build(workspace)?;
    let mut failures = Vec::new();
    failures.extend(step::run("Check formatting", workspace.cargo().args(["fmt", "--all", "--check"])).err());
    for (what, script) in [("Check the pages' types", "check"), ("Lint the pages", "lint")] {
        failures.extend(step::run(what, &mut ui::npm(workspace, &["run", script])).err());
    }
    let clippy = ["--all-targets", "--keep-going", "--", "--deny", "warnings"];
    failures.extend(
        step::run("Lint the crates", workspace.cargo().arg("clippy").args(FEATURES).args(clippy)).err(),
    );
    failures.extend(
        step::run(
            "Check the documentation",
            workspace.cargo().env("RUSTDOCFLAGS", "--deny warnings").arg("doc").args(FEATURES).args([
                "--no-deps",
                "--document-private-items",
                "--keep-going",
            ]),
        )
        .err(),
    );
    failures.extend(
        step::run(
            "Check the repository's rules",
            workspace.cargo().args(["test", "--package", "xtask", "--quiet"]),
        )
        .err(),
    );
    let generated = ["--lib", "--test", "identity", "--quiet", "--", "committed_openapi", "the_pages_know"];
    failures.extend(
        step::run("Check generated files", workspace.cargo().arg("test").args(FEATURES).args(generated))
            .err(),
    );
    failures.extend(dependencies(workspace).err());
    if failures.is_empty() {
        say::result("check: all well");
        Ok(())
    } else {
        Err(Failure::new(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: ")))
    }
}

/// Licences, bans and sources always; known vulnerabilities when their list can be reached.
fn dependencies(workspace: &Workspace) -> Result<(), Failure> {
    let Some(deny) = tools::find_or_install(workspace, "cargo-deny") else {
        say::note("licences and sources of dependencies were NOT checked: cargo-deny could not be installed");
        return Ok(());
    };
    let run = |what, checks: &[&str]| {
        let mut command = std::process::Command::new(&deny);
        step::run(what, command.current_dir(&workspace.root).args(["--workspace", "check"]).args(checks))
    };
    run("Check dependencies' licences and sources", &["licenses", "bans", "sources"])?;
    if is_reachable(ADVISORIES_HOST) {
        run("Check dependencies for known vulnerabilities", &["advisories"])
    } else {
        say::note("known vulnerabilities were NOT checked: their list can't be reached from here");
        Ok(())
    }
}

fn is_reachable(host: (&str, u16)) -> bool {
    host.to_socket_addrs().is_ok_and(|addresses| {
        addresses.take(2).any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(3)).is_ok())
    })
}
