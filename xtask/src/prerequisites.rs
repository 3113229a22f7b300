//! What a command needs from the system: found out first, installed where we know how, else named exactly.

use std::io::IsTerminal;
use std::process::Command;

use crate::failure::Failure;
use crate::platform::Platform;
use crate::say;
use crate::step;
use crate::workspace::find_program;

/// What the system must be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Build the workspace and open the window.
    Build,
    /// Besides, real mail servers.
    MailServers,
    /// Besides, windows and pages that nobody looks at.
    Test,
}

/// How to see, on a system whose packages we don't know, that something is there.
enum Sign {
    /// Any of these pkg-config modules.
    Library(&'static [&'static str]),
    /// Any of these programs.
    Program(&'static [&'static str]),
}

struct Need {
    purpose: Purpose,
    sign: Sign,
    debian: &'static [&'static str],
    fedora: &'static [&'static str],
    arch: &'static [&'static str],
}

use Purpose::{Build, MailServers, Test};
use Sign::{Library, Program};

#[rustfmt::skip]
const NEEDS: &[Need] = &[
    Need { purpose: Build, sign: Program(&["cc"]), debian: &["build-essential"], fedora: &["gcc", "gcc-c++", "make"], arch: &["base-devel"] },
    Need { purpose: Build, sign: Program(&["pkg-config"]), debian: &["pkg-config"], fedora: &["pkgconf-pkg-config"], arch: &["pkgconf"] },
    Need { purpose: Build, sign: Library(&["webkit2gtk-4.1"]), debian: &["libwebkit2gtk-4.1-dev"], fedora: &["webkit2gtk4.1-devel"], arch: &["webkit2gtk-4.1"] },
    Need { purpose: Build, sign: Library(&["ayatana-appindicator3-0.1", "appindicator3-0.1"]), debian: &["libayatana-appindicator3-dev"], fedora: &["libappindicator-gtk3-devel"], arch: &["libappindicator-gtk3"] },
    Need { purpose: Build, sign: Library(&["librsvg-2.0"]), debian: &["librsvg2-dev"], fedora: &["librsvg2-devel"], arch: &["librsvg"] },
    Need { purpose: Build, sign: Library(&["openssl"]), debian: &["libssl-dev"], fedora: &["openssl-devel"], arch: &["openssl"] },
    Need { purpose: MailServers, sign: Program(&["postfix"]), debian: &["postfix"], fedora: &["postfix"], arch: &["postfix"] },
    Need {
        purpose: MailServers,
        sign: Program(&["dovecot"]),
        debian: &["dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-submissiond", "dovecot-lmtpd", "dovecot-managesieved"],
        fedora: &["dovecot", "dovecot-pigeonhole"],
        arch: &["dovecot", "pigeonhole"],
    },
    Need { purpose: Test, sign: Program(&["nginx"]), debian: &["nginx-light"], fedora: &["nginx"], arch: &["nginx"] },
    Need { purpose: Test, sign: Program(&["nft"]), debian: &["nftables"], fedora: &["nftables"], arch: &["nftables"] },
    Need { purpose: Test, sign: Program(&["php-fpm", "php-fpm8.2"]), debian: &["roundcube-core", "roundcube-sqlite3", "php-fpm"], fedora: &["roundcubemail", "php-fpm"], arch: &["roundcubemail", "php-fpm", "php-sqlite"] },
    Need { purpose: Test, sign: Program(&["WebKitWebDriver"]), debian: &["webkit2gtk-driver"], fedora: &["webkit2gtk4.1-webdriver"], arch: &["webkit2gtk-4.1"] },
    Need { purpose: Test, sign: Program(&["Xvfb"]), debian: &["xvfb", "xauth"], fedora: &["xorg-x11-server-Xvfb", "xorg-x11-xauth"], arch: &["xorg-server-xvfb", "xorg-xauth"] },
    Need { purpose: Test, sign: Program(&["dbus-daemon"]), debian: &["dbus"], fedora: &["dbus-daemon"], arch: &["dbus"] },
    Need { purpose: Test, sign: Program(&["gnome-keyring-daemon"]), debian: &["gnome-keyring"], fedora: &["gnome-keyring"], arch: &["gnome-keyring"] },
    Need { purpose: Test, sign: Program(&["xdotool"]), debian: &["xdotool"], fedora: &["xdotool"], arch: &["xdotool"] },
    Need { purpose: Test, sign: Program(&["import"]), debian: &["imagemagick"], fedora: &["ImageMagick"], arch: &["imagemagick"] },
    Need { purpose: Test, sign: Program(&["kill"]), debian: &["procps"], fedora: &["procps-ng"], arch: &["procps-ng"] },
    Need { purpose: Test, sign: Program(&["restic"]), debian: &["restic"], fedora: &["restic"], arch: &["restic"] },
    Need { purpose: Test, sign: Program(&["rclone"]), debian: &["rclone"], fedora: &["rclone"], arch: &["rclone"] },
    Need { purpose: Test, sign: Program(&["sshd", "/usr/sbin/sshd"]), debian: &["openssh-server", "openssh-client"], fedora: &["openssh-server", "openssh-clients"], arch: &["openssh"] },
    Need { purpose: Test, sign: Program(&["faketime"]), debian: &["faketime"], fedora: &["libfaketime"], arch: &["libfaketime"] },
    Need { purpose: Test, sign: Program(&["chromium", "chromium-browser"]), debian: &["chromium", "chromium-headless-shell"], fedora: &["chromium"], arch: &["chromium"] },
];

