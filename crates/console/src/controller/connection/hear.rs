//! What sidecar, sync and services say, and what is done from time to time.

use mailcup_wire::{
    Code, Problem,
    desktop::{Link, Notice},
};

use super::{
    super::{Controller, later},
    Said, offline_since,
    session::waiting_challenge,
};
use crate::{Host, api::Api, changes, sidecar::SidecarNews, sync::News, view::Standing};

const KEEP_FRESH_EVERY: i64 = 30_000;
const ASK_AGAIN_AFTER: i64 = 3_000;

impl<H: Host> Controller<H> {
    pub(in crate::controller) async fn hear_sidecar(&mut self, number: u64, news: SidecarNews) {
        let now = self.clock.now();
        let Some(connection) = self.connections.at(number) else { return };
        match news {
            SidecarNews::Up { url, ports, setup_token, restarted } => {
                connection.service.url = url.clone();
                connection.service.ports = ports;
                connection.setup_token = Some(setup_token);
                if let Err(problem) = self.folder.keep_service(&connection.service) {
                    tracing::warn!(message = problem.message, "where the service listens was not kept");
                }
                let reached = Api::new(url, true, None);
                let starting = connection.starting.take();
                match reached {
                    Ok(api) => connection.api = Some(api),
                    Err(problem) => tracing::error!(message = problem.message, "the service can't be called"),
                }
                if restarted {
                    self.notice(number, Notice::ServiceRestarted { at: now }).await;
                }
                self.tell_contacts();
                self.find_standing(number).await;
                if let Some(starting) = starting {
                    let _ = starting.send(Ok(()));
                }
            }
            SidecarNews::Down { why } => {
                connection.link =
                    Link::Offline { since: offline_since(&connection.link, now), why: why.clone() };
                if let Some(starting) = connection.starting.take() {
                    let id = connection.id().clone();
                    let _ = starting.send(Err(Problem::new(Code::Unavailable, why)));
                    // A first start that fails leaves nothing behind, so that it can be tried again.
                    if let Err(problem) = self.forget(&id).await {
                        tracing::warn!(
                            message = problem.message,
                            "a service that did not start was not removed"
                        );
                    }
                }
            }
        }
    }

    pub(in crate::controller) async fn hear_said(&mut self, number: u64, said: Said) {
        let now = self.clock.now();
        let Some(connection) = self.connections.at(number) else { return };
        let challenge = waiting_challenge(connection);
        match said {
            Said::Info(_) if connection.token.is_some() => {}
            Said::Info(Ok(info)) => {
                connection.link = Link::Connecting;
                connection.standing =
                    if info.setup_needed { Standing::SetUpNeeded } else { Standing::SignedOut { challenge } };
            }
            Said::Info(Err(problem)) => {
                let since = offline_since(&connection.link, now);
                connection.link = match connection.api.as_ref().and_then(Api::untrusted) {
                    Some(untrusted) => untrusted.into(),
                    None => Link::Offline { since, why: problem.message },
                };
                if connection.standing == Standing::Unknown {
                    connection.standing = Standing::SignedOut { challenge: None };
                }
                connection.ask_again_at = Some(later(now, ASK_AGAIN_AFTER));
            }
            Said::Organization(organization) => {
                connection.organization = Some(organization.name.clone());
                let store = connection.store.clone();
                self.tell_contacts();
                if let Some(store) = store
                    && let Err(error) = store.keep_organization(organization).await
                {
                    tracing::warn!(%error, "the organization's name was not kept");
                }
            }
            Said::MirrorMoved => self.changed(number, &changes::backups()),
            Said::Drafted => self.drafts_changed(number).await,
            Said::Checked(copy, error) if connection.copy == copy => self.store_failed(number, error).await,
            Said::Checked(..) => {}
        }
    }

    pub(in crate::controller) async fn hear_news(&mut self, round: u64, news: News) {
        let now = self.clock.now();
        let Some(connection) = self.connections.iter_mut().find(|it| it.round == round) else { return };
        let number = connection.number;
        match news {
            News::Link(link) => {
                let was_live = connection.link == Link::Live;
                if let Link::Offline { .. } | Link::CertificateChanged { .. } | Link::RefusedHere { .. } =
                    link
                    && was_live
                {
                    connection.fresh_at = Some(now);
                }
                let is_live = link == Link::Live;
                connection.link = link;
                if is_live != was_live {
                    // Whether this is how backups stand, or how they stood.
                    changes::add(self.unpushed.get_or_insert_default(), &changes::backups());
                }
                if is_live {
                    connection.fresh_at = Some(now);
                    if let Some(mirroring) = &connection.mirroring {
                        mirroring.mirror.look();
                    }
                    self.keep_fresh(number).await;
                    self.tell_missed(number).await;
                    self.read_drafted(number);
                } else if was_live {
                    self.keep_fresh(number).await;
                }
            }
            News::Applied { applied, live } => {
                if live {
                    connection.fresh_at = Some(now);
                }
                self.changed(number, &applied.changed);
                self.refresh_figures(number).await;
                if live {
                    self.alerts_changed(number, &applied.alerts);
                }
            }
            News::CaughtUp { at } => {
                connection.fresh_at = Some(at);
                self.tell_missed(number).await;
            }
            News::Refilled => {
                self.changed(number, &changes::all());
                self.refresh_figures(number).await;
            }
            News::Heard { alerts } => self.alerts_changed(number, &alerts),
            News::Restored { dropped, at } => {
                self.notice(number, Notice::ServiceRestored { dropped, at }).await;
                self.changed(number, &changes::all());
                self.refresh_figures(number).await;
            }
            News::SignedOut => {
                connection.token = None;
                connection.standing = Standing::Lapsed;
                let id = connection.id().clone();
                self.tell_contacts();
                if let Err(problem) = self.folder.forget_session(&id) {
                    tracing::warn!(message = problem.message, "an ended session was not removed");
                }
            }
            News::StoreFailed(error) => self.store_failed(number, error).await,
            News::Audit(standing) => {
                connection.audit = *standing;
                self.changed(number, &changes::settings());
            }
        }
    }

    pub(in crate::controller) async fn tick_connection(&mut self, number: u64) {
        let now = self.clock.now();
        let Some(connection) = self.connections.at(number) else { return };
        if connection.ask_again_at.is_some_and(|at| now >= at) {
            connection.ask_again_at = None;
            self.find_standing(number).await;
            return;
        }
        if connection.sync_again_at.is_some_and(|at| now >= at) {
            connection.sync_again_at = None;
            self.restart_sync(number).await;
            return;
        }
        if connection.link == Link::Live && now >= later(connection.fresh_kept_at, KEEP_FRESH_EVERY) {
            connection.fresh_at = Some(now);
            self.keep_fresh(number).await;
        }
        self.prune(number, now).await;
    }
}
