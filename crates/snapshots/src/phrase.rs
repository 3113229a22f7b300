//! The printed recovery phrase: the password of the repository's second key.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Crockford's base 32: no I, L, O, U, so that nothing is misread on paper.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SECRET_SYMBOLS: usize = 32;
const CHECK_SYMBOLS: usize = 4;
const GROUP: usize = 4;

/// 160 random bits as 32 symbols, and 4 symbols (20 bits) of checksum, in nine groups: `7GQ2-…`. Every wrong or
/// swapped symbol but one in a million is noticed before the slow password hash is tried.
///
/// Written in its one form (capitals, hyphens) it is the password with which plain `restic` opens the repository.
#[derive(Clone)]
pub struct RecoveryPhrase(SecretString);

/// Why a text is no recovery phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    #[error("a recovery phrase has 36 letters and digits in nine groups, this has {0}")]
    Length(usize),
    #[error("'{0}' doesn't occur in a recovery phrase")]
    Symbol(char),
    #[error("a letter or digit is wrong or swapped: compare with the printed phrase, group by group")]
    Checksum,
}

impl RecoveryPhrase {
    /// From 160 bits of a cryptographic random generator.
    pub fn from_entropy(entropy: &[u8; 20]) -> Self {
        let mut symbols = Zeroizing::new(String::with_capacity(SECRET_SYMBOLS + CHECK_SYMBOLS));
        push_symbols(&mut symbols, entropy, SECRET_SYMBOLS);
        let check = checksum(&symbols);
        symbols.push_str(&check);
        Self(in_groups(&symbols))
    }

    /// In its one form: what is printed, and what restic takes as password.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for RecoveryPhrase {
    type Err = PhraseError;

    /// Forgives small letters, spaces and missing hyphens, and O, I, L for 0 and 1.
    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let mut symbols = Zeroizing::new(String::with_capacity(text.len()));
        for typed in text.chars().filter(|typed| !typed.is_whitespace() && *typed != '-') {
            let symbol = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !symbol.is_ascii() || !ALPHABET.contains(&(symbol as u8)) {
                return Err(PhraseError::Symbol(typed));
            }
            symbols.push(symbol);
        }
        if symbols.len() != SECRET_SYMBOLS + CHECK_SYMBOLS {
            return Err(PhraseError::Length(symbols.len()));
        }
        let (secret, check) = symbols.split_at(SECRET_SYMBOLS);
        if checksum(secret) != check {
            return Err(PhraseError::Checksum);
        }
        Ok(Self(in_groups(&symbols)))
    }
}

impl fmt::Debug for RecoveryPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryPhrase(…)")
    }
}

fn checksum(secret: &str) -> String {
    let mut check = String::with_capacity(CHECK_SYMBOLS);
    push_symbols(&mut check, &Sha256::digest(secret.as_bytes()), CHECK_SYMBOLS);
    check
}

/// The first `count` groups of five bits.
fn push_symbols(symbols: &mut String, bytes: &[u8], count: usize) {
    for index in 0..count {
        let bit = |offset: usize| {
            let position = index * 5 + offset;
            bytes[position / 8] >> (7 - position % 8) & 1
        };
        let value = (0..5).fold(0, |value, offset| value << 1 | bit(offset));
        symbols.push(char::from(ALPHABET[usize::from(value)]));
    }
}

fn in_groups(symbols: &str) -> SecretString {
    let mut grouped = String::with_capacity(symbols.len() + symbols.len() / GROUP);
    for (index, symbol) in symbols.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            grouped.push('-');
        }
        grouped.push(symbol);
    }
    grouped.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_of_a_phrase_never_changes() {
        let phrase = RecoveryPhrase::from_entropy(&[0xff; 20]);
        assert_eq!(phrase.expose(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-C2ZG");
        assert_eq!(format!("{phrase:?}"), "RecoveryPhrase(…)");
    }

    proptest! {
        #[test]
        fn a_phrase_is_read_however_it_is_typed(entropy: [u8; 20]) {
            let phrase = RecoveryPhrase::from_entropy(&entropy);
            for typed in [
                phrase.expose().to_owned(),
                phrase.expose().to_lowercase(),
                phrase.expose().replace('-', " "),
                phrase.expose().replace('-', ""),
                phrase.expose().replace('0', "o").replace('1', "l"),
            ] {
                let read: RecoveryPhrase = typed.parse().unwrap();
                prop_assert_eq!(read.expose(), phrase.expose());
            }
        }

        #[test]
        fn a_mistyped_symbol_is_noticed(entropy: [u8; 20], at in 0usize..44, symbol in 0usize..32) {
            let phrase = RecoveryPhrase::from_entropy(&entropy);
            let mut typed = phrase.expose().as_bytes().to_vec();
            prop_assume!(typed[at] != b'-' && typed[at] != ALPHABET[symbol]);
            typed[at] = ALPHABET[symbol];
            let typed = String::from_utf8(typed).unwrap();
            prop_assert_eq!(typed.parse::<RecoveryPhrase>().unwrap_err(), PhraseError::Checksum);
        }
    }

    #[test]
    fn what_is_no_phrase_is_told_apart() {
        assert_eq!("ABCD".parse::<RecoveryPhrase>().unwrap_err(), PhraseError::Length(4));
        assert_eq!("ABC!".parse::<RecoveryPhrase>().unwrap_err(), PhraseError::Symbol('!'));
    }
}
