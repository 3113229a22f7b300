//! Ninety days of a mail server with 5,000 accounts: honest people from a few networks each, guessing from tens
//! of thousands of addresses, some messages, some system facts.

use std::net::{Ipv4Addr, Ipv6Addr};

use mailcup_wire::{
    Address, AdminAction, Event, EventBody, EventId, Login, Outcome, Protocol, Reason, ReasonCode, SignIn,
    Submission, SubmissionOutcome, SystemFact, Time,
};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

pub const EPOCH: &str = "a";
const START: i64 = 1_764_000_000_000;
const DAYS: u64 = 90;
const ACCOUNTS: u32 = 5_000;
const DOMAINS: [&str; 12] = [
    "example.org",
    "example.net",
    "example.com",
    "mail.example.org",
    "school.example",
    "city.example",
    "clinic.example",
    "shop.example",
    "press.example",
    "law.example",
    "farm.example",
    "rare.example",
];
const NAMES: [&str; 10] =
    ["anna", "bert", "carla", "dmytro", "olena", "frank", "greta", "hans", "ivan", "julia"];
const CLIENTS: [&str; 6] = [
    "Thunderbird 128.5.0 (Linux)",
    "Apple Mail 16.0 (macOS 14.5)",
    "K-9 Mail 6.8 (Android 14)",
    "Outlook 16.0.17 (Windows 11)",
    "FairEmail 1.2238",
    "Roundcube 1.6.9",
];

pub struct Log {
    random: StdRng,
    seq: u64,
    events: u64,
}

impl Log {
    pub fn new(events: u64) -> Self {
        Self { random: StdRng::seed_from_u64(7), seq: 0, events }
    }

    fn body(&mut self) -> EventBody {
        match self.random.random_range(0..1_000) {
            0..550 => self.honest(),
            550..880 => self.guess(),
            880..995 => self.message(),
            995..998 => EventBody::Admin(AdminAction {
                admin: "a1".into(),
                login: "olga@example.org".into(),
                action: "block.create".to_owned(),
                target: "203.0.113.7".to_owned(),
                address: Some("198.51.100.1".parse().unwrap()),
            }),
            _ => EventBody::System(SystemFact::EventsExpired { count: 7 }),
        }
    }

    fn honest(&mut self) -> EventBody {
        let account = self.account();
        let mistyped = self.random.random_range(0..30) == 0;
        let client = usize::try_from(account % 7).unwrap();
        EventBody::SignIn(SignIn {
            login: login(account),
            protocol: self.protocol(),
            address: Some(self.home(account)),
            outcome: if mistyped { Outcome::Failed } else { Outcome::Succeeded },
            reasons: vec![if mistyped { wrong() } else { fine() }],
            server: Some("mail".to_owned()),
            client: CLIENTS.get(client).map(|client| (*client).to_owned()),
            tls: true,
            place: None,
        })
    }

    fn guess(&mut self) -> EventBody {
        let blocked = self.random.random_range(0..3) == 0;
        // Few addresses guess much, many a little.
        let place = u32::try_from(u64::from(self.random.random_range(0..250_u32)).pow(2)).unwrap();
        let address = Ipv4Addr::from(0xcb00_0000 + place * 37);
        let login = if self.random.random_range(0..2) == 0 {
            login(self.account())
        } else {
            Login(format!("{}{}@example.org", NAMES[self.random.random_range(0..10)], place % 300))
        };
        let address = Address::from(std::net::IpAddr::from(address));
        let block = Reason {
            code: ReasonCode::BlockedAddress,
            text: format!("The address {address} is blocked until 2026-02-11T08:00:00Z."),
            block: Some("b1".into()),
            rule: None,
            limit: None,
            app_password: None,
        };
        EventBody::SignIn(SignIn {
            login,
            protocol: self.protocol(),
            address: Some(address),
            outcome: if blocked { Outcome::Refused } else { Outcome::Failed },
            reasons: vec![if blocked { block } else { wrong() }],
            server: Some("mail".to_owned()),
            client: None,
            tls: false,
            place: None,
        })
    }

    fn message(&mut self) -> EventBody {
        let account = self.account();
        let alias = self.random.random_range(0..8) == 0;
        EventBody::Submission(Submission {
            login: Some(login(account)),
            address: Some(self.home(account)),
            sender: Some(if alias { format!("alias{account}@example.org") } else { login(account).0 }),
            recipients: 1 + account % 5,
            outcome: match self.random.random_range(0..50) {
                0 => SubmissionOutcome::Rejected,
                1 => SubmissionOutcome::Abandoned,
                _ => SubmissionOutcome::Accepted,
            },
            reasons: vec![fine()],
            size: 4_711,
            place: None,
        })
    }

    /// Some sign in all day long.
    fn account(&mut self) -> u32 {
        let (a, b) = (self.random.random_range(0..ACCOUNTS), self.random.random_range(0..ACCOUNTS));
        a.min(b)
    }

    fn home(&mut self, account: u32) -> Address {
        let place = account * 3 + self.random.next_u32() % 3;
        if account.is_multiple_of(4) {
            let segments = [0x2001, 0xdb8, 0, u16::try_from(place % 60_000).unwrap(), 0, 0, 0, 1];
            return Address::from(std::net::IpAddr::from(Ipv6Addr::from(segments)));
        }
        Address::from(std::net::IpAddr::from(Ipv4Addr::from(0xc633_6400 + place * 5)))
    }

    fn protocol(&mut self) -> Protocol {
        match self.random.random_range(0..20) {
            0..13 => Protocol::Imap,
            13..18 => Protocol::Submission,
            18 => Protocol::Pop3,
            _ => Protocol::Web,
        }
    }
}

impl Iterator for Log {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.seq >= self.events {
            return None;
        }
        self.seq += 1;
        let into = DAYS * 86_400_000 * self.seq / self.events;
        let body = self.body();
        Some(Event {
            id: EventId { epoch: EPOCH.into(), seq: self.seq },
            at: Time::from_millis(START + i64::try_from(into).unwrap()),
            body,
        })
    }
}

fn login(account: u32) -> Login {
    let place = usize::try_from(account).unwrap();
    Login(format!("{}{}@{}", NAMES[place % 10], account / 10, DOMAINS[(place * place) % DOMAINS.len()]))
}

fn wrong() -> Reason {
    Reason::new(ReasonCode::WrongPassword, "The password was wrong.")
}

fn fine() -> Reason {
    Reason::new(ReasonCode::NothingAgainst, "Nothing speaks against it.")
}
