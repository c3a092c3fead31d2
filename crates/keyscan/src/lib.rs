//! Finds RSA moduli that a broken random number generator gave away: moduli that occur twice, that share a prime with
//! another one, or that have a small factor (`splitkey.md` §1.1, "batch-gcd"; R107).
//!
//! All pairs are compared at once: [Bernstein's batch-gcd](https://facthacks.cr.yp.to/batchgcd.html) multiplies moduli
//! in product trees and takes the product back down as remainders. Moduli come in blocks, so that memory is bounded by
//! the size of a block and not by their number; each pair of blocks costs one multiplication of whole blocks.
//!
//! Nothing here is secret while the keys are good, and the arithmetic is not constant-time. What a scan *finds* is
//! another matter: a shared prime factors both moduli, so a [`Finding`] says who is concerned and never what is shared.
//!
//! Start at [`scan`]:
//!
//! ```
//! use keyscan::{InMemory, Weakness, scan};
//! use std::{num::NonZeroUsize, ops::ControlFlow};
//!
//! // 100003 · 100019, 100003 · 100043, 100049 · 100057
//! let moduli = [10_002_200_057_u64, 10_004_600_129, 10_010_602_793].map(|n| n.to_be_bytes().to_vec());
//! let mut moduli = InMemory(moduli.to_vec());
//! let block = NonZeroUsize::new(1024).unwrap();
//! let found = scan(&mut moduli, 0..3, block, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(found.len(), 1);
//! assert_eq!(found[0].weakness, Weakness::SharedFactor { bits: 17 });
//! assert_eq!(found[0].members, [0, 1]);
//! # Ok::<(), keyscan::ScanError<std::convert::Infallible>>(())
//! ```

mod factors;
mod tree;

use dashu_int::{UBig, ops::Gcd};
use factors::{Factors, SMALL_PRIMES, SmallPrimes};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    num::NonZeroUsize,
    ops::{ControlFlow, Range},
};
use tree::ProductTree;

/// Moduli that are multiplied at a time unless there is a reason: a scan of keys of 3072 bits takes some 400 MB.
pub const DEFAULT_BLOCK: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// Where the moduli are; each has a position that does not change during a scan.
pub trait Moduli {
    /// Why moduli cannot be read.
    type Error;

    /// How many there are.
    fn count(&self) -> usize;

    /// Those at these positions, big-endian.
    ///
    /// # Errors
    /// They cannot be read.
    fn read(&mut self, positions: Range<usize>) -> Result<Vec<Vec<u8>>, Self::Error>;
}

/// Few enough moduli to have them all at hand.
#[derive(Clone, Debug)]
pub struct InMemory(pub Vec<Vec<u8>>);

impl Moduli for InMemory {
    type Error = Infallible;

    fn count(&self) -> usize {
        self.0.len()
    }

    fn read(&mut self, positions: Range<usize>) -> Result<Vec<Vec<u8>>, Infallible> {
        Ok(self.0.get(positions).unwrap_or_default().to_vec())
    }
}

/// Moduli that have something in common that no good key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong with them.
    pub weakness: Weakness,
    /// Their positions, ascending.
    pub members: Vec<usize>,
}

/// What is wrong with a group of moduli.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// Zero or one.
    NotAModulus,
    /// All are divisible by this prime.
    SmallFactor {
        /// At most 65537.
        prime: u32,
    },
    /// All are the same.
    SameModulus,
    /// Different moduli of which one divides the others.
    Divisor,
    /// Different moduli with a common factor: whoever knows two of them can factor all.
    SharedFactor {
        /// Size of the factor.
        bits: usize,
    },
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Blocks multiplied so far.
    pub done: usize,
    /// Blocks to multiply; more if something was found.
    pub total: usize,
}

/// Why a scan came to no end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError<E> {
    /// The moduli cannot be read.
    #[error("the moduli cannot be read")]
    Read(#[source] E),
    /// The caller asked to stop.
    #[error("the scan was stopped")]
    Stopped,
}

