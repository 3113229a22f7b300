//! What an account may be called.

const LONGEST_LOGIN: usize = 320;
const LONGEST_NAME: usize = 200;
const LONGEST_NOTE: usize = 2000;

/// Why an account can't be as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("A login has no spaces and is not empty.")]
    NoLogin,
    #[error("A login has no spaces and is not empty.")]
    BlankInLogin,
    #[error("A login has at most {LONGEST_LOGIN} characters.")]
    LoginTooLong,
    #[error("A name has at most {LONGEST_NAME} characters.")]
    NameTooLong,
    #[error("A note has at most {LONGEST_NOTE} characters.")]
    NoteTooLong,
}

/// A login as it is kept: in lower case, without blanks around it.
pub fn login(written: &str) -> Result<String, Fault> {
    let login = written.trim().to_lowercase();
    if login.is_empty() {
        return Err(Fault::NoLogin);
    }
    if login.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Fault::BlankInLogin);
    }
    if login.len() > LONGEST_LOGIN { Err(Fault::LoginTooLong) } else { Ok(login) }
}

pub fn name(name: &str) -> Result<(), Fault> {
    if name.chars().count() > LONGEST_NAME { Err(Fault::NameTooLong) } else { Ok(()) }
}

pub fn note(note: &str) -> Result<(), Fault> {
    if note.chars().count() > LONGEST_NOTE { Err(Fault::NoteTooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_one_word_in_lower_case() {
        assert_eq!(login(" Anna@Example.org\t").as_deref(), Ok("anna@example.org"));
        assert_eq!(login(" "), Err(Fault::NoLogin));
        assert_eq!(login("an na"), Err(Fault::BlankInLogin));
        assert_eq!(login("an\u{0}na"), Err(Fault::BlankInLogin));
        assert_eq!(login(&"a".repeat(320)).map(|login| login.len()), Ok(320));
        assert_eq!(login(&"a".repeat(321)), Err(Fault::LoginTooLong));
        assert_eq!(name(&"ä".repeat(200)), Ok(()));
        assert_eq!(name(&"ä".repeat(201)), Err(Fault::NameTooLong));
        assert_eq!(note(&"ä".repeat(2001)), Err(Fault::NoteTooLong));
    }
}
