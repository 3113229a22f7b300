//! Passkeys of accounts (W3C Web Authentication, Level 3): keys that a device keeps and that sign for this site alone, as
//! second factors on the web. No attestation is asked for: which device it is, is the owner's choice.

mod data;
mod judge;
#[cfg(test)]
mod tests;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use mailcup_wire::{Code, FactorId, Login, Problem, Time};
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use self::data::ALGORITHMS;
pub use self::judge::{
    Assertion, Challenge, Creation, Known, Made, NoPasskeys, Refusal, RelyingParty, asserted, created,
};
use crate::{
    app::App,
    http::problem::HttpProblem,
    secrets,
    store::{
        StoreError,
        passkeys::{self, PasskeyRow},
    },
};

/// Passkeys of one account at most.
const MOST: usize = 10;

/// How long a browser waits for its owner, in milliseconds (section 15.1).
const PATIENCE: u32 = 300_000;

/// A passkey that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// What its owner calls it; none where the account has no such one.
    name: Option<String>,
    refusal: Refusal,
}

impl NotTaken {
    /// Whether somebody may have a copy of it.
    pub fn may_be_copied(&self) -> bool {
        matches!(self.refusal, Refusal::CounterBack { .. })
    }
}

impl fmt::Display for NotTaken {
    /// A sentence for the record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "The passkey \u{201c}{name}\u{201d} was not taken: {}.", self.refusal),
            None => write!(f, "The passkey was not taken: {}.", self.refusal),
        }
    }
}

/// What a browser is asked for a new passkey (section 5.4); none of those that the account has already.
pub fn to_create(
    app: &App,
    party: &RelyingParty,
    challenge: Challenge,
    account: &Login,
    own: &[PasskeyRow],
) -> Value {
    let algorithms = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg }));
    json!({
        "challenge": challenge.to_string(),
        "rp": { "id": party.id, "name": app.settings.organization_name() },
        "user": { "id": BASE64URL_NOPAD.encode(&user(app, account)), "name": account, "displayName": account },
        "pubKeyCredParams": algorithms,
        "excludeCredentials": descriptors(own),
        "authenticatorSelection": { "residentKey": "preferred", "userVerification": "preferred" },
        "attestation": "none",
        "timeout": PATIENCE,
    })
}

/// What a browser is asked for one of these passkeys (section 5.5).
pub fn to_assert(party: &RelyingParty, challenge: Challenge, own: &[PasskeyRow]) -> Value {
    json!({
        "challenge": challenge.to_string(),
        "rpId": party.id,
        "allowCredentials": descriptors(own),
        "userVerification": "preferred",
        "timeout": PATIENCE,
    })
}

/// Adds a passkey that a browser made on `challenge`.
pub async fn add(
    connection: &mut SqliteConnection,
    party: &RelyingParty,
    challenge: Option<Challenge>,
    account: &Login,
    (name, said): (String, &Creation),
    now: Time,
) -> Result<PasskeyRow, HttpProblem> {
    let judged = challenge.ok_or(Refusal::OtherChallenge).and_then(|it| created(party, it, said));
    let made = judged.map_err(|refusal| {
        let text = format!("The passkey was not added: {refusal}. Nothing has changed; try again.");
        HttpProblem::from(Problem::new(Code::Invalid, text))
    })?;
    if passkeys::of(connection, account).await?.len() >= MOST {
        let text = format!("There are {MOST} passkeys already; remove one first.");
        return Err(Problem::new(Code::Conflict, text).into());
    }
    let row = PasskeyRow {
        id: FactorId(secrets::new_id()),
        name,
        credential: made.credential,
        key: made.key,
        counter: made.counter,
        created_at: now,
        last_used_at: None,
    };
    if !passkeys::insert(connection, account, &row).await? {
        let text = "This passkey is set up already. Choose another device, or keep this one as it is.";
        return Err(Problem::new(Code::Conflict, text).into());
    }
    Ok(row)
}

/// Uses a passkey of the account that signed `challenge`: it counts on, within the transaction.
pub async fn take(
    app: &App,
    connection: &mut SqliteConnection,
    party: &RelyingParty,
    challenge: Option<Challenge>,
    account: &Login,
    said: &Assertion,
) -> Result<Result<(), NotTaken>, StoreError> {
    let unknown = |refusal| Ok(Err(NotTaken { name: None, refusal }));
    let Some(challenge) = challenge else { return unknown(Refusal::OtherChallenge) };
    let own = passkeys::of(connection, account).await?;
    let row = own.into_iter().find(|row| row.credential == said.credential);
    let is_theirs = said.user.as_ref().is_none_or(|it| *it == user(app, account));
    let Some(row) = row.filter(|_| is_theirs) else { return unknown(Refusal::NotTheirs) };
    let known = Known { key: &row.key, counter: row.counter };
    let next = match asserted(party, challenge, known, said) {
        Ok(next) => next,
        Err(refusal) => return Ok(Err(NotTaken { name: Some(row.name), refusal })),
    };
    if passkeys::count_on(connection, &row.id, row.counter, next, app.clock.now()).await? {
        return Ok(Ok(()));
    }
    Ok(Err(NotTaken { name: Some(row.name), refusal: Refusal::Overtaken }))
}

/// By what devices know an account (section 14.6.1): says nothing about whose it is.
fn user(app: &App, account: &Login) -> Vec<u8> {
    app.server_key.authenticate("passkey user", &account.0).as_bytes().to_vec()
}

fn descriptors(own: &[PasskeyRow]) -> Value {
    own.iter()
        .map(|row| json!({ "type": "public-key", "id": BASE64URL_NOPAD.encode(&row.credential) }))
        .collect()
}
