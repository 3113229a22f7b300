//! What the window and the tray show, derived from the core's state. Pure.

use mailcup_wire::{
    Admin, Alert, AlertKind, AlertState, Challenge, ServiceId, Severity, Time,
    desktop::{AuditFault, AuditFinding, Certificate, Link, Notice, Phase, ServiceView, TrayState, View},
};
use url::Url;

use crate::{
    host::{Tray, TrayAlert},
    naming::{Named, shown_of},
    store::Figures,
};

/// Kinds of alerts that the console itself raises.
pub const OWN_KINDS: [AlertKind; 3] =
    [AlertKind::ServiceUnreachable, AlertKind::AuditBroken, AlertKind::CertificateChanged];
/// So long the service may be away before that is an alert.
const UNREACHABLE_AFTER_MILLIS: i64 = 60_000;
/// So many alerts are in the tray's menu.
const IN_TRAY: usize = 5;

/// Everything that the frame depends on.
#[derive(Debug, Clone)]
pub struct Situation {
    pub access: Access,
    pub can_lock: bool,
    pub connections: Vec<Connection>,
    /// The one that the window shows.
    pub shown: Option<ServiceId>,
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
    pub id: ServiceId,
    pub url: Url,
    pub embedded: bool,
    pub given_name: Option<String>,
    /// The organization's name, once known.
    pub organization: Option<String>,
    pub standing: Standing,
    pub link: Link,
    pub fresh_at: Option<Time>,
    pub admin: Option<Admin>,
    pub figures: Figures,
    pub notices: Vec<Notice>,
    /// What is wrong with the audit log.
    pub audit: Option<AuditFinding>,
    /// The certificate that an admin trusts by hand.
    pub pinned: Option<Certificate>,
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
        let connection = self.connection();
        let readable = connection.filter(|_| open);
        let own_alerts = readable.map(|it| it.own_alerts(now)).unwrap_or_default();
        let figures = readable.map(Connection::figures).unwrap_or_default();
        View {
            phase: self.phase(),
            service: connection.map(|it| it.service_view(self.name_of(it), open)),
            services: self.connections.iter().map(|it| it.service_view(self.name_of(it), open)).collect(),
            admin: readable.and_then(|it| it.admin.clone()),
            trial: figures.trial,
            open_alerts: figures.open_alerts,
            gravest: figures.gravest,
            own_alerts,
            events: figures.events,
            drafts: figures.drafts,
            notices: readable.map(|it| it.notices.clone()).unwrap_or_default(),
            paused_until: self.paused_until.filter(|until| now < *until),
            can_lock: self.can_lock,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_folder: self.data_folder.clone(),
        }
    }

    /// The tray speaks for all services.
    pub fn tray(&self, now: Time) -> Tray {
        let view = self.view(now);
        let readable = if self.access == Access::Open { self.connections.as_slice() } else { &[] };
        let broken: Vec<(&Connection, Alert)> =
            readable.iter().filter_map(|it| Some((it, it.audit_broken()?))).collect();
        let mut newest: Vec<(&Connection, &Alert)> = readable
            .iter()
            .flat_map(|it| it.figures.newest_open.iter().map(move |alert| (it, alert)))
            .chain(broken.iter().map(|(connection, alert)| (*connection, alert)))
            .collect();
        newest.sort_by_key(|(_, alert)| std::cmp::Reverse(alert.last_at));
        newest.truncate(IN_TRAY);
        let several = self.connections.len() > 1;
        let alert = |(connection, alert): &(&Connection, &Alert)| TrayAlert {
            service: connection.id.clone(),
            id: alert.id.clone(),
            title: if several {
                titled(&self.name_of(connection), &alert.title)
            } else {
                alert.title.clone()
            },
            severity: alert.severity,
        };
        Tray {
            state: tray_state(&view),
            status: self.status(&view),
            alerts: newest.iter().map(alert).collect(),
            paused: view.paused_until.is_some(),
            can_lock: self.can_lock,
        }
    }

    fn name_of(&self, connection: &Connection) -> String {
        connection.named().among(self.connections.iter().map(Connection::named))
    }

    fn connection(&self) -> Option<&Connection> {
        shown_of(&self.connections, |it| &it.id, self.shown.as_ref())
    }

    fn phase(&self) -> Phase {
        match &self.access {
            Access::NeedsPassphrase { why } => return Phase::ChoosePassphrase { why: why.clone() },
            Access::Locked => return Phase::Locked,
            Access::Open => {}
        }
        let Some(connection) = self.connection() else { return Phase::FirstRun };
        match &connection.standing {
            Standing::Unknown => Phase::Starting,
            Standing::SetUpNeeded => Phase::SetUp { needs_token: !connection.embedded },
            Standing::SignedOut { challenge } => Phase::SignIn { challenge: challenge.clone() },
            Standing::SignedIn | Standing::Lapsed => Phase::Ready,
        }
    }

    fn status(&self, view: &View) -> String {
        match &view.phase {
            Phase::ChoosePassphrase { .. } => return "Choose a passphrase".to_owned(),
            Phase::Locked => return "Locked".to_owned(),
            Phase::Starting if self.connections.len() == 1 => return "Starting".to_owned(),
            Phase::SignIn { .. } if self.connections.len() == 1 => return "Sign in".to_owned(),
            Phase::FirstRun | Phase::SetUp { .. } if self.connections.len() < 2 => {
                return "Not set up yet".to_owned();
            }
            Phase::Starting | Phase::FirstRun | Phase::SetUp { .. } | Phase::SignIn { .. } | Phase::Ready => {
            }
        }
        let alerts = match view.services.iter().map(|service| service.open_alerts).sum() {
            0 => None,
            1 => Some("1 open alert".to_owned()),
            count => Some(format!("{count} open alerts")),
        };
        let away: Vec<(&str, &str)> = view.services.iter().filter_map(in_the_way).collect();
        let link = match (away.as_slice(), self.connections.len()) {
            ([], _) => None,
            ([(_, what)], 1) => Some((*what).to_owned()),
            ([(name, what)], _) => Some(titled(name, what)),
            (several, _) => Some(format!("{} services need a look", several.len())),
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
}

impl Connection {
    /// What the console itself raises about the service.
    pub fn own_alerts(&self, now: Time) -> Vec<Alert> {
        self.unreachable(now).into_iter().chain(self.audit_broken()).collect()
    }

    /// The console's own alert while the service is away or shows a certificate that is not trusted. Its id
    /// names the outage or the certificate, so that it is one across restarts of the console.
    fn unreachable(&self, now: Time) -> Option<Alert> {
        match &self.link {
            Link::Offline { since, why } => {
                if now.as_millis() - since.as_millis() < UNREACHABLE_AFTER_MILLIS {
                    return None;
                }
                let outage = self.fresh_at.unwrap_or(*since);
                Some(Alert {
                    id: format!("unreachable-{}", outage.as_millis()).into(),
                    title: "The service can't be reached".to_owned(),
                    text: format!("{why} New sign-ins and alerts are not seen until it is back."),
                    ..own_alert(*since)
                })
            }
            Link::RefusedHere { since, returns_at } => {
                let waits = returns_at.is_some_and(|at| now < at);
                if waits || now.as_millis() - since.as_millis() < UNREACHABLE_AFTER_MILLIS {
                    return None;
                }
                let outage = self.fresh_at.unwrap_or(*since);
                Some(Alert {
                    id: format!("refused-{}", outage.as_millis()).into(),
                    title: "The service does not let this console in".to_owned(),
                    text: "An access rule or a block refuses you where you are now. New sign-ins and alerts are \
                           not seen until you are let in again. Sign in from a network that is allowed, or run \
                           `mailcupd admin recover` on the server."
                        .to_owned(),
                    ..own_alert(*since)
                })
            }
            Link::CertificateChanged { pinned, found } => {
                let title = match pinned {
                    Some(_) => "The service shows another certificate than the one you trusted",
                    None => "The service's certificate is no longer valid for this system",
                };
                Some(Alert {
                    id: format!("certificate-{}", found.sha256.replace(':', "").to_lowercase()).into(),
                    kind: AlertKind::CertificateChanged,
                    severity: Severity::Critical,
                    title: title.to_owned(),
                    text: format!(
                        "It is made for {} and has the SHA-256 {}. Nothing was sent to it. Compare both under \
                         Settings, Services.",
                        found.subject, found.sha256
                    ),
                    ..own_alert(self.fresh_at.unwrap_or(found.not_before))
                })
            }
            Link::Connecting | Link::CatchingUp { .. } | Link::Live | Link::SignedOut => None,
        }
    }

    /// The console's own alert about an audit log that is not as it was.
    fn audit_broken(&self) -> Option<Alert> {
        let finding = self.audit.as_ref()?;
        let seq = finding.seq;
        let what = match finding.fault {
            AuditFault::Altered => format!("Entry {seq} was altered: its words don't fit the log's chain."),
            AuditFault::Rewritten => {
                format!("Entry {seq} is not the one that this console has seen: the log was rewritten.")
            }
            AuditFault::Missing => format!("Entry {seq} is missing."),
            AuditFault::Truncated => format!("The log ends before entry {seq}, which this console has seen."),
        };
        Some(Alert {
            id: format!("audit-{seq}-{}", finding.found_at.as_millis()).into(),
            kind: AlertKind::AuditBroken,
            severity: Severity::Critical,
            title: "The audit log was tampered with".to_owned(),
            text: format!(
                "{what} The service was not restored from an older copy: its event log goes on. Whoever did \
                 this can write to the service's database."
            ),
            ..own_alert(finding.found_at)
        })
    }

    /// With the console's own alert that stays until somebody looks into it.
    fn figures(&self) -> Figures {
        let mut figures = self.figures.clone();
        if self.audit.is_some() {
            figures.open_alerts += 1;
            figures.gravest = Some(Severity::Critical);
        }
        figures
    }

    fn named(&self) -> Named<'_> {
        Named {
            given: self.given_name.as_deref(),
            organization: self.organization.as_deref(),
            embedded: self.embedded,
            url: &self.url,
        }
    }

    fn service_view(&self, name: String, open: bool) -> ServiceView {
        ServiceView {
            id: self.id.clone(),
            name,
            given_name: self.given_name.clone(),
            url: self.url.to_string(),
            embedded: self.embedded,
            link: if self.standing == Standing::Lapsed { Link::SignedOut } else { self.link.clone() },
            fresh_at: self.fresh_at,
            signed_in: matches!(self.standing, Standing::SignedIn | Standing::Lapsed),
            open_alerts: if open { self.figures().open_alerts } else { 0 },
            gravest: self.figures().gravest.filter(|_| open),
            drafts: if open { self.figures.drafts } else { 0 },
            pinned: self.pinned.clone().map(Box::new),
        }
    }
}