/// Makes sure that the system can do this: installs on Debian and its kin, elsewhere says what to install.
pub fn ensure(purpose: Purpose) -> Result<(), Failure> {
    let platform = Platform::here();
    match platform {
        Platform::Debian | Platform::Ubuntu => install_with_apt(platform, purpose),
        Platform::Fedora | Platform::Arch | Platform::OtherLinux => name_what_is_missing(platform, purpose),
        Platform::MacOs => on_macos(purpose),
        Platform::Windows => on_windows(purpose),
    }
}

/// Postfix starts only as root; better said before a long build than after.
pub fn require_root(command: &str) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") || is_root() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "this starts a real Postfix, which insists on root. In a root shell, or with sudo, run:\n  \
         sudo --preserve-env env \"PATH=$PATH\" cargo xtask {command}"
    )))
}

fn needs(purpose: Purpose) -> impl Iterator<Item = &'static Need> {
    NEEDS.iter().filter(move |need| need.purpose <= purpose)
}

fn install_with_apt(platform: Platform, purpose: Purpose) -> Result<(), Failure> {
    let wanted = apt_packages(platform, purpose);
    let listing = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\\n"])
        .args(&wanted)
        .output()
        .map_err(|error| Failure::io("asking dpkg-query which packages are installed", &error))?;
    // Its exit code only says that some package is unknown, which is what we want to find out.
    let missing = not_installed(&wanted, &String::from_utf8_lossy(&listing.stdout));
    if missing.is_empty() {
        return Ok(());
    }
    let script = apt_script(&missing);
    let mut command = if is_root() {
        Command::new("sh")
    } else {
        let Some(sudo) = find_program("sudo") else {
            return Err(Failure::new(format!(
                "missing packages, and there is no sudo; as root, run:\n  apt-get install --no-install-recommends {}",
                missing.join(" ")
            )));
        };
        let mut command = Command::new(sudo);
        if !std::io::stdin().is_terminal() {
            command.arg("--non-interactive");
        }
        command.arg("sh");
        command
    };
    step::run(&format!("Install {}", missing.join(" ")), command.args(["-c", &script])).map_err(|failure| {
        Failure::new(format!(
            "{failure}\nYou can install them yourself:\n  sudo apt-get install --no-install-recommends {}",
            missing.join(" ")
        ))
    })
}

fn apt_packages(platform: Platform, purpose: Purpose) -> Vec<&'static str> {
    needs(purpose)
        .flat_map(|need| need.debian)
        .map(|&name| match (platform, name) {
            // There, `chromium` is something else or nothing; this one brings the browser as a snap.
            (Platform::Ubuntu, "chromium") => "chromium-browser",
            _ => name,
        })
        .collect()
}