/// Compares every modulus at the positions `fresh` with every other one, and tells all findings that one of those is in.
///
/// `block` moduli are multiplied at a time; memory grows with it (some 25 kB for each modulus of 3072 bits), and time
/// falls with it while several blocks are left. `progress` is called after each block and may stop the scan.
///
/// # Errors
/// The moduli cannot be read, or `progress` said stop.
pub fn scan<M: Moduli>(
    moduli: &mut M,
    fresh: Range<usize>,
    block: NonZeroUsize,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<Finding>, ScanError<M::Error>> {
    let all = 0..moduli.count();
    let fresh = fresh.start.min(all.end)..fresh.end.min(all.end);
    let mut scan = Scan {
        small: &SMALL_PRIMES,
        steps: Steps::new(&all, &fresh, block, progress),
        moduli,
        block,
    };
    let mut degenerate = Vec::new();
    let suspects = scan.suspects(&all, &fresh, &mut degenerate)?;
    let mut findings = Vec::new();
    if !degenerate.is_empty() {
        findings.push(Finding {
            weakness: Weakness::NotAModulus,
            members: degenerate,
        });
    }
    if !suspects.is_empty() {
        let factors = Factors::of(suspects, scan.small);
        findings.extend(scan.name_members(&all, factors)?);
    }
    // Taking apart what fresh ones share can show what only older ones share; their own scan has told that.
    findings.retain(|finding| finding.members.iter().any(|member| fresh.contains(member)));
    findings
        .sort_by(|one, other| (one.weakness, &one.members).cmp(&(other.weakness, &other.members)));
    Ok(findings)
}

struct Scan<'a, M> {
    moduli: &'a mut M,
    block: NonZeroUsize,
    small: &'static SmallPrimes,
    steps: Steps<'a>,
}

/// A modulus that has one of the factors: where it is, what it is, and the part of it that is made of them.
struct Hit {
    position: usize,
    modulus: UBig,
    weak_part: UBig,
}

impl<M: Moduli> Scan<'_, M> {
    /// The factors that fresh moduli have in common with anything else.
    fn suspects(
        &mut self,
        all: &Range<usize>,
        fresh: &Range<usize>,
        degenerate: &mut Vec<usize>,
    ) -> Result<Vec<UBig>, ScanError<M::Error>> {
        let mut suspects = Vec::new();
        for ours in blocks(fresh, self.block) {
            let leaves = self.read(&ours)?;
            for (position, modulus) in ours.clone().zip(&leaves) {
                if modulus.is_one() {
                    degenerate.push(position);
                }
            }
            let tree = ProductTree::new(leaves);
            let product = tree.root();
            // The sum of all cofactors is, modulo each modulus, the product of the others: what they share with it
            // shows in the gcd. All that is not in this block is multiplied into it.
            let mut others = tree.cofactor_sum() * self.small.product() % product;
            // A pair of fresh blocks is compared once; whichever is found names the other later.
            let old = blocks(&(all.start..fresh.start), self.block);
            let later = blocks(&(ours.end..fresh.end), self.block);
            let newer = blocks(&(fresh.end..all.end), self.block);
            for theirs in old.chain(later).chain(newer) {
                let theirs = tree::product(self.read(&theirs)?);
                others = others * (theirs % product) % product;
                self.steps.done()?;
            }
            tree.remainders(&others, &mut |_, modulus, remainder| {
                let common = modulus.gcd(&remainder);
                if !common.is_one() {
                    suspects.push(common);
                }
            });
            self.steps.done()?;
        }
        Ok(suspects)
    }

    /// All moduli that have one of the factors, by factor.
    fn name_members(
        &mut self,
        all: &Range<usize>,
        mut factors: Factors,
    ) -> Result<Vec<Finding>, ScanError<M::Error>> {
        let product = factors.product();
        let mut hits = Vec::new();
        self.steps.more(blocks(all, self.block).count());
        for block in blocks(all, self.block) {
            let tree = ProductTree::new(self.read(&block)?);
            tree.remainders(&product, &mut |index, modulus, remainder| {
                let common = modulus.gcd(&remainder);
                if !common.is_one() {
                    hits.push(Hit {
                        position: block.start + index,
                        modulus: modulus.clone(),
                        weak_part: common,
                    });
                }
            });
            self.steps.done()?;
        }
        factors.refine(hits.iter().map(|hit| hit.weak_part.clone()), self.small);
        Ok(findings(&factors, &hits))
    }

    /// The moduli of a block; one stands for what is no modulus, and hides nothing.
    fn read(&mut self, positions: &Range<usize>) -> Result<Vec<UBig>, ScanError<M::Error>> {
        let moduli = self
            .moduli
            .read(positions.clone())
            .map_err(ScanError::Read)?;
        Ok(moduli
            .iter()
            .map(|bytes| UBig::from_be_bytes(bytes).max(UBig::ONE))
            .collect())
    }
}

