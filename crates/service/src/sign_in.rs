//! Signing in: a password, then a second factor. Every attempt is an event; a refusal looks like a wrong
//! password from outside, whatever its reason.

pub mod again;
pub(crate) mod challenge;
mod factor;

use std::sync::Arc;

use mailcup_guard::{
    alert::{PasswordMark, Subject},
    decision::{self, SignInVerdict},
    one_time_code::{LIFE, Over},
};
use mailcup_wire::{
    Admin, AdminId, Challenge, ChallengeAnswer, ChallengeId, Code, DeviceId, DeviceName, FactorKind, Login,
    Outcome, Problem, Protocol, Reason, ReasonCode, SessionGrant, SessionId, SignIn, SignInRequest, Time,
};
use secrecy::{ExposeSecret, SecretString};

pub use self::challenge::Challenges;
use self::{
    challenge::{Bound, Pending, Waiting},
    factor::Available,
};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::{LogTransaction, reason_text},
    http::{client::Client, problem::HttpProblem, proof::Proven},
    mail::text::{self, Occasion},
    outbox,
    policy::noted,
    proof::Thumbprint,
    risk,
    secrets::{self, TokenHash},
    sessions::{LiveSession, TOKEN_PREFIX},
    store::{
        StoreError, admins,
        admins::AdminRow,
        devices,
        devices::SignedInFrom,
        second_factors::{self, Person},
        sessions,
    },
    throttle::Whose,
};

/// Checks a password and asks for a second factor. The device whose key signed this finishes the sign-in, and no
/// other.
pub async fn begin(
    app: &App,
    client: Client,
    proven: Proven,
    request: SignInRequest,
) -> Result<Challenge, HttpProblem> {
    let device = acceptable_device(request.device)?;
    let login = Login(request.login.trim().to_lowercase());
    let guess = Whose::guess(client.address, &login.0);
    let network = Whose::network(client.address);
    app.throttle.take(network.clone())?;
    app.throttle.take(guess.clone()).inspect_err(|_| app.throttle.give_back(network.clone()))?;
    let key = proven.take(app)?;
    let device = keyed(device, key);

    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::by_login(&mut connection, &login).await?;
    drop(connection);
    let (refused, reasons) = decide(app, client, &login, Protocol::Api);
    let mark = password_mark(app, &login, &request.password);
    let password = SecretString::from(request.password);
    let right = app.passwords.check(password, row.as_ref().map(|row| row.password.as_str())).await?;

    let attempt = SignInAttempt { login: &login, client, device: &device };
    let row = match row {
        Some(row) if right && !refused => row,
        _ => {
            let (outcome, reasons, mark) = if refused {
                (Outcome::Refused, reasons, None)
            } else {
                let reason = reason(ReasonCode::WrongPassword, "The login or password was wrong.");
                (Outcome::Failed, with(reason, reasons), Some(mark))
            };
            app.log.append_sign_in(attempt.event(outcome, reasons), mark).await?;
            return Err(refusal());
        }
    };
    app.throttle.give_back(guess);
    app.throttle.give_back(network);
    let bound = Bound { key, session: None };
    let challenge = ask_for_factor(app, &attempt, bound, &row).await?;
    let reason = reason(ReasonCode::CodeRequested, "The password was right; a second factor was asked for.");
    app.log.append_sign_in(attempt.event(Outcome::Challenged, with(reason, reasons)), None).await?;
    Ok(challenge)
}

/// Sends a one-time code by mail, anew or for the first time. Tries stay as they are.
pub async fn send_code(
    app: &App,
    client: Client,
    proven: Proven,
    id: &ChallengeId,
) -> Result<Challenge, HttpProblem> {
    let bound = Bound { key: proven.key(), session: None };
    app.challenges.of(&bound, id, app.clock.now())?;
    proven.take(app)?;
    send_code_to(app, client, &bound, id).await
}

