//! Numbers made names.

use std::{cmp::Reverse, collections::HashMap};

use mailcup_wire::{
    EventId, Place, Time,
    desktop::{AccountEffect, EffectStep, NetworkEffect},
};
use rusqlite::{Connection, OptionalExtension as _};

use super::{Course, tally::Tally};
use crate::store::{Result, index::Index};

const ROWS: usize = 100;

/// A tally as it is shown.
pub struct Named {
    pub accounts: Vec<AccountEffect>,
    pub accounts_total: u32,
    pub networks: Vec<NetworkEffect>,
    pub networks_total: u32,
    pub steps: Vec<EffectStep>,
    pub samples: Vec<EventId>,
}

/// `of` says how many there were of an account all together.
pub fn named(
    reader: &Connection,
    index: &Index,
    tally: &Tally,
    course: &Course,
    of: impl Fn(u32) -> u32,
) -> Result<Named> {
    let mut accounts: Vec<AccountEffect> = tally
        .accounts
        .iter()
        .map(|(login, sum)| AccountEffect {
            login: index.logins.get(*login as usize).into(),
            refused: sum.refused,
            of: of(*login),
            networks: small(sum.others.len()),
            last_at: Time::from_millis(sum.last),
        })
        .collect();
    accounts.sort_by(|a, b| (Reverse(a.refused), &a.login).cmp(&(Reverse(b.refused), &b.login)));
    accounts.truncate(ROWS);
    let mut networks: Vec<(u32, NetworkEffect)> = tally
        .networks
        .iter()
        .map(|(no, sum)| {
            let network = index.networks.get(*no as usize).copied().flatten();
            let (refused, accounts) = (sum.refused, small(sum.others.len()));
            let last_at = Time::from_millis(sum.last);
            (*no, NetworkEffect { network, place: None, refused, accounts, last_at })
        })
        .collect();
    networks.sort_by_key(|(_, it)| (Reverse(it.refused), it.network));
    networks.truncate(ROWS);
    let places = places_of(index, &networks.iter().map(|(no, _)| *no).collect::<Vec<_>>());
    let networks = networks.into_iter().zip(places).map(|((_, it), place)| NetworkEffect { place, ..it });
    let step = |(place, (refused, let_in)): (i64, &(u32, u32))| EffectStep {
        at: Time::from_millis(course.begin() + place * course.step),
        refused: *refused,
        let_in: *let_in,
    };
    let steps: Vec<EffectStep> = (0..).zip(&tally.steps).map(step).collect();
    Ok(Named {
        accounts,
        accounts_total: small(tally.accounts.len()),
        networks: networks.collect(),
        networks_total: small(tally.networks.len()),
        steps,
        samples: tally
            .samples
            .iter()
            .filter_map(|(_, seq)| id_of(reader, *seq).transpose())
            .collect::<Result<_>>()?,
    })
}

/// Where networks are: as any of their addresses says, the newest first.
pub fn places_of(index: &Index, networks: &[u32]) -> Vec<Option<Place>> {
    let mut places: HashMap<u32, Option<Place>> =
        networks.iter().filter(|no| **no > 0).map(|no| (*no, None)).collect();
    for (address, network) in (0_u32..).zip(&index.network_of) {
        if let Some(place) = places.get_mut(network)
            && let Some(known) = index.place(address)
        {
            *place = Some(known.clone());
        }
    }
    networks.iter().map(|no| places.get(no).cloned().flatten()).collect()
}

/// None for an event that was removed a moment ago.
fn id_of(reader: &Connection, seq: i64) -> Result<Option<EventId>> {
    let epoch: Option<String> = reader
        .prepare_cached(
            "SELECT epochs.epoch FROM events JOIN epochs ON epochs.no = events.epoch WHERE seq = ?1",
        )?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    Ok(epoch.map(|epoch| EventId { epoch: epoch.into(), seq: seq.cast_unsigned() }))
}

pub fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
