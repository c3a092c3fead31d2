use super::*;
use proptest::prelude::*;

fn scan_all(moduli: &[u64], fresh: Range<usize>, block: usize) -> Vec<Finding> {
    let mut moduli = InMemory(moduli.iter().map(|n| n.to_be_bytes().to_vec()).collect());
    let block = NonZeroUsize::new(block).expect("not zero");
    scan(
        &mut moduli,
        fresh,
        block,
        &mut |_| ControlFlow::Continue(()),
    )
    .expect("scans")
}

/// Primes above the small ones; few, so that random products collide often.
const PRIMES: [u64; 8] = [
    100_003, 100_019, 100_043, 100_049, 100_057, 100_069, 100_103, 100_109,
];

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 {
        one
    } else {
        gcd(other, one % other)
    }
}

/// What a scan must tell, by looking at every pair and every prime.
fn by_hand(moduli: &[u64], fresh: &Range<usize>) -> Vec<Finding> {
    let all = || moduli.iter().copied().enumerate();
    let mut findings = Vec::new();
    let degenerate: Vec<usize> = all()
        .filter(|(position, n)| *n < 2 && fresh.contains(position))
        .map(|(position, _)| position)
        .collect();
    if !degenerate.is_empty() {
        findings.push(Finding {
            weakness: Weakness::NotAModulus,
            members: degenerate,
        });
    }
    let mut tell = |weakness, members: Vec<usize>| {
        let finding = Finding { weakness, members };
        let concerns = finding.members.iter().any(|member| fresh.contains(member));
        if concerns && !findings.contains(&finding) {
            findings.push(finding);
        }
    };
    for prime in [2, 3, 65537_u32] {
        let with = all().filter(|(_, n)| *n > 1 && n % u64::from(prime) == 0);
        tell(
            Weakness::SmallFactor { prime },
            with.map(|(position, _)| position).collect(),
        );
    }
    for (_, n) in all().filter(|(_, n)| *n > 1) {
        let same: Vec<usize> = all()
            .filter(|(_, m)| *m == n)
            .map(|(position, _)| position)
            .collect();
        if same.len() > 1 {
            tell(Weakness::SameModulus, same);
        }
    }
    for prime in PRIMES {
        let with: Vec<_> = all().filter(|(_, n)| *n > 1 && n % prime == 0).collect();
        if with.iter().any(|(_, n)| *n != with[0].1) {
            let divides = with.iter().any(|(_, n)| *n == prime);
            let weakness = if divides {
                Weakness::Divisor
            } else {
                Weakness::SharedFactor { bits: 17 }
            };
            tell(
                weakness,
                with.into_iter().map(|(position, _)| position).collect(),
            );
        }
    }
    findings
        .sort_by(|one, other| (one.weakness, &one.members).cmp(&(other.weakness, &other.members)));
    findings
}

fn modulus() -> impl Strategy<Value = u64> {
    let prime = || proptest::sample::select(&PRIMES[..]);
    prop_oneof![
        8 => (prime(), prime()).prop_map(|(p, q)| p * q),
        2 => prime(),
        1 => (prime(), proptest::sample::select(&[2_u64, 3, 65537][..])).prop_map(|(p, q)| p * q),
        1 => 0..2_u64,
    ]
}

/// Moduli without anything in common.
fn distinct_primes(count: usize) -> Vec<u64> {
    let is_prime = |n: &u64| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    (1_000_003..)
        .step_by(2)
        .filter(is_prime)
        .take(count)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_finds_exactly_what_all_pairs_show(
        moduli in proptest::collection::vec(modulus(), 1..24),
        block in 1_usize..30,
        cut in 0_usize..24,
        length in 0_usize..24,
    ) {
        let start = cut.min(moduli.len());
        let fresh = start..(start + length).min(moduli.len());
        let found = scan_all(&moduli, fresh.clone(), block);
        let expected = by_hand(&moduli, &fresh);
        // A factor that is common to all that has another one cannot be told from it, and need not: compare who is
        // named together, not how large the factor is.
        for finding in &found {
            prop_assert!(named_together(finding, &moduli), "{finding:?} of {moduli:?}");
            prop_assert!(finding.members.iter().any(|member| fresh.contains(member)));
        }
        for finding in &expected {
            prop_assert!(found.iter().any(|told| covers(told, finding)), "{finding:?} is missing in {found:?} of {moduli:?}");
        }
    }

    #[test]
    fn the_way_it_is_cut_into_blocks_changes_nothing(
        moduli in proptest::collection::vec(modulus(), 1..24),
        block in 1_usize..30,
    ) {
        let all = 0..moduli.len();
        prop_assert_eq!(scan_all(&moduli, all.clone(), block), scan_all(&moduli, all, 64));
    }
}

