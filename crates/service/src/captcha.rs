//! The captcha of the sign-in on the web: asked for where behaviour is suspicious, before a password is looked at.
//!
//! Nobody comes to the check of a password without [`Passed`], which [`gate`] alone gives, for one attempt. Whether a
//! captcha is asked for depends on counts and on the request, not on the account.

mod failures;
pub mod picture;
pub mod proof_of_work;
pub mod siteverify;
#[cfg(test)]
mod tests;

use jiff::SignedDuration;
use mailcup_guard::captcha::{self as guard, Behaviour, Suspicion};
use mailcup_wire::{Login, Outcome, Reason, ReasonCode, Time};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::{
    failures::{Failures, Whose},
    picture::Picture,
    proof_of_work::Challenge,
    siteverify::{SetupError, Siteverify, Unclear, Verdict, Wrong},
};
use crate::{
    app::App,
    config::{Config, Provider},
    http::problem::HttpProblem,
    risk,
    secrets::{ServerKey, TokenHash},
    store::StoreError,
    throttle,
    used::Used,
    web_sign_in::{self, Browser, device},
};

/// How long a challenge of ours is good.
pub const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// What challenges of the sign-in are for.
pub const SIGN_IN: &str = "sign-in";

/// Challenges of each kind that may be used within [`LIFE`]: 400 a second; about 10 MiB.
const USED: usize = 1 << 17;

/// All about captchas that lives as long as the service.
#[derive(Debug)]
pub struct Captcha {
    failures: Failures,
    proofs: Used,
    /// Apart from proofs: a picture is used up by a wrong answer too, which costs nobody anything.
    pictures: Used,
    /// Whose captcha is shown instead of ours, while it works.
    pub provider: Option<Siteverify>,
}

/// What a challenge is good for: one purpose, in one browser.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    pub purpose: &'a str,
    /// The key of the browser's sign-in.
    pub browser: &'a SecretString,
}

/// What a request tells of whoever sends it.
#[derive(Debug, Clone, Copy)]
pub struct Signs {
    /// Whether it names languages.
    pub has_language: bool,
    /// From giving the form to getting it back.
    pub typed_for: Option<SignedDuration>,
}

/// What a form says to a captcha. Each part may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Given {
    /// The proof of work, under the name that ALTCHA's widget gives it.
    altcha: String,
    ticket: String,
    letters: String,
    #[serde(rename = "g-recaptcha-response")]
    recaptcha: String,
    #[serde(rename = "h-captcha-response")]
    hcaptcha: String,
    #[serde(rename = "cf-turnstile-response")]
    turnstile: String,
}

/// An attempt whose password may be looked at: nothing speaks against it, or its captcha was right.
#[derive(Debug)]
pub struct Passed {
    pub login: Login,
    whose: Whose,
    at: Time,
}

/// The attempt does not go on.
#[derive(Debug)]
pub enum Stopped {
    /// A captcha is asked for, or was wrong.
    Asked {
        /// What to say.
        text: &'static str,
        /// Whether it is to be one of ours, whichever provider there is.
        own: bool,
    },
    Problem(HttpProblem),
}

/// Why an answer to a challenge of ours is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it can't be read")]
    Unreadable,
    #[error("its challenge is none of ours, or one for another browser or purpose")]
    Foreign,
    #[error("its challenge has expired")]
    Expired,
    #[error("it was wrong")]
    Wrong,
    #[error("its challenge was used before")]
    Used,
    #[error("more captchas are answered than can be remembered")]
    Full,
}

/// What came of what a form says to a captcha.
#[derive(Debug)]
enum Solved {
    Yes,
    Nothing,
    No(Fault),
    Refused(Wrong),
    Unclear(Unclear),
}

/// A challenge of ours, in both of its forms; one of them suffices.
#[derive(Debug)]
pub struct Own {
    pub proof: Challenge,
    pub picture: Option<Picture>,
}

impl Captcha {
    pub fn open(config: &Config) -> Result<Self, SetupError> {
        let own = config.public_url.iter().filter_map(|url| url.host_str().map(str::to_owned));
        let hosts = || own.chain(config.allowed_hosts.iter().cloned()).collect();
        let provider = config.captcha.as_ref().map(|it| Siteverify::open(it, hosts())).transpose()?;
        Ok(Self::new(provider, USED))
    }

    fn new(provider: Option<Siteverify>, capacity: usize) -> Self {
        let used = || Used::new(capacity, LIFE);
        Self { failures: Failures::default(), proofs: used(), pictures: used(), provider }
    }

