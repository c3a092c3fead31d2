//! The real binary, from outside.

mod account;
mod command_line;
mod demo;
mod process;
mod serve;
mod usage;
mod weak_keys;
