//! The whole system: real database, vault, router and phones; the clock is the test's.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod certificates;
mod clocks;
mod clones;
mod counting;
mod device_links;
mod flows;
mod hostile;
mod levels;
mod locks;
mod rates;
mod recovery;
mod revocation;
mod rp_api;
mod test_lab;
mod trust;
mod usage;
mod v2;

/// Whose accounts the tests make.
const PERSON: &str = "PNOEE-40504040001";
