//! A hostile phone and a hostile relying party: one honest message of each kind, and everything that can be changed in
//! it. What may be changed without refusal stands beside the test, with the reason.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod growth;
mod json;
mod judge;
mod message;
mod relying_party;
mod resigned;
mod sealed;
mod signed;
mod stage;

/// Whose accounts the tests make.
const PERSON: &str = "PNOEE-40504040001";

/// Random changes that are tried of each message: a few for whoever runs the tests, many where `.ci/run` says so.
fn cases(few: u32) -> u32 {
    std::env::var("HOSTILE_CASES").map_or(few, |cases| cases.parse().expect("a number"))
}

/// One thread of a runtime per test: what is tried of a message is tried one after the other.
fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}
