//! Mail of made-up people, the same at each run, with common and rare words as letters have them.

use std::fmt::Write as _;

/// Words that there are, a few of them common.
const VOCABULARY: u64 = 20_000;

/// A message of exactly [`size`] bytes. One in 20,011 has the word `zuber17`.
pub fn message(number: u32) -> Vec<u8> {
    let mut random = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut text = format!(
        "From: Person {} <p{}@example.net>\r\nTo: someone@example.org\r\nSubject: Subject {number} word{}\r\n\
         Message-ID: <{number}@example.net>\r\nDate: Sat, 28 Nov 2026 08:00:00 +0000\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n",
        number % 997,
        number % 997,
        number % 101
    );
    if number % 20_011 == 17 {
        text.push_str("zuber17 ");
    }
    let wanted = size(number);
    while text.len() < wanted {
        // The product of two makes low numbers frequent.
        let word = (next() % VOCABULARY) * (next() % VOCABULARY) / VOCABULARY;
        let end = if next() % 12 == 0 { ".\r\n" } else { " " };
        let _ = write!(text, "wort{word}{end}");
    }
    text.truncate(wanted);
    text.into_bytes()
}

/// In bytes, 12,000 on average.
pub fn size(number: u32) -> usize {
    2_000 + (number as usize % 17) * 1_250
}
