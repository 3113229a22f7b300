//! The scenarios of attacks, and which of them are set aside: weights and thresholds are tuned with the others alone,
//! and those set aside are reported apart. Decided before anything was tuned.

/// An attack on the people of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// One network tries two common passwords on each of 100 accounts.
    SprayingFast,
    /// Eight addresses of one /24 try one common password a minute.
    SprayingOneNetwork,
    /// One network tries one password on one account every four minutes.
    SprayingSlow,
    /// One network tries a list of passwords on one account, one each two seconds.
    BruteForce,
    /// One network tries one password every three minutes.
    BruteForceSlow,
    /// Forty networks try 1,200 passwords on one account within an hour.
    Stuffing,
    /// 342 networks in 41 countries try 7,500 passwords on one account in a day.
    SlowAndDistributed,
    /// The password is known; it is used from a hosting network of another country.
    StolenPasswordHosting,
    /// The password is known; it is used from a home's network of another country.
    StolenPasswordAbroad,
    /// The password is known; it is used from 342 networks in 41 countries in a day.
    HijackedByMany,
    /// A list of passwords is tried while the owner reads mail from home.
    GuessingDuringUse,
    /// The same from many networks, for three days.
    GuessingDuringUseDistributed,
    /// The password is known; 3,000 recipients in an hour from one new network.
    StolenSmtpBurst,
    /// The password is known; 20 recipients each from 60 networks in 12 countries.
    StolenSmtpDistributed,
}

impl Scenario {
    pub const ALL: [Self; 14] = [
        Self::SprayingFast,
        Self::SprayingOneNetwork,
        Self::SprayingSlow,
        Self::BruteForce,
        Self::BruteForceSlow,
        Self::Stuffing,
        Self::SlowAndDistributed,
        Self::StolenPasswordHosting,
        Self::StolenPasswordAbroad,
        Self::HijackedByMany,
        Self::GuessingDuringUse,
        Self::GuessingDuringUseDistributed,
        Self::StolenSmtpBurst,
        Self::StolenSmtpDistributed,
    ];

    /// Whether nothing is tuned with it. Of each kind of attack, one is.
    pub fn is_set_aside(self) -> bool {
        match self {
            Self::SprayingOneNetwork
            | Self::BruteForceSlow
            | Self::SlowAndDistributed
            | Self::StolenPasswordAbroad
            | Self::HijackedByMany
            | Self::GuessingDuringUseDistributed
            | Self::StolenSmtpDistributed => true,
            Self::SprayingFast
            | Self::SprayingSlow
            | Self::BruteForce
            | Self::Stuffing
            | Self::StolenPasswordHosting
            | Self::GuessingDuringUse
            | Self::StolenSmtpBurst => false,
        }
    }
}
