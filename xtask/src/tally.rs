//! Reads how many tests ran from what the test programs print.

/// Tests counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Takes a line's counts, if it is the closing line of `cargo test`, nextest, vitest or Playwright.
    pub fn read(&mut self, line: &str) {
        let line = without_colours(line);
        // nextest repeats, indented, what a failed test's own process printed; it counts that by itself.
        if line.starts_with(' ') && line.trim_start().starts_with("test result:") {
            return;
        }
        let line = line.trim();
        let (counts, separators): (&str, &[char]) = if let Some(rest) = line.strip_prefix("test result:") {
            (rest, &['.', ';'])
        } else if let Some(rest) = line.strip_prefix("Summary [") {
            let Some((_, rest)) = rest.split_once(" run:") else { return };
            (rest, &[','])
        } else if let Some(rest) = line.strip_prefix("Tests  ") {
            (rest, &['|', '('])
        } else if is_playwright(line) {
            (line, &['('])
        } else {
            return;
        };
        for count in counts.split(separators) {
            let mut words = count.split_whitespace();
            let (Some(number), Some(word)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u32>() else { continue };
            match word {
                "passed" => self.passed += number,
                "failed" | "timed" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Playwright closes with lines such as `12 passed (8.4s)` and `1 failed`.
fn is_playwright(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let starts = words.next().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
        && words.next().is_some_and(|word| matches!(word, "passed" | "failed"));
    starts && words.next().is_none_or(|word| word.starts_with('('))
}

/// The line without terminal escape sequences (`ESC [ … letter`).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            for skipped in chars.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_every_runner_are_counted() {
        let cases = [
            ("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; finished in 0.02s", (12, 0)),
            ("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", (3, 2)),
            ("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured", (0, 0)),
            ("     Summary [   4.212s] 34 tests run: 33 passed (1 slow), 1 failed, 2 skipped", (33, 1)),
            ("     Summary [   0.212s] 1 test run: 1 passed, 0 skipped", (1, 0)),
            ("     Summary [   9.1s] 4 tests run: 3 passed, 1 timed out, 0 skipped", (3, 1)),
            (
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m41 passed\u{1b}[39m\u{1b}[22m (41)",
                (41, 0),
            ),
            ("      Tests  2 failed | 39 passed (41)", (39, 2)),
            ("  17 passed (12.4s)", (17, 0)),
            ("  2 failed", (0, 2)),
            ("  Test Files  4 passed (4)", (0, 0)),
            ("compiled 3 passed arguments", (0, 0)),
        ];
        for (line, (passed, failed)) in cases {
            let mut tally = Tally::default();
            tally.read(line);
            assert_eq!(tally, Tally { passed, failed }, "{line}");
        }
    }
}