/// Whether the members do have in common what the finding says.
fn named_together(finding: &Finding, moduli: &[u64]) -> bool {
    let of = |member: &usize| moduli[*member];
    let common = finding.members.iter().map(of).fold(0, gcd);
    let (first, different) = (of(&finding.members[0]), |n| {
        finding.members.iter().any(|m| of(m) != n)
    });
    match finding.weakness {
        Weakness::NotAModulus => finding.members.iter().all(|member| of(member) < 2),
        Weakness::SmallFactor { prime } => common % u64::from(prime) == 0,
        Weakness::SameModulus => finding.members.len() > 1 && !different(first),
        Weakness::Divisor => {
            different(first) && different(common) && finding.members.iter().any(|m| of(m) == common)
        }
        Weakness::SharedFactor { bits } => different(first) && common.ilog2() as usize + 1 >= bits,
    }
}

fn covers(told: &Finding, expected: &Finding) -> bool {
    let same_kind = match (told.weakness, expected.weakness) {
        (
            Weakness::SharedFactor { .. } | Weakness::Divisor,
            Weakness::SharedFactor { .. } | Weakness::Divisor,
        ) => true,
        (told, expected) => told == expected,
    };
    same_kind && told.members == expected.members
}

#[test]
fn good_moduli_have_nothing_in_common() {
    let primes = distinct_primes(200);
    let moduli: Vec<u64> = primes.chunks(2).map(|pair| pair[0] * pair[1]).collect();
    for block in [1, 7, 64, 1000] {
        assert_eq!(scan_all(&moduli, 0..100, block), []);
    }
}

#[test]
fn one_shared_prime_among_many_is_found_wherever_it_is() {
    let primes = distinct_primes(202);
    let good: Vec<u64> = primes[2..]
        .chunks(2)
        .map(|pair| pair[0] * pair[1])
        .collect();
    for (first, second) in [(0, 1), (0, 99), (31, 32), (50, 71)] {
        let mut moduli = good.clone();
        moduli[first] = primes[0] * primes[2 + 2 * first];
        moduli[second] = primes[0] * primes[2 + 2 * second];
        for block in [1, 8, 32, 1000] {
            let expected = [Finding {
                weakness: Weakness::SharedFactor { bits: 20 },
                members: vec![first, second],
            }];
            assert_eq!(
                scan_all(&moduli, 0..100, block),
                expected,
                "{first} {second} {block}"
            );
            // A new one names the old one, too.
            assert_eq!(scan_all(&moduli, second..second + 1, block), expected);
        }
    }
}

#[test]
fn old_moduli_alone_are_not_looked_at_again() {
    let moduli = [100_003 * 100_019, 100_003 * 100_043, 100_049 * 100_057];
    assert_eq!(scan_all(&moduli, 2..3, 2), []);
    assert_eq!(scan_all(&moduli, 1..3, 2).len(), 1);
    assert_eq!(scan_all(&moduli, 3..3, 2), []);
    assert_eq!(scan_all(&[], 0..0, 2), []);
}

#[test]
fn moduli_of_real_size_are_compared_as_numbers() {
    // Neither is prime, which does not matter to a gcd; 2^1279 − 1 and 2^2203 − 1 are.
    let one = (UBig::ONE << 1279) - UBig::ONE;
    let two = (UBig::ONE << 2203) - UBig::ONE;
    let three = (UBig::ONE << 2281) - UBig::ONE;
    let moduli = [
        &one * &two,
        &one * &three,
        three.clone(),
        (UBig::ONE << 521) - UBig::ONE,
    ];
    let mut moduli = InMemory(moduli.iter().map(|n| n.to_be_bytes().to_vec()).collect());
    let found = scan(&mut moduli, 0..4, NonZeroUsize::MIN, &mut |_| {
        ControlFlow::Continue(())
    })
    .expect("scans");
    assert_eq!(
        found,
        [
            Finding {
                weakness: Weakness::Divisor,
                members: vec![1, 2]
            },
            Finding {
                weakness: Weakness::SharedFactor { bits: 1279 },
                members: vec![0, 1]
            },
        ]
    );
}

#[test]
fn the_steps_told_are_those_announced() {
    let primes = distinct_primes(20);
    let mut moduli = InMemory(primes.iter().map(|n| n.to_be_bytes().to_vec()).collect());
    for (fresh, block) in [(0..20, 3), (15..20, 4), (5..10, 2), (0..20, 100)] {
        let mut told = Vec::new();
        let block = NonZeroUsize::new(block).expect("not zero");
        scan(&mut moduli, fresh, block, &mut |progress| {
            told.push(progress);
            ControlFlow::Continue(())
        })
        .expect("scans");
        let total = told.len();
        let expected: Vec<_> = (1..=total).map(|done| Progress { done, total }).collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn a_scan_stops_when_it_is_told_to() {
    let mut moduli = InMemory(vec![vec![35], vec![77], vec![143]]);
    let stopped = scan(&mut moduli, 0..3, NonZeroUsize::MIN, &mut |progress| {
        if progress.done == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(matches!(stopped, Err(ScanError::Stopped)));
}