/// Those of `wanted` that `listing` (lines of `package status`) doesn't show as installed.
fn not_installed(wanted: &[&'static str], listing: &str) -> Vec<&'static str> {
    let installed: Vec<&str> = listing.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    wanted.iter().copied().filter(|name| !installed.contains(name)).collect()
}

/// A shell script that installs the packages, asks nothing, and starts or enables no server.
fn apt_script(packages: &[&str]) -> String {
    let list = packages.join(" ");
    let servers = [
        ("postfix", "postfix.service"),
        ("dovecot-core", "dovecot.service dovecot.socket"),
        ("nginx-light", "nginx.service"),
        ("openssh-server", "ssh.service"),
        ("php-fpm", "php8.2-fpm.service php8.4-fpm.service"),
    ];
    let ours = servers.into_iter().filter(|(package, _)| packages.contains(package));
    let units: Vec<&str> = ours.map(|(_, units)| units).collect();
    let (before, after) = if units.is_empty() {
        (String::new(), String::new())
    } else {
        (KEEP_SERVERS_DOWN.to_owned(), KEEP_SERVERS_OFF.replace("UNITS", &units.join(" ")))
    };
    format!("set -e\n{before}{}{after}", FETCH.replace("PACKAGES", &list))
}

const KEEP_SERVERS_DOWN: &str = "\
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
";

const FETCH: &str = "\
export DEBIAN_FRONTEND=noninteractive
packages='PACKAGES'
fetch() { apt-get install --yes --quiet=2 --no-install-recommends -o DPkg::Lock::Timeout=300 $packages; }
apt-get install --simulate --quiet=2 --no-install-recommends $packages >/dev/null 2>&1 || apt-get update --quiet=2
fetch || { apt-get update --quiet=2; fetch; }
";

const KEEP_SERVERS_OFF: &str = "\
if [ -d /run/systemd/system ]; then
  for unit in UNITS; do systemctl disable --quiet $unit || true; done
fi
";

fn is_root() -> bool {
    step::output_of(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0")
}

fn name_what_is_missing(platform: Platform, purpose: Purpose) -> Result<(), Failure> {
    let missing: Vec<&Need> = needs(purpose).filter(|need| !is_there(&need.sign)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Failure::new(advice(platform, &missing))) }
}

fn is_there(sign: &Sign) -> bool {
    match sign {
        Library(modules) => modules.iter().any(|module| {
            step::output_of(Command::new("pkg-config").args(["--exists", "--print-errors", module])).is_some()
        }),
        Program(names) => names.iter().any(|name| find_program(name).is_some()),
    }
}

/// The command that installs what is missing, or, on a system we don't know, what it is.
fn advice(platform: Platform, missing: &[&Need]) -> String {
    let packages = |of: fn(&Need) -> &'static [&'static str]| {
        missing.iter().flat_map(|&need| of(need)).copied().collect::<Vec<_>>().join(" ")
    };
    match platform {
        Platform::Fedora => {
            format!("missing packages; run:\n  sudo dnf install {}", packages(|need| need.fedora))
        }
        Platform::Arch => {
            format!("missing packages; run:\n  sudo pacman -S --needed {}", packages(|need| need.arch))
        }
        Platform::Debian | Platform::Ubuntu => format!(
            "missing packages; run:\n  sudo apt-get install --no-install-recommends {}",
            packages(|need| need.debian)
        ),
        Platform::OtherLinux | Platform::MacOs | Platform::Windows => {
            let signs: Vec<String> = missing
                .iter()
                .map(|need| match need.sign {
                    Library(modules) => {
                        format!("  the development files of {} (pkg-config module)", modules.join(" or "))
                    }
                    Program(names) => format!("  the program {}", names.join(" or ")),
                })
                .collect();
            format!(
                "this system's packages are not known to us. Install what brings:\n{}\nOn Debian these come with: {}",
                signs.join("\n"),
                packages(|need| need.debian)
            )
        }
    }
}

fn on_macos(purpose: Purpose) -> Result<(), Failure> {
    only_on_linux(purpose)?;
    if step::output_of(Command::new("xcode-select").arg("--print-path")).is_none() {
        return Err(Failure::new("missing Apple's command line tools; run:\n  xcode-select --install"));
    }
    if !is_there(&Library(&["openssl"])) {
        return Err(Failure::new("missing OpenSSL; run:\n  brew install openssl@3 pkgconf"));
    }
    Ok(())
}

fn on_windows(purpose: Purpose) -> Result<(), Failure> {
    only_on_linux(purpose)?;
    say::note(
        "Windows needs the C++ build tools, WebView2 and OpenSSL; should the build miss one:\n    \
         winget install Microsoft.VisualStudio.2022.BuildTools --override \"--add Microsoft.VisualStudio.Workload.VCTools --includeRecommended --passive\"\n    \
         winget install Microsoft.EdgeWebView2Runtime\n    \
         winget install ShiningLight.OpenSSL.Dev",
    );
    Ok(())
}

fn only_on_linux(purpose: Purpose) -> Result<(), Failure> {
    match purpose {
        Build => Ok(()),
        MailServers | Test => Err(Failure::new(
            "this drives a real Postfix, Dovecot and window, which works on Linux only; \
             in a Debian virtual machine, `cargo xtask` installs what it needs",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_includes_the_smaller_ones() {
        let build = apt_packages(Platform::Debian, Build);
        let servers = apt_packages(Platform::Debian, MailServers);
        let test = apt_packages(Platform::Debian, Test);
        assert!(build.contains(&"libwebkit2gtk-4.1-dev") && !build.contains(&"postfix"));
        assert!(servers.contains(&"postfix") && !servers.contains(&"xvfb"));
        assert!(build.iter().chain(&servers).all(|package| test.contains(package)));
        assert!(test.contains(&"chromium"));
        assert!(apt_packages(Platform::Ubuntu, Test).contains(&"chromium-browser"));
    }

    #[test]
    fn only_packages_in_state_installed_count() {
        let listing = "xvfb installed\npostfix config-files\ndbus half-configured\n";
        assert_eq!(
            not_installed(&["xvfb", "postfix", "dbus", "swaks"], listing),
            ["postfix", "dbus", "swaks"]
        );
        assert!(not_installed(&["xvfb"], listing).is_empty());
    }

    #[test]
    fn installing_a_library_touches_no_server_policy() {
        let script = apt_script(&["libssl-dev"]);
        assert!(script.contains("packages='libssl-dev'"), "{script}");
        assert!(!script.contains("policy-rc.d") && !script.contains("systemctl"), "{script}");
    }

    #[test]
    fn installing_a_server_neither_asks_nor_starts_it() {
        let script = apt_script(&["postfix", "xvfb"]);
        let policy = script.find("policy-rc.d").expect("a policy");
        let preseed = script.find("No configuration").expect("a preseeded answer");
        let fetch = script.find("fetch ||").expect("the installation");
        let disable =
            script.find("for unit in postfix.service; do systemctl disable").expect("disabled afterwards");
        assert!(policy < fetch && preseed < fetch && fetch < disable, "{script}");
        assert!(!script.contains("dovecot"), "{script}");
    }

    #[test]
    fn the_script_is_valid_shell() {
        let script = apt_script(&["postfix", "dovecot-core", "libssl-dev"]);
        let status = Command::new("sh").args(["-n", "-c", &script]).status().expect("sh runs");
        assert!(status.success(), "{script}");
    }

    #[test]
    fn elsewhere_the_exact_command_is_named() {
        let missing: Vec<&Need> = needs(Build)
            .filter(|need| need.debian[0].starts_with("libwebkit") || need.debian[0] == "libssl-dev")
            .collect();
        assert!(
            advice(Platform::Fedora, &missing)
                .ends_with("sudo dnf install webkit2gtk4.1-devel openssl-devel")
        );
        assert!(advice(Platform::Arch, &missing).ends_with("sudo pacman -S --needed webkit2gtk-4.1 openssl"));
        let unknown = advice(Platform::OtherLinux, &missing);
        assert!(unknown.contains("webkit2gtk-4.1 (pkg-config module)"), "{unknown}");
        assert!(unknown.contains("libwebkit2gtk-4.1-dev libssl-dev"), "{unknown}");
    }
}
