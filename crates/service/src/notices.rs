//! Notices: the owner of an account gets a mail after each authorization, that is a successful sign-in over a mail
//! protocol.
//!
//! They follow the log at some distance, so that no sign-in waits for them. What was told, the mail itself and how
//! far the log was read are written in one transaction: nothing is lost and nothing told twice when the service
//! dies in between.

pub mod link;
pub mod not_me;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, tz::TimeZone};
use mailcup_wire::{AccountNotices, Address, Login, NoticeMode, NoticeSettings, Protocol, Time};
use sqlx::SqliteConnection;

use self::link::{About, NotMe};
use crate::{
    app::App,
    mail::{
        Mail,
        notice::{self, Occasion},
    },
    store::{
        StoreError, accounts,
        codes::address_bytes,
        events,
        notices::{self, Authorization, Kind, Mails},
    },
};

/// Mails to one owner within an hour; one more says that there are no more.
pub const MAILS_AN_HOUR: u32 = 20;

/// How often the log is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How often daily mails are looked after.
const DIGESTS_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// How often what is over is forgotten.
const FORGET_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Events read at once.
const PAGE: u64 = 5_000;

/// An authorization from before that is no news: after an import or a restore, say.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// Kinds whose last notice is remembered; beyond it the database is asked.
const REMEMBERED: usize = 100_000;

/// What was told is kept for the longest window, and somewhat longer.
const KEEP: SignedDuration = SignedDuration::from_hours(24 * 8);

/// The hour of a daily mail, in its owner's zone.
const DIGEST_HOUR: i8 = 8;
const DIGESTS_AT_ONCE: u32 = 100;