/// Checks a second factor and signs in.
pub async fn answer(
    app: &Arc<App>,
    client: Client,
    proven: Proven,
    id: &ChallengeId,
    answer: ChallengeAnswer,
) -> Result<SessionGrant, HttpProblem> {
    let bound = Bound { key: proven.key(), session: None };
    app.challenges.of(&bound, id, app.clock.now())?;
    proven.take(app)?;
    let Passed { mut tx, admin, pending, reasons } = pass(app, client, &bound, id, &answer).await?;
    let how = match answer.factor {
        FactorKind::Email => "Signed in with password and e-mailed code.",
        FactorKind::Authenticator => "Signed in with password and authenticator code.",
        FactorKind::RecoveryCode => "Signed in with password and recovery code.",
        FactorKind::Passkey => "Signed in with password and passkey.",
    };
    let attempt = SignInAttempt { login: &pending.login, client, device: &pending.device };
    let reasons = with(reason(ReasonCode::Credentials, how), reasons);
    tx.append_sign_in(attempt.event(Outcome::Succeeded, reasons), None);
    let from = Device { name: pending.device, key: pending.bound.key };
    let grant = grant(app, &mut tx, client, admin, from, Newness::Tell).await?;
    tx.commit().await?;
    Ok(grant)
}

/// A challenge that was answered rightly, in the transaction that uses up the code.
struct Passed {
    tx: LogTransaction,
    admin: Admin,
    pending: Pending,
    /// What is to be noted.
    reasons: Vec<Reason>,
}

/// Checks a second factor. What is wrong is an event; what is right ends the challenge.
async fn pass(
    app: &Arc<App>,
    client: Client,
    bound: &Bound,
    id: &ChallengeId,
    answer: &ChallengeAnswer,
) -> Result<Passed, HttpProblem> {
    let now = app.clock.now();
    let admin = app.challenges.of(bound, id, now)?.about.admin;
    let codes = Whose::Codes(admin.0);
    app.throttle.take(codes.clone())?;
    let waiting = app.challenges.try_once(id, now)?;
    let pending = &waiting.about;
    let attempt = SignInAttempt { login: &pending.login, client, device: &pending.device };
    let (refused, reasons) = decide(app, client, &pending.login, Protocol::Api);

    let mut tx = app.log.begin().await?;
    // Role and password as they are now: either may have changed since the password was right.
    let row = admins::get(tx.connection(), &pending.admin).await?.ok_or_else(|| challenge::over(Over))?;
    if row.password != pending.password {
        app.challenges.end(id);
        return Err(challenge::over(Over));
    }
    let code = SecretString::from(answer.code.as_str());
    let right = !refused && factor::take(app, &mut tx, id, &waiting, answer.factor, &code).await?;
    if !right {
        drop(tx);
        let (outcome, reasons) = if refused {
            (Outcome::Refused, reasons)
        } else {
            (Outcome::Failed, with(reason(ReasonCode::WrongCode, "The second factor was wrong."), reasons))
        };
        app.log.append_sign_in(attempt.event(outcome, reasons), None).await?;
        return Err(wrong_code(app, id, waiting.tries_left()));
    }
    if !app.challenges.end(id) {
        return Err(challenge::over(Over));
    }
    second_factors::used(tx.connection(), Person::Admin(&pending.admin), answer.factor, now).await?;
    app.throttle.succeeded(&codes);
    app.throttle.succeeded(&Whose::Mails(pending.admin.0.clone()));
    app.throttle.succeeded(&Whose::guess(client.address, &pending.login.0));
    Ok(Passed { tx, admin: row.admin, pending: waiting.about, reasons })
}

async fn send_code_to(
    app: &App,
    client: Client,
    bound: &Bound,
    id: &ChallengeId,
) -> Result<Challenge, HttpProblem> {
    let now = app.clock.now();
    let code = new_code();
    if !app.challenges.of(bound, id, now)?.about.factors.contains(&FactorKind::Email) {
        let message = "Codes by mail don't count for you any more: give a code of your authenticator, or a recovery code.";
        return Err(Problem::new(Code::Conflict, message).into());
    }
    let waiting = app.challenges.send(id, code_hash(app, id, code.expose_secret()), now)?;
    let pending = &waiting.about;
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &pending.admin).await?.ok_or_else(|| challenge::over(Over))?;
    drop(connection);
    mail_code(app, client, &row.admin, &pending.device, &code).await?;
    Ok(shown(app, id, &waiting, &row.admin))
}