    /// Forgets the failures of a client's network at an account that signed in.
    pub fn succeeded(&self, browser: &Browser, login: &Login) {
        self.failures.forget(&Whose::new(browser.client.address, login));
    }

    fn use_up(used: &Used, id: TokenHash, now: Time) -> Result<(), Fault> {
        match used.take(id.into(), now) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::Used),
            Err(_) => Err(Fault::Full),
        }
    }

    /// Looks at an answer to a challenge of ours, and uses the challenge up.
    fn check(&self, key: &ServerKey, bound: Bound, given: &Given, now: Time) -> Result<(), Fault> {
        if given.altcha.is_empty() {
            let challenge = picture::Ticket::read(key, bound, &given.ticket, now)?;
            Self::use_up(&self.pictures, challenge.id(), now)?;
            return challenge.check(key, bound, &given.letters);
        }
        let id = proof_of_work::check(key, bound, &given.altcha, now)?;
        Self::use_up(&self.proofs, id, now)
    }
}

impl Own {
    /// Makes one. Drawing takes some milliseconds of a processor, so a network that asks for many pictures waits
    /// between them: until then there is none.
    pub async fn new(app: &App, browser: &Browser, bound: Bound<'_>) -> Self {
        let now = app.clock.now();
        let proof = proof_of_work::challenge(&app.server_key, bound, now);
        let may_draw = app.throttle.take(throttle::Whose::pictures(browser.client.address)).is_ok();
        let drawn =
            if may_draw { tokio::task::spawn_blocking(picture::draw).await.ok().flatten() } else { None };
        let picture = drawn.map(|drawn| drawn.for_browser(&app.server_key, bound, now));
        Self { proof, picture }
    }
}

impl Given {
    /// Whether a picture was answered.
    pub fn is_picture(&self) -> bool {
        self.altcha.is_empty() && !self.ticket.is_empty()
    }

    /// Whether a challenge of ours was answered.
    pub fn is_own(&self) -> bool {
        !self.altcha.is_empty() || !self.letters.trim().is_empty()
    }

    fn token(&self, provider: Provider) -> &str {
        match provider {
            Provider::RecaptchaV2 | Provider::RecaptchaV3 => &self.recaptcha,
            Provider::Hcaptcha => &self.hcaptcha,
            Provider::Turnstile => &self.turnstile,
        }
    }
}

impl Bound<'_> {
    /// Binds a text to it, under the server's key.
    fn authenticate(&self, key: &ServerKey, what: &str, text: &str) -> TokenHash {
        let Self { purpose, browser } = self;
        key.authenticate(what, &format!("{purpose}\0{}\0{text}", browser.expose_secret()))
    }
}

impl Passed {
    /// The attempt was no failure: what it counted is taken back.
    pub fn was_no_failure(self, app: &App) {
        app.captcha.failures.take_back(&self.whose, self.at.0);
    }
}

impl From<HttpProblem> for Stopped {
    fn from(problem: HttpProblem) -> Self {
        Self::Problem(problem)
    }
}

/// Why a captcha will be asked for at the next attempt, as far as is known before it.
pub async fn suspicions(
    app: &App,
    browser: &Browser,
    has_language: bool,
    login: &Login,
) -> Result<Vec<Suspicion>, StoreError> {
    let whose = Whose::new(browser.client.address, login);
    let failures = app.captcha.failures.count(&whose, app.clock.now().0);
    let failures = spared(app, browser, login, failures).await?;
    let agent = browser.agent.as_deref();
    Ok(Behaviour { failures, agent, has_language, typed_for: None, is_spraying: false }.suspicions())
}

/// What others try at an account does not count against a browser in which a second factor of it was given.
async fn spared(
    app: &App,
    browser: &Browser,
    login: &Login,
    failures: guard::Failures,
) -> Result<guard::Failures, StoreError> {
    let is_spared =
        failures.for_the_account >= guard::FOR_AN_ACCOUNT && device::is_verified(app, browser, login).await?;
    Ok(if is_spared { guard::Failures { for_the_account: 0, ..failures } } else { failures })
}

