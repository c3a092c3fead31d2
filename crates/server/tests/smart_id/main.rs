//! The real binary, from outside.

mod account;
mod command_line;
mod demo;
#[path = "../process/mod.rs"]
mod process;
mod records;
mod serve;
mod tls;
mod usage;
mod weak_keys;
