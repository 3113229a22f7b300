//! Authenticator codes: TOTP, RFC 6238, six digits every 30 seconds.

use mailcup_wire::{AuthenticatorEnrolment, FactorId, Login, Time};
use totp_rs::{Builder, Secret, Totp};

use crate::secrets::{SealError, ServerKey};

const PURPOSE: &str = "authenticator seed";

/// Seconds of a time step; one step before and after is taken too.
const STEP: u64 = 30;

/// A new seed of 160 bits: what the app is shown, and the seed sealed.
pub fn enrol(
    key: &ServerKey,
    id: FactorId,
    login: &Login,
    organization: &str,
) -> Result<(AuthenticatorEnrolment, Vec<u8>), SealError> {
    let sealed = key.seal(PURPOSE, &rand::random::<[u8; 20]>())?;
    Ok((shown(key, id, login, organization, &sealed)?, sealed))
}

/// What the app is shown of a sealed seed.
pub fn shown(
    key: &ServerKey,
    id: FactorId,
    login: &Login,
    organization: &str,
    sealed: &[u8],
) -> Result<AuthenticatorEnrolment, SealError> {
    let seed = key.open_sealed(PURPOSE, sealed)?;
    let plain = |text: &str| text.replace(':', " ");
    let totp = builder(&seed)
        .with_account_name(plain(&login.0))
        .with_issuer(Some(plain(&format!("MailCup {organization}"))))
        .build()
        .map_err(|_| SealError)?;
    let uri = totp.to_url().map_err(|_| SealError)?;
    Ok(AuthenticatorEnrolment { id, secret: Secret::from(seed.as_slice()).to_base32(), uri })
}

/// The time step for which `code` is right now under a sealed seed, if it is later than the last one that was taken.
pub fn step_of(key: &ServerKey, sealed: &[u8], last_step: i64, code: &str, now: Time) -> Option<i64> {
    let seed = key.open_sealed(PURPOSE, sealed).ok()?;
    let seconds = u64::try_from(now.as_millis() / 1000).ok()?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = i64::try_from(totp(&seed)?.check(&code, seconds)?).ok()?;
    (step > last_step).then_some(step)
}

fn totp(seed: &[u8]) -> Option<Totp> {
    builder(seed).with_account_name("mailcup").build().ok()
}

fn builder(seed: &[u8]) -> Builder {
    Builder::new().with_secret(Secret::from(seed)).with_digits(6).with_skew(1).with_step_duration(STEP)
}
