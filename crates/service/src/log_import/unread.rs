//! Lines that are not understood: counted by what they look like, and shown without names and addresses.

use std::collections::HashMap;

use mailcup_wire::ImportShape;

/// Shapes that are told apart; further ones are counted only.
const SHAPES: usize = 200;
const SHOWN: usize = 20;
const EXAMPLES: usize = 5;
/// Of a line, in bytes.
const LONGEST: usize = 240;
/// Words by which lines look alike.
const WORDS: usize = 4;

#[derive(Debug, Default)]
pub struct Unread {
    shapes: HashMap<String, ImportShape>,
    total: u32,
}

impl Unread {
    pub fn add(&mut self, program: &str, message: &str) {
        self.total = self.total.saturating_add(1);
        let masked = mask(&message[..message.floor_char_boundary(LONGEST)]);
        let begin: Vec<&str> = masked.split(' ').take(WORDS).collect();
        let key = format!("{program} {}", begin.join(" "));
        if !self.shapes.contains_key(&key) && self.shapes.len() >= SHAPES {
            return;
        }
        let shape = self.shapes.entry(key).or_insert_with(|| ImportShape { lines: 0, examples: Vec::new() });
        shape.lines = shape.lines.saturating_add(1);
        let example = if program.is_empty() { masked } else { format!("{program}: {masked}") };
        if shape.examples.len() < EXAMPLES && !shape.examples.contains(&example) {
            shape.examples.push(example);
        }
    }

    pub fn total(&self) -> u32 {
        self.total
    }

    /// The most frequent first.
    pub fn shapes(&self) -> Vec<ImportShape> {
        let mut shapes: Vec<_> = self.shapes.values().cloned().collect();
        shapes.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.examples.cmp(&b.examples)));
        shapes.truncate(SHOWN);
        shapes
    }
}

/// Without what may be a name, an address or a number.
fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut inside = None;
    let mut word = String::new();
    for letter in text.chars() {
        if let Some(end) = inside {
            if letter == end {
                inside = None;
                word.push('…');
                word.push(end);
            }
            continue;
        }
        match letter {
            '<' => inside = Some('>'),
            '[' => inside = Some(']'),
            '(' => inside = Some(')'),
            '"' => inside = Some('"'),
            ' ' => {
                masked.push_str(&masked_word(&word));
                masked.push(' ');
                word.clear();
                continue;
            }
            _ => {}
        }
        word.push(if letter.is_control() { '·' } else { letter });
    }
    if inside.is_some() {
        word.push('…');
    }
    masked.push_str(&masked_word(&word));
    masked
}

fn masked_word(word: &str) -> String {
    let core = word.trim_end_matches([':', ',', ';', '.']);
    let value = core.find('=').map_or(0, |place| place + 1);
    let looks_like_a_name = core.contains('@') || core.contains('.') || core.matches(':').count() > 1;
    if looks_like_a_name {
        return format!("{}…{}", &core[..value], &word[core.len()..]);
    }
    let mut masked = String::with_capacity(word.len());
    for letter in word.chars() {
        let digit = letter.is_ascii_digit();
        if !digit || !masked.ends_with('9') {
            masked.push(if digit { '9' } else { letter });
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_not_shown() {
        assert_eq!(
            mask("Hello anna@example.org from mx.example.net[203.0.113.7]:4711, id=<a b> 12 of 345"),
            "Hello … from …, id=<…> 9 of 9"
        );
        assert_eq!(mask("user=<anna"), "user=<…");
        assert_eq!(mask("rip=2001:db8::7, x"), "rip=…, x");
    }

    #[test]
    fn lines_that_look_alike_are_one_shape() {
        let mut unread = Unread::default();
        for number in 0..10 {
            unread.add("dovecot", &format!("imap-login: Welcome back {number} times, user=<u{number}>"));
        }
        unread.add("", "nothing");
        let shapes = unread.shapes();
        assert_eq!((unread.total(), shapes.len(), shapes[0].lines), (11, 2, 10));
        assert_eq!(shapes[0].examples, ["dovecot: imap-login: Welcome back 9 times, user=<…>"]);
    }
}
