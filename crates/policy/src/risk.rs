//! How much must speak against a sign-in.

use std::collections::BTreeMap;

use mailcup_guard::risk::signals::{Level, Thresholds};
use mailcup_wire::{RiskLevel, RiskThresholds};

/// As guard has it.
pub fn risk_level(level: RiskLevel) -> Level {
    match level {
        RiskLevel::Cautious => Level::Cautious,
        RiskLevel::Balanced => Level::Balanced,
        RiskLevel::Strict => Level::Strict,
        RiskLevel::Custom(RiskThresholds { delay, challenge, refuse }) => {
            Level::Custom(Thresholds { delay, challenge, refuse })
        }
    }
}

/// The figures of each level that has its own, by its name on the wire.
pub fn risk_thresholds() -> BTreeMap<&'static str, RiskThresholds> {
    let named = [("cautious", Level::Cautious), ("balanced", Level::Balanced), ("strict", Level::Strict)];
    let figures = |level: Level| {
        let Thresholds { delay, challenge, refuse } = level.thresholds();
        RiskThresholds { delay, challenge, refuse }
    };
    named.into_iter().map(|(name, level)| (name, figures(level))).collect()
}
