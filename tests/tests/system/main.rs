//! The whole system: real database, vault, router and phones; the clock is the test's.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod clones;
mod counting;
mod device_links;
mod flows;
mod hostile;
mod locks;
mod rates;
mod recovery;
mod rp_api;
mod test_lab;
mod usage;

/// Whose accounts the tests make.
const PERSON: &str = "PNOEE-40504040001";
