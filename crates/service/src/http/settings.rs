//! The organization and the service's settings.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use mailcup_wire::{
    AlertSettings, Code, Color, MailSettings, MailSettingsChange, Organization, OrganizationChange,
    OutboxStatus, Problem, RelayChange, RelaySecurity, RetentionSettings, RiskLevel, RiskSettings,
    RiskThresholds, TestMail, TestMailResult,
};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, OwnerOnly, Reader, Writer},
    body::Json,
    client::Client,
    etag::{IfMatch, Versioned},
    page::colors,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    mail::text,
    settings::{self, ALERTS, MAIL, Mail, RETENTION, RISK, StoredMail, StoredRelay, swap},
    setup, store,
};

/// How long a test waits for the relay; less than a request may take.
const TEST_PATIENCE: Duration = Duration::from_secs(25);

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(organization, set_organization))
        .routes(routes!(mail, set_mail))
        .routes(routes!(test_mail))
        .routes(routes!(outbox))
        .routes(routes!(alerts, set_alerts))
        .routes(routes!(risk, set_risk))
        .routes(routes!(retention, set_retention))
}

/// The organization.
#[utoipa::path(
    get, path = "/v1/organization", tag = "settings", responses((status = 200, body = Organization)),
    extensions(("x-permission" = json!("read"))),
)]
async fn organization(State(app): State<Arc<App>>, _: Reader) -> Answer<Versioned<Organization>> {
    let current = app.settings.organization.load().as_ref().clone().ok_or_else(super::setup_needed)?;
    Ok(Versioned { version: current.version, value: current })
}

/// Changes the organization.
#[utoipa::path(
    put, path = "/v1/organization", tag = "settings", responses((status = 200, body = Organization), (status = 412)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn set_organization(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    version: IfMatch,
    Json(change): Json<OrganizationChange>,
) -> Answer<Versioned<Organization>> {
    let mut tx = app.log.begin().await?;
    let current = store::settings::organization(tx.connection()).await?.ok_or_else(super::setup_needed)?;
    version.check(current.version, &current)?;
    let next = Organization {
        name: setup::acceptable_name("name", &change.name)?,
        domains: setup::acceptable_domains(&change.domains)?,
        accent: change.accent.map(|accent| acceptable_color(&accent)).transpose()?,
        version: current.version + 1,
    };
    store::settings::put_organization(tx.connection(), &next).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    let details = json!({ "name": next.name, "domains": next.domains, "accent": next.accent });
    audit::record(&mut tx, &actor, "organization.change", &next.name, &details).await?;
    let (shared, stored) = (Arc::clone(&app), next.clone());
    tx.after_commit(move || {
        swap(&shared.settings.organization, Some(stored));
        if let Err(error) = shared.reroute_mail() {
            tracing::error!(%error, "mail still comes from the address that the old domain made");
        }
    });
    tx.commit().await?;
    Ok(Versioned { version: next.version, value: next })
}

/// How mail leaves the service.
#[utoipa::path(
    get, path = "/v1/settings/mail", tag = "settings", responses((status = 200, body = MailSettings)),
    extensions(("x-permission" = json!("read"))),
)]
async fn mail(State(app): State<Arc<App>>, _: Reader) -> Versioned<MailSettings> {
    shown_mail(&app)
}

