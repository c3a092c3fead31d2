//! A scan over all moduli that the database knows, for the nightly job and for `smart-id check keys`.
//!
//! The moduli are copied from one snapshot of the database to a temporary file, so that a scan that takes hours holds
//! no snapshot open, compares a fixed set, and needs memory for a few blocks only (`docs/adr/0011`).

mod spool;

use anyhow::{Context, Error, Result};
use engine::{
    Service,
    domain::Purpose,
    ports::{KeyHolder, StoredModuli},
    service::{HolderName, WeakKeys},
};
use jiff::{SignedDuration, Timestamp};
use keyscan::{Finding, Progress, ScanError, Weakness};
use spool::{Label, Source, Spool};
use std::{collections::HashSet, fmt, ops::ControlFlow};
use wire::DocumentNumber;

/// Moduli up to which a scan compares all with all where it was asked for recent ones: about a minute of one core.
const SMALL: usize = 16_384;

/// Which moduli are compared with all others.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// Every one.
    All,
    /// Those of accounts opened since then, of registrations under way and of the pool.
    Since(Timestamp),
    /// As [`Extent::Since`], but every one where there are few.
    SinceOrFew(Timestamp),
}

impl Extent {
    /// The last week, or everything where that costs next to nothing.
    #[must_use]
    pub fn recent(now: Timestamp) -> Self {
        Self::SinceOrFew(now - SignedDuration::from_hours(7 * 24))
    }
}

/// What a scan brought up.
#[derive(Debug)]
pub struct Report {
    /// How many moduli there are: two for each key, one for each pooled half.
    pub moduli: usize,
    /// How many of them were compared with all others.
    pub compared: usize,
    /// What was found, the worst first.
    pub findings: Vec<WeakGroup>,
}

/// Moduli that have something in common.
#[derive(Debug)]
pub struct WeakGroup {
    /// What it is.
    pub weakness: Weakness,
    /// Whose they are.
    pub members: Vec<Member>,
}

/// One modulus of a group.
#[derive(Debug)]
pub struct Member {
    label: Label,
    holder: Option<DocumentNumber>,
    in_use: bool,
}

impl Report {
    /// The groups that somebody has to do something about.
    pub fn alarms(&self) -> impl Iterator<Item = &WeakGroup> {
        self.findings.iter().filter(|group| group.is_alarm())
    }

    /// How many keys in use are in such a group; pooled halves count together as one.
    #[must_use]
    pub fn weak_keys_in_use(&self) -> u64 {
        let members = self.alarms().flat_map(|group| &group.members);
        let keys: HashSet<_> = members
            .filter(|member| member.in_use)
            .map(|member| member.label.key_id())
            .collect();
        keys.len() as u64
    }
}

impl WeakGroup {
    /// Whether a key in use is weak for certain. A registration proves nothing yet: whoever knows an account's n1 can
    /// offer it as her own, and must not be able to cast doubt on the account with that.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        let alone = matches!(
            self.weakness,
            Weakness::SmallFactor { .. } | Weakness::NotAModulus
        );
        let proven = self.members.iter().filter(|member| member.is_proven());
        let needed = if alone { 1 } else { 2 };
        proven.count() >= needed
            && self
                .members
                .iter()
                .any(|member| member.is_proven() && member.in_use)
    }

    /// Stable snake_case code of what is wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.weakness {
            Weakness::NotAModulus => "not_a_modulus",
            Weakness::SmallFactor { .. } => "small_factor",
            Weakness::SameModulus => "same_modulus",
            Weakness::Divisor => "divisor",
            Weakness::SharedFactor { .. } => "shared_factor",
        }
    }

    /// The keys, in hexadecimal; `pool` for a pooled half.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.label.key_id())
            .collect()
    }

    /// As the audit trail keeps it.
    #[must_use]
    pub fn for_audit(&self) -> WeakKeys {
        WeakKeys {
            weakness: self.code().to_owned(),
            keys: self.key_ids(),
        }
    }
}

impl Member {
    /// Whether somebody has shown to hold the private key.
    fn is_proven(&self) -> bool {
        !matches!(
            self.label.source,
            Source::Key {
                holder: KeyHolder::Registration(_),
                ..
            }
        )
    }
}

