use crate::tree;
use dashu_int::{UBig, ops::Gcd};
use std::{collections::BTreeSet, sync::LazyLock};

/// As far as `splitkey.md` §1.1 asks of a phone's modulus.
const LARGEST_SMALL_PRIME: u32 = 65537;

pub(crate) static SMALL_PRIMES: LazyLock<SmallPrimes> = LazyLock::new(SmallPrimes::new);

/// The primes that no modulus may have.
pub(crate) struct SmallPrimes {
    primes: Vec<u32>,
    product: UBig,
}

impl SmallPrimes {
    fn new() -> Self {
        let mut composite = vec![false; LARGEST_SMALL_PRIME as usize + 1];
        let mut primes = Vec::new();
        for number in 2..=LARGEST_SMALL_PRIME {
            if composite
                .get(number as usize)
                .is_some_and(|composite| !composite)
            {
                primes.push(number);
                for multiple in composite.iter_mut().step_by(number as usize).skip(2) {
                    *multiple = true;
                }
            }
        }
        let product = tree::product(primes.iter().map(|prime| (*prime).into()).collect());
        Self { primes, product }
    }

    pub(crate) fn product(&self) -> &UBig {
        &self.product
    }
}

/// Factors that should not be common to several moduli, taken apart as far as they take each other apart: no two of
/// the large ones have a common divisor, and none of them has a small prime.
pub(crate) struct Factors {
    small: BTreeSet<u32>,
    large: Vec<UBig>,
}

impl Factors {
    pub(crate) fn of(numbers: impl IntoIterator<Item = UBig>, small: &SmallPrimes) -> Self {
        let mut factors = Self {
            small: BTreeSet::new(),
            large: Vec::new(),
        };
        factors.refine(numbers, small);
        factors
    }

    /// Takes the factors apart along these numbers, which have no others.
    pub(crate) fn refine(&mut self, numbers: impl IntoIterator<Item = UBig>, small: &SmallPrimes) {
        // What a broken generator makes comes many times.
        let different: BTreeSet<UBig> = numbers.into_iter().collect();
        for number in different {
            let rest = self.take_small_primes(number, small);
            self.insert(rest);
        }
    }

    fn take_small_primes(&mut self, mut number: UBig, small: &SmallPrimes) -> UBig {
        let smooth = (&number).gcd(small.product());
        if smooth.is_one() {
            return number;
        }
        for prime in &small.primes {
            if (&smooth % *prime) == 0 {
                self.small.insert(*prime);
                while (&number % *prime) == 0 {
                    number /= *prime;
                }
            }
        }
        number
    }

    fn insert(&mut self, number: UBig) {
        let mut waiting = vec![number];
        while let Some(number) = waiting.pop() {
            if number.is_one() {
                continue;
            }
            let meets = self.large.iter().enumerate().find_map(|(index, factor)| {
                let common = (&number).gcd(factor);
                (!common.is_one()).then_some((index, common))
            });
            match meets {
                None => self.large.push(number),
                // Each time the product of all shrinks, so this ends.
                Some((index, common)) => {
                    let factor = self.large.swap_remove(index);
                    waiting.extend([factor / &common, number / &common, common]);
                }
            }
        }
    }

    pub(crate) fn small(&self) -> impl Iterator<Item = u32> {
        self.small.iter().copied()
    }

    pub(crate) fn large(&self) -> &[UBig] {
        &self.large
    }

    /// The product of all.
    pub(crate) fn product(&self) -> UBig {
        let small = self.small.iter().map(|prime| UBig::from(*prime));
        tree::product(self.large.iter().cloned().chain(small).collect())
    }
}