/// Changes how mail leaves; what waits in the outbox is tried at once.
#[utoipa::path(
    put, path = "/v1/settings/mail", tag = "settings", responses((status = 200, body = MailSettings), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn set_mail(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    version: IfMatch,
    Json(change): Json<MailSettingsChange>,
) -> Answer<Versioned<MailSettings>> {
    let from = setup::acceptable_email("from", &change.from)?;
    let mut tx = app.log.begin().await?;
    let current = app.settings.mail.load_full();
    version.check(current.version, &shown_mail(&app).value)?;
    let relay = match change.relay {
        Some(relay) => Some(stored_relay(&app, relay, current.stored.relay.as_ref())?),
        None => None,
    };
    let next = Mail { stored: StoredMail { from: Some(from), relay }, version: current.version + 1 };
    let organization = app.settings.organization.load();
    let route = next.stored.route(organization.as_ref().as_ref(), &app.server_key, &app.outbox_folder());
    let route = route.map_err(|error| Problem::field("relay", error.answer))?;
    drop(organization);
    app.outbox.hasten(tx.connection()).await?;
    store::settings::put(tx.connection(), MAIL, &next.stored, next.version).await?;
    let host = next.stored.relay.as_ref().map(|relay| relay.host.as_str());
    let details = json!({ "from": next.stored.from, "relay": host });
    audit::record(&mut tx, &Actor::of(&caller, client), "settings.mail", "mail", &details).await?;
    let shared = Arc::clone(&app);
    tx.after_commit(move || {
        swap(&shared.settings.mail, next);
        shared.outbox.reroute(route);
    });
    tx.commit().await?;
    Ok(shown_mail(&app))
}

/// Sends a test message now; answers in the relay's own words.
#[utoipa::path(
    post, path = "/v1/settings/mail/test", tag = "settings", responses((status = 200, body = TestMailResult)),
    extensions(("x-permission" = json!("write"))),
)]
async fn test_mail(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Json(request): Json<TestMail>,
) -> Answer<Json<TestMailResult>> {
    let to = setup::acceptable_email("to", &request.to)?;
    let mut tx = app.log.begin().await?;
    audit::record(&mut tx, &Actor::of(&caller, client), "settings.mail_test", &to, &json!({})).await?;
    tx.commit().await?;
    let mail = text::test(&app.settings.organization_name(), &to, app.clock.now().0);
    let sent = tokio::time::timeout(TEST_PATIENCE, app.outbox.send_now(&mail)).await;
    Ok(Json(match sent {
        Ok(Ok(answer)) => TestMailResult { accepted: true, answer },
        Ok(Err(error)) => TestMailResult { accepted: false, answer: error.answer },
        Err(_) => TestMailResult {
            accepted: false,
            answer: format!("The relay did not answer within {} s.", TEST_PATIENCE.as_secs()),
        },
    }))
}

/// How much mail waits.
#[utoipa::path(
    get, path = "/v1/outbox", tag = "settings", responses((status = 200, body = OutboxStatus)),
    extensions(("x-permission" = json!("read"))),
)]
async fn outbox(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<OutboxStatus>> {
    Ok(Json(app.outbox.status().await?))
}

/// When alerts are raised.
#[utoipa::path(
    get, path = "/v1/settings/alerts", tag = "settings", responses((status = 200, body = AlertSettings)),
    extensions(("x-permission" = json!("read"))),
)]
async fn alerts(State(app): State<Arc<App>>, _: Reader) -> Versioned<AlertSettings> {
    let current = app.settings.alerts.load().as_ref().clone();
    Versioned { version: current.version, value: current }
}

/// Changes when alerts are raised. The version in the body does not matter; If-Match does.
#[utoipa::path(
    put, path = "/v1/settings/alerts", tag = "settings", responses((status = 200, body = AlertSettings), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn set_alerts(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    version: IfMatch,
    Json(mut next): Json<AlertSettings>,
) -> Answer<Versioned<AlertSettings>> {
    between("account_failures", next.account_failures, 2, 100)?;
    between("network_accounts", next.network_accounts, 2, 100)?;
    between("window_minutes", next.window_minutes, 1, 24 * 60)?;
    let mut tx = app.log.begin().await?;
    let current = app.settings.alerts.load_full();
    version.check(current.version, &*current)?;
    next.version = current.version + 1;
    store::settings::put(tx.connection(), ALERTS, &next, next.version).await?;
    audit::record(&mut tx, &Actor::of(&caller, client), "settings.alerts", "alerts", &json!(next)).await?;
    let (shared, stored) = (Arc::clone(&app), next.clone());
    tx.after_commit(move || swap(&shared.settings.alerts, stored));
    tx.set_rules(settings::rules(&next));
    tx.commit().await?;
    Ok(Versioned { version: next.version, value: next })
}

/// How sign-ins are judged by their risk.
#[utoipa::path(
    get, path = "/v1/settings/risk", tag = "settings", responses((status = 200, body = RiskSettings)),
    extensions(("x-permission" = json!("read"))),
)]
async fn risk(State(app): State<Arc<App>>, _: Reader) -> Versioned<RiskSettings> {
    let current = **app.settings.risk.load();
    Versioned { version: current.version, value: current }
}