/// Whether a device that was never seen before is told about. One that gave a second factor is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newness {
    Tell,
    /// It is the very first one.
    Silent,
}

/// Begins a session within a transaction; it lives from the commit on.
pub async fn grant(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    client: Client,
    mut admin: Admin,
    Device { name: device, key }: Device,
    newness: Newness,
) -> Result<SessionGrant, HttpProblem> {
    let now = app.clock.now();
    let token = secrets::new_token(TOKEN_PREFIX);
    let hash = secrets::hash_token(token.expose_secret());
    let who = (admin.id.clone(), admin.login.clone(), admin.role);
    let id = SessionId(secrets::new_id());
    let session = LiveSession::new(id, who, device.clone(), client.address, now, now)
        .bound_to(key)
        .reading_mail(admin.reads_mail);
    let from = SignedInFrom {
        device: &device,
        address: client.address,
        at: now,
        verified: newness == Newness::Tell,
    };
    let is_new = devices::remember(tx.connection(), &admin.id, from).await?;
    sessions::insert(tx.connection(), &hash, &session).await?;
    admins::signed_in(tx.connection(), &admin.id, now).await?;
    admin.last_sign_in_at = Some(now);
    let actor = Actor::admin(&admin, client.address);
    audit::record(tx, &actor, "session.begin", &device.name, &serde_json::json!({ "session": session.id }))
        .await?;
    if is_new && newness == Newness::Tell {
        tx.raise(
            Subject::AdminNewDevice {
                login: admin.login.0.as_str().into(),
                device: device.id.as_str().into(),
            },
            false,
        );
        let organization = app.settings.organization_name();
        let mail = text::new_device(&occasion(&organization, &admin, &device, client, now));
        outbox::post(app, tx, &mail).await?;
    }
    let shown = session.shown_to(&session.id);
    let app = Arc::clone(app);
    tx.after_commit(move || {
        app.sessions.begin(hash, session);
    });
    Ok(SessionGrant { token: token.expose_secret().to_owned(), session: shown, admin })
}

/// From where somebody signs in.
#[derive(Debug, Clone)]
pub struct Device {
    pub name: DeviceName,
    pub key: Option<Thumbprint>,
}

/// A device under its key's name, which nobody else can take; one without a key keeps the name that it gave.
pub fn keyed(device: DeviceName, key: Option<Thumbprint>) -> DeviceName {
    match key {
        Some(key) => DeviceName { id: key.to_string(), name: device.name },
        None => device,
    }
}

/// A device that names itself as devices do.
pub fn acceptable_device(device: DeviceName) -> Result<DeviceName, HttpProblem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(8..=128).contains(&device.id.len()) || !device.id.chars().all(plain) {
        return Err(Problem::field(
            "device.id",
            "A device's id is 8 to 128 letters, digits, dashes or underscores, made once at random.",
        )
        .into());
    }
    let name: String = device.name.trim().chars().filter(|c| !c.is_control()).take(120).collect();
    let name = if name.is_empty() { "Unnamed device".to_owned() } else { name };
    Ok(DeviceName { id: device.id, name })
}

/// Tells wrong passwords apart without telling what they are: 16 bits under the server's own key.
pub(crate) fn password_mark(app: &App, login: &Login, password: &str) -> PasswordMark {
    let hash = app.server_key.authenticate("password mark", &format!("{login}\0{password}"));
    let bytes = hash.as_bytes();
    PasswordMark(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// An attempt as its event tells it.
struct SignInAttempt<'a> {
    login: &'a Login,
    client: Client,
    device: &'a DeviceName,
}

impl SignInAttempt<'_> {
    fn event(&self, outcome: Outcome, reasons: Vec<Reason>) -> SignIn {
        SignIn {
            login: self.login.clone(),
            protocol: Protocol::Api,
            address: self.client.address,
            outcome,
            reasons,
            server: None,
            client: Some(self.device.name.clone()),
            tls: self.client.tls,
            place: None,
        }
    }
}