/// Follows the log until the service stops.
pub async fn run(app: Arc<App>) {
    let mut follower = loop {
        match Follower::begin(Arc::clone(&app)).await {
            Ok(follower) => break follower,
            Err(error) => tracing::error!(%error, "notices can't begin; they try again"),
        }
        if app.stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    };
    loop {
        if let Err(error) = follower.catch_up().await {
            tracing::error!(%error, "notices were not written; they are tried again");
        }
        if app.stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

/// Reads the log and writes notices.
#[derive(Debug)]
pub struct Follower {
    app: Arc<App>,
    reached: u64,
    /// How far is written down.
    noted: u64,
    told: HashMap<Kind, Time>,
    digests_at: Option<Time>,
    forgot_at: Option<Time>,
}

/// What becomes of an authorization.
enum Fate {
    Mail(Box<Mail>),
    /// The owner gets too many: this mail says so.
    LastMail(Box<Mail>),
    Line {
        due_at: Time,
    },
}

/// One kind of authorization among those of a page.
struct Fresh {
    kind: Kind,
    /// In the order of the log.
    all: Vec<Authorization>,
}

impl Follower {
    /// Goes on where notices have come to; the first time at the end of the log.
    pub async fn begin(app: Arc<App>) -> Result<Self, StoreError> {
        let mut connection = app.store.read().acquire().await?;
        let reached = notices::reached(&mut connection).await?;
        drop(connection);
        let reached = if let Some(reached) = reached {
            reached
        } else {
            let head = app.log.head_seq();
            let mut tx = app.store.write().await?;
            notices::note_reached(&mut tx, head).await?;
            tx.commit().await?;
            head
        };
        // A restored log may be shorter than what was told of it.
        let reached = reached.min(app.log.head_seq());
        Ok(Self { app, reached, noted: reached, told: HashMap::new(), digests_at: None, forgot_at: None })
    }

    /// Tells of all that happened up to now.
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        let head = self.app.log.head_seq();
        while self.reached < head {
            let until = head.min(self.reached + PAGE);
            self.page(until).await?;
        }
        let now = self.app.clock.now();
        if self.digests_at.is_none_or(|at| (now.0.duration_since(at.0)).abs() >= DIGESTS_EVERY) {
            self.digests(now).await?;
            self.digests_at = Some(now);
        }
        if self.forgot_at.is_none_or(|at| (now.0.duration_since(at.0)).abs() >= FORGET_EVERY) {
            self.forget(now).await?;
            self.forgot_at = Some(now);
        }
        Ok(())
    }

    async fn page(&mut self, until: u64) -> Result<(), StoreError> {
        let now = self.app.clock.now();
        let settings = self.app.settings.notices.load_full();
        let mut connection = self.app.store.read().acquire().await?;
        let page = notices::authorizations(&mut connection, self.reached, until).await?;
        let mut telling = Telling { app: &self.app, settings: &settings, now, mails: HashMap::new() };
        let mut fates = Vec::new();
        for fresh in self.fresh(page, &settings, now) {
            if let Some(fate) = telling.fate(&mut connection, &fresh).await? {
                fates.push((fresh, fate));
            }
        }
        drop(connection);
        if !fates.is_empty() || until - self.noted >= PAGE {
            let mails = telling.mails;
            self.write(&fates, &mails, until).await?;
        }
        self.reached = until;
        Ok(())
    }

    /// Those of a page that may be news, by kind.
    fn fresh(&self, page: Vec<Authorization>, settings: &NoticeSettings, now: Time) -> Vec<Fresh> {
        let mut order = Vec::new();
        let mut by_kind: HashMap<Kind, Vec<Authorization>> = HashMap::new();
        let relay = self.app.settings.mail.load();
        let relay = relay.stored.relay.as_ref().and_then(|relay| relay.username.as_deref());
        for authorization in page {
            let sign_in = &authorization.sign_in;
            let Some(address) = sign_in.address else { continue };
            // The service's own mail leaves by the same server, perhaps.
            let is_our_own = sign_in.protocol == Protocol::Submission
                && relay.is_some_and(|name| *name == sign_in.login.0);
            if is_our_own || now.0.duration_since(authorization.at.0) > NEWS {
                continue;
            }
            let kind = Kind {
                login: sign_in.login.clone(),
                network: address_bytes(address.client_network().net().network()),
                protocol: sign_in.protocol,
            };
            let told = self.told.get(&kind);
            if told.is_some_and(|told| within(*told, authorization.at, settings.window_hours)) {
                continue;
            }
            match by_kind.entry(kind) {
                Entry::Occupied(mut known) => known.get_mut().push(authorization),
                Entry::Vacant(new) => {
                    order.push(new.key().clone());
                    new.insert(vec![authorization]);
                }
            }
        }
        let take = |kind: Kind| by_kind.remove(&kind).map(|all| Fresh { kind, all });
        order.into_iter().filter_map(take).collect()
    }

    /// Writes what becomes of a page's authorizations, and that the page is read.
    async fn write(
        &mut self,
        fates: &[(Fresh, Fate)],
        mails: &HashMap<Login, Mails>,
        until: u64,
    ) -> Result<(), StoreError> {
        let mut tx = self.app.store.write().await?;
        for (fresh, fate) in fates {
            match fate {
                Fate::Mail(mail) => {
                    self.app.outbox.enqueue(&mut tx, mail, None).await?;
                    if let Some(first) = fresh.all.first() {
                        notices::told(&mut tx, &fresh.kind, first.at).await?;
                    }
                }
                Fate::LastMail(mail) => drop(self.app.outbox.enqueue(&mut tx, mail, None).await?),
                Fate::Line { due_at } => {
                    for authorization in &fresh.all {
                        notices::add_line(&mut tx, &fresh.kind, authorization, *due_at).await?;
                    }
                }
            }
        }
        for (login, mails) in mails {
            notices::put_mails(&mut tx, login, mails).await?;
        }
        notices::note_reached(&mut tx, until).await?;
        tx.commit().await?;
        self.noted = until;
        for (fresh, fate) in fates {
            if let (Fate::Mail(_), Some(first)) = (fate, fresh.all.first()) {
                self.remember(fresh.kind.clone(), first.at);
            }
        }
        if fates.iter().any(|(_, fate)| matches!(fate, Fate::Mail(_) | Fate::LastMail(_))) {
            self.app.outbox.wake();
        }
        Ok(())
    }

    fn remember(&mut self, kind: Kind, at: Time) {
        if self.told.len() >= REMEMBERED {
            self.told.clear();
        }
        self.told.insert(kind, at);
    }

    /// Sends the daily mails that are due.
    async fn digests(&mut self, now: Time) -> Result<(), StoreError> {
        loop {
            let mut connection = self.app.store.read().acquire().await?;
            let due = notices::due(&mut connection, now, DIGESTS_AT_ONCE).await?;
            drop(connection);
            if due.is_empty() {
                break;
            }
            let mut tx = self.app.store.write().await?;
            for login in &due {
                self.digest(&mut tx, login, now).await?;
            }
            tx.commit().await?;
            self.app.outbox.wake();
        }
        Ok(())
    }

    /// Forgets what is over.
    async fn forget(&self, now: Time) -> Result<(), StoreError> {
        let mut tx = self.app.store.write().await?;
        notices::forget(&mut tx, Time::from(now.0.saturating_sub(KEEP).unwrap_or(now.0))).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn digest(&self, tx: &mut SqliteConnection, login: &Login, now: Time) -> Result<(), StoreError> {
        let settings = self.app.settings.notices.load_full();
        let lines = notices::take_lines(tx, login).await?;
        let owner = Owner::of(&self.app, tx, login, &settings).await?;
        let Some(owner) = owner.filter(|owner| owner.mode != NoticeMode::Off) else { return Ok(()) };
        let organization = self.app.settings.organization_name();
        let links: Vec<_> = lines.iter().map(|line| link_of(&self.app, &line.first, now)).collect();
        let shown: Vec<_> = lines
            .iter()
            .zip(&links)
            .map(|(line, link)| notice::DigestLine {
                occasion: owner.occasion(&organization, &line.first, link.as_deref()),
                count: line.count,
                last: line.last_at.0.to_zoned_datetime(owner.zone.clone()),
            })
            .collect();
        let mail = notice::digest(&owner.to, &organization, login, &shown);
        self.app.outbox.enqueue(tx, &mail, None).await?;
        let hour = hour_of(now);
        let before = notices::mails(tx, login).await?.filter(|mails| mails.hour == hour);
        let mails = Mails { hour, mails: before.map_or(0, |mails| mails.mails), last_at: now };
        notices::put_mails(tx, login, &mails).await
    }
}

/// Decides on the authorizations of one page.
struct Telling<'a> {
    app: &'a App,
    settings: &'a NoticeSettings,
    now: Time,
    /// Of the owners who get a mail.
    mails: HashMap<Login, Mails>,
}

impl Telling<'_> {
    async fn fate(
        &mut self,
        connection: &mut SqliteConnection,
        fresh: &Fresh,
    ) -> Result<Option<Fate>, StoreError> {
        let Fresh { kind, all } = fresh;
        let Some(first) = all.first() else { return Ok(None) };
        let Some(owner) = Owner::of(self.app, connection, &kind.login, self.settings).await? else {
            return Ok(None);
        };
        match owner.mode {
            NoticeMode::Off => return Ok(None),
            NoticeMode::Daily => {
                return Ok(Some(Fate::Line { due_at: next_digest(first.at, &owner.zone) }));
            }
            NoticeMode::NewNetworks => {
                let since = events::known_since(connection, &kind.login.0, kind.network).await?;
                if !all.iter().any(|authorization| since == Some(authorization.seq)) {
                    return Ok(None);
                }
            }
            NoticeMode::Every => {}
        }
        let told = notices::told_at(connection, kind).await?;
        if told.is_some_and(|told| within(told, first.at, self.settings.window_hours)) {
            return Ok(None);
        }
        let organization = self.app.settings.organization_name();
        let link = link_of(self.app, first, self.now);
        let occasion = owner.occasion(&organization, first, link.as_deref());
        let mail = notice::authorization(&owner.to, &occasion, owner.mode, self.settings.window_hours);
        Ok(match self.count(connection, &kind.login).await? {
            1..=MAILS_AN_HOUR => Some(Fate::Mail(Box::new(mail))),
            n if n == MAILS_AN_HOUR + 1 => {
                Some(Fate::LastMail(Box::new(notice::too_many(&owner.to, &occasion, MAILS_AN_HOUR))))
            }
            _ => None,
        })
    }

    /// Counts a mail to an owner; answers how many that makes within this hour.
    async fn count(&mut self, connection: &mut SqliteConnection, login: &Login) -> Result<u32, StoreError> {
        let hour = hour_of(self.now);
        let before = match self.mails.get(login) {
            Some(mails) => Some(*mails),
            None => notices::mails(connection, login).await?,
        };
        let sent = before.filter(|mails| mails.hour == hour).map_or(0, |mails| mails.mails);
        if sent > MAILS_AN_HOUR {
            return Ok(sent + 1);
        }
        self.mails.insert(login.clone(), Mails { hour, mails: sent + 1, last_at: self.now });
        Ok(sent + 1)
    }
}

