use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::failure::Failure;
use crate::say;
use crate::tally::Tally;

/// Runs a command with its output on our terminal and nothing to read; says what and how long.
pub fn run(what: &str, command: &mut Command) -> Result<(), Failure> {
    say::step(what);
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        say::note(&format!("{what}: done in {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(())
    } else {
        Err(Failure::new(format!("{what} failed ({status}); the command was: {}", spelled(command))))
    }
}

/// Like [`run`], and counts the tests that the command reports; a failure without a failed test counts as one.
pub fn run_tests(what: &str, command: &mut Command, tally: &mut Tally) -> Result<(), Failure> {
    say::step(what);
    let begun = Instant::now();
    let (reader, writer) = std::io::pipe().map_err(|error| Failure::io("opening a pipe", &error))?;
    let errors = writer.try_clone().map_err(|error| Failure::io("opening a pipe", &error))?;
    command.stdin(Stdio::null()).stdout(writer).stderr(errors);
    let mut child = command.spawn().map_err(|error| not_started(command, &error))?;
    // Our own copies of the pipe's writing end must be gone, or the reader below never sees its end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let output = thread::spawn(move || {
        let mut counted = Tally::default();
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            say::passed_on(&line);
            counted.read(&line);
        }
        counted
    });
    let status = child.wait().map_err(|error| Failure::io(format!("waiting for {what}"), &error))?;
    let counted = output.join().map_err(|_| Failure::new(format!("{what}: its output could not be read")))?;
    tally.add(counted);
    if counted.failed == 0 && (!status.success() || counted.passed == 0) {
        tally.failed += 1;
    }
    if !status.success() {
        return Err(Failure::new(format!("{what} failed ({status}); the command was: {}", spelled(command))));
    }
    if counted.passed == 0 {
        return Err(Failure::new(format!("{what} ran no test; the command was: {}", spelled(command))));
    }
    say::note(&format!("{what}: {} passed in {:.1} s", counted.passed, begun.elapsed().as_secs_f64()));
    Ok(())
}

/// What the command prints, when it succeeds; `None` when it can't be started or fails.
pub fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Hands the terminal over to a program: on Unix this process becomes it.
pub fn become_program(command: &mut Command) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(not_started(command, &error))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().map_err(|error| not_started(command, &error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("{} ended with {status}", spelled(command))))
        }
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::io(format!("could not start {}", command.get_program().display()), error)
}

fn spelled(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
