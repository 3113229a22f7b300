//! Dovecot's auth policy protocol, as weakforced speaks it.
//!
//! A sign-in is asked for with `allow` before and again after the password, and told with `report`. A refusal
//! has no message, so that it looks like a wrong password.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mailcup_guard::{
    alert::PasswordMark,
    decision::{Decision, SignInVerdict},
    risk::signals::{Assessment, Password},
};
use mailcup_wire::{
    Address, Code, Login, MailServerKind, Outcome, Problem, Protocol, Reason, ReasonCode, SignIn, Time,
};
use moka::sync::Cache;
use serde::{Deserialize, Deserializer};

use super::{
    app_password::{self, Proof},
    noted, webmail,
};
use crate::{
    app::App,
    event_log::reason_text,
    http::{auth::PolicyCaller, body::Query, problem::Answer},
    risk::{self, Visitor},
    web_sign_in,
};

/// Longest login and client name that are kept, in bytes; no mail system has longer ones.
const LONGEST_LOGIN: usize = 320;
const LONGEST_CLIENT: usize = 1024;

/// Why attempts were refused, from the `allow` to its `report`.
#[derive(Debug)]
pub struct Refusals(Cache<RefusalKey, Arc<[Reason]>>);

type RefusalKey = (Login, Option<Address>, Protocol);

#[derive(Debug, Deserialize)]
pub struct Command {
    command: CommandName,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CommandName {
    Allow,
    Report,
}

/// What Dovecot says of an attempt.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct PolicyRequest<'a> {
    #[serde(borrow)]
    login: Cow<'a, str>,
    #[serde(borrow, default)]
    remote: Cow<'a, str>,
    /// From where it is connected, where a proxy or webmail says in `remote` whom it asks for.
    #[serde(borrow, default)]
    real_remote: Cow<'a, str>,
    #[serde(borrow, default)]
    protocol: Cow<'a, str>,
    /// Tells wrong passwords apart; hexadecimal.
    #[serde(borrow, default)]
    pwhash: Cow<'a, str>,
    #[serde(borrow, default)]
    device_id: Cow<'a, str>,
    #[serde(default, deserialize_with = "flag")]
    #[schema(value_type = bool)]
    tls: bool,
    /// `after` once a passdb was asked, from a mail server that is set up for app passwords.
    #[serde(borrow, default)]
    stage: Cow<'a, str>,
    /// The id of the app password that was right.
    #[serde(borrow, default)]
    app_password: Cow<'a, str>,
    /// In a report: whether the password was right.
    #[serde(default, deserialize_with = "flag")]
    #[schema(value_type = bool)]
    success: bool,
    /// In a report: whether we refused it.
    #[serde(default, deserialize_with = "flag")]
    #[schema(value_type = bool)]
    policy_reject: bool,
}

/// An attempt, understood.
#[derive(Debug)]
pub struct Attempt {
    pub login: Login,
    pub address: Option<Address>,
    pub protocol: Protocol,
}

impl Default for Refusals {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(100_000).time_to_live(Duration::from_mins(1)).build())
    }
}

/// Decides on a sign-in (`allow`) or records what became of it (`report`).
#[utoipa::path(
    post, path = "/policy/dovecot", tag = "policy",
    params(("command" = String, Query, description = "`allow` or `report`")),
    request_body(content = PolicyRequest, content_type = "application/json"),
    responses((status = 200, description = "`status` -1 refuses, 0 allows, more delays by so many seconds")),
    extensions(("x-permission" = json!("policy"))),
)]
pub async fn dovecot(
    State(app): State<Arc<App>>,
    PolicyCaller(key): PolicyCaller,
    Query(Command { command }): Query<Command>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    let body = body.map_err(|rejection| {
        let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Code::TooLarge
        } else {
            Code::BadRequest
        };
        Problem::new(code, format!("The body can't be read: {}", rejection.body_text()))
    })?;
    let request = PolicyRequest::read(&body)?;
    let now = app.clock.now();
    app.mail_servers.count(MailServerKind::Dovecot, &key.name, now);
    if request.protocol == web_sign_in::SERVICE {
        return Ok(of_web_sign_in(command, &request.proof()));
    }
    let attempt = request.attempt()?;
    match command {
        CommandName::Allow => Ok(allow(&app, attempt, &request, now)),
        CommandName::Report => {
            let mark = request.password_mark();
            let sign_in = report(&app, attempt, &request, &key.name, now);
            app.log.append_sign_in(sign_in, mark).await?;
            Ok(answer(0))
        }
    }
}