/// Whether blocks, access rules and guessed passwords refuse, with the reasons for that or else what is to be noted.
pub(crate) fn decide(app: &App, client: Client, login: &Login, protocol: Protocol) -> (bool, Vec<Reason>) {
    let decision = app.policy.sign_in(&login.0, protocol, client.address, app.clock.now());
    match decision.verdict {
        SignInVerdict::Refuse => (true, decision.reasons.iter().map(reason_text).collect()),
        SignInVerdict::Allow | SignInVerdict::Delay(_) | SignInVerdict::Challenge => {
            let was_let_in =
                decision.reasons.iter().any(|reason| matches!(reason, decision::Reason::Passed { .. }));
            let risky = if was_let_in { None } else { risk::web::refused(app, client, login, protocol) };
            risky.map_or_else(|| (false, noted(&decision)), |reason| (true, vec![reason]))
        }
    }
}

async fn ask_for_factor(
    app: &App,
    attempt: &SignInAttempt<'_>,
    bound: Bound,
    row: &AdminRow,
) -> Result<Challenge, HttpProblem> {
    let AdminRow { admin, password } = row;
    let now = app.clock.now();
    let Available { kinds, lacks } = factor::available(app, admin, bound.session.is_some()).await?;
    if kinds.is_empty() {
        return Err(factor::refuse(app, attempt, lacks).await?);
    }
    let id = ChallengeId(secrets::new_id());
    let pending = Pending {
        admin: admin.id.clone(),
        login: admin.login.clone(),
        password: password.clone(),
        device: attempt.device.clone(),
        bound: bound.clone(),
        factors: kinds,
        enrol_by: lacks.map(|lack| Time::from(lack.until)).filter(|until| now < *until),
    };
    // Who has an authenticator at hand needs no mail, unless they ask for it.
    let mails =
        pending.factors.contains(&FactorKind::Email) && !pending.factors.contains(&FactorKind::Authenticator);
    app.challenges.begin(id.clone(), pending, now);
    if mails {
        let code = new_code();
        app.challenges.send(&id, code_hash(app, &id, code.expose_secret()), now)?;
        let sent = mail_code(app, attempt.client, admin, attempt.device, &code).await;
        if sent.is_err() {
            app.challenges.end(&id);
        }
        sent?;
    }
    Ok(shown(app, &id, &app.challenges.of(&bound, &id, now)?, admin))
}

async fn mail_code(
    app: &App,
    client: Client,
    admin: &Admin,
    device: &DeviceName,
    code: &SecretString,
) -> Result<(), HttpProblem> {
    let mails = Whose::Mails(admin.id.0.clone());
    app.throttle.take(mails)?;
    let organization = app.settings.organization_name();
    let occasion = occasion(&organization, admin, device, client, app.clock.now());
    let minutes = u32::try_from(LIFE.as_mins()).unwrap_or_default();
    let mail = text::one_time_code(&occasion, code.expose_secret(), minutes);
    let mut tx = app.log.begin().await?;
    let expires_at = Time::from(app.clock.now().0 + LIFE);
    outbox::post_until(app, &mut tx, &mail, Some(expires_at)).await?;
    tx.commit().await?;
    Ok(())
}

fn occasion<'a>(
    organization: &'a str,
    admin: &'a Admin,
    device: &'a DeviceName,
    client: Client,
    at: Time,
) -> Occasion<'a> {
    Occasion {
        organization,
        name: &admin.name,
        to: &admin.email,
        at: at.0,
        address: client.address.map(mailcup_wire::Address::ip),
        device: &device.name,
    }
}

fn shown(app: &App, id: &ChallengeId, waiting: &Waiting, admin: &Admin) -> Challenge {
    let local = app.settings.mail.load().stored.relay.is_none();
    Challenge {
        id: id.clone(),
        factors: waiting.about.factors.clone(),
        sent_to: waiting.has_code().then(|| masked(&admin.email)),
        outbox_folder: local.then(|| app.outbox_folder().display().to_string()),
        expires_at: Time::from(waiting.expires_at()),
        tries_left: waiting.tries_left(),
        enrol_by: waiting.about.enrol_by,
    }
}

