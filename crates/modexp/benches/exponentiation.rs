//! The backends at the sizes of the split-key profiles.

use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// (modulus bits, exponent bits): the phone's and the server's part of `sk-6144`, a CRT half, then `sk-4096`.
const SIZES: [(usize, usize); 5] = [
    (3072, 3200),
    (3072, 3072),
    (1536, 1600),
    (2048, 2176),
    (1024, 1088),
];

#[divan::bench(args = SIZES)]
fn native(bencher: Bencher, (modulus, exponent): (usize, usize)) {
    let prepared = modexp::native::Modulus::new(&pattern(modulus)).expect("odd");
    let (base, exponent) = (base(modulus), pattern(exponent));
    bencher.bench(|| prepared.pow_secret(black_box(&base), black_box(&exponent)));
}

#[divan::bench(args = SIZES)]
fn portable(bencher: Bencher, (modulus, exponent): (usize, usize)) {
    let prepared = modexp::portable::Modulus::new(&pattern(modulus)).expect("odd");
    let (base, exponent) = (base(modulus), pattern(exponent));
    bencher.bench(|| prepared.pow_secret(black_box(&base), black_box(&exponent)));
}

#[divan::bench]
fn native_verify_6144(bencher: Bencher) {
    let prepared = modexp::native::Modulus::new(&pattern(6144)).expect("odd");
    let base = base(6144);
    bencher.bench(|| prepared.pow_public(black_box(&base), 65_537));
}

#[divan::bench]
fn portable_verify_6144(bencher: Bencher) {
    let prepared = modexp::portable::Modulus::new(&pattern(6144)).expect("odd");
    let base = base(6144);
    bencher.bench(|| prepared.pow_public(black_box(&base), 65_537));
}

/// An odd number of exactly `bits` bits without structure that a multiplier could profit from.
fn pattern(bits: usize) -> Vec<u8> {
    (0..bits / 8)
        .map(|i| (i.wrapping_mul(151) ^ 0xb5) as u8 | u8::from(i == bits / 8 - 1))
        .collect()
}

fn base(bits: usize) -> Vec<u8> {
    let mut base = pattern(bits);
    base[0] >>= 2;
    base
}
