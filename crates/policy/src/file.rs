//! Rules and limits as files: TOML for people who keep them in version control, CSV for spreadsheets.
//!
//! Both say the same with the same names. In CSV, lists are apart by blanks, and empty cells are left out.

mod read;
mod row;
mod write;

pub use self::{read::read, write::write};

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: usize = 16 * 1024 * 1024;

/// Rules or limits of one file.
pub const MOST_ROWS: usize = 10_000;

#[cfg(test)]
mod tests;
