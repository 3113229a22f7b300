//! Countries by number.

use mailcup_guard::access::Country;

/// A made-up code for each number below 676.
pub fn country(number: u32) -> Option<Country> {
    let letter = |number: u32| char::from_u32(u32::from('A') + number % 26).unwrap_or('A');
    Country::read(&String::from_iter([letter(number / 26), letter(number)]))
}
