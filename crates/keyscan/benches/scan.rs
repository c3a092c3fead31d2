//! What a scan costs that finds nothing: `cargo bench -p keyscan`.
//!
//! Random odd numbers of 3072 bits stand for moduli, because primes take long to make. They have small factors, so the
//! scan is stopped where it would begin to name who has them.

use chacha20::ChaCha20Rng;
use divan::Bencher;
use keyscan::{DEFAULT_BLOCK, InMemory, ScanError, scan};
use rand_core::{Rng, SeedableRng};
use std::ops::{ControlFlow, Range};

fn main() {
    divan::main();
}

fn moduli(count: usize) -> InMemory {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let modulus = |_| {
        let mut bytes = vec![0; 384];
        rng.fill_bytes(&mut bytes);
        bytes[0] |= 0x80;
        bytes[383] |= 1;
        bytes
    };
    InMemory((0..count).map(modulus).collect())
}

#[divan::bench(args = [1_000, 10_000], sample_count = 1, sample_size = 1)]
fn all_against_all(bencher: Bencher, count: usize) {
    bencher
        .with_inputs(|| moduli(count))
        .bench_local_values(|mut moduli| run(&mut moduli, 0..count));
}

/// The nightly case: what came since yesterday against everything older.
#[divan::bench(args = [100, 1_000], sample_count = 1, sample_size = 1)]
fn new_against_ten_thousand(bencher: Bencher, new: usize) {
    bencher
        .with_inputs(|| moduli(10_000 + new))
        .bench_local_values(|mut moduli| run(&mut moduli, 10_000..10_000 + new));
}

fn run(moduli: &mut InMemory, fresh: Range<usize>) {
    let mut announced = None;
    let stopped = scan(
        moduli,
        fresh,
        DEFAULT_BLOCK,
        &mut |progress| match *announced.get_or_insert(progress.total) == progress.done {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        },
    );
    assert!(matches!(stopped, Err(ScanError::Stopped)));
}
