//! Signing in on the web, for accounts: the password, checked by the mail server itself, then a second factor.
//!
//! Every attempt is an event. A refusal, whatever its reason, is the same answer after the same work: Dovecot is asked
//! even where a rule refuses, then with a password that nobody has.

pub mod again;
mod browser;
pub mod device;
mod dovecot;
mod ending;
pub mod factor;
mod return_path;
mod sessions;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::tz::TimeZone;
use mailcup_guard::{
    one_time_code::{Attempt, Attempts, LIFE, Over},
    second_factor::Ask,
};
use mailcup_wire::{
    Address, Code, DeviceId, FactorKind, Login, Outcome, Problem, Protocol, Reason, ReasonCode, SessionId,
    SignIn, Time,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::time::Instant;

use self::factor::Tried;
pub use self::{
    browser::Browser,
    dovecot::{AskError, DovecotAuth, SERVICE, Verdict},
    ending::{Which, end_sessions, forget_expired, sign_out},
    factor::Given,
    return_path::ReturnPath,
    sessions::{LIFE as SESSION_LIFE, LiveWebSession, WebSessions},
};
use crate::{
    app::App,
    audit::{self, Actor},
    captcha::Passed,
    config::Config,
    event_log::LogTransaction,
    http::problem::HttpProblem,
    mail::notice,
    notices::{
        Owner,
        link::{self, About, NotMe},
    },
    outbox,
    passkey::{NotTaken, RelyingParty},
    risk::{self, web::Judged},
    second_factors,
    secrets::{self, TokenHash},
    sign_in::{self, challenge},
    store::{
        StoreError,
        account_devices::{self, SignedInFrom},
        second_factors::{self as rows, Person},
        web_sessions,
    },
    throttle::Whose,
};

/// Refusals are answered at whole multiples of this after the question, so that their time tells little.
const PACE: Duration = Duration::from_millis(300);

/// Longest login, in characters, and password, in bytes, that Dovecot is asked for.
const LONGEST_LOGIN: usize = 320;
const LONGEST_PASSWORD: usize = 1024;

/// What the web sign-in is made of.
#[derive(Debug)]
pub struct WebSignIn {
    /// None while no mail server is named that checks passwords.
    passwords: Option<DovecotAuth>,
    /// The site to which passkeys are bound; none where it can have none.
    pub relying_party: Option<RelyingParty>,
    attempts: Mutex<Attempts<TokenHash, Pending, TokenHash>>,
}

/// A sign-in whose password was right.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Names it in the link of its mail; not secret.
    id: String,
    pub account: Login,
    pub return_to: ReturnPath,
    /// With what it can be answered, the first one preferred.
    pub factors: Vec<FactorKind>,
    /// Where codes go, as far as any can be mailed.
    to: Option<String>,
    zone: TimeZone,
}

/// A sign-in with its tries and its code.
pub type Waiting = Attempt<Pending, TokenHash>;

/// What a browser gets that signed in.
#[derive(Debug)]
pub struct Grant {
    pub token: SecretString,
    /// Goes into its cookie.
    pub device: DeviceId,
    pub return_to: ReturnPath,
}

/// What a right password led to.
#[derive(Debug)]
pub enum Begun {
    /// A second factor is asked for; the browser goes on under this key.
    Code(SecretString),
    In(Grant),
}

impl WebSignIn {
    pub fn new(config: &Config) -> Self {
        let passwords = config.dovecot_auth_socket.clone().map(DovecotAuth::new);
        let party = RelyingParty::at(config.public_url.as_ref()).inspect_err(|why| {
            if passwords.is_some() {
                tracing::warn!(%why, "no passkeys are offered on the web");
            }
        });
        Self { passwords, relying_party: party.ok(), attempts: Mutex::default() }
    }

    /// The attempt of the browser that holds `key`, while it waits for its code.
    pub fn waiting(&self, key: &SecretString, now: Time) -> Option<Waiting> {
        let key = secrets::hash_token(key.expose_secret());
        self.with(|attempts| attempts.get(&key, now.0).cloned().ok())
    }

    /// Ends the attempt of this name.
    pub fn end(&self, id: &str) {
        self.with(|attempts| attempts.end(|pending| pending.id == id));
    }

