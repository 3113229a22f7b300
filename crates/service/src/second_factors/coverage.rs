//! Who has which factors, and who lacks what the policy requires.

use jiff::SignedDuration;
use mailcup_guard::{
    access::Scope,
    second_factor::{Ask, Demand, Person, Policy},
};
use mailcup_policy::wire_scope;
use mailcup_wire::{
    Admin, FactorAsk, FactorCounts, FactorCoverage, FactorKind, FactorLack, FactorPerson, FactorScope,
    FactorWant, FactorWho, PolicyScope, Time,
};
use sqlx::SqliteConnection;

use super::role;
use crate::{
    app::App,
    http::me,
    notices::{is_mailbox, mailbox},
    store::{
        StoreError, admins,
        second_factors::{self as rows, AccountRow, AdminTimes},
    },
};

/// Nobody is reminded again before this is over.
pub const REMIND_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Which people.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// A part of the login, the name or the address for codes, in lower case.
    pub text: String,
    /// Only those who lack something.
    pub missing: bool,
    /// After this one.
    pub cursor: Option<String>,
    pub limit: usize,
}

/// What everybody has; a policy says what they lack.
pub struct People {
    admins: Vec<AdminRow>,
    accounts: Vec<AccountRow>,
}

struct AdminRow {
    admin: Admin,
    person: Person,
    times: AdminTimes,
    factors: Vec<FactorKind>,
}

impl People {
    pub async fn read(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let mut people = Vec::new();
        for row in admins::all(connection).await? {
            let admin = row.admin;
            let person = super::admin_person(connection, &admin).await?;
            let times = rows::admin_times(connection, &admin.id).await?;
            let factors = me::factors_of(connection, &admin).await?;
            let factors = factors.iter().filter(|it| it.left != Some(0)).map(|it| it.kind).collect();
            people.push(AdminRow { admin, person, times, factors });
        }
        Ok(Self { admins: people, accounts: rows::accounts(connection).await? })
    }

    /// Everybody under a policy: admins, then accounts, by login.
    pub fn under(&self, app: &App, policy: &Policy) -> Vec<FactorPerson> {
        let now = app.clock.now();
        let admins = self.admins.iter().map(|row| admin(policy, row, now));
        admins.chain(self.accounts.iter().map(|row| account(app, policy, row, now))).collect()
    }
}

/// Answers a question about everybody.
pub fn answer(everybody: Vec<FactorPerson>, question: &Question, now: Time) -> FactorCoverage {
    let mut counts = FactorCounts::default();
    let mut people = Vec::new();
    for person in everybody {
        counts.people += 1;
        counts.missing += u32::from(person.lacks.is_some());
        counts.refused += u32::from(person.ask == FactorAsk::Refuse);
        counts.own_mailbox += u32::from(person.own_mailbox);
        counts.to_remind += u32::from(is_to_be_reminded(&person, now) && person.code_to.is_some());
        if question.fits(&person) {
            counts.found += 1;
            people.push(person);
        }
    }
    if let Some(after) = &question.cursor {
        people.retain(|person| cursor(person) > *after);
    }
    let more = people.len() > question.limit;
    people.truncate(question.limit);
    let next = people.last().filter(|_| more).map(cursor);
    FactorCoverage { counts, people, next }
}

/// Whether somebody lacks something and was not told within a day.
pub fn is_to_be_reminded(person: &FactorPerson, now: Time) -> bool {
    person.lacks.is_some() && person.reminded_at.is_none_or(|at| now.0.duration_since(at.0) >= REMIND_AFTER)
}

impl Question {
    fn fits(&self, person: &FactorPerson) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        let named = has(&person.login.0) || has(&person.name) || person.code_to.as_deref().is_some_and(has);
        named && (!self.missing || person.lacks.is_some())
    }
}

/// Orders people, and names the last one of a page.
fn cursor(person: &FactorPerson) -> String {
    let group = match person.who {
        FactorWho::Admin { .. } => 1,
        FactorWho::Account => 2,
    };
    format!("{group}:{}", person.login)
}

fn admin(policy: &Policy, row: &AdminRow, now: Time) -> FactorPerson {
    let AdminRow { admin, person, times, factors } = row;
    let demand = policy.admin(role(admin.role), person, now.0);
    let of_role = FactorScope::Role { role: admin.role };
    let is_said = policy.says_of_role(role(admin.role));
    FactorPerson {
        who: FactorWho::Admin { id: admin.id.clone(), role: admin.role },
        factors: factors.clone(),
        own_mailbox: admin.email.eq_ignore_ascii_case(&admin.login.0),
        code_to: Some(admin.email.clone()),
        last_used_at: times.last_used_at,
        ask: ask(demand),
        lacks: lack(demand, FactorWant::Authenticator),
        decided_by: is_said.then_some(of_role),
        reminded_at: times.reminded_at,
        login: admin.login.clone(),
        name: admin.name.clone(),
    }
}

fn account(app: &App, policy: &Policy, row: &AccountRow, now: Time) -> FactorPerson {
    let outside = row.address.as_deref().is_some_and(|address| !is_mailbox(app, &row.login, address));
    let code_to = row.address.clone().or_else(|| mailbox(app, &row.login));
    let has_own = row.has_passkey || row.has_authenticator;
    let person = Person {
        strong: outside || has_own,
        reachable: code_to.is_some(),
        since: Some(row.created_at.0),
        granted: None,
    };
    let demand = policy.account(&row.login.0, &person, now.0);
    // Codes into the very mailbox are not taken of who has a factor of their own.
    let by_mail = person.reachable && (outside || !has_own);
    let factors = [
        (row.has_passkey, FactorKind::Passkey),
        (row.has_authenticator, FactorKind::Authenticator),
        (by_mail, FactorKind::Email),
        (has_own && row.has_recovery_codes, FactorKind::RecoveryCode),
    ];
    let want = if person.reachable { FactorWant::OutsideAddress } else { FactorWant::Address };
    FactorPerson {
        who: FactorWho::Account,
        factors: factors.into_iter().filter_map(|(has, kind)| has.then_some(kind)).collect(),
        own_mailbox: by_mail && !outside,
        code_to,
        last_used_at: row.last_used_at,
        ask: ask(demand),
        lacks: lack(demand, want),
        decided_by: policy.of_account(&row.login.0).0.as_ref().map(shown),
        reminded_at: row.reminded_at,
        login: row.login.clone(),
        name: row.name.clone(),
    }
}

fn shown(scope: &Scope) -> FactorScope {
    match wire_scope(scope) {
        PolicyScope::Organization => FactorScope::Organization,
        PolicyScope::Domain { domain } => FactorScope::Domain { domain },
        PolicyScope::Account { login } => FactorScope::Account { login },
    }
}

fn ask(demand: Demand) -> FactorAsk {
    match demand.ask {
        Ask::Nothing => FactorAsk::Nothing,
        Ask::Code => FactorAsk::Code,
        Ask::Strong => FactorAsk::Strong,
        Ask::Refuse => FactorAsk::Refuse,
    }
}

fn lack(demand: Demand, what: FactorWant) -> Option<FactorLack> {
    let lack = demand.lacks?;
    Some(FactorLack { what, since: Time::from(lack.since), until: Time::from(lack.until) })
}
