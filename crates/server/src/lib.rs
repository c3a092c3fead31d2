//! The binary `smart-id`: configuration, wiring, jobs, lifecycle, telemetry and commands around the other crates.
//!
//! It refuses a configuration with unknown keys or with secrets in it, and it holds no rule of the e-ID: those are the
//! engine's. Start at [`command::main`]; a server for tests is [`demo::start`].

pub mod adapters;
pub mod command;
pub mod config;
pub mod demo;
pub mod deployment;
pub mod headless;
pub mod http;
pub mod jobs;
mod json_api;
pub mod key_scan;
pub mod lifecycle;
pub mod mock;
mod pages;
pub mod telemetry;
pub mod tour;
