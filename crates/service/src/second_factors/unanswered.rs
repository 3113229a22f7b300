//! Codes that were asked for and never given: somebody had the right password.

use std::collections::HashMap;

use jiff::SignedDuration;
use mailcup_guard::one_time_code::LIFE;
use mailcup_wire::{Login, Network, Outcome, Protocol, SignIn, Time, UnansweredCode};
use sqlx::SqliteConnection;

use crate::store::{StoreError, second_factors as rows};

/// How far back they are looked for.
pub const SPAN: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Lines at most, the newest ones.
const MOST: usize = 500;

type Whose = (Login, Protocol, Option<Network>);

/// The codes of the last week that were never given, the newest first.
pub async fn list(connection: &mut SqliteConnection, now: Time) -> Result<Vec<UnansweredCode>, StoreError> {
    let since = Time::from(now.0.saturating_sub(SPAN).unwrap_or(now.0));
    Ok(unanswered(rows::asked_and_given(connection, since).await?, now))
}

/// Takes sign-ins in the order of time. What was asked is answered by a success of the same account from the same
/// network while the code lived.
fn unanswered(sign_ins: Vec<(Time, SignIn)>, now: Time) -> Vec<UnansweredCode> {
    let mut given: HashMap<Whose, Vec<Time>> = HashMap::new();
    for (at, sign_in) in sign_ins.iter().filter(|(_, it)| it.outcome == Outcome::Succeeded) {
        given.entry(whose(sign_in)).or_default().push(*at);
    }
    let lived = |asked: Time, at: Time| at.0.duration_since(asked.0) <= LIFE;
    let mut lines: HashMap<Whose, UnansweredCode> = HashMap::new();
    for (at, sign_in) in sign_ins {
        let whose = whose(&sign_in);
        let next = given.get(&whose).and_then(|given| given.get(given.partition_point(|then| *then < at)));
        let answered = next.is_some_and(|then| lived(at, *then));
        let waits = now.0.duration_since(at.0) <= LIFE;
        if sign_in.outcome != Outcome::Challenged || answered || waits {
            continue;
        }
        let line = lines.entry(whose).or_insert_with(|| UnansweredCode {
            login: sign_in.login.clone(),
            protocol: sign_in.protocol,
            address: None,
            place: None,
            client: None,
            count: 0,
            first_at: at,
            last_at: at,
        });
        (line.address, line.place, line.client) = (sign_in.address, sign_in.place, sign_in.client);
        (line.count, line.last_at) = (line.count + 1, at);
    }
    let mut lines: Vec<_> = lines.into_values().collect();
    lines.sort_by(|a, b| (b.last_at, &a.login).cmp(&(a.last_at, &b.login)));
    lines.truncate(MOST);
    lines
}

fn whose(sign_in: &SignIn) -> Whose {
    (sign_in.login.clone(), sign_in.protocol, sign_in.address.map(mailcup_wire::Address::client_network))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(login: &str, address: &str, outcome: Outcome, minute: i64) -> (Time, SignIn) {
        let sign_in = SignIn {
            login: login.into(),
            protocol: Protocol::Web,
            address: address.parse().ok(),
            outcome,
            reasons: Vec::new(),
            server: None,
            client: None,
            tls: true,
            place: None,
        };
        (Time::from_millis(minute * 60_000), sign_in)
    }

    #[test]
    fn a_code_counts_as_never_given_without_a_success_from_the_same_network_in_time() {
        let (asked, given) = (Outcome::Challenged, Outcome::Succeeded);
        let log = vec![
            sign_in("anna", "203.0.113.7", asked, 0),
            sign_in("anna", "203.0.113.7", given, 2),
            sign_in("ben", "203.0.113.7", asked, 3),
            sign_in("ben", "198.51.100.7", given, 4),
            sign_in("ben", "203.0.113.7", asked, 5),
            sign_in("clara", "203.0.113.9", asked, 6),
            sign_in("clara", "203.0.113.9", given, 17),
            sign_in("dora", "203.0.113.9", asked, 35),
        ];
        let found = unanswered(log, Time::from_millis(40 * 60_000));
        let told: Vec<_> = found.iter().map(|it| (it.login.0.as_str(), it.count)).collect();
        assert_eq!(told, [("clara", 1), ("ben", 2)], "dora may still give hers");
        assert_eq!((found[1].first_at.as_millis(), found[1].last_at.as_millis()), (180_000, 300_000));
    }
}
