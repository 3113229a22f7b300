//! A proof of work, as ALTCHA's protocol (version 1) has it: find the number that, after the salt, has the SHA-256 that
//! the challenge names. Its solution is a JSON object in base 64.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use data_encoding::HEXLOWER;
use mailcup_wire::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Bound, Fault, LIFE};
use crate::secrets::{self, ServerKey, TokenHash};

/// The largest number; half of it is tried on average. Meant for one to three seconds of a phone.
pub const HARDEST: u32 = 1_000_000;

const ALGORITHM: &str = "SHA-256";

/// Longest solution, in bytes.
const LONGEST: usize = 1_024;

/// What is to be solved.
#[derive(Debug, Clone, Serialize)]
pub struct Challenge {
    algorithm: &'static str,
    /// SHA-256 of salt and number, in hexadecimal digits.
    #[serde(rename = "challenge")]
    hash: String,
    maxnumber: u32,
    /// Random digits, then when it expires. Ends with `&`, so that no digit of the number passes for one of the time.
    salt: String,
    signature: String,
}

/// A solution.
#[derive(Debug, Deserialize)]
struct Solution {
    algorithm: String,
    challenge: String,
    number: u32,
    salt: String,
    signature: String,
}

pub fn challenge(key: &ServerKey, bound: Bound, now: Time) -> Challenge {
    challenge_up_to(HARDEST, key, bound, now)
}

/// One whose largest number is `hardest`.
pub(super) fn challenge_up_to(hardest: u32, key: &ServerKey, bound: Bound, now: Time) -> Challenge {
    let expires = now.0.as_second() + LIFE.as_secs();
    let salt = format!("{}?expires={expires}&", secrets::new_id());
    let hash = digest(&salt, rand::random_range(0..=hardest));
    let signature = signature(key, bound, &hash);
    Challenge { algorithm: ALGORITHM, hash, maxnumber: hardest, salt, signature }
}

/// The challenge that a solution solves, to be used up.
pub fn check(key: &ServerKey, bound: Bound, solution: &str, now: Time) -> Result<TokenHash, Fault> {
    let bytes = Some(solution).filter(|it| it.len() <= LONGEST).and_then(|it| BASE64.decode(it).ok());
    let solution: Option<Solution> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let solution = solution.filter(|it| it.algorithm == ALGORITHM).ok_or(Fault::Unreadable)?;
    let signature = signature(key, bound, &solution.challenge);
    if !secrets::same(&signature.into(), &solution.signature) {
        return Err(Fault::Foreign);
    }
    if digest(&solution.salt, solution.number) != solution.challenge {
        return Err(Fault::Wrong);
    }
    let (_, expires) = solution.salt.split_once("?expires=").ok_or(Fault::Unreadable)?;
    let expires: i64 = expires.strip_suffix('&').and_then(|it| it.parse().ok()).ok_or(Fault::Unreadable)?;
    if expires <= now.0.as_second() {
        return Err(Fault::Expired);
    }
    Ok(secrets::hash_token(&solution.challenge))
}

/// HMAC-SHA256 over the challenge, under a key of the browser and purpose.
fn signature(key: &ServerKey, bound: Bound, challenge: &str) -> String {
    let own = bound.authenticate(key, "captcha proof", "");
    HEXLOWER.encode(&secrets::hmac(own.as_bytes(), &[challenge]))
}

fn digest(salt: &str, number: u32) -> String {
    HEXLOWER.encode(&Sha256::digest(format!("{salt}{number}")))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    impl Challenge {
        /// Finds its number, as a browser does.
        pub(in crate::captcha) fn solve(&self) -> u32 {
            (0..=self.maxnumber).find(|number| digest(&self.salt, *number) == self.hash).unwrap()
        }

        pub(in crate::captcha) fn solution(&self, number: u32) -> String {
            let mut solution = serde_json::to_value(self).unwrap();
            solution["number"] = number.into();
            BASE64.encode(solution.to_string())
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    #[test]
    fn challenge_and_signature_are_those_of_altchas_own_library() {
        // What createChallenge of npm altcha-lib 1 made of this key, salt, time and number.
        let challenge = digest("5f0c1e2d3a4b596877869504?expires=1700000000&", 4242);
        assert_eq!(challenge, "1a7e83437c3957dc238ac1a35b09fa5878797871f609e62e0ae460c9be36b5fd");
        let signature = secrets::hmac(b"000102030405060708090a0b0c0d0e0f", &[&challenge]);
        let theirs = "ba8254aa5ccac88b1461b2dba1afeea15ae7c2e0a0102fab2a265957dd22ef41";
        assert_eq!(HEXLOWER.encode(&signature), theirs);
    }

    #[test]
    fn a_solution_is_good_in_its_browser_for_its_purpose_and_five_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::open(folder.path()).unwrap();
        let (browser, other) = (SecretString::from("browser"), SecretString::from("other"));
        let bound = Bound { purpose: "sign-in", browser: &browser };
        let challenge = challenge_up_to(1_000, &key, bound, at(1_000));
        let number = challenge.solve();
        let solution = challenge.solution(number);
        assert!(check(&key, bound, &solution, at(1_299)).is_ok());
        assert_eq!(check(&key, bound, &solution, at(1_300)), Err(Fault::Expired));
        let foreign = Bound { browser: &other, ..bound };
        assert_eq!(check(&key, foreign, &solution, at(1_000)), Err(Fault::Foreign));
        let report = Bound { purpose: "report", ..bound };
        assert_eq!(check(&key, report, &solution, at(1_000)), Err(Fault::Foreign));
        let wrong = challenge.solution(number ^ 1);
        assert_eq!(check(&key, bound, &wrong, at(1_000)), Err(Fault::Wrong));
    }

    #[test]
    fn a_tampered_solution_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::open(folder.path()).unwrap();
        let browser = SecretString::from("browser");
        let bound = Bound { purpose: "sign-in", browser: &browser };
        let challenge = challenge_up_to(1_000, &key, bound, at(1_000));
        let number = challenge.solve();
        let with = |edit: &dyn Fn(&mut Challenge)| {
            let mut edited = challenge.clone();
            edit(&mut edited);
            check(&key, bound, &edited.solution(number), at(1_000))
        };
        let later = |it: &mut Challenge| it.salt = it.salt.replace("expires=1300", "expires=9999");
        assert_eq!(with(&later), Err(Fault::Wrong));
        let easier = |it: &mut Challenge| it.hash = digest(&it.salt, number);
        assert!(with(&easier).is_ok(), "it is the very same");
        assert_eq!(with(&|it| it.hash = digest("other", number)), Err(Fault::Foreign));
        assert_eq!(with(&|it| it.signature = "0".repeat(64)), Err(Fault::Foreign));
        assert_eq!(with(&|it| it.algorithm = "SHA-1"), Err(Fault::Unreadable));
        // Digits moved from the number to the time, where the hash is the same.
        let moved = |it: &mut Challenge| it.salt = format!("{}1", it.salt);
        assert_ne!(with(&moved), Ok(secrets::hash_token(&challenge.hash)));
        for nonsense in ["", "e30=", "%%%", &"A".repeat(5_000)] {
            assert_eq!(check(&key, bound, nonsense, at(1_000)), Err(Fault::Unreadable), "{nonsense}");
        }
    }
}