/// Who is told of an account's authorizations, and how.
pub struct Owner {
    mode: NoticeMode,
    pub zone: TimeZone,
    pub to: String,
    /// Whether that is outside the account's own mailbox.
    pub outside: bool,
}

impl Owner {
    /// None where the login is no account, or mail can't reach its owner.
    async fn of(
        app: &App,
        connection: &mut SqliteConnection,
        login: &Login,
        settings: &NoticeSettings,
    ) -> Result<Option<Self>, StoreError> {
        if accounts::get(connection, login).await?.is_none() {
            return Ok(None);
        }
        Self::reach(app, connection, login, settings).await
    }

    /// How whoever has this login is reached; none where mail can't reach them.
    pub async fn reach(
        app: &App,
        connection: &mut SqliteConnection,
        login: &Login,
        settings: &NoticeSettings,
    ) -> Result<Option<Self>, StoreError> {
        let AccountNotices { mode, zone, address, .. } = notices::of_account(connection, login).await?;
        let Some(to) = address.or_else(|| mailbox(app, login)) else { return Ok(None) };
        let zone = zone.as_deref().unwrap_or(&settings.zone);
        // Known when it was set; the system's data of zones may have changed.
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let outside = !is_mailbox(app, login, &to);
        Ok(Some(Self { mode: mode.unwrap_or(settings.mode), zone, to, outside }))
    }

