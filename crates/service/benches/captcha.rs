//! What proofs of work cost: whoever solves them by the thousand, and the service that checks them; and what a picture
//! costs to draw.
//!
//! `cargo xtask bench captcha -- ATTEMPTS`. Solver and check run on one thread, natively.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{fmt::Write as _, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use data_encoding::HEXLOWER;
use mailcup_service::{
    captcha::{Bound, picture, proof_of_work},
    secrets::ServerKey,
};
use mailcup_wire::Time;
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const ATTEMPTS: u32 = 10_000;
/// Solved in earnest; the rest is reckoned from them.
const SOLVED: u32 = 100;
const CHECKS: u32 = 100_000;
const PICTURES: u32 = 200;

fn main() {
    let attempts = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(ATTEMPTS);
    let folder = tempfile::tempdir().expect("a folder");
    let key = ServerKey::open(folder.path()).expect("a server key");
    let browser = SecretString::from("a browser");
    let bound = Bound { purpose: "sign-in", browser: &browser };
    let now = Time::from_millis(1_700_000_000_000);

    let challenges: Vec<Value> = (0..SOLVED)
        .map(|_| serde_json::to_value(proof_of_work::challenge(&key, bound, now)).expect("JSON"))
        .collect();
    let begun = Instant::now();
    let solved: Vec<(u64, String)> = challenges.into_iter().map(solve).collect();
    let took = begun.elapsed();
    let tried: u64 = solved.iter().map(|(number, _)| number + 1).sum();
    println!("hardest number: {}", proof_of_work::HARDEST);
    println!("one hash of the solver: {:?}", took / u32::try_from(tried).unwrap_or(u32::MAX));
    let each = took / SOLVED;
    println!("one solution: {each:?} on average; {attempts} solutions: {:?}", each * attempts);

    let begun = Instant::now();
    for (_, solution) in solved.iter().cycle().take(CHECKS as usize) {
        proof_of_work::check(&key, bound, solution, now).expect("it is right");
    }
    let each = begun.elapsed() / CHECKS;
    println!("one check: {each:?}; {attempts} checks: {:?}", each * attempts);

    let begun = Instant::now();
    for _ in 0..PICTURES {
        picture::draw().expect("a picture");
    }
    let each = begun.elapsed() / PICTURES;
    println!("one picture: {each:?}");
}

/// The number and the solution of a challenge.
fn solve(mut challenge: Value) -> (u64, String) {
    let salt = challenge["salt"].as_str().unwrap_or_default().to_owned();
    let wanted = challenge["challenge"].as_str().unwrap_or_default().as_bytes();
    let wanted = HEXLOWER.decode(wanted).expect("hexadecimal digits");
    let most = challenge["maxnumber"].as_u64().unwrap_or_default();
    let mut text = String::with_capacity(80);
    let number = (0..=most)
        .find(|number| {
            text.clear();
            text.push_str(&salt);
            // Into a string: it can't fail.
            let _ = write!(text, "{number}");
            Sha256::digest(&text).as_slice() == wanted
        })
        .expect("a number solves it");
    challenge["number"] = number.into();
    (number, BASE64.encode(challenge.to_string()))
}