    /// Ends every attempt at an account.
    pub fn end_of(&self, account: &Login) {
        self.with(|attempts| attempts.end(|pending| pending.account == *account));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Attempts<TokenHash, Pending, TokenHash>) -> T) -> T {
        work(&mut self.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pending {
    /// Where codes go, as far as its beginner may know.
    pub fn sent_to(&self) -> Option<String> {
        self.to.as_deref().map(sign_in::masked)
    }

    /// Refuses a factor that the account does not have.
    fn takes(&self, kind: FactorKind) -> Result<(), HttpProblem> {
        if self.factors.contains(&kind) {
            return Ok(());
        }
        Err(no_such_way())
    }
}

/// The login that somebody typed.
pub fn typed_login(text: &str) -> Login {
    let plain = text.trim().to_lowercase();
    Login(plain.chars().filter(|c| !c.is_control()).take(LONGEST_LOGIN).collect())
}

/// Checks the password of an attempt that may go on, and asks for a second factor, where the policy does.
pub async fn begin(
    app: &Arc<App>,
    browser: &Browser,
    passed: Passed,
    password: SecretString,
    return_to: ReturnPath,
) -> Result<Begun, HttpProblem> {
    let begun = Instant::now();
    let login = passed.login.clone();
    let guess = Whose::guess(browser.client.address, &login.0);
    let network = Whose::network(browser.client.address);
    let taken = app.throttle.take(network.clone()).and_then(|()| {
        app.throttle.take(guess.clone()).inspect_err(|_| app.throttle.give_back(network.clone()))
    });
    if let Err(wait) = taken {
        passed.was_no_failure(app);
        return Err(wait);
    }

    let checked = check(app, browser, &login, &password).await;
    match &checked {
        Err(problem) if problem.problem().code == Code::SignInRefused => pace(begun).await,
        Ok(_) | Err(_) => {
            app.throttle.give_back(guess);
            app.throttle.give_back(network);
            passed.was_no_failure(app);
        }
    }
    go_on(app, browser, checked?, return_to).await
}

/// An account whose password was right.
struct Checked {
    account: Login,
    /// What is to be noted of it.
    noted: Vec<Reason>,
    /// Why it is asked for a second factor, whatever the policy asks; in sentences.
    suspicious: Option<String>,
}

/// Goes on after a right password, by what the policy asks of the account.
async fn go_on(
    app: &Arc<App>,
    browser: &Browser,
    Checked { account, noted, suspicious }: Checked,
    return_to: ReturnPath,
) -> Result<Begun, HttpProblem> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let settings = app.settings.notices.load_full();
    let owner = Owner::reach(app, &mut connection, &account, &settings).await?;
    let demand = second_factors::of_account(app, &mut connection, &account, owner.as_ref()).await?;
    let factors = factor::available(app, &mut connection, &account, owner.as_ref()).await?;
    drop(connection);
    let event = |outcome, code, text: &str| {
        event(&account, browser, outcome, sign_in::with(Reason::new(code, text), noted))
    };
    let ask = match (demand.ask, &suspicious) {
        // Who has no way to answer is not locked out by what is merely odd.
        (Ask::Nothing, Some(_)) if !factors.is_empty() => Ask::Code,
        (ask, _) => ask,
    };
    match ask {
        Ask::Nothing => {
            let how = "Signed in with the password alone, as the policy of second factors has it.";
            let event = event(Outcome::Succeeded, ReasonCode::Credentials, how);
            let tx = app.log.begin().await?;
            let granted = grant(app, tx, account.clone(), browser, event, None).await?;
            app.throttle.succeeded(&Whose::guess(browser.client.address, &account.0));
            app.captcha.succeeded(browser, &account);
            Ok(Begun::In(granted.to(return_to)))
        }
        Ask::Code | Ask::Strong if !factors.is_empty() => {
            // Recorded whatever becomes of the mail: somebody has the password.
            let mut asked = "The password was right; a second factor was asked for.".to_owned();
            if let Some(why) = &suspicious {
                asked = format!("{asked} {why}");
            }
            let event = event(Outcome::Challenged, ReasonCode::CodeRequested, &asked);
            app.log.append_sign_in(event, None).await?;
            let (to, zone) = owner.map_or((None, TimeZone::UTC), |owner| (Some(owner.to), owner.zone));
            let id = secrets::new_id();
            let pending = Pending { id, account: account.clone(), return_to, factors, to, zone };
            ask_for_factor(app, browser, pending).await.map(Begun::Code)
        }
        Ask::Code | Ask::Strong | Ask::Refuse => {
            let missing = "The password was right, but there is no second factor as the policy wants it.";
            let event = event(Outcome::Refused, ReasonCode::FactorMissing, missing);
            app.log.append_sign_in(event, None).await?;
            Err(if owner.is_some() { no_outside_address() } else { no_mailbox() })
        }
    }
}

/// Mails another code. Tries stay as they are.
pub async fn send_again(app: &App, browser: &Browser, key: &SecretString) -> Result<(), HttpProblem> {
    let code = sign_in::new_code();
    let hash = secrets::hash_token(key.expose_secret());
    let now = app.clock.now();
    let waiting = app.web_sign_in.waiting(key, now).ok_or_else(|| challenge::over(Over))?;
    waiting.about.takes(FactorKind::Email)?;
    let waiting = app
        .web_sign_in
        .with(|attempts| attempts.send(&hash, code_hash(app, key, &code), now.0))
        .map_err(|refusal| challenge::not_sent(refusal, now))?;
    mail_code(app, browser, &waiting, &code).await
}

/// Checks a second factor and signs in.
pub async fn answer(
    app: &Arc<App>,
    browser: &Browser,
    key: &SecretString,
    given: Given<'_>,
) -> Result<Grant, HttpProblem> {
    let (now, kind) = (app.clock.now(), given.kind());
    let hash = secrets::hash_token(key.expose_secret());
    let pending = app.web_sign_in.waiting(key, now).ok_or_else(|| challenge::over(Over))?.about;
    pending.takes(kind)?;
    let account = pending.account;
    let codes = Whose::Codes(account.0.clone());
    app.throttle.take(codes.clone())?;
    let (refused, reasons) = sign_in::decide(app, browser.client, &account, Protocol::Web);
    let tried = if refused {
        let waiting = app.web_sign_in.with(|attempts| attempts.take_try(&hash, now.0));
        Tried::wrong(&waiting.map_err(challenge::over)?)
    } else {
        factor::try_once(app, key, &account, given).await?
    };
    let (tx, done) = match tried {
        Tried::Right(given) => *given,
        Tried::Wrong { tries_left, passkey } => {
            let (outcome, reasons) =
                if refused { (Outcome::Refused, reasons) } else { wrong(passkey.as_ref(), reasons) };
            let event = event(&account, browser, outcome, reasons);
            record_wrong(app, &account, event, passkey.as_ref()).await?;
            return Err(challenge::wrong(kind, tries_left));
        }
    };
    app.throttle.succeeded(&codes);
    app.throttle.succeeded(&Whose::Mails(account.0.clone()));
    app.throttle.succeeded(&Whose::guess(browser.client.address, &account.0));
    app.captcha.succeeded(browser, &account);
    let how = Reason::new(ReasonCode::Credentials, factor::how(kind));
    let event = event(&account, browser, Outcome::Succeeded, sign_in::with(how, reasons));
    let granted = grant(app, tx, account, browser, event, Some(kind)).await?;
    Ok(granted.to(done.about.return_to))
}

/// What the record says of a wrong factor.
fn wrong(passkey: Option<&NotTaken>, reasons: Vec<Reason>) -> (Outcome, Vec<Reason>) {
    let text = passkey.map_or_else(|| "The second factor was wrong.".to_owned(), NotTaken::to_string);
    let outcome =
        if passkey.is_some_and(NotTaken::may_be_copied) { Outcome::Refused } else { Outcome::Failed };
    (outcome, sign_in::with(Reason::new(ReasonCode::WrongCode, text), reasons))
}

/// Records a wrong factor; of a passkey that may have been copied, in the audit log too.
async fn record_wrong(
    app: &App,
    account: &Login,
    event: SignIn,
    passkey: Option<&NotTaken>,
) -> Result<(), StoreError> {
    let Some(copied) = passkey.filter(|it| it.may_be_copied()) else {
        app.log.append_sign_in(event, None).await?;
        return Ok(());
    };
    let actor = Actor { address: event.address, ..Actor::default() };
    let mut tx = app.log.begin().await?;
    tx.append_sign_in(event, None);
    let details = json!({ "why": copied.to_string() });
    audit::record(&mut tx, &actor, "account_factor.copied", &account.0, &details).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether blocks and access rules let a session be used from where its browser is now.
pub fn is_let_in(app: &App, session: &LiveWebSession, address: Option<Address>) -> bool {
    app.policy.lets_on_the_web(&session.account.0, address, app.clock.now())
}

/// The account that a password opens.
async fn check(
    app: &App,
    browser: &Browser,
    login: &Login,
    password: &SecretString,
) -> Result<Checked, HttpProblem> {
    let dovecot = app.web_sign_in.passwords.as_ref().ok_or_else(not_configured)?;
    let address = browser.client.address;
    let (mut refused, mut reasons) = sign_in::decide(app, browser.client, login, Protocol::Web);
    let ask = async |password: &SecretString| {
        dovecot.check(login, password, address).await.map_err(|error| unclear(&error))
    };
    let typed = password.expose_secret();
    let fits = !login.0.is_empty() && can_be_asked(password);
    let nobodys = secrets::new_token("");
    let verdict = ask(if fits && !refused { password } else { &nobodys }).await?;
    if let Verdict::Right(account) = verdict
        && fits
        && !refused
    {
        if account != *login {
            (refused, reasons) = sign_in::decide(app, browser.client, &account, Protocol::Web);
        }
        if !refused {
            let is_known = device::is_verified(app, browser, &account).await?;
            match risk::web::judged(app, browser, &account, is_known) {
                Judged::Go(note) => {
                    let noted = reasons.into_iter().chain(note).collect();
                    return Ok(Checked { account, noted, suspicious: None });
                }
                Judged::Ask(why) => {
                    return Ok(Checked { account, noted: reasons, suspicious: Some(why) });
                }
                Judged::Refuse(reason) => (refused, reasons) = (true, vec![reason]),
            }
        }
        ask(&nobodys).await?;
    }
    let (outcome, reasons, mark) = if refused {
        (Outcome::Refused, reasons, None)
    } else {
        let wrong = Reason::new(ReasonCode::WrongPassword, "The login or password was wrong.");
        let mark = sign_in::password_mark(app, login, typed);
        (Outcome::Failed, sign_in::with(wrong, reasons), Some(mark))
    };
    app.log.append_sign_in(event(login, browser, outcome, reasons), mark).await?;
    Err(sign_in::refusal())
}

/// Whether Dovecot can be asked for a password of this form.
fn can_be_asked(password: &SecretString) -> bool {
    let typed = password.expose_secret();
    typed.len() <= LONGEST_PASSWORD && !typed.contains('\0')
}

/// Lets a sign-in wait for its second factor; mails a code where that is the preferred one.
async fn ask_for_factor(app: &App, browser: &Browser, pending: Pending) -> Result<SecretString, HttpProblem> {
    let now = app.clock.now();
    let (key, code) = (secrets::new_token(""), sign_in::new_code());
    let hash = secrets::hash_token(key.expose_secret());
    let mails = pending.factors.first() == Some(&FactorKind::Email);
    let account = pending.account.0.clone();
    let waiting = app.web_sign_in.with(|attempts| {
        attempts.begin(hash, &account, pending, now.0);
        mails.then(|| attempts.send(&hash, code_hash(app, &key, &code), now.0)).transpose()
    });
    if let Some(waiting) = waiting.map_err(|refusal| challenge::not_sent(refusal, now))? {
        mail_code(app, browser, &waiting, &code).await?;
    }
    Ok(key)
}

async fn mail_code(
    app: &App,
    browser: &Browser,
    waiting: &Waiting,
    code: &SecretString,
) -> Result<(), HttpProblem> {
    let pending = &waiting.about;
    let to = pending.to.as_deref().ok_or_else(no_mailbox)?;
    app.throttle.take(Whose::Mails(pending.account.0.clone()))?;
    let (now, organization) = (app.clock.now(), app.settings.organization_name());
    let address = browser.client.address;
    let place = address.and_then(|address| app.places.of(address.ip()));
    let client = browser.name(&app.clients);
    let link = not_me(app, pending, address, now);
    let occasion = notice::Occasion {
        organization: &organization,
        login: &pending.account,
        at: now.0.to_zoned_datetime(pending.zone.clone()),
        protocol: Protocol::Web,
        address: address.map(Address::ip),
        place: place.as_ref(),
        client: client.as_deref(),
        link: link.as_deref(),
    };
    let minutes = u32::try_from(LIFE.as_mins()).unwrap_or_default();
    let mail = notice::one_time_code(to, &occasion, code.expose_secret(), minutes);
    let mut tx = app.log.begin().await?;
    outbox::post_until(app, &mut tx, &mail, Some(Time::from(waiting.expires_at()))).await?;
    tx.commit().await?;
    Ok(())
}

/// The link "this wasn't me" about an attempt.
fn not_me(app: &App, pending: &Pending, address: Option<Address>, now: Time) -> Option<String> {
    let claim = NotMe {
        login: pending.account.clone(),
        network: address?.client_network(),
        about: About::Attempt(pending.id.clone()),
        at: now,
        expires_at: Time::from(now.0.saturating_add(link::LIFE).unwrap_or(now.0)),
    };
    Some(claim.link(app.config.public_url.as_ref()?, &app.server_key))
}

/// A session that has begun, and its browser.
struct Granted {
    token: SecretString,
    device: DeviceId,
}

impl Granted {
    fn to(self, return_to: ReturnPath) -> Grant {
        let Self { token, device } = self;
        Grant { token, device, return_to }
    }
}

/// Begins a session together with its event, after a factor or without one.
async fn grant(
    app: &Arc<App>,
    mut tx: LogTransaction,
    account: Login,
    browser: &Browser,
    event: SignIn,
    factor: Option<FactorKind>,
) -> Result<Granted, StoreError> {
    let now = app.clock.now();
    let token = secrets::new_token("");
    let hash = secrets::hash_token(token.expose_secret());
    let from = (browser.client.address, browser.name(&app.clients));
    if let Some(factor) = factor {
        rows::used(tx.connection(), Person::Account(&account), factor, now).await?;
    }
    let device = browser.device.clone().unwrap_or_else(device::new);
    let name = browser.name(&app.clients);
    let signed_in = SignedInFrom {
        device: &device,
        name: name.as_deref().unwrap_or("An unknown browser"),
        address: browser.client.address,
        at: now,
        verified: factor.is_some(),
    };
    account_devices::remember(tx.connection(), &account, signed_in).await?;
    let session = LiveWebSession::new(SessionId(secrets::new_id()), account, from, now, now);
    let session = session.on(Some(device.clone()));
    web_sessions::insert(tx.connection(), &hash, &session).await?;
    tx.append_sign_in(event, None);
    let living = Arc::clone(app);
    tx.after_commit(move || living.web_sessions.begin(hash, session));
    tx.commit().await?;
    Ok(Granted { token, device })
}

/// The record of an attempt.
pub fn event(login: &Login, browser: &Browser, outcome: Outcome, reasons: Vec<Reason>) -> SignIn {
    SignIn {
        login: login.clone(),
        protocol: Protocol::Web,
        address: browser.client.address,
        outcome,
        reasons,
        server: None,
        client: browser.agent.clone(),
        tls: browser.client.tls,
        place: None,
    }
}

/// A code bound to its attempt, under the server's key: a million codes are quickly tried otherwise.
fn code_hash(app: &App, key: &SecretString, code: &SecretString) -> TokenHash {
    let digits: String = code.expose_secret().chars().filter(char::is_ascii_digit).collect();
    app.server_key.authenticate("web one-time code", &format!("{}\0{digits}", key.expose_secret()))
}

async fn pace(begun: Instant) {
    let steps = begun.elapsed().as_millis() / PACE.as_millis() + 1;
    tokio::time::sleep_until(begun + PACE.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))).await;
}

fn unclear(error: &AskError) -> HttpProblem {
    tracing::error!(%error, "nobody can sign in on the web");
    Problem::new(
        Code::Unavailable,
        "Passwords can\u{2019}t be checked at this moment. Try again in a minute.",
    )
    .into()
}

fn not_configured() -> HttpProblem {
    let text = "Signing in on the web is not set up here: the service lacks web_sign_in.dovecot_auth_socket.";
    Problem::new(Code::Unavailable, text).into()
}

fn no_such_way() -> HttpProblem {
    Problem::new(Code::Conflict, "You can\u{2019}t sign in with that. Choose another way.").into()
}

fn no_outside_address() -> HttpProblem {
    let text = "Codes must go to an address outside your mailbox, and none of yours is known. Tell your administrator one.";
    Problem::new(Code::FactorRequired, text).into()
}

fn no_mailbox() -> HttpProblem {
    let text = "There is no address that a code can be mailed to. Ask your administrator to set one for you.";
    Problem::new(Code::Unavailable, text).into()
}
