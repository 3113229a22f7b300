//! Second factors: the policy in memory, and what it asks of each admin and account. Its rows in the database are the
//! truth at a start.

pub mod coverage;
pub mod reminders;
pub mod unanswered;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::SignedDuration;
use mailcup_guard::{
    access::Scope,
    second_factor::{Before, Demand, Person, Policy, Required, Role as GuardRole, Rule},
};
use mailcup_wire::{
    Admin, Code, FactorBefore, FactorRequirement, FactorRule, FactorScope, FactorScopeRule, Login, Problem,
    Role, Time,
};
use sqlx::SqliteConnection;

use crate::{
    app::App,
    http::problem::HttpProblem,
    notices::Owner,
    store::{StoreError, accounts, factors, second_factors as rows},
};

/// The policy as it is enforced.
#[derive(Debug)]
pub struct SecondFactors(ArcSwap<Policy>);

/// Time of an admin whose factors were reset or whose role changed, where the policy says none.
const GRACE: SignedDuration = SignedDuration::from_hours(24 * 7);

impl SecondFactors {
    pub fn new(said: &[FactorScopeRule]) -> Self {
        Self(ArcSwap::from_pointee(policy(said)))
    }

    pub fn policy(&self) -> Arc<Policy> {
        self.0.load_full()
    }

    /// Takes in what scopes say; for after the commit.
    pub fn swap(&self, policy: Policy) {
        self.0.store(Arc::new(policy));
    }
}

/// What an admin must give now, and what they lack.
pub async fn of_admin(
    app: &App,
    connection: &mut SqliteConnection,
    admin: &Admin,
) -> Result<Demand, StoreError> {
    let person = admin_person(connection, admin).await?;
    Ok(app.second_factors.policy().admin(role(admin.role), &person, app.clock.now().0))
}

/// What an account must give on the web now, and what it lacks. `owner` is how its owner is reached.
pub async fn of_account(
    app: &App,
    connection: &mut SqliteConnection,
    login: &Login,
    owner: Option<&Owner>,
) -> Result<Demand, StoreError> {
    let person = Person {
        strong: owner.is_some_and(|owner| owner.outside)
            || factors::has_own(connection, rows::Person::Account(login)).await?,
        reachable: owner.is_some(),
        since: accounts::get(connection, login).await?.map(|account| account.created_at.0),
        granted: None,
    };
    Ok(app.second_factors.policy().account(&login.0, &person, app.clock.now().0))
}

/// Whether an admin of this role must have an authenticator, now or from a day on.
pub fn is_required_of(app: &App, of: Role) -> bool {
    matches!(app.second_factors.policy().of_role(role(of)), Rule::Required(_))
}

/// Until when an admin has time who gets some now.
pub fn time_from(app: &App, of: Role, now: Time) -> Time {
    let grace = match app.second_factors.policy().of_role(role(of)) {
        Rule::Required(required) => required.grace,
        Rule::Off | Rule::Optional => GRACE,
    };
    Time::from(now.0.saturating_add(grace).unwrap_or(now.0))
}

/// Refuses what would leave no owner who can sign in for good.
pub async fn keep_an_able_owner(
    connection: &mut SqliteConnection,
    policy: &Policy,
) -> Result<(), HttpProblem> {
    if !matches!(policy.of_role(GuardRole::Owner), Rule::Required(_))
        || rows::with_authenticator(connection, Role::Owner).await? > 0
    {
        return Ok(());
    }
    Err(Problem::new(
        Code::Conflict,
        "Authenticators are required of owners, and no owner would have one: all of them would be locked out. First \
         add an authenticator to an owner: Settings, My factors.",
    )
    .into())
}

/// The policy as guard has it.
pub fn policy(said: &[FactorScopeRule]) -> Policy {
    let mut accounts = Vec::new();
    let mut roles = Vec::new();
    for FactorScopeRule { scope, rule, .. } in said {
        let rule = guard_rule(rule);
        match scope {
            FactorScope::Organization => accounts.push((Scope::Organization, rule)),
            FactorScope::Domain { domain } => accounts.push((Scope::Domain(domain.as_str().into()), rule)),
            FactorScope::Account { login } => {
                accounts.push((Scope::Account(login.0.as_str().into()), rule));
            }
            FactorScope::Role { role: of } => roles.push((role(*of), rule)),
        }
    }
    Policy::new(accounts, roles)
}

async fn admin_person(connection: &mut SqliteConnection, admin: &Admin) -> Result<Person, StoreError> {
    let times = rows::admin_times(connection, &admin.id).await?;
    Ok(Person {
        strong: factors::has_own(connection, rows::Person::Admin(&admin.id)).await?,
        reachable: true,
        since: Some(admin.created_at.0),
        granted: times.granted.map(|at| at.0),
    })
}

fn guard_rule(rule: &FactorRule) -> Rule {
    match rule {
        FactorRule::Off => Rule::Off,
        FactorRule::Optional => Rule::Optional,
        FactorRule::Required(FactorRequirement { from, grace_days, before, outside_address }) => {
            Rule::Required(Required {
                from: from.0,
                grace: SignedDuration::from_hours(24 * i64::from(*grace_days)),
                before: match before {
                    FactorBefore::Nothing => Before::Nothing,
                    FactorBefore::Optional => Before::Optional,
                    FactorBefore::Code => Before::Code,
                },
                outside: *outside_address,
            })
        }
    }
}

fn role(role: Role) -> GuardRole {
    match role {
        Role::Auditor => GuardRole::Auditor,
        Role::Admin => GuardRole::Admin,
        Role::Owner => GuardRole::Owner,
    }
}