/// Dovecot asks about a password that the web sign-in had it check. That one decides and records by itself; app
/// passwords are for mail clients alone.
fn of_web_sign_in(command: CommandName, proof: &Proof) -> Response {
    match (command, proof) {
        (CommandName::Allow, Proof::AppPassword(_)) => answer(-1),
        (CommandName::Allow, Proof::MainPassword | Proof::Unsaid) | (CommandName::Report, _) => answer(0),
    }
}

fn allow(app: &App, attempt: Attempt, request: &PolicyRequest<'_>, now: Time) -> Response {
    let Decision { verdict, reasons } =
        app.policy.sign_in(&attempt.login.0, attempt.protocol, attempt.address, now);
    let wait = match verdict {
        SignInVerdict::Allow => 0,
        SignInVerdict::Delay(wait) => wait.as_secs(),
        // There is no asking for a second factor over IMAP and SMTP.
        SignInVerdict::Challenge | SignInVerdict::Refuse => {
            return refuse(app, attempt, reasons.iter().map(reason_text).collect());
        }
    };
    let against = against(app, &attempt, request, now);
    if !against.is_empty() {
        return refuse(app, attempt, against.into());
    }
    let Some(found) = judged(app, &attempt, request, now) else { return answer(wait) };
    match found.answer() {
        SignInVerdict::Allow | SignInVerdict::Challenge => answer(wait),
        SignInVerdict::Delay(longer) => answer(wait.max(longer.as_secs())),
        SignInVerdict::Refuse => refuse(app, attempt, [risk::refusal(&found, request.password())].into()),
    }
}

/// How risky it is.
fn judged(app: &App, attempt: &Attempt, request: &PolicyRequest<'_>, now: Time) -> Option<Assessment> {
    let client = shortened(&request.device_id, LONGEST_CLIENT);
    let visitor = Visitor {
        login: &attempt.login.0,
        protocol: attempt.protocol,
        address: attempt.address,
        client: Some(client).filter(|client| !client.is_empty()),
        password: request.password(),
    };
    app.risk.judge(&visitor, now)
}

/// What speaks against an attempt that rules and blocks let through.
fn against(app: &App, attempt: &Attempt, request: &PolicyRequest<'_>, now: Time) -> Vec<Reason> {
    let mut against = app_password::refusal(app, attempt, &request.proof(), now);
    against.extend(webmail::refusal(app, attempt, request.via()));
    against
}

fn refuse(app: &App, attempt: Attempt, reasons: Arc<[Reason]>) -> Response {
    app.refusals.0.insert((attempt.login, attempt.address, attempt.protocol), reasons);
    answer(-1)
}

fn report(app: &App, attempt: Attempt, request: &PolicyRequest<'_>, server: &str, now: Time) -> SignIn {
    let (outcome, reasons) = if request.policy_reject {
        (Outcome::Refused, refusal(app, &attempt, request, now))
    } else {
        let (outcome, why) = match (request.success, request.proof()) {
            (true, Proof::AppPassword(id)) => {
                (Outcome::Succeeded, app_password::opened(app, &id, &attempt, now))
            }
            (true, Proof::MainPassword | Proof::Unsaid) => {
                (Outcome::Succeeded, reason(ReasonCode::Credentials, "The password was right."))
            }
            (false, _) => (Outcome::Failed, reason(ReasonCode::WrongPassword, "The password was wrong.")),
        };
        let decision = app.policy.consider(&attempt.login.0, attempt.protocol, attempt.address, now);
        let mut reasons = vec![why];
        reasons.extend(noted(&decision));
        if request.success {
            reasons.extend(judged(app, &attempt, request, now).as_ref().and_then(risk::noted));
        }
        (outcome, reasons)
    };
    let client = shortened(&request.device_id, LONGEST_CLIENT);
    SignIn {
        login: attempt.login,
        protocol: attempt.protocol,
        address: attempt.address,
        outcome,
        reasons,
        server: Some(server.to_owned()),
        client: (!client.is_empty()).then(|| client.to_owned()),
        tls: request.tls,
        place: None,
    }
}

/// Why we refused the attempt: as remembered, else as it would be decided now.
fn refusal(app: &App, attempt: &Attempt, request: &PolicyRequest<'_>, now: Time) -> Vec<Reason> {
    let key = (attempt.login.clone(), attempt.address, attempt.protocol);
    if let Some(reasons) = app.refusals.0.remove(&key) {
        return reasons.to_vec();
    }
    let decision = app.policy.consider(&attempt.login.0, attempt.protocol, attempt.address, now);
    match decision.verdict {
        SignInVerdict::Challenge | SignInVerdict::Refuse => {
            decision.reasons.iter().map(reason_text).collect()
        }
        SignInVerdict::Allow | SignInVerdict::Delay(_) => {
            let reasons = against(app, attempt, request, now);
            if reasons.is_empty() {
                vec![reason(ReasonCode::MailServer, "The mail server says that policy refused it.")]
            } else {
                reasons
            }
        }
    }
}

