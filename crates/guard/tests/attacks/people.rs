//! Ordinary people: at home, in an office, on the way, abroad, behind a VPN; they mistype and forget, change their
//! passwords, and have phones that go on with the old one.

use mailcup_guard::{
    access::Protocol,
    risk::{Client, Value},
};

use crate::{
    chance::Chance,
    places::{self, Place},
    service::{Password, Try},
};

pub const PEOPLE: usize = 200;

const DAY: i64 = 86_400;

/// Mails to 300 at once.
const NEWSLETTERS: usize = 2;

#[derive(Debug, Clone)]
struct Person {
    home: Place,
    /// Days that the home keeps its address.
    lease: u32,
    carrier: u32,
    in_office: bool,
    vpn: Option<(u32, usize)>,
    /// Whether the phone's mail program says what it is.
    says_program: bool,
    browser: u32,
    /// A program that goes on at home while its owner is away.
    always_on: bool,
    trip: Option<Trip>,
    /// The phone has the old password until then.
    old_password_until: i64,
    old_password: u16,
}

#[derive(Debug, Clone, Copy)]
struct Trip {
    until: i64,
    country: usize,
    hotel: Place,
}

/// All people, and where they are by now.
#[derive(Debug, Clone)]
pub struct People {
    people: Vec<Person>,
    chance: Chance,
}

pub fn login(person: usize) -> String {
    format!("person{person}@example.org")
}

impl People {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let people = (0..PEOPLE).map(|_| Person::new(&mut chance)).collect();
        Self { people, chance }
    }

    /// What they do on a day, in the order of time.
    pub fn day(&mut self, day: i64) -> Vec<Try> {
        let mut tries = Vec::new();
        for (number, person) in self.people.iter_mut().enumerate() {
            person.day(number, day, &mut self.chance, &mut tries);
        }
        tries.sort_by_key(|one| one.at);
        tries
    }

    /// Somebody who is at home, with a phone and no trip.
    pub fn is_at_home(&self, person: usize) -> bool {
        let person = &self.people[person];
        person.trip.is_none() && person.vpn.is_none() && person.lease > 10
    }
}

impl Person {
    fn new(chance: &mut Chance) -> Self {
        let vpn = chance.happens(0.15).then(|| (chance.below(5), [0, 1, 5, 7][chance.below(4) as usize]));
        Self {
            home: places::home(chance),
            lease: if chance.happens(0.15) { 1 } else { 20 + chance.below(100) },
            carrier: chance.below(4),
            in_office: chance.happens(0.4),
            vpn,
            says_program: chance.happens(0.5),
            browser: chance.below(8),
            always_on: chance.happens(0.3),
            trip: None,
            old_password_until: 0,
            old_password: 0,
        }
    }

    fn day(&mut self, number: usize, day: i64, chance: &mut Chance, tries: &mut Vec<Try>) {
        let start = day * DAY;
        let works = day.rem_euclid(7) < 5;
        if chance.below(self.lease) == 0 {
            self.home = Place { ..places::home(chance) };
        }
        self.travel(day, chance);
        self.change_password(number, start, chance);
        let mut put = |person: &Self, hour: f64, place: Place, with: With, chance: &mut Chance| {
            let at = start + seconds(hour + chance.share() * 0.9);
            person.sign_in(number, at, place, with, chance, tries);
        };
        let away = self.trip.map(|trip| trip.hotel);
        // The phone: at home, on the way, wherever its owner is.
        for hour in [6.0, 7.0, 12.0, 17.0, 21.0] {
            let on_the_way = matches!(hour, 7.0 | 12.0 | 17.0);
            let place = match away {
                // Roaming goes out at the carrier's home.
                Some(hotel) => {
                    if chance.happens(0.5) {
                        hotel
                    } else {
                        places::mobile(self.carrier, chance)
                    }
                }
                None if on_the_way => places::mobile(self.carrier, chance),
                None => self.home,
            };
            put(self, hour, place, With::Phone, chance);
        }
        // The desktop.
        let desk = if self.in_office && works { places::office() } else { self.home };
        if works && away.is_none() || chance.happens(0.3) && away.is_none() || self.always_on {
            let desk = if away.is_some() { self.home } else { desk };
            for hour in [8.0, 10.0, 13.0, 15.0] {
                put(self, hour, desk, With::Desktop, chance);
            }
        }
        if chance.happens(0.3) {
            put(self, 19.0, away.unwrap_or(self.home), With::Browser, chance);
        }
        if let Some((provider, country)) = self.vpn
            && chance.happens(0.3)
        {
            let country = if chance.happens(0.8) { country } else { chance.below(10) as usize };
            let place = places::vpn(provider, country, chance);
            put(self, 20.0, place, With::Desktop, chance);
        }
    }

