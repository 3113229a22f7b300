//! The repository beside Debian's restic, on the same mail: CPU seconds of whole processes, the same phrase as password,
//! in rounds that take turns in who goes first.
//!
//! `cargo xtask bench snapshots [-- MESSAGES ROUNDS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a failed step ends the benchmark")]

mod maildir;
mod ours;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use self::maildir::Maildir;

const MESSAGES: u32 = 100_000;
const ROUNDS: u32 = 5;
const PHRASE: &str = "MAILCUP_BENCH_PHRASE";

/// What is measured, and how many times restic's CPU time it may take.
const STEPS: [(Step, f64); 7] = [
    (Step::First, 2.0),
    (Step::Second, 1.2),
    (Step::List, 0.5),
    (Step::Diff, 0.35),
    (Step::OneFile, 1.0),
    (Step::Check, 0.8),
    (Step::Restore, 0.6),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    First,
    Second,
    List,
    Diff,
    OneFile,
    Check,
    Restore,
}

/// What a process took.
#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
}

struct Bench {
    folder: tempfile::TempDir,
    mail: Maildir,
    phrase: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    if arguments.first().is_some_and(|first| first == "ours") {
        ours::run(&arguments[1..], &std::env::var(PHRASE).unwrap());
        return;
    }
    let numbers: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let messages = numbers.first().copied().unwrap_or(MESSAGES);
    let rounds = numbers.get(1).copied().unwrap_or(ROUNDS);
    let folder = tempfile::tempdir().unwrap();
    let mail = Maildir::fill(&folder.path().join("mail"), messages);
    println!("{messages} messages, {} MB, {rounds} rounds", mail.bytes() >> 20);
    let mut bench = Bench { folder, mail, phrase: ours::new_phrase() };
    let mut costs: BTreeMap<(Step, bool), Vec<Cost>> = BTreeMap::new();
    for round in 0..rounds {
        bench.round(round, &mut costs);
    }
    for (step, bound) in STEPS {
        let of = |is_ours| median(&costs[&(step, is_ours)]);
        let (ours, restic) = (of(true), of(false));
        println!(
            "{step:?}: {:.2} CPU s ({:.1} s), restic {:.2} CPU s ({:.1} s): {:.2} times (at most {bound})",
            ours.cpu.as_secs_f64(),
            ours.wall.as_secs_f64(),
            restic.cpu.as_secs_f64(),
            restic.wall.as_secs_f64(),
            ours.cpu.as_secs_f64() / restic.cpu.as_secs_f64(),
        );
    }
    let peak = fs::read_to_string(bench.folder.path().join("peak")).unwrap();
    println!("peak memory of our restore: {} MB", peak.trim().parse::<u64>().unwrap() >> 10);
}

impl Bench {
    fn round(&mut self, round: u32, costs: &mut BTreeMap<(Step, bool), Vec<Cost>>) {
        for repository in ["ours", "restic"] {
            let _ = fs::remove_dir_all(self.at(repository));
        }
        self.restic(&["init"]);
        self.ours(&["init"]);
        for (step, _) in STEPS {
            if step == Step::Second {
                self.mail.change();
            }
            let mut turns = [true, false];
            if round % 2 == 1 {
                turns.reverse();
            }
            for is_ours in turns {
                let cost = if is_ours { self.ours_does(step) } else { self.restic_does(step) };
                costs.entry((step, is_ours)).or_default().push(cost);
            }
        }
        assert_eq!(
            maildir::count(&self.at("restored-ours")),
            maildir::count(&self.at("restored-restic")),
            "both restored all"
        );
        for restored in ["restored-ours", "restored-restic"] {
            fs::remove_dir_all(self.at(restored)).unwrap();
        }
    }

    fn ours_does(&self, step: Step) -> Cost {
        let mail = self.mail.root().display().to_string();
        match step {
            Step::First => self.ours(&["backup", &mail, "0"]),
            Step::Second => self.ours(&["backup", &mail, "60"]),
            Step::List => self.ours(&["list"]),
            Step::Diff => self.ours(&["diff"]),
            Step::OneFile => self.ours(&["dump", &self.mail.one()]),
            Step::Check => self.ours(&["check"]),
            Step::Restore => {
                let (target, peak) = (self.at("restored-ours"), self.at("peak"));
                self.ours(&["restore", &target.display().to_string(), &peak.display().to_string()])
            }
        }
    }

    fn restic_does(&self, step: Step) -> Cost {
        match step {
            Step::First | Step::Second => self.restic(&["backup", "."]),
            Step::List => self.restic(&["ls", "latest"]),
            Step::Diff => {
                let mut names: Vec<_> = fs::read_dir(self.at("restic/snapshots"))
                    .unwrap()
                    .map(|entry| entry.unwrap())
                    .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.file_name()))
                    .collect();
                names.sort();
                let names: Vec<_> = names.into_iter().map(|(_, name)| name.into_string().unwrap()).collect();
                self.restic(&["diff", &names[0], &names[1]])
            }
            Step::OneFile => self.restic(&["dump", "latest", &format!("/{}", self.mail.one())]),
            Step::Check => self.restic(&["check", "--read-data"]),
            Step::Restore => {
                let target = self.at("restored-restic");
                self.restic(&["restore", "latest", "--target", &target.display().to_string()])
            }
        }
    }

    fn ours(&self, arguments: &[&str]) -> Cost {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("ours").arg(self.at("ours")).args(arguments).env(PHRASE, &self.phrase);
        self.measured(&mut command)
    }

    fn restic(&self, arguments: &[&str]) -> Cost {
        let mut command = Command::new("restic");
        command.args(["--quiet", "--no-cache", "-r"]).arg(self.at("restic")).args(arguments);
        command.current_dir(self.mail.root()).env("RESTIC_PASSWORD", &self.phrase);
        self.measured(&mut command)
    }

    fn measured(&self, command: &mut Command) -> Cost {
        let output = File::create(self.at("output")).unwrap();
        let (began, before) = (Instant::now(), cpu_of_children());
        let status = command.stdin(Stdio::null()).stdout(output).status().unwrap();
        assert!(status.success(), "{command:?}");
        Cost { cpu: cpu_of_children().saturating_sub(before), wall: began.elapsed() }
    }

    fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn median(costs: &[Cost]) -> Cost {
    let mut costs = costs.to_vec();
    costs.sort_unstable_by_key(|cost| cost.cpu);
    costs[costs.len() / 2]
}

/// In steps of 10 ms: proc(5)'s cutime and cstime.
fn cpu_of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // After the name: the state comes first, cutime and cstime are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}
