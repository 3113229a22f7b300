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

/// Refuses a password that is too short, too long, or the login itself.
pub fn acceptable(field: &str, password: &str, login: &str) -> Result<(), HttpProblem> {
    let problem = if password.chars().count() < MIN_LENGTH {
        format!("A password needs at least {MIN_LENGTH} characters; a few words are best.")
    } else if password.len() > MAX_LENGTH {
        format!("A password may have at most {MAX_LENGTH} bytes.")
    } else if password.eq_ignore_ascii_case(login) {
        "The login itself can't be the password.".to_owned()
    } else {
        return Ok(());
    };
    Err(Problem::field(field, problem).into())
}

/// Argon2id with 19 MiB, 2 passes, 1 lane (OWASP's first choice).
fn hash(password: &[u8]) -> Option<String> {
    Argon2::default().hash_password(password).ok().map(|hash| hash.to_string())
}

fn broken() -> HttpProblem {
    Problem::new(Code::Internal, "The password could not be hashed.").into()
}
