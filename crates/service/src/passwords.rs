//! Admins' passwords: Argon2id, on threads of their own and never too many at once, so that a flood of
//! sign-ins takes neither the service's memory nor its hands.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use mailcup_wire::{Code, Details, Problem};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use zxcvbn::{Score, feedback::Feedback, zxcvbn};

use crate::http::problem::HttpProblem;

/// Fewest characters of a password. A second factor is always asked too (NIST SP 800-63B-4).
pub const MIN_LENGTH: usize = 10;

/// Most bytes of a password: enough for any sentence, too few to keep a hash busy.
pub const MAX_LENGTH: usize = 512;

/// How many may wait for a hash; beyond it, a client is told to come back.
const QUEUE: usize = 64;

/// Hashes and checks passwords.
#[derive(Debug)]
pub struct Passwords {
    hands: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// What a password is checked against where there is no admin, so that time does not tell.
    nobody: String,
}

impl Passwords {
    /// Uses at most `hands` threads at a time.
    pub fn new(hands: usize) -> Self {
        let nobody = hash(rand::random::<u128>().to_string().as_bytes()).unwrap_or_default();
        Self { hands: Arc::new(Semaphore::new(hands.max(1))), queue: Arc::new(Semaphore::new(QUEUE)), nobody }
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: SecretString) -> Result<String, HttpProblem> {
        self.work(move || hash(password.expose_secret().as_bytes())).await?.ok_or_else(broken)
    }

    /// Whether `password` is the one that `stored` was made from. Takes as long where nothing is stored.
    pub async fn check(&self, password: SecretString, stored: Option<&str>) -> Result<bool, HttpProblem> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let same = self
            .work(move || {
                let password = password.expose_secret().as_bytes();
                PasswordHash::new(&stored)
                    .is_ok_and(|stored| Argon2::default().verify_password(password, &stored).is_ok())
            })
            .await?;
        Ok(same && exists)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HttpProblem> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| {
            Problem::new(Code::TooMany, "Too many people sign in at once; try again in a moment.")
                .with(Details::RetryAfter { seconds: 2 })
        })?;
        let hand = Arc::clone(&self.hands).acquire_owned().await.map_err(|_| broken())?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept to the end of the work: a client that goes away does not end it.
            let _kept = (place, hand);
            work()
        });
        done.await.map_err(|_| broken())
    }
}

/// Refuses a password that is too short, too long, the login itself, or soon guessed: one of the commonest, or made of
/// few common words, names, dates, keyboard rows, or words of this place.
pub fn acceptable(field: &str, password: &str, login: &str) -> Result<(), HttpProblem> {
    let problem = if password.chars().count() < MIN_LENGTH {
        format!("A password needs at least {MIN_LENGTH} characters; a few words are best.")
    } else if password.len() > MAX_LENGTH {
        format!("A password may have at most {MAX_LENGTH} bytes.")
    } else if password.eq_ignore_ascii_case(login) {
        "The login itself can't be the password.".to_owned()
    } else if let Some(why) = soon_guessed(password, login) {
        why
    } else {
        return Ok(());
    };
    Err(Problem::field(field, problem).into())
}

/// Words that whoever guesses here tries first, beside the login and its parts.
const LOCAL_WORDS: [&str; 6] = ["mailcup", "postmaster", "hostmaster", "webmail", "dovecot", "postfix"];

/// Characters that are looked at; estimating takes longer than they are worth beyond.
const ESTIMATED: usize = 64;

/// Why a password is guessed within some 10⁸ tries, and what is better.
fn soon_guessed(password: &str, login: &str) -> Option<String> {
    let begin: String = password.chars().take(ESTIMATED).collect();
    let parts = login.split('@').chain(login.split(['@', '.', '-', '_', '+'])).chain([login]);
    let words: Vec<&str> = LOCAL_WORDS.into_iter().chain(parts.filter(|part| part.len() > 2)).collect();
    let estimate = zxcvbn(&begin, &words);
    if estimate.score() >= Score::Three {
        return None;
    }
    let why = estimate.feedback().and_then(Feedback::warning).map(|warning| warning.to_string());
    let why = why.unwrap_or_else(|| "This password is soon guessed.".to_owned());
    Some(format!("{why} Take a few words that have nothing to do with each other."))
}

/// Argon2id with 19 MiB, 2 passes, 1 lane (OWASP's first choice).
fn hash(password: &[u8]) -> Option<String> {
    Argon2::default().hash_password(password).ok().map(|hash| hash.to_string())
}

fn broken() -> HttpProblem {
    Problem::new(Code::Internal, "The password could not be hashed.").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_and_words_of_this_place_are_refused() {
        let refused = |password: &str| acceptable("password", password, "olga.meier@example.org").is_err();
        for password in [
            "1234567890",
            "qwertyuiop",
            "password123",
            "iloveyou123",
            "Mailcup2026",
            "olga.meier1",
            "Postmaster1",
            "example.org1",
            "olga.meier@example.org",
        ] {
            assert!(refused(password), "{password}");
        }
        for password in ["a long password for the owner", "vW3$kkd9!pLq", "лимон паровоз тетрадь"]
        {
            assert!(!refused(password), "{password}");
        }
        assert!(!refused(&"many words, much longer than anybody looks at ".repeat(10)));
    }
}
