//! Pure decisions: who may sign in or submit, and what wants a person's eye. No I/O, no async, no clock, no
//! randomness: everything that a decision depends on is an argument, so that it can be replayed.

pub mod access;
pub mod account;
pub mod alert;
pub mod app_password;
pub mod audit;
pub mod block;
pub mod captcha;
pub mod client;
pub mod decision;
pub mod defence;
pub mod inbox;
pub mod learn;
pub mod limit;
pub mod limiter;
pub mod merge;
pub mod networks;
pub mod one_time_code;
pub mod replay;
pub mod risk;
pub mod second_factor;
