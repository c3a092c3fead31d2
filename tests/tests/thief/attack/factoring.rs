//! What factors a modulus cheaply, or at all if it was made badly. Every bound is stated.

use super::number::{
    Ring, add_one, divide, modulo, product, proper_factor, read, resized, small, square_root, write,
};
use crypto_bigint::BoxedUint;
use splitkey::PUBLIC_EXPONENT;

/// A proper factor of `n`, by whatever finds one; `others` are moduli of other keys.
pub(crate) fn factor(n: &[u8], others: &[Vec<u8>]) -> Option<(&'static str, BoxedUint)> {
    let number = read(n);
    let found = |method, factor: Option<BoxedUint>| factor.map(|factor| (method, factor));
    let shared = || {
        others
            .iter()
            .find_map(|other| proper_factor(&number, &read(other)))
    };
    found("shared", shared())
        .or_else(|| found("small", trial_division(&number)))
        .or_else(|| found("close", fermat(&number)))
        .or_else(|| found("smooth", pollard_minus_one(&Ring::new(n))))
        .or_else(|| found("rho", pollard_rho(&Ring::new(n))))
}

/// By every odd number below 2^20.
fn trial_division(n: &BoxedUint) -> Option<BoxedUint> {
    (3..TRIAL_BOUND)
        .step_by(2)
        .find(|divisor| {
            let limb = crypto_bigint::NonZero::new(crypto_bigint::Limb::from(*divisor)).unwrap();
            n.rem_limb(limb).0 == 0
        })
        .map(|divisor| small(divisor.into()))
}

/// Fermat: a² − n is a square for an a just above √n.
fn fermat(n: &BoxedUint) -> Option<BoxedUint> {
    let (mut a, exact) = square_root(n);
    if exact {
        return Some(a);
    }
    (0..FERMAT_STEPS).find_map(|_| {
        add_one(&mut a);
        let mut rest = product(&a, &a);
        rest.wrapping_sub_assign(n);
        let (b, exact) = square_root(&rest);
        let mut factor = a.clone();
        factor.wrapping_sub_assign(resized(&b, a.bits_precision()));
        exact.then(|| proper_factor(n, &factor)).flatten()
    })
}

/// Finds p if all prime powers in p − 1 are at most B1 = 2^16.
fn pollard_minus_one(ring: &Ring) -> Option<BoxedUint> {
    let mut power = ring.number(3);
    for prime in primes(SMOOTH_BOUND) {
        let bound = u64::from(SMOOTH_BOUND);
        let powers = std::iter::successors(Some(prime), |power| {
            Some(power * prime).filter(|power| *power <= bound)
        });
        power = ring.pow(&power, &powers.last().unwrap().to_be_bytes());
    }
    let mut minus_one = read(&power);
    minus_one.wrapping_sub_assign(small(1));
    proper_factor(&ring.n, &minus_one)
}

/// Brent's cycle finding over x² + 1, 2^15 steps: finds factors up to some 2^28.
fn pollard_rho(ring: &Ring) -> Option<BoxedUint> {
    let one = ring.number(1);
    let step = |x: &[u8]| {
        let mut next = read(&ring.mul(x, x));
        add_one(&mut next);
        write(&modulo(&next, &ring.n), ring.len)
    };
    let (mut x, mut y, mut difference) = (ring.number(2), ring.number(2), one);
    let mut power = 1;
    for count in 1..=RHO_STEPS {
        x = step(&x);
        let (left, right) = (read(&x), read(&y));
        let apart = if left > right {
            left.wrapping_sub(&right)
        } else {
            right.wrapping_sub(&left)
        };
        if bool::from(apart.is_zero()) {
            return None;
        }
        difference = ring.mul(&difference, &write(&apart, ring.len));
        if count == power {
            power *= 2;
            y = x.clone();
        }
        if count % 64 == 0
            && let Some(factor) = proper_factor(&ring.n, &read(&difference))
        {
            return Some(factor);
        }
    }
    None
}

/// What the server's share says of p + q: n + 1 − φ with φ ≈ e·d1″/k. It is as wrong as d1′ is long (splitkey.md §2).
pub(crate) fn estimated_sum(n: &[u8], server_share: &[u8]) -> BoxedUint {
    let multiple = product(&read(server_share), &small(PUBLIC_EXPONENT.into()));
    let n = read(n);
    let (phi, _) = divide(&multiple, &multiplier(&multiple, &n));
    let bits = phi.bits_precision().max(n.bits_precision());
    let mut sum = resized(&n, bits);
    add_one(&mut sum);
    sum.wrapping_sub(resized(&phi, bits))
}

/// A factor, if the phone's share is less than 2^10: every one is tried in e·(d1′ + d1″) = 1 + k·φ.
pub(crate) fn short_share(n: &[u8], server_share: &[u8]) -> Option<BoxedUint> {
    let n = read(n);
    let bits = 2 * n.bits_precision() + 64;
    let e = small(PUBLIC_EXPONENT.into());
    let mut multiple = resized(&product(&read(server_share), &e), bits);
    let k = multiplier(&multiple, &n);
    multiple.wrapping_sub_assign(small(1));
    (0..1 << 10).find_map(|_| {
        let (phi, rest) = divide(&multiple, &k);
        multiple.wrapping_add_assign(&e);
        let mut sum = resized(&n, bits);
        add_one(&mut sum);
        let sum = sum.wrapping_sub(resized(&phi, bits));
        if !bool::from(rest.is_zero()) || sum.bit_width() > n.bit_width() / 2 + 2 {
            return None;
        }
        // (p − q)² = (p + q)² − 4n
        let square = resized(&product(&sum, &sum), bits);
        let (difference, exact) =
            square_root(&square.wrapping_sub(resized(&product(&n, &small(4)), bits)));
        let mut twice_p = sum;
        twice_p.wrapping_add_assign(resized(&difference, bits));
        let (p, _) = divide(&twice_p, &small(2));
        exact
            .then(|| proper_factor(&n, &resized(&p, n.bits_precision())))
            .flatten()
    })
}

/// k is the integer nearest to e·d1″/n, for φ is only a little less than n.
fn multiplier(multiple: &BoxedUint, n: &BoxedUint) -> BoxedUint {
    let mut twice = product(multiple, &small(2));
    twice.wrapping_add_assign(resized(n, twice.bits_precision()));
    let (k, _) = divide(&twice, &product(n, &small(2)));
    if bool::from(k.is_zero()) { small(1) } else { k }
}

fn primes(bound: u32) -> impl Iterator<Item = u64> {
    let bound = bound as usize;
    let mut composite = vec![false; bound];
    for factor in 2..=bound.isqrt() {
        (factor * factor..bound)
            .step_by(factor)
            .for_each(|multiple| composite[multiple] = true);
    }
    (2..bound)
        .filter(move |number| !composite[*number])
        .map(|prime| prime as u64)
}

const TRIAL_BOUND: u32 = 1 << 20;
const FERMAT_STEPS: u32 = 1 << 12;
const SMOOTH_BOUND: u32 = 1 << 16;
const RHO_STEPS: u32 = 1 << 15;