impl<'a> PolicyRequest<'a> {
    /// Reads a request's body.
    pub fn read(body: &'a [u8]) -> Result<Self, Problem> {
        serde_json::from_slice(body).map_err(|error| {
            Problem::new(Code::BadRequest, format!("The body is not a policy request: {error}"))
        })
    }

    /// Who wants to sign in.
    pub fn attempt(&self) -> Result<Attempt, Problem> {
        let protocol = protocol(&self.protocol).ok_or_else(|| {
            Problem::new(
                Code::BadRequest,
                "protocol must be imap, pop3, submission, smtp or sieve; see the generated configuration.",
            )
        })?;
        Ok(Attempt {
            login: Login(shortened(&self.login, LONGEST_LOGIN).to_lowercase()),
            address: self.remote.parse().ok(),
            protocol,
        })
    }

    /// What opened the account, once the password was right.
    pub fn proof(&self) -> Proof {
        Proof::read(&self.stage, &self.app_password)
    }

    /// From where it is connected.
    fn via(&self) -> Option<Address> {
        let via = if self.real_remote.is_empty() { &self.remote } else { &self.real_remote };
        via.parse().ok()
    }

    /// Whether the password was right: that is said with the second request and with the report alone.
    fn password(&self) -> Password {
        match self.proof() {
            Proof::Unsaid if !self.success => Password::NotRight,
            Proof::Unsaid | Proof::MainPassword | Proof::AppPassword(_) => Password::Right,
        }
    }

    /// Tells wrong passwords apart.
    pub fn password_mark(&self) -> Option<PasswordMark> {
        password_mark(&self.pwhash)
    }
}

fn protocol(name: &str) -> Option<Protocol> {
    match name {
        "imap" | "imaps" | "imap-login" => Some(Protocol::Imap),
        "pop3" | "pop3s" | "pop3-login" => Some(Protocol::Pop3),
        "smtp" | "submission" | "submissions" => Some(Protocol::Submission),
        "sieve" | "managesieve" => Some(Protocol::Sieve),
        _ => None,
    }
}

/// The first 16 bits of the hash; Dovecot sends 12 bits unless it is told otherwise.
fn password_mark(pwhash: &str) -> Option<PasswordMark> {
    let digits = pwhash.get(..pwhash.len().min(4))?;
    u16::from_str_radix(digits, 16).ok().map(PasswordMark)
}

fn answer(status: i64) -> Response {
    let body = match status {
        0 => Bytes::from_static(br#"{"status":0,"msg":""}"#),
        -1 => Bytes::from_static(br#"{"status":-1,"msg":""}"#),
        _ => Bytes::from(format!(r#"{{"status":{status},"msg":""}}"#)),
    };
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn reason(code: ReasonCode, text: &str) -> Reason {
    Reason::new(code, text)
}

fn shortened(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

/// Dovecot's versions write truth as JSON booleans or as words.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag<'a> {
        Bool(bool),
        Number(i64),
        #[serde(borrow)]
        Word(Cow<'a, str>),
        Null(()),
    }
    Ok(match Flag::deserialize(deserializer)? {
        Flag::Bool(value) => value,
        Flag::Number(number) => number != 0,
        Flag::Word(word) => !matches!(&*word, "" | "0" | "no" | "false"),
        Flag::Null(()) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_as_dovecot_sends_it_is_understood() {
        let body = br#"{"device_id":"\"name\" \"x\"","login":"Anna@X","protocol":"imap","pwhash":"0a3f",
            "remote":"::ffff:203.0.113.9","session_id":"abc","tls":"TLS","success":false,"policy_reject":false}"#;
        let request: PolicyRequest<'_> = serde_json::from_slice(body).unwrap();
        assert!(request.tls && !request.success && !request.policy_reject);
        let attempt = request.attempt().unwrap();
        assert_eq!(attempt.login.0, "anna@x");
        assert_eq!(attempt.address, "203.0.113.9".parse().ok());
        assert_eq!(password_mark(&request.pwhash), Some(PasswordMark(0x0a3f)));
        assert_eq!(password_mark(""), None);
        assert_eq!(password_mark("äöü"), None);
    }
}