    fn occasion<'a>(
        &self,
        organization: &'a str,
        authorization: &'a Authorization,
        link: Option<&'a str>,
    ) -> Occasion<'a> {
        let sign_in = &authorization.sign_in;
        Occasion {
            organization,
            login: &sign_in.login,
            at: authorization.at.0.to_zoned_datetime(self.zone.clone()),
            protocol: sign_in.protocol,
            address: sign_in.address.map(Address::ip),
            place: sign_in.place.as_ref(),
            client: sign_in.client.as_deref(),
            link,
        }
    }
}

/// The account's own mailbox: its login, in the first domain where it has none.
pub fn mailbox(app: &App, login: &Login) -> Option<String> {
    let address = if login.0.contains('@') {
        login.0.clone()
    } else {
        let organization = app.settings.organization.load();
        let domain = organization.as_ref().as_ref()?.domains.first()?.clone();
        format!("{login}@{domain}")
    };
    address.parse::<lettre::Address>().ok().map(|address| address.to_string())
}

/// Whether an address is the account's own mailbox, as far as its name tells.
pub fn is_mailbox(app: &App, login: &Login, address: &str) -> bool {
    mailbox(app, login).is_some_and(|own| own.eq_ignore_ascii_case(address.trim()))
}

/// The link "this wasn't me"; none while nobody knows how the world sees the service.
fn link_of(app: &App, authorization: &Authorization, now: Time) -> Option<String> {
    let url = app.config.public_url.as_ref()?;
    let address = authorization.sign_in.address?;
    let claim = NotMe {
        login: authorization.sign_in.login.clone(),
        network: address.client_network(),
        about: About::Seq(authorization.seq),
        at: authorization.at,
        expires_at: Time::from(now.0.saturating_add(link::LIFE).unwrap_or(now.0)),
    };
    Some(claim.link(url, &app.server_key))
}

/// The next morning after a moment.
fn next_digest(after: Time, zone: &TimeZone) -> Time {
    let here = after.0.to_zoned_datetime(zone.clone());
    let morning =
        |date: jiff::civil::Date| date.at(DIGEST_HOUR, 0, 0, 0).to_zoned_datetime(zone.clone()).ok();
    let today = morning(here.date()).filter(|morning| *morning > here);
    let next = today.or_else(|| morning(here.date().tomorrow().ok()?));
    next.map_or(after, |next| Time::from(next.timestamp()))
}

/// Whether a moment lies in the window that begins with a notice.
fn within(told: Time, at: Time, window_hours: u32) -> bool {
    at.0.duration_since(told.0) < SignedDuration::from_hours(i64::from(window_hours))
}

fn hour_of(at: Time) -> i64 {
    at.as_millis().div_euclid(3_600_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_mail_leaves_at_the_next_eight_oclock_of_its_owner() {
        let next = |after: &str, zone: &str| {
            let zone = TimeZone::get(zone).unwrap();
            next_digest(Time(after.parse().unwrap()), &zone).to_string()
        };
        assert_eq!(next("2026-11-24T06:59:59Z", "Europe/Berlin"), "2026-11-24T07:00:00Z");
        assert_eq!(next("2026-11-24T07:00:00Z", "Europe/Berlin"), "2026-11-25T07:00:00Z");
        // The night in which summer time ends.
        assert_eq!(next("2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T07:00:00Z");
        assert_eq!(next("2026-11-24T12:00:00Z", "Pacific/Auckland"), "2026-11-24T19:00:00Z");
    }
}