/// Lets an attempt go on, unless a captcha is needed and was not solved. The attempt counts as a failure until it is
/// known to be none, so that many at once are counted one after the other.
pub async fn gate(
    app: &App,
    browser: &Browser,
    key: &SecretString,
    login: Login,
    signs: Signs,
    given: &Given,
) -> Result<Passed, Stopped> {
    let now = app.clock.now();
    let whose = Whose::new(browser.client.address, &login);
    let failures = app.captcha.failures.take(&whose, now.0);
    let failures = spared(app, browser, &login, failures).await.map_err(HttpProblem::from)?;
    let passed = Passed { login, whose, at: now };
    let Signs { has_language, typed_for } = signs;
    let is_spraying = risk::web::is_spraying(app, browser, &passed.login);
    let behaviour =
        Behaviour { failures, agent: browser.agent.as_deref(), has_language, typed_for, is_spraying };
    let suspicions = behaviour.suspicions();
    if suspicions.is_empty() {
        return Ok(passed);
    }
    let answers = throttle::Whose::captchas(browser.client.address);
    let login = passed.login.clone();
    if let Err(wait) = app.throttle.take(answers.clone()) {
        passed.was_no_failure(app);
        return Err(wait.into());
    }
    let solved = solved(app, browser, Bound { purpose: SIGN_IN, browser: key }, given, now).await;
    let Some((code, said)) = solved.said() else {
        app.throttle.give_back(answers);
        return Ok(passed);
    };
    passed.was_no_failure(app);
    let because: Vec<String> = suspicions.iter().map(Suspicion::to_string).collect();
    let reason = Reason::new(code, format!("{said} {}", because.join(" ")));
    let event = web_sign_in::event(&login, browser, Outcome::Refused, vec![reason]);
    app.log.append_sign_in(event, None).await.map_err(HttpProblem::from)?;
    Err(Stopped::Asked { text: solved.told(), own: solved.needs_own() })
}

async fn solved(app: &App, browser: &Browser, bound: Bound<'_>, given: &Given, now: Time) -> Solved {
    if given.is_own() {
        return match app.captcha.check(&app.server_key, bound, given, now) {
            Ok(()) => Solved::Yes,
            Err(fault) => Solved::No(fault),
        };
    }
    let Some(provider) = &app.captcha.provider else { return Solved::Nothing };
    let token = given.token(provider.provider);
    if token.is_empty() {
        return Solved::Nothing;
    }
    match provider.verify(token, browser.client.address).await {
        Verdict::Right => Solved::Yes,
        Verdict::Wrong(wrong) => Solved::Refused(wrong),
        Verdict::Unclear(why @ Unclear::Configuration(_)) => {
            tracing::error!(%why, "our own captcha is asked for until the configuration is mended");
            Solved::Unclear(why)
        }
        Verdict::Unclear(why) => {
            tracing::warn!(%why, "our own captcha is asked for instead of the provider's");
            Solved::Unclear(why)
        }
    }
}

const ASKED: &str = "Sign-ins like this one are checked first. Give your password once more, and let the check below \
                     pass.";

impl Solved {
    /// What the record says; none where it is solved.
    fn said(&self) -> Option<(ReasonCode, String)> {
        let wrong = |why: &dyn std::fmt::Display| {
            Some((ReasonCode::CaptchaWrong, format!("The captcha was not solved: {why}.")))
        };
        match self {
            Self::Yes => None,
            Self::Nothing => Some((ReasonCode::CaptchaAsked, "A captcha was asked for.".to_owned())),
            Self::No(fault) => wrong(fault),
            Self::Refused(why) => wrong(why),
            Self::Unclear(why) => {
                let said = format!("A captcha of ours was asked for, since {why}.");
                Some((ReasonCode::CaptchaAsked, said))
            }
        }
    }

    /// Whether the provider's captcha leads no further.
    fn needs_own(&self) -> bool {
        match self {
            Self::Yes | Self::Nothing => false,
            Self::No(_) | Self::Unclear(_) => true,
            // A score is given, not earned: asked again, it is the same.
            Self::Refused(wrong) => matches!(wrong, Wrong::Score(_)),
        }
    }

    /// What is said to a person.
    fn told(&self) -> &'static str {
        match self {
            Self::Yes | Self::Nothing => ASKED,
            Self::No(Fault::Expired) => {
                "The check was open for more than five minutes. Here is a new one; give your password again."
            }
            Self::No(Fault::Wrong) => {
                "These are not the letters in the picture. Here is another one; give your password again."
            }
            Self::No(Fault::Full) => {
                "Too many people are being checked at this moment. Try again in a minute."
            }
            Self::No(Fault::Unreadable | Fault::Foreign | Fault::Used) | Self::Refused(_) => {
                "The check did not pass. Here is a new one; give your password again."
            }
            Self::Unclear(_) => {
                "The check can\u{2019}t be used at this moment. Here is one of our own; give your password again."
            }
        }
    }
}
