//! Whom a change of access rules locks out: judged by the same replay as a dry run, for every client.

use std::sync::Arc;

use jiff::SignedDuration;
use mailcup_guard::{
    access::{Country, RuleSet},
    decision::{Attempt, Reason},
    replay::{Effect, Replay},
};
use mailcup_wire::{Address, LockOut, Login, Protocol, Role, Time};
use sqlx::SqliteConnection;

use crate::{
    app::App,
    event_log::reason_text,
    http::{auth::Caller, client::Client},
    store::{StoreError, admins, event_index},
};

/// Sign-ins of owners so long ago still tell how they get in.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Ways in that must stay open.
#[derive(Debug)]
pub(super) struct Ways {
    /// Of the admin who makes the change, now. None for a key, which rules don't judge.
    caller: Option<Way>,
    /// From where owners are signed in or did so lately.
    owners: Vec<Way>,
    now: Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    login: Login,
    protocol: Protocol,
    address: Option<Address>,
    country: Option<Country>,
}

impl Ways {
    pub(super) async fn gather(
        app: &App,
        connection: &mut SqliteConnection,
        caller: &Caller,
        client: Client,
        now: Time,
    ) -> Result<Self, StoreError> {
        let caller = caller.admin().map(|(_, login)| Way::new(app, login, Protocol::Api, client.address));
        let since = Time::from(now.0.saturating_sub(LOOK_BACK).unwrap_or(now.0));
        let mut owners = Vec::new();
        for row in admins::all(connection).await? {
            let owner = row.admin;
            if owner.role != Role::Owner {
                continue;
            }
            let sessions = app.sessions.of(&owner.id);
            owners.extend(
                sessions
                    .iter()
                    .map(|session| Way::new(app, owner.login.clone(), Protocol::Api, session.address)),
            );
            let sign_ins = event_index::admin_sign_ins(connection, &owner.login, since).await?;
            owners.extend(
                sign_ins
                    .into_iter()
                    .map(|(protocol, address)| Way::new(app, owner.login.clone(), protocol, address)),
            );
        }
        // The caller stands where they stand now, wherever their session began.
        owners.extend(caller.clone().filter(|way| owners.iter().any(|owner| owner.login == way.login)));
        Ok(Self { caller, owners, now })
    }

    /// Whom the step from one set of rules to another locks out; none: nobody.
    pub(super) fn lock_out(&self, before: Arc<RuleSet>, after: Arc<RuleSet>) -> Option<LockOut> {
        let replay = Replay::new(before, after);
        let at = self.now.0;
        let mut refusing = Vec::new();
        let yourself =
            self.caller.as_ref().filter(|way| replay.effect(&way.attempt(), at) == Effect::Refused);
        if let Some(way) = yourself {
            refusing = replay.refusal_after(&way.attempt(), at);
        }
        let open_before: Vec<_> =
            self.owners.iter().filter(|way| !replay.is_refused_before(&way.attempt(), at)).collect();
        let closed = open_before.iter().all(|way| !replay.refusal_after(&way.attempt(), at).is_empty());
        let mut owners = Vec::new();
        if let Some(first) = open_before.first().filter(|_| closed) {
            if refusing.is_empty() {
                refusing = replay.refusal_after(&first.attempt(), at);
            }
            owners.extend(open_before.iter().map(|way| way.login.clone()));
            owners.sort();
            owners.dedup();
        }
        (yourself.is_some() || !owners.is_empty()).then(|| LockOut {
            yourself: yourself.is_some(),
            address: self.caller.as_ref().and_then(|way| way.address),
            owners,
            reasons: refusing.iter().map(|reason: &Reason| reason_text(reason)).collect(),
        })
    }
}

impl Way {
    fn new(app: &App, login: Login, protocol: Protocol, address: Option<Address>) -> Self {
        let country = address.and_then(|address| app.places.country(address.ip()));
        Self { login, protocol, address, country }
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            login: Some(&self.login.0),
            protocol: mailcup_policy::protocol(self.protocol),
            address: self.address.map(Address::ip),
            country: self.country,
        }
    }
}
