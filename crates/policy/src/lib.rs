//! Access rules, sending limits and levels of risk between what crosses a boundary ([`mailcup_wire`]) and what decides
//! ([`mailcup_guard`]): one reading, so that what the console tries is what the service enforces. Pure, as both
//! are: no I/O, no clock.

mod change;
mod check;
mod convert;
pub mod file;
mod pasted;
mod risk;

pub use change::{Applied, ChangeError, Deleted, Stamp, applied, inverse};
pub use check::{
    LONGEST_NOTE, LONGEST_TEXT, MOST_NETWORKS, check_access, check_known_networks, check_limit, tidy_access,
    tidy_limit, tidy_scope,
};
pub use convert::{
    access_rule, country, known_networks, limit_id, limit_set, protocol, rule_id, rule_set, scope,
    sending_limit, wire_scope,
};
pub use pasted::read_networks;
pub use risk::{risk_level, risk_thresholds};
