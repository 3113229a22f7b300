//! Sign-in risk as the service judges it: guard's history and counts, fed by every sign-in that the log took in, and
//! the blocks that are set by themselves.

mod defend;
pub mod owner;
mod recall;
pub mod web;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mailcup_guard::{
    access::Country,
    alert::{Evidence, PasswordMark},
    block::Target,
    decision::SignInVerdict,
    defence::{
        Defence,
        sending::{Senders, Submission, Suspicion},
    },
    risk::{
        History, Origin, SignIn,
        lately::Lately,
        signals::{self, Assessment, Attempt, Password, Signal, Stance},
    },
};
use mailcup_policy as terms;
use mailcup_wire::{Address, Network, Outcome, Protocol, Reason, ReasonCode, Time};
use tokio::sync::mpsc;

use self::defend::Attack;
pub use self::defend::run;
use crate::{
    clients::Clients,
    places::{Places, centres},
    settings::{Settings, stance},
    store::{events::SentRow, owners_words::OwnersWord},
};

/// Blocks that wait to be written, at most.
const ATTACKS: usize = 4096;

/// What is known of sign-ins, in memory.
#[derive(Debug)]
pub struct SignInRisk {
    state: Mutex<State>,
    places: Arc<Places>,
    clients: Arc<Clients>,
    settings: Arc<Settings>,
    /// They speak for others: what comes from one that names nobody comes from nowhere.
    proxies: Vec<Network>,
    /// To whoever writes blocks; none before somebody does.
    defender: OnceLock<mpsc::Sender<Attack>>,
}

/// What the log took in.
#[derive(Debug)]
pub enum Seen {
    SignIn(SeenSignIn),
    Sent(SentRow),
    /// Somebody said whose sign-ins they were.
    Word(OwnersWord),
}

/// A sign-in that the log took in.
#[derive(Debug)]
pub struct SeenSignIn {
    pub seq: u64,
    pub at: Time,
    pub login: Arc<str>,
    /// Whether an account has this login.
    pub exists: bool,
    pub protocol: Protocol,
    pub address: Option<Address>,
    /// What its program says of itself.
    pub client: Option<Arc<str>>,
    pub outcome: Outcome,
    pub mark: Option<u16>,
    /// Where it was refused because of its risk: whether its password was right.
    pub refused_for_risk: Option<Password>,
}

impl Seen {
    /// Its place in the log; none where it is no event.
    fn seq(&self) -> Option<u64> {
        match self {
            Self::SignIn(seen) => Some(seen.seq),
            Self::Sent(sent) => Some(sent.seq),
            Self::Word(_) => None,
        }
    }
}

/// Whoever wants to sign in.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// In lower case.
    pub login: &'a str,
    pub protocol: Protocol,
    pub address: Option<Address>,
    pub client: Option<&'a str>,
    pub password: Password,
}

#[derive(Debug, Default)]
struct State {
    history: History,
    lately: Lately,
    defence: Defence,
    senders: Senders,
    /// What happens while the past is still read. Until it is, nobody is judged by it.
    waiting: Option<Vec<Seen>>,
}

impl SignInRisk {
    /// Knows nothing yet: [`run`] has it read the past.
    pub fn new(
        places: Arc<Places>,
        clients: Arc<Clients>,
        settings: Arc<Settings>,
        proxies: Vec<Network>,
    ) -> Self {
        let state = State { waiting: Some(Vec::new()), ..State::default() };
        Self { state: Mutex::new(state), places, clients, settings, proxies, defender: OnceLock::new() }
    }

    /// Judges a sign-in. None where nothing can be said yet.
    pub fn judge(&self, visitor: &Visitor<'_>, now: Time) -> Option<Assessment> {
        let stance = self.stance();
        let attempt = self.attempt(visitor, now);
        self.with(|state| {
            let is_ready = state.waiting.is_none();
            is_ready.then(|| signals::assess(&attempt, &state.history, &state.lately, stance))
        })
    }

    /// Forgets what is too old to say anything; for once a day.
    pub fn expire(&self, now: Time) {
        self.with(|state| state.history.expire(now.0));
    }

    /// Forgives whom a lifted block refused.
    pub fn lifted(&self, target: &Target) {
        self.with(|state| state.lifted(target));
    }

    /// Takes in what happened, and has whoever it shows to attack blocked.
    pub fn take_in(&self, seen: Seen) {
        let attack = self.with(|state| match &mut state.waiting {
            Some(waiting) => {
                waiting.push(seen);
                None
            }
            None => match &seen {
                Seen::SignIn(seen) => self.consider(state, seen),
                Seen::Sent(sent) => self.sent(state, sent),
                Seen::Word(word) => {
                    self.heed(state, word);
                    None
                }
            },
        });
        if let (Some(attack), Some(defender)) = (attack, self.defender.get())
            && let Err(unheard) = defender.try_send(attack)
        {
            // It is counted anew.
            self.lifted(&unheard.into_inner().target);
        }
    }

