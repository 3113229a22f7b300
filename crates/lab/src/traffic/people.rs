//! The people behind the accounts: where they are, and with which programs.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};

use super::Program;
use crate::clients::MailProtocol;

/// All addresses are of ranges set aside for documentation, benchmarks and carriers: nobody's.
const OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

const PROGRAMS: [(Program, MailProtocol, u32); 8] = [
    (Program { name: "Thunderbird", version: "140.5.0" }, MailProtocol::Imap, 30),
    (Program { name: "Mac OS X Mail", version: "16.0 (3826.700.81)" }, MailProtocol::Imap, 16),
    (Program { name: "iPhone Mail", version: "23B85" }, MailProtocol::Imap, 24),
    (Program { name: "Microsoft Outlook", version: "16.0.19328" }, MailProtocol::Imap, 14),
    (Program { name: "K-9 Mail", version: "12.0" }, MailProtocol::Imap, 8),
    (Program { name: "eM Client", version: "10.3" }, MailProtocol::Imap, 4),
    (Program { name: "Evolution", version: "3.56.2" }, MailProtocol::Imap, 3),
    (Program { name: "Fetchmail", version: "6.5.2" }, MailProtocol::Pop3, 4),
];

/// One account's person.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub login: Arc<str>,
    home: IpAddr,
    /// The carrier's network, whose addresses change.
    mobile: u8,
    works_at_office: bool,
    programs: Vec<&'static (Program, MailProtocol, u32)>,
    /// How much more than others this account is used.
    pub activity: f64,
}

impl Person {
    pub(super) fn new(rng: &mut Xoshiro256PlusPlus, login: &str) -> Self {
        let home = if rng.random_bool(0.4) {
            // A household's /64, with a host that stays.
            IpAddr::V6(Ipv6Addr::new(
                0x2001,
                0xdb8,
                0x1000,
                rng.random(),
                0,
                0,
                0,
                rng.random_range(1..0xffff),
            ))
        } else {
            IpAddr::V4(Ipv4Addr::new(198, 18, rng.random(), rng.random_range(1..255)))
        };
        let count = rng.random_range(1..=3);
        Self {
            login: login.into(),
            home,
            mobile: rng.random_range(0..8),
            works_at_office: rng.random_bool(0.7),
            programs: (0..count).map(|_| program(rng)).collect(),
            activity: 0.3 + rng.random::<f64>().powi(4) * 6.0,
        }
    }

    /// Where the person is now: mostly at the office by day and at home otherwise, sometimes on the way.
    pub(super) fn address(&self, rng: &mut Xoshiro256PlusPlus, busy: f64) -> IpAddr {
        let chance: f64 = rng.random();
        if chance < 0.15 {
            IpAddr::V4(Ipv4Addr::new(100, 64 + self.mobile, rng.random_range(0..4), rng.random_range(1..255)))
        } else if self.works_at_office && chance < 0.15 + 0.8 * busy {
            OFFICE
        } else {
            self.home
        }
    }

    pub(super) fn program(&self, rng: &mut Xoshiro256PlusPlus) -> (&'static Program, MailProtocol) {
        let (program, protocol, _) = self.programs[rng.random_range(0..self.programs.len())];
        (program, *protocol)
    }
}

fn program(rng: &mut Xoshiro256PlusPlus) -> &'static (Program, MailProtocol, u32) {
    let total: u32 = PROGRAMS.iter().map(|(_, _, share)| share).sum();
    let mut rest = rng.random_range(0..total);
    PROGRAMS
        .iter()
        .find(|(_, _, share)| match rest.checked_sub(*share) {
            Some(left) => {
                rest = left;
                false
            }
            None => true,
        })
        .unwrap_or(&PROGRAMS[0])
}