fn findings(factors: &Factors, hits: &[Hit]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for prime in factors.small() {
        findings.push(Finding {
            weakness: Weakness::SmallFactor { prime },
            members: members(hits, &prime.into())
                .map(|hit| hit.position)
                .collect(),
        });
    }
    let mut same = BTreeMap::<&UBig, Vec<usize>>::new();
    for hit in hits {
        same.entry(&hit.modulus).or_default().push(hit.position);
    }
    findings.extend(
        same.into_values()
            .filter(|members| members.len() > 1)
            .map(|members| Finding {
                weakness: Weakness::SameModulus,
                members,
            }),
    );
    for factor in factors.large() {
        let with: Vec<&Hit> = members(hits, factor).collect();
        let different = with
            .first()
            .is_some_and(|first| with.iter().any(|hit| hit.modulus != first.modulus));
        if different {
            let divides = with.iter().any(|hit| hit.modulus == *factor);
            findings.push(Finding {
                weakness: if divides {
                    Weakness::Divisor
                } else {
                    Weakness::SharedFactor {
                        bits: bit_length(factor),
                    }
                },
                members: with.iter().map(|hit| hit.position).collect(),
            });
        }
    }
    findings
}

fn members<'a>(hits: &'a [Hit], factor: &'a UBig) -> impl Iterator<Item = &'a Hit> {
    hits.iter()
        .filter(move |hit| (&hit.modulus % factor).is_zero())
}

fn bit_length(number: &UBig) -> usize {
    dashu_int::ops::BitTest::bit_len(number)
}

/// The positions cut into blocks.
fn blocks(
    positions: &Range<usize>,
    block: NonZeroUsize,
) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = positions.end;
    positions
        .clone()
        .step_by(block.get())
        .map(move |start| start..end.min(start.saturating_add(block.get())))
}

/// Counts what is done and asks whether to go on.
struct Steps<'a> {
    progress: Progress,
    tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl<'a> Steps<'a> {
    fn new(
        all: &Range<usize>,
        fresh: &Range<usize>,
        block: NonZeroUsize,
        tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Self {
        let count = |positions: Range<usize>| positions.len().div_ceil(block.get());
        let (ours, others) = (
            count(fresh.clone()),
            count(all.start..fresh.start) + count(fresh.end..all.end),
        );
        let total = ours * (ours + 1) / 2 + ours * others;
        Self {
            progress: Progress { done: 0, total },
            tell,
        }
    }

    fn more(&mut self, steps: usize) {
        self.progress.total += steps;
    }

    fn done<E>(&mut self) -> Result<(), ScanError<E>> {
        self.progress.done += 1;
        match (self.tell)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ScanError::Stopped),
        }
    }
}

#[cfg(test)]
mod tests;
