//! Wrong passwords that were looked up, until their connection tells of them.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use mailcup_wire::Time;

use crate::log_import::dovecot::Why;

/// Milliseconds after which a connection is not expected to tell any more.
const PATIENCE: i64 = 10 * 60 * 1000;
const MOST: usize = 50_000;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_connection: HashMap<Connection, Vec<Try>>,
    order: VecDeque<(Time, Connection)>,
}

#[derive(Debug, Clone)]
pub(super) struct Try {
    at: Time,
    pub login: String,
    pub why: Why,
}

/// What tells connections apart: Postfix's have no session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Connection {
    Session(Box<str>),
    Address(IpAddr),
}

impl Attempts {
    pub fn add(&mut self, at: Time, session: &str, address: Option<IpAddr>, login: &str, why: Why) {
        let connection = match (session, address) {
            ("", None) => return,
            ("", Some(address)) => Connection::Address(address),
            (session, _) => Connection::Session(session.into()),
        };
        let tries = self.by_connection.entry(connection.clone()).or_default();
        tries.push(Try { at, login: login.to_owned(), why });
        self.order.push_back((at, connection));
        while let Some((first, _)) = self.order.front()
            && (self.order.len() > MOST || at.as_millis() - first.as_millis() > PATIENCE)
        {
            self.forget_oldest();
        }
    }

    /// All of a session of Dovecot's, in their order.
    pub fn of_session(&mut self, session: &str) -> Vec<Try> {
        if session.is_empty() || self.by_connection.is_empty() {
            return Vec::new();
        }
        self.by_connection.remove(&Connection::Session(session.into())).unwrap_or_default()
    }

    /// The latest one from an address, of a server that names no sessions.
    pub fn of_address(&mut self, address: Option<IpAddr>) -> Option<Try> {
        self.by_connection.remove(&Connection::Address(address?))?.pop()
    }

    fn forget_oldest(&mut self) {
        let Some((until, connection)) = self.order.pop_front() else { return };
        if let Some(tries) = self.by_connection.get_mut(&connection) {
            tries.retain(|one| one.at > until);
            if tries.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
    }
}
