//! The real binary, killed, on full and failing disks, and copied.
#![cfg(target_os = "linux")]

mod clones;
mod disk;
mod ending;
mod enrolment;
mod inspect;
mod points;
#[path = "../process/mod.rs"]
#[expect(dead_code, reason = "each binary of tests uses a part of it")]
mod process;
mod shim;
mod signing;
mod world;