/// `anna@example.org` as `a…@example.org`.
pub(crate) fn masked(email: &str) -> String {
    match email.split_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().next().unwrap_or('…')),
        None => "…".to_owned(),
    }
}

/// Six digits.
pub(crate) fn new_code() -> SecretString {
    format!("{:06}", rand::random_range(0..1_000_000u32)).into()
}

/// A code bound to its challenge, under the server's key: a million codes are quickly tried otherwise.
fn code_hash(app: &App, id: &ChallengeId, code: &str) -> TokenHash {
    app.server_key.authenticate("one-time code", &format!("{id}\0{code}"))
}

fn reason(code: ReasonCode, text: &str) -> Reason {
    Reason::new(code, text)
}

pub(crate) fn with(first: Reason, noted: Vec<Reason>) -> Vec<Reason> {
    std::iter::once(first).chain(noted).collect()
}

pub(crate) fn refusal() -> HttpProblem {
    Problem::new(Code::SignInRefused, "Login or password is wrong.").into()
}

fn wrong_code(app: &App, id: &ChallengeId, tries_left: u32) -> HttpProblem {
    if tries_left == 0 {
        app.challenges.end(id);
    }
    challenge::wrong_code(tries_left)
}

/// Ends one session of an admin, and records who did it; false if there is none. For the transaction's commit.
pub async fn end_one(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    actor: &Actor,
    admin: &AdminId,
    session: &SessionId,
) -> Result<bool, StoreError> {
    app.sessions.end_expired();
    let sessions = app.sessions.of(admin);
    let Some(over) = sessions.iter().find(|living| living.id == *session) else { return Ok(false) };
    delete_one(tx, actor, over).await?;
    let (app, session) = (Arc::clone(app), session.clone());
    tx.after_commit(move || {
        app.sessions.end(|other| other.id == session);
    });
    Ok(true)
}

/// Deletes a session's row, and records who did it. It ends when it is ended in memory.
pub async fn delete_one(
    tx: &mut LogTransaction,
    actor: &Actor,
    session: &LiveSession,
) -> Result<(), StoreError> {
    sessions::delete(tx.connection(), &session.id).await?;
    let details = serde_json::json!({ "session": session.id, "device": session.device.name });
    audit::record(tx, actor, "session.end", &session.login.0, &details).await
}

/// Ends every way in that an admin has: sessions and half-done sign-ins. For the transaction's commit.
pub async fn end_all(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    admin: &AdminId,
    except: Option<&SessionId>,
) -> Result<(), StoreError> {
    end_where(app, tx, admin, |session| Some(&session.id) != except).await?;
    let (app, admin) = (Arc::clone(app), admin.clone());
    tx.after_commit(move || app.challenges.end_of(&admin, |_| true));
    Ok(())
}

/// Ends every way in that a device of an admin has. For the transaction's commit.
pub async fn end_device(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    admin: &AdminId,
    device: &DeviceId,
) -> Result<(), StoreError> {
    end_where(app, tx, admin, |session| session.device.id == device.0).await?;
    let (app, admin, device) = (Arc::clone(app), admin.clone(), device.clone());
    tx.after_commit(move || app.challenges.end_of(&admin, |from| from.id == device.0));
    Ok(())
}

async fn end_where(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    admin: &AdminId,
    ends: impl Fn(&LiveSession) -> bool,
) -> Result<(), StoreError> {
    let sessions = app.sessions.of(admin);
    let over: Vec<SessionId> =
        sessions.iter().filter(|it| ends(it)).map(|session| session.id.clone()).collect();
    for id in &over {
        sessions::delete(tx.connection(), id).await?;
    }
    let app = Arc::clone(app);
    tx.after_commit(move || {
        app.sessions.end(|session| over.contains(&session.id));
    });
    Ok(())
}