    fn travel(&mut self, day: i64, chance: &mut Chance) {
        if self.trip.is_some_and(|trip| trip.until <= day) {
            self.trip = None;
        }
        if self.trip.is_none() && chance.happens(0.5 / 90.0) {
            let country = 1 + chance.zipf(12) as usize;
            let until = day + 2 + i64::from(chance.below(9));
            self.trip = Some(Trip { until, country, hotel: places::abroad(country, chance) });
        }
        if let Some(trip) = &mut self.trip
            && chance.happens(0.2)
        {
            trip.hotel = places::abroad(trip.country, chance);
        }
    }

    fn change_password(&mut self, number: usize, start: i64, chance: &mut Chance) {
        if chance.happens(1.0 / 90.0) {
            let days = if chance.happens(0.2) { 7 } else { 1 };
            self.old_password_until = start + days * DAY;
            self.old_password = u16::try_from(number).unwrap_or(0);
        }
    }

    fn sign_in(
        &self,
        number: usize,
        at: i64,
        place: Place,
        with: With,
        chance: &mut Chance,
        tries: &mut Vec<Try>,
    ) {
        let place = if chance.happens(0.02) { place.unlocated() } else { place };
        let (protocol, client) = match with {
            With::Phone => (Protocol::Imap, self.says_program.then(|| program("phone", number % 3, at))),
            With::Desktop => (Protocol::Imap, None),
            With::Browser => (Protocol::Web, Some(program("browser", self.browser as usize, at))),
        };
        let honest = Try {
            at,
            person: number,
            place,
            client,
            protocol,
            password: Password::Right,
            sends: 0,
            honest: true,
        };
        match with {
            With::Phone if at < self.old_password_until => {
                for quarter in 0..4 {
                    let password = Password::Wrong(self.old_password);
                    tries.push(Try { at: at + quarter * 900, password, ..honest });
                }
                return;
            }
            With::Phone => {}
            With::Desktop | With::Browser => {
                let wrong = match chance.share() {
                    share if share < 0.003 => 3 + chance.below(5),
                    share if share < 0.03 => 1 + chance.below(2),
                    _ => 0,
                };
                for one in 0..wrong {
                    let password = Password::Wrong(u16::try_from(chance.below(4096)).unwrap_or(0));
                    tries.push(Try { at: at - 60 + i64::from(one) * 8, password, ..honest });
                }
            }
        }
        tries.push(honest);
        let newsletter = number < NEWSLETTERS && with == With::Desktop && chance.happens(0.05);
        if newsletter || chance.happens(0.3) {
            let sends = if newsletter { 300 } else { 1 + chance.below(4) };
            tries.push(Try { at: at + 20, sends, protocol: Protocol::Submission, client: None, ..honest });
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Phone,
    Desktop,
    Browser,
}

/// Has a new version every 40 days.
fn program(kind: &str, number: usize, at: i64) -> Client {
    let version = at / (40 * DAY);
    let name = Value::of(&(kind, number, version));
    Client {
        agent: name,
        browser: Some(name),
        system: Some(Value::of(&(kind, number % 3))),
        device: Some(Value::of(kind)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an hour of a day")]
fn seconds(hour: f64) -> i64 {
    (hour * 3600.0) as i64
}
