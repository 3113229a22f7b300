//! Lists by pages.

use mailcup_wire::{Code, Page, Problem};
use serde::Deserialize;

const LIMIT: u32 = 100;
const HIGHEST_LIMIT: u32 = 1000;

/// Where a page begins and how long it is.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// At most 1000; 100 if not given.
    pub limit: Option<u32>,
}

impl Paging {
    pub fn limit(&self) -> u32 {
        limit(self.limit)
    }
}

/// The length of a page, from what was asked for.
pub fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(LIMIT).clamp(1, HIGHEST_LIMIT)
}

/// Makes a page of items that were read with one more than `limit`; `cursor` names an item.
pub fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}

/// A cursor that no page gave.
pub fn wrong_cursor() -> Problem {
    Problem::new(Code::BadRequest, "cursor must be the next of the page before it.")
}

/// As much of foreign text as an error shows.
pub fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