    fn consider(&self, state: &mut State, seen: &SeenSignIn) -> Option<Attack> {
        let visitor = Visitor {
            login: &seen.login,
            protocol: seen.protocol,
            address: seen.address,
            client: seen.client.as_deref(),
            password: seen.refused_for_risk.unwrap_or(Password::NotRight),
        };
        let attempt = self.attempt(&visitor, seen.at);
        match seen.outcome {
            Outcome::Succeeded => {
                state.history.learn(&attempt.sign_in);
                state.lately.succeeded(&attempt.sign_in, attempt.coordinates);
                return None;
            }
            Outcome::Failed => {
                let mark = seen.mark.map(PasswordMark);
                state.lately.failed(&attempt.sign_in, mark, seen.exists, &state.history);
            }
            Outcome::Refused if seen.refused_for_risk.is_some() => {}
            Outcome::Refused | Outcome::Challenged => return None,
        }
        let found = signals::assess(&attempt, &state.history, &state.lately, self.stance());
        let block = state.defence.consider(&attempt, &found, &state.history, &mut state.lately)?;
        Some(Attack::by_sign_in(&block, evidence(seen.seq, seen.at, &seen.login, seen.address)))
    }

    fn sent(&self, state: &mut State, sent: &SentRow) -> Option<Attack> {
        let suspicion = state.send(sent, self.origin(sent.address))?;
        if !self.stance().enforced {
            return None;
        }
        state.senders.suspended(&sent.login);
        Some(Attack::by_sending(&suspicion, evidence(sent.seq, sent.at, &sent.login, sent.address)))
    }

    fn heed(&self, state: &mut State, word: &OwnersWord) {
        let (login, address) = (word.login.0.as_str(), word.network.net().addr());
        if !word.was_owner {
            state.history.disown(login, address);
            return;
        }
        let origin = self.origin(Some(address.into()));
        state.history.vouch(&SignIn { at: word.at.0, login, origin, client: None, device: None });
    }

    fn attempt<'a>(&self, visitor: &Visitor<'a>, at: Time) -> Attempt<'a> {
        let origin = self.origin(visitor.address);
        let client = visitor.client.map(|client| self.clients.counted(client));
        Attempt {
            sign_in: SignIn { at: at.0, login: visitor.login, origin, client, device: None },
            protocol: terms::protocol(visitor.protocol),
            password: visitor.password,
            coordinates: origin.and_then(|origin| centres::of(origin.country?)),
            hidden_by: origin.and_then(|origin| self.places.hidden_by(origin.address)),
        }
    }

    fn origin(&self, address: Option<Address>) -> Option<Origin> {
        let address =
            address.filter(|address| !self.proxies.iter().any(|proxy| proxy.contains(*address)))?.ip();
        let place = self.places.of(address);
        let country = place.as_ref().and_then(|place| Country::read(place.country.as_deref()?));
        Some(Origin { address, system: place.and_then(|place| place.asn), country })
    }

    fn stance(&self) -> Stance {
        stance(**self.settings.risk.load())
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn send(&mut self, sent: &SentRow, origin: Option<Origin>) -> Option<Suspicion> {
        let known =
            |origin: Origin| self.history.known().is_network_known(&sent.login, origin.address, sent.at.0);
        self.senders.submitted(&Submission {
            at: sent.at.0,
            login: &sent.login,
            origin,
            recipients: sent.recipients,
            known: origin.is_some_and(known),
        })
    }

    fn lifted(&mut self, target: &Target) {
        if let Target::Sending(login) = target {
            self.senders.resumed(login);
        }
        self.defence.lifted(target, &mut self.lately);
    }
}

/// Why a sign-in is refused for its risk.
pub fn refusal(found: &Assessment, password: Password) -> Reason {
    let code = match password {
        Password::NotRight => ReasonCode::Risk,
        Password::Right => ReasonCode::StolenPassword,
    };
    Reason::new(code, sentences(&found.signals))
}

/// What is kept with the event of a sign-in that was let in although it would be refused.
pub fn noted(found: &Assessment) -> Option<Reason> {
    let would = found.verdict == SignInVerdict::Refuse;
    would.then(|| Reason::new(ReasonCode::RiskWouldRefuse, sentences(&found.signals)))
}

fn evidence(seq: u64, at: Time, login: &Arc<str>, address: Option<Address>) -> Evidence {
    Evidence { seq, at: at.0, login: Arc::clone(login), address: address.map(Address::ip) }
}

fn sentences(signals: &[Signal]) -> String {
    signals.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
