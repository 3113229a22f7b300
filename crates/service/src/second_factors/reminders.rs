//! Mails to those who lack what the policy requires: one a day to each.

use mailcup_wire::{FactorPerson, FactorReminders, FactorWant, FactorWho, Time};
use serde_json::json;

use super::coverage::{self, People, REMIND_AFTER};
use crate::{
    app::App,
    audit::{self, Actor},
    http::problem::HttpProblem,
    mail::text::{self, Reminder},
    outbox,
    store::second_factors::{self as rows, Person},
};

/// Mails of one request at most.
const AT_ONCE: u32 = 500;

/// Reminds everybody who lacks something and was not reminded within a day.
pub async fn send(app: &App, actor: &Actor) -> Result<FactorReminders, HttpProblem> {
    let now = app.clock.now();
    let organization = app.settings.organization_name();
    let mut done = FactorReminders { sent: 0, told_lately: 0, unreachable: 0, left: 0 };
    let mut tx = app.log.begin().await?;
    let policy = app.second_factors.policy();
    for person in People::read(tx.connection()).await?.under(app, &policy) {
        let Some(lack) = &person.lacks else { continue };
        if !coverage::is_to_be_reminded(&person, now) {
            done.told_lately += 1;
            continue;
        }
        let Some(to) = &person.code_to else {
            done.unreachable += 1;
            continue;
        };
        if done.sent == AT_ONCE {
            done.left += 1;
            continue;
        }
        let mail = text::factor_missing(&Reminder {
            organization: &organization,
            name: &person.name,
            to,
            login: &person.login.0,
            is_admin: lack.what == FactorWant::Authenticator,
            until: lack.until.0,
            is_refused: lack.until <= now,
        });
        // Tomorrow there may be another one; this one is then of no use.
        let end = Time::from(now.0.saturating_add(REMIND_AFTER).unwrap_or(now.0));
        outbox::post_until(app, &mut tx, &mail, Some(end)).await?;
        rows::reminded(tx.connection(), whose(&person), now).await?;
        done.sent += 1;
    }
    if done.sent > 0 {
        let details = json!({ "sent": done.sent, "unreachable": done.unreachable });
        audit::record(&mut tx, actor, "second_factor.remind", "those who lack a second factor", &details)
            .await?;
    }
    tx.commit().await?;
    Ok(done)
}

fn whose(person: &FactorPerson) -> Person<'_> {
    match &person.who {
        FactorWho::Admin { id, .. } => Person::Admin(id),
        FactorWho::Account => Person::Account(&person.login),
    }
}
