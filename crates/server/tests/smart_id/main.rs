//! The real binary, from outside.

mod command_line;
mod demo;
mod process;
mod serve;