impl fmt::Display for WeakGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, member) in self.members.iter().enumerate() {
            let separator = match index {
                0 => "",
                _ if index + 1 == self.members.len() => " and ",
                _ => ", ",
            };
            write!(f, "{separator}{member}")?;
        }
        match self.weakness {
            Weakness::NotAModulus => write!(f, ": not a modulus at all"),
            Weakness::SmallFactor { prime } => write!(f, ": divisible by {prime}"),
            Weakness::SameModulus => write!(f, " are the same modulus"),
            Weakness::Divisor => write!(f, ": one divides the others"),
            Weakness::SharedFactor { bits } => {
                write!(f, " share a factor of {bits} bits")
            }
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Source::Key {
            holder,
            key,
            purpose,
        } = self.label.source
        else {
            return write!(f, "a server half in the pool");
        };
        let half = if self.label.is_n1 { "n1" } else { "n2" };
        let purpose = match purpose {
            Purpose::Authentication => "authentication",
            Purpose::Signature => "signature",
        };
        let id = hex::encode(key.0);
        write!(f, "{half} of {purpose} key {id} of ")?;
        match (&self.holder, holder) {
            (Some(document), _) => write!(f, "{document}")?,
            (None, KeyHolder::Account(_)) => write!(f, "an account that is gone")?,
            (None, KeyHolder::Registration(_)) => write!(f, "a registration under way")?,
        }
        if self.in_use {
            Ok(())
        } else {
            write!(f, " (destroyed)")
        }
    }
}

/// Compares moduli with all others. `progress` is told after each block and may stop the scan.
///
/// The arithmetic runs on a thread of its own. Whoever stops waiting should have `progress` say stop, too.
///
/// # Errors
/// Database or temporary file cannot be used, or the scan was stopped.
pub async fn run(
    service: &Service,
    extent: Extent,
    mut progress: impl FnMut(Progress) -> ControlFlow<()> + Send + 'static,
) -> Result<Report> {
    let since = match extent {
        Extent::All => Timestamp::MIN,
        Extent::Since(since) | Extent::SinceOrFew(since) => since,
    };
    let (spool, older) = copy_moduli(service, since).await?;
    let moduli = spool.len();
    let fresh = match extent {
        Extent::SinceOrFew(_) if moduli <= SMALL => 0..moduli,
        _ => older..moduli,
    };
    let compared = fresh.len();
    let scan = tokio::task::spawn_blocking(move || {
        let mut spool = spool;
        let found = keyscan::scan(&mut spool, fresh, keyscan::DEFAULT_BLOCK, &mut progress)
            .map_err(|error| match error {
                ScanError::Read(error) => {
                    Error::new(error).context("cannot read the copied moduli")
                }
                ScanError::Stopped => Error::new(ScanError::<std::io::Error>::Stopped),
            })?;
        label(found, &mut spool)
    });
    let mut findings = Vec::new();
    for (weakness, labels) in scan.await?? {
        let mut members = Vec::with_capacity(labels.len());
        for label in labels {
            members.push(name(service, label).await?);
        }
        findings.push(WeakGroup { weakness, members });
    }
    findings.sort_by_key(|group| !group.is_alarm());
    Ok(Report {
        moduli,
        compared,
        findings,
    })
}

/// All moduli in a temporary file; how many of them are of accounts older than `since`.
async fn copy_moduli(service: &Service, since: Timestamp) -> Result<(Spool, usize)> {
    let spool = std::sync::Mutex::new(Spool::new().context("cannot make a temporary file")?);
    let write = |modulus: &[u8], label: Label| -> Result<()> {
        let mut spool = spool.lock().expect("no panic while held");
        spool
            .add(modulus, label)
            .context("cannot write to a temporary file")
    };
    let key = |moduli: &StoredModuli| -> Result<()> {
        let source = Source::Key {
            holder: moduli.holder,
            key: moduli.key,
            purpose: moduli.purpose,
        };
        write(
            &moduli.n1,
            Label {
                source,
                is_n1: true,
            },
        )?;
        write(
            &moduli.n2,
            Label {
                source,
                is_n1: false,
            },
        )
    };
    let half = |half: &engine::domain::ServerModulus| -> Result<()> {
        write(
            half.as_bytes(),
            Label {
                source: Source::Pool,
                is_n1: false,
            },
        )
    };
    let keys = service.read_moduli::<Error>(since, key, half).await?;
    let spool = spool.into_inner().expect("no panic while held");
    Ok((spool, usize::try_from(keys)? * 2))
}

fn label(found: Vec<Finding>, spool: &mut Spool) -> Result<Vec<(Weakness, Vec<Label>)>> {
    found
        .into_iter()
        .map(|Finding { weakness, members }| {
            let labels: Result<Vec<_>, _> = members
                .into_iter()
                .map(|position| spool.label(position))
                .collect();
            Ok((weakness, labels.context("cannot read the copied moduli")?))
        })
        .collect()
}

async fn name(service: &Service, label: Label) -> Result<Member> {
    let HolderName {
        document_number,
        in_use,
    } = match label.source {
        Source::Pool => HolderName {
            document_number: None,
            in_use: true,
        },
        Source::Key { holder, key, .. } => service.name_holder(holder, key).await?,
    };
    Ok(Member {
        label,
        holder: document_number,
        in_use,
    })
}

#[cfg(test)]
mod tests;
