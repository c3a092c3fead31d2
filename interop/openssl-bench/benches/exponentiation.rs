//! One exponentiation by `modexp`, portable and native, and by OpenSSL, at the sizes of `sk-6144`.

use divan::{Bencher, black_box};
use openssl_bench::{Exponentiation, SIZES, base, odd_number};

fn main() {
    eprintln!("{}", openssl::version::version());
    divan::main();
}

#[divan::bench(args = SIZES)]
fn modexp_native(bencher: Bencher, (modulus, exponent): (usize, usize)) {
    let prepared = modexp::native::Modulus::new(&odd_number(modulus)).expect("odd");
    let (base, exponent) = (base(modulus), odd_number(exponent));
    bencher.bench(|| prepared.pow_secret(black_box(&base), black_box(&exponent)));
}

#[divan::bench(args = SIZES)]
fn modexp_portable(bencher: Bencher, (modulus, exponent): (usize, usize)) {
    let prepared = modexp::portable::Modulus::new(&odd_number(modulus)).expect("odd");
    let (base, exponent) = (base(modulus), odd_number(exponent));
    bencher.bench(|| prepared.pow_secret(black_box(&base), black_box(&exponent)));
}

#[divan::bench(args = SIZES)]
fn openssl_constant_time(bencher: Bencher, (modulus, exponent): (usize, usize)) {
    let mut power = Exponentiation::constant_time(&odd_number(modulus), &odd_number(exponent))
        .expect("allocated");
    let base = base(modulus);
    bencher.bench_local(|| power.raise(black_box(&base)));
}

#[divan::bench(args = SIZES)]
fn openssl_variable_time(bencher: Bencher, (modulus, exponent): (usize, usize)) {
    let mut power = Exponentiation::variable_time(&odd_number(modulus), &odd_number(exponent))
        .expect("allocated");
    let base = base(modulus);
    bencher.bench_local(|| power.raise(black_box(&base)));
}
