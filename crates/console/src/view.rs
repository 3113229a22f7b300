//! What the window and the tray show, derived from the core's state. Pure.

use mailcup_wire::{
    Admin, Alert, AlertKind, AlertState, Challenge, Severity, Time,
    desktop::{Link, Notice, Phase, ServiceView, TrayState, View},
};
use url::Url;

use crate::{
    host::{Tray, TrayAlert},
    store::Figures,
};

/// So long the service may be away before that is an alert.
const UNREACHABLE_AFTER_MILLIS: i64 = 60_000;

/// Everything that the frame depends on.
#[derive(Debug, Clone)]
pub struct Situation {
    pub access: Access,
    pub can_lock: bool,
    pub connection: Option<Connection>,
    pub paused_until: Option<Time>,
    pub data_folder: String,
}

/// Whether the local copy can be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Access {
    Open,
    Locked,
    /// There is no key, and no keyring that keeps one.
    NeedsPassphrase {
        why: String,
    },
}

#[derive(Debug, Clone)]
pub struct Connection {
    pub url: Url,
    pub embedded: bool,
    /// The organization's name, once known.
    pub name: Option<String>,
    pub standing: Standing,
    pub link: Link,
    pub fresh_at: Option<Time>,
    pub admin: Option<Admin>,
    pub figures: Figures,
    pub notices: Vec<Notice>,
}

/// How we stand with the service.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Not asked yet.
    Unknown,
    SetUpNeeded,
    SignedOut {
        challenge: Option<Challenge>,
    },
    SignedIn,
    /// The session ended by itself; the local copy stays readable.
    Lapsed,
}

impl Situation {
    pub fn view(&self, now: Time) -> View {
        let open = self.access == Access::Open;
        let connection = self.connection.as_ref();
        let readable = connection.filter(|_| open);
        let own_alerts: Vec<Alert> = readable.and_then(|it| it.unreachable(now)).into_iter().collect();
        let figures = readable.map(|it| it.figures.clone()).unwrap_or_default();
        View {
            phase: self.phase(),
            service: connection.map(Connection::service_view),
            admin: readable.and_then(|it| it.admin.clone()),
            open_alerts: figures.open_alerts,
            gravest: figures.gravest,
            own_alerts,
            events: figures.events,
            notices: readable.map(|it| it.notices.clone()).unwrap_or_default(),
            paused_until: self.paused_until.filter(|until| now < *until),
            can_lock: self.can_lock,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_folder: self.data_folder.clone(),
        }
    }

    pub fn tray(&self, now: Time) -> Tray {
        let view = self.view(now);
        let state = tray_state(&view);
        let newest = self.connection.as_ref().filter(|_| state != TrayState::Locked);
        let newest = newest.map(|it| it.figures.newest_open.as_slice()).unwrap_or_default();
        let alert = |alert: &Alert| TrayAlert {
            id: alert.id.clone(),
            title: alert.title.clone(),
            severity: alert.severity,
        };
        Tray {
            state,
            status: status(&view),
            alerts: newest.iter().map(alert).collect(),
            paused: view.paused_until.is_some(),
            can_lock: self.can_lock,
        }
    }

    fn phase(&self) -> Phase {
        match &self.access {
            Access::NeedsPassphrase { why } => return Phase::ChoosePassphrase { why: why.clone() },
            Access::Locked => return Phase::Locked,
            Access::Open => {}
        }
        let Some(connection) = &self.connection else { return Phase::FirstRun };
        match &connection.standing {
            Standing::Unknown => Phase::Starting,
            Standing::SetUpNeeded => Phase::SetUp { needs_token: !connection.embedded },
            Standing::SignedOut { challenge } => Phase::SignIn { challenge: challenge.clone() },
            Standing::SignedIn | Standing::Lapsed => Phase::Ready,
        }
    }
}

impl Connection {
    /// The console's own alert while the service is away. Its id names the outage, so that it is one across
    /// restarts of the console.
    pub fn unreachable(&self, now: Time) -> Option<Alert> {
        let Link::Offline { since, why } = &self.link else { return None };
        if now.as_millis() - since.as_millis() < UNREACHABLE_AFTER_MILLIS {
            return None;
        }
        let outage = self.fresh_at.unwrap_or(*since);
        Some(Alert {
            id: format!("unreachable-{}", outage.as_millis()).into(),
            kind: AlertKind::ServiceUnreachable,
            severity: Severity::Attention,
            state: AlertState::Open,
            title: "The service can't be reached".to_owned(),
            text: format!("{why} New sign-ins and alerts are not seen until it is back."),
            login: None,
            network: None,
            accounts: Vec::new(),
            accounts_total: 0,
            addresses: Vec::new(),
            addresses_total: 0,
            count: 1,
            first_at: *since,
            last_at: *since,
            evidence: Vec::new(),
            snoozed_until: None,
            history: Vec::new(),
            version: 1,
        })
    }