/// An open alert of the console's own, to be filled in.
fn own_alert(at: Time) -> Alert {
    Alert {
        id: String::new().into(),
        kind: AlertKind::ServiceUnreachable,
        severity: Severity::Attention,
        state: AlertState::Open,
        title: String::new(),
        text: String::new(),
        login: None,
        network: None,
        accounts: Vec::new(),
        accounts_total: 0,
        addresses: Vec::new(),
        addresses_total: 0,
        count: 1,
        first_at: at,
        last_at: at,
        evidence: Vec::new(),
        snoozed_until: None,
        history: Vec::new(),
        version: 1,
    }
}

fn tray_state(view: &View) -> TrayState {
    if view.phase == Phase::Locked {
        return TrayState::Locked;
    }
    let gravest = view.services.iter().filter_map(|service| service.gravest).max();
    let away = |service: &ServiceView| {
        matches!(
            service.link,
            Link::Offline { .. }
                | Link::SignedOut
                | Link::RefusedHere { .. }
                | Link::CertificateChanged { .. }
        )
    };
    match gravest {
        Some(Severity::Critical) => TrayState::Critical,
        _ if view.services.iter().any(away) => TrayState::Offline,
        Some(Severity::Attention) => TrayState::Attention,
        Some(Severity::Notice) | None => TrayState::Well,
    }
}

