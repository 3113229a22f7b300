//! Attacks on one account while its owner uses it: from one network, from forty, and from 342 in 41 countries.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use jiff::Timestamp;
use mailcup_lab::{
    clients::MailProtocol,
    places::country_of,
    traffic::{Attempt, Cause, Pace, Password, Tally, drive},
    wait,
};
use mailcup_wire::{Alert, AlertKind, Block, BlockCause, BlockTarget, EventBody, Outcome, ReasonCode};

use crate::stage::{BERLIN, SOON, Stage, THIEF, blocked_by_itself};

const ANNA: &str = "anna@example.org";
/// Of the attackers.
const SIDE_BY_SIDE: usize = 32;
/// Blocks that the history of an alert tells of, at most.
const DEEDS_TOLD: usize = 10;
/// Attempts of the attackers for each sign-in of the owner.
const PER_USE: u32 = 50;

/// Guesses at Anna's password from addresses by turns, between which she reads her mail at home.
fn guesses(from: &[Ipv4Addr], count: u32) -> impl Iterator<Item = Attempt> {
    let login: Arc<str> = ANNA.into();
    let attempt = move |password, address, cause| Attempt {
        at: Timestamp::now(),
        login: Arc::clone(&login),
        password,
        protocol: MailProtocol::Imap,
        address,
        program: None,
        message: None,
        cause,
    };
    let home = BERLIN.parse().unwrap();
    (0..count).flat_map(move |number| {
        let address = from[number as usize % from.len()].into();
        let guess = attempt(Password::Wrong(number), address, Cause::OneAccount);
        let use_ = attempt(Password::Right, home, Cause::Usual);
        [guess].into_iter().chain((number % PER_USE == 0).then_some(use_))
    })
}

/// Addresses of so many different networks of the world, none of them her own.
fn networks(count: u32) -> Vec<Ipv4Addr> {
    let first_bytes = (1..=223).filter(|byte| ![10, 127, 141, 172, 192].contains(byte)).cycle();
    (0..count)
        .zip(first_bytes)
        .map(|(number, byte)| Ipv4Addr::from([byte, 99, number.to_be_bytes()[3], 7]))
        .collect()
}

impl Stage {
    /// Carries out an attack on Anna, of which nothing gets in while she is let in each time.
    async fn withstands(&self, from: &[Ipv4Addr], count: u32) -> Tally {
        let (ports, accounts) = (self.servers.ports(), self.servers.accounts());
        let tally = drive(guesses(from, count), ports, accounts, Pace::Unbound, SIDE_BY_SIDE, |_| {}).await;
        assert_eq!((tally.broken, &tally.last_error), (0, &None));
        assert_eq!(tally.accepted, [(Cause::Usual, count.div_ceil(PER_USE))].into(), "{tally:?}");
        assert_eq!(tally.refused, [(Cause::OneAccount, count)].into());
        tally
    }

    /// The one alert of it, once it led to so many blocks, and these.
    async fn one_alert(&self, blocks: usize) -> (Alert, Vec<Block>) {
        let set = async || Some(self.blocks().await).filter(|set| set.len() >= blocks);
        let set = wait::until("blocks are missing", SOON, set).await.unwrap();
        let alert = self.alert(AlertKind::RepeatedFailures).await;
        let alerts = self.owner.alerts().await.unwrap();
        assert_eq!(alerts.len(), 1, "one attack, one alert: {alerts:?}");
        assert_eq!(alert.login, Some(ANNA.into()));
        (alert, set)
    }

    /// Of the attackers' attempts, those that Dovecot refused by a block, whatever their password.
    async fn kept_out(&self) -> usize {
        let events = self.owner.all_events(None).await.unwrap();
        let refused = events.iter().filter(|event| match &event.body {
            EventBody::SignIn(it) => {
                it.outcome == Outcome::Refused && it.reasons[0].code == ReasonCode::BlockedAccount
            }
            _ => false,
        });
        refused.count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_does_not_keep_the_owner_from_their_mail() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::of_anna_in_berlin(folder.path()).await;
    stage.withstands(&[THIEF.parse().unwrap()], 500).await;
    let (alert, blocks) = stage.one_alert(1).await;
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    let network = THIEF.parse::<mailcup_wire::Network>().unwrap();
    assert_eq!(block.target, BlockTarget::AccountNetwork { login: ANNA.into(), network });
    assert_eq!(block.cause, Some(BlockCause::BruteForce));
    assert!(blocked_by_itself(&alert, block));
    assert_eq!((alert.addresses_total, &alert.addresses[..]), (1, &[THIEF.parse().unwrap()][..]));
    assert!(stage.kept_out().await > 250, "most of 500 guesses are not looked at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuffing_from_forty_networks_is_one_alert_and_shuts_each_of_them_out() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::of_anna_in_berlin(folder.path()).await;
    let from = networks(40);
    stage.withstands(&from, 1200).await;
    shut_out(&stage, &from, 1200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_from_342_networks_of_41_countries_is_one_alert_and_shuts_each_of_them_out() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::of_anna_in_berlin(folder.path()).await;
    let from = networks(342);
    let countries: BTreeSet<_> = from.iter().map(|address| country_of(address.octets()[0])).collect();
    assert_eq!(countries.len(), 41);
    stage.withstands(&from, 7500).await;
    shut_out(&stage, &from, 7500).await;
}

/// Each network is blocked for that account alone, as a part of the whole, in the history of the one alert.
async fn shut_out(stage: &Stage, from: &[Ipv4Addr], attempts: usize) {
    let (alert, blocks) = stage.one_alert(from.len()).await;
    let mut kept_out = BTreeSet::new();
    for block in &blocks {
        let BlockTarget::AccountNetwork { login, network } = &block.target else { panic!("{block:?}") };
        assert_eq!((login, block.cause), (&ANNA.into(), Some(BlockCause::DistributedGuessing)));
        assert!(block.note.contains("other networks within a day"), "{}", block.note);
        kept_out.insert(network.net().addr());
    }
    assert_eq!(kept_out, from.iter().copied().map(IpAddr::from).collect());
    let told = blocks.iter().filter(|block| blocked_by_itself(&alert, block)).count();
    assert_eq!(told, from.len().min(DEEDS_TOLD));
    // Who was blocked before their first guess was looked at is not one who failed.
    assert!(alert.addresses_total >= 4, "{alert:?}");
    assert!(stage.kept_out().await > attempts / 2, "most guesses are not looked at");
}