    fn service_view(&self) -> ServiceView {
        let place = || match self.url.host_str() {
            _ if self.embedded => "This computer".to_owned(),
            Some(host) => host.to_owned(),
            None => self.url.to_string(),
        };
        ServiceView {
            name: self.name.clone().unwrap_or_else(place),
            url: self.url.to_string(),
            embedded: self.embedded,
            link: if self.standing == Standing::Lapsed { Link::SignedOut } else { self.link.clone() },
            fresh_at: self.fresh_at,
        }
    }
}

fn tray_state(view: &View) -> TrayState {
    if view.phase == Phase::Locked {
        return TrayState::Locked;
    }
    if view.gravest == Some(Severity::Critical) {
        return TrayState::Critical;
    }
    match view.service.as_ref().map(|service| &service.link) {
        Some(Link::Offline { .. } | Link::SignedOut) => TrayState::Offline,
        _ if view.gravest == Some(Severity::Attention) => TrayState::Attention,
        _ => TrayState::Well,
    }
}

fn status(view: &View) -> String {
    match &view.phase {
        Phase::Starting => return "Starting".to_owned(),
        Phase::FirstRun | Phase::SetUp { .. } => return "Not set up yet".to_owned(),
        Phase::ChoosePassphrase { .. } => return "Choose a passphrase".to_owned(),
        Phase::SignIn { .. } => return "Sign in".to_owned(),
        Phase::Locked => return "Locked".to_owned(),
        Phase::Ready => {}
    }
    let link = match view.service.as_ref().map(|service| &service.link) {
        Some(Link::Offline { .. }) => Some("the service can't be reached"),
        Some(Link::SignedOut) => Some("sign in again"),
        _ => None,
    };
    let alerts = match view.open_alerts {
        0 => None,
        1 => Some("1 open alert".to_owned()),
        count => Some(format!("{count} open alerts")),
    };
    match (alerts, link) {
        (None, None) => "All is well".to_owned(),
        (Some(alerts), None) => alerts,
        (None, Some(link)) => {
            let mut letters = link.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
        (Some(alerts), Some(link)) => format!("{alerts}; {link}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(standing: Standing, link: Link) -> Situation {
        let connection = Connection {
            url: "http://127.0.0.1:8480/".parse().unwrap(),
            embedded: true,
            name: None,
            standing,
            link,
            fresh_at: Some(Time::from_millis(1_000)),
            admin: None,
            figures: Figures::default(),
            notices: Vec::new(),
        };
        Situation {
            access: Access::Open,
            can_lock: true,
            connection: Some(connection),
            paused_until: None,
            data_folder: "/data".to_owned(),
        }
    }

    #[test]
    fn phases_follow_from_access_then_from_how_we_stand() {
        let now = Time::from_millis(0);
        let phase = |standing| situation(standing, Link::Live).view(now).phase;
        assert_eq!(phase(Standing::Unknown), Phase::Starting);
        assert_eq!(phase(Standing::SetUpNeeded), Phase::SetUp { needs_token: false });
        assert_eq!(phase(Standing::SignedOut { challenge: None }), Phase::SignIn { challenge: None });
        assert_eq!(phase(Standing::Lapsed), Phase::Ready);
        let locked = Situation { access: Access::Locked, ..situation(Standing::SignedIn, Link::Live) };
        assert_eq!(locked.view(now).phase, Phase::Locked);
        let fresh = Situation { connection: None, ..situation(Standing::Unknown, Link::Live) };
        assert_eq!(fresh.view(now).phase, Phase::FirstRun);
    }

    #[test]
    fn a_locked_console_shows_nothing_of_what_it_holds() {
        let mut locked = situation(Standing::SignedIn, Link::Live);
        locked.access = Access::Locked;
        if let Some(connection) = &mut locked.connection {
            connection.figures.open_alerts = 3;
            connection.figures.events = 9;
            connection.figures.gravest = Some(Severity::Critical);
        }
        let view = locked.view(Time::from_millis(0));
        assert_eq!((view.open_alerts, view.events, view.gravest), (0, 0, None));
        let tray = locked.tray(Time::from_millis(0));
        assert_eq!((tray.state, tray.status.as_str()), (TrayState::Locked, "Locked"));
    }

    #[test]
    fn an_outage_is_an_alert_after_a_minute_and_one_across_restarts() {
        let offline = |since| {
            let link = Link::Offline { since: Time::from_millis(since), why: "It is down.".to_owned() };
            situation(Standing::SignedIn, link)
        };
        let alerts = |since, now| offline(since).view(Time::from_millis(now)).own_alerts;
        assert!(alerts(5_000, 64_999).is_empty());
        let (first, later) = (alerts(5_000, 65_000), alerts(300_000, 400_000));
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].id, later[0].id);
        assert_eq!(offline(0).tray(Time::from_millis(1)).state, TrayState::Offline);
    }
}