/// A text about one of several services.
pub fn titled(service: &str, text: &str) -> String {
    format!("{service}: {text}")
}

/// Why a service can't be watched now, with its name.
fn in_the_way(service: &ServiceView) -> Option<(&str, &'static str)> {
    let what = match service.link {
        Link::Offline { .. } => "the service can't be reached",
        Link::SignedOut => "sign in again",
        Link::RefusedHere { .. } => "access rules don't let this console in",
        Link::CertificateChanged { .. } => "another certificate than the trusted one",
        Link::Connecting | Link::CatchingUp { .. } | Link::Live => return None,
    };
    Some((&service.name, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(standing: Standing, link: Link) -> Situation {
        let connection = Connection {
            id: "one".into(),
            url: "http://127.0.0.1:8480/".parse().unwrap(),
            embedded: true,
            given_name: None,
            organization: None,
            standing,
            link,
            fresh_at: Some(Time::from_millis(1_000)),
            admin: None,
            figures: Figures::default(),
            notices: Vec::new(),
            audit: None,
            pinned: None,
        };
        Situation {
            access: Access::Open,
            can_lock: true,
            connections: vec![connection],
            shown: Some("one".into()),
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
        let fresh = Situation { connections: Vec::new(), ..situation(Standing::Unknown, Link::Live) };
        assert_eq!(fresh.view(now).phase, Phase::FirstRun);
    }

    #[test]
    fn a_locked_console_shows_nothing_of_what_it_holds() {
        let mut locked = situation(Standing::SignedIn, Link::Live);
        locked.access = Access::Locked;
        locked.connections[0].figures.open_alerts = 3;
        locked.connections[0].figures.events = 9;
        locked.connections[0].figures.gravest = Some(Severity::Critical);
        let view = locked.view(Time::from_millis(0));
        assert_eq!((view.open_alerts, view.events, view.gravest), (0, 0, None));
        assert_eq!((view.services[0].open_alerts, view.services[0].gravest), (0, None));
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

    #[test]
    fn a_console_that_is_not_let_in_says_so_once_no_change_returns_by_itself() {
        let refused = |returns_at: Option<i64>| {
            let (since, returns_at) = (Time::from_millis(5_000), returns_at.map(Time::from_millis));
            situation(Standing::SignedIn, Link::RefusedHere { since, returns_at })
        };
        let alerts = |returns_at, now| refused(returns_at).view(Time::from_millis(now)).own_alerts.len();
        assert_eq!((alerts(None, 64_999), alerts(None, 65_000)), (0, 1));
        assert_eq!((alerts(Some(600_000), 599_999), alerts(Some(600_000), 600_000)), (0, 1));
        let tray = refused(None).tray(Time::from_millis(6_000));
        assert_eq!(
            (tray.state, tray.status.as_str()),
            (TrayState::Offline, "Access rules don't let this console in")
        );
    }

    #[test]
    fn the_tray_speaks_for_all_services_and_names_the_one_that_is_away() {
        let mut two = situation(Standing::SignedIn, Link::Live);
        let why = "It is down.".to_owned();
        let mut other = two.connections[0].clone();
        other.id = "two".into();
        other.organization = Some("Choir".to_owned());
        other.link = Link::Offline { since: Time::from_millis(0), why };
        other.figures.open_alerts = 2;
        two.connections.push(other);
        two.connections[0].figures.open_alerts = 1;
        let (view, tray) = (two.view(Time::from_millis(1)), two.tray(Time::from_millis(1)));
        assert_eq!(view.open_alerts, 1, "the window counts what it shows");
        assert_eq!(tray.state, TrayState::Offline);
        assert_eq!(tray.status, "3 open alerts; Choir: the service can't be reached");
        two.shown = Some("two".into());
        assert_eq!(two.view(Time::from_millis(1)).open_alerts, 2);
    }
}
