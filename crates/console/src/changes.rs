//! Which parts of a local copy changed.

use mailcup_wire::desktop::DataChanged;

/// All parts of the local copy.
pub fn all() -> DataChanged {
    DataChanged {
        events: true,
        alerts: true,
        blocks: true,
        accounts: true,
        policy: true,
        settings: true,
        drafts: true,
        backups: true,
        other_alerts: false,
    }
}

/// What the service alone holds.
pub fn settings() -> DataChanged {
    DataChanged { settings: true, ..DataChanged::default() }
}

/// Access rules, sending limits, known networks and trials.
pub fn policy() -> DataChanged {
    DataChanged { policy: true, ..DataChanged::default() }
}

/// Edits that are not in effect, or what they are compared with.
pub fn drafts() -> DataChanged {
    DataChanged { drafts: true, ..DataChanged::default() }
}

/// How backups stand, the mirror of the repository, or its index.
pub fn backups() -> DataChanged {
    DataChanged { backups: true, ..DataChanged::default() }
}

pub fn add(so_far: &mut DataChanged, further: &DataChanged) {
    let DataChanged { events, alerts, blocks, accounts, policy, settings, drafts, backups, other_alerts } =
        further;
    so_far.events |= events;
    so_far.alerts |= alerts;
    so_far.blocks |= blocks;
    so_far.accounts |= accounts;
    so_far.policy |= policy;
    so_far.settings |= settings;
    so_far.drafts |= drafts;
    so_far.backups |= backups;
    so_far.other_alerts |= other_alerts;
}
