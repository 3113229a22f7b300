//! The only place that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on its terminal")]

/// Announces the next thing that takes time.
pub fn step(what: &str) {
    eprintln!("==> {what}");
}

pub fn note(text: &str) {
    eprintln!("    {text}");
}

pub fn problem(text: &str) {
    eprintln!("error: {text}");
}

/// A command's result, for people and for programs that read the output.
pub fn result(line: &str) {
    println!("{line}");
}

/// Passes on a line of a program that we started.
pub fn passed_on(line: &str) {
    println!("{line}");
}