/// Changes how sign-ins are judged by their risk. The version in the body does not matter; If-Match does.
#[utoipa::path(
    put, path = "/v1/settings/risk", tag = "settings", responses((status = 200, body = RiskSettings), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn set_risk(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    version: IfMatch,
    Json(mut next): Json<RiskSettings>,
) -> Answer<Versioned<RiskSettings>> {
    check_level(next.level)?;
    let mut tx = app.log.begin().await?;
    let current = **app.settings.risk.load();
    version.check(current.version, &current)?;
    next.version = current.version + 1;
    store::settings::put(tx.connection(), RISK, &next, next.version).await?;
    audit::record(&mut tx, &Actor::of(&caller, client), "settings.risk", "risk", &json!(next)).await?;
    let shared = Arc::clone(&app);
    tx.after_commit(move || swap(&shared.settings.risk, next));
    tx.commit().await?;
    Ok(Versioned { version: next.version, value: next })
}

/// How long events are kept.
#[utoipa::path(
    get, path = "/v1/settings/retention", tag = "settings",
    responses((status = 200, body = RetentionSettings)), extensions(("x-permission" = json!("read"))),
)]
async fn retention(State(app): State<Arc<App>>, _: Reader) -> Versioned<RetentionSettings> {
    let current = app.settings.retention.load().as_ref().clone();
    Versioned { version: current.version, value: current }
}

/// Changes how long events are kept. The version in the body does not matter; If-Match does.
#[utoipa::path(
    put, path = "/v1/settings/retention", tag = "settings",
    responses((status = 200, body = RetentionSettings), (status = 412)), extensions(("x-permission" = json!("owner"))),
)]
async fn set_retention(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    version: IfMatch,
    Json(mut next): Json<RetentionSettings>,
) -> Answer<Versioned<RetentionSettings>> {
    between("event_days", next.event_days, 1, 3660)?;
    let mut tx = app.log.begin().await?;
    let current = app.settings.retention.load_full();
    version.check(current.version, &*current)?;
    next.version = current.version + 1;
    store::settings::put(tx.connection(), RETENTION, &next, next.version).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    audit::record(&mut tx, &actor, "settings.retention", "retention", &json!(next)).await?;
    let (shared, stored) = (Arc::clone(&app), next.clone());
    tx.after_commit(move || swap(&shared.settings.retention, stored));
    tx.commit().await?;
    Ok(Versioned { version: next.version, value: next })
}

fn shown_mail(app: &App) -> Versioned<MailSettings> {
    let value = app.settings.shown_mail(&app.outbox_folder());
    Versioned { version: value.version, value }
}

fn stored_relay(
    app: &App,
    change: RelayChange,
    before: Option<&StoredRelay>,
) -> Result<StoredRelay, HttpProblem> {
    let host = change.host.trim().to_owned();
    if host.is_empty() || host.len() > 253 || host.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(Problem::field("relay.host", "Name the relay's host, like smtp.example.org.").into());
    }
    if change.port == 0 {
        return Err(
            Problem::field("relay.port", "A port is between 1 and 65535; relays mostly use 587.").into()
        );
    }
    if change.security == RelaySecurity::None && !is_loopback(&host) {
        return Err(Problem::field(
            "relay.security",
            "Without TLS the relay must be on this machine: codes and the password would cross the network \
             readable for anybody.",
        )
        .into());
    }
    let password = match change.password {
        Some(password) => Some(
            StoredRelay::sealed_password(&app.server_key, &password.into())
                .map_err(|error| Problem::new(Code::Internal, error.to_string()))?,
        ),
        // A stored password goes only to the host that it was given for.
        None => before.filter(|relay| relay.host == host).and_then(|relay| relay.password.clone()),
    };
    let username = change.username.filter(|name| !name.is_empty());
    let password = if username.is_some() { password } else { None };
    Ok(StoredRelay { host, port: change.port, security: change.security, username, password })
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn check_level(level: RiskLevel) -> Result<(), HttpProblem> {
    match level {
        RiskLevel::Cautious | RiskLevel::Balanced | RiskLevel::Strict => Ok(()),
        RiskLevel::Custom(RiskThresholds { delay, challenge, refuse }) => {
            between("refuse", refuse, 1, RiskThresholds::LARGEST)?;
            // Who is refused is asked for nothing, so that more would say nothing.
            between("delay", delay, 1, refuse)?;
            between("challenge", challenge, 1, refuse)
        }
    }
}

fn between(field: &str, value: u32, low: u32, high: u32) -> Result<(), HttpProblem> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Problem::field(field, format!("This must be between {low} and {high}.")).into())
}

fn acceptable_color(color: &Color) -> Result<Color, HttpProblem> {
    let wrong =
        || Problem::field("accent", "A color is # and six digits or letters from a to f, like #2457c5.");
    Ok(colors::checked(color).ok_or_else(wrong)?)
}
