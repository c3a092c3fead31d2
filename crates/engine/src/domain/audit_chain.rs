use super::AuditRecord;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// First line of what a link is the hash of.
const CONTEXT: &str = "smart-id/audit-link/v1";

/// The audit trail up to one of its records: the record's number and a hash that depends on it and on all before it.
///
/// hash(n) = SHA-256("smart-id/audit-link/v1" ⏎ n ⏎ hash(n−1) ⏎ SHA-256(record n) ⏎), numbers decimal and hashes in
/// lower-case hexadecimal, so that a stranger can follow the chain with `printf` and `openssl dgst`, knowing no record
/// but those that concern him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLink {
    /// Number of the record, counted from one.
    pub seq: u64,
    /// Of the whole trail up to here.
    pub hash: [u8; 32],
}

/// A record of the trail as it is stored: its text and its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the chain, as stored; [`AuditLink::follow`] tells whether it is right.
    pub link: AuditLink,
    /// The JSON of an [`AuditRecord`], byte for byte as it was hashed.
    pub text: String,
    /// Whether it is looked up by what it says: its moment, account, relying party and session.
    pub filed: bool,
}

impl AuditLink {
    /// Before the first record.
    pub const START: Self = Self {
        seq: 0,
        hash: [0; 32],
    };

    /// The link of the record that comes next.
    #[must_use]
    pub fn follow(self, record_sha256: &[u8; 32]) -> Self {
        let seq = self.seq + 1;
        let text = format!(
            "{CONTEXT}\n{seq}\n{}\n{}\n",
            hex(&self.hash),
            hex(record_sha256)
        );
        Self {
            seq,
            hash: Sha256::digest(text).into(),
        }
    }
}

impl std::fmt::Display for AuditLink {
    /// `number:hash`, as operators note it down.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

/// Text that is no `number:hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write it as the server's log has it: a number, a colon, and a hash of 64 hexadecimal digits"
)]
pub struct NotALink;

impl std::str::FromStr for AuditLink {
    type Err = NotALink;

    fn from_str(text: &str) -> Result<Self, NotALink> {
        let (seq, digits) = text.split_once(':').ok_or(NotALink)?;
        let seq = seq.parse().map_err(|_| NotALink)?;
        let mut hash = [0; 32];
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotALink);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotALink)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotALink)?;
        }
        Ok(Self { seq, hash })
    }
}

impl AuditEntry {
    /// SHA-256 of the text.
    #[must_use]
    pub fn record_sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// What happened; nothing if this software cannot have written it.
    #[must_use]
    pub fn record(&self) -> Option<AuditRecord> {
        serde_json::from_str(&self.text).ok()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(records: &[&str]) -> AuditLink {
        records.iter().fold(AuditLink::START, |link, record| {
            link.follow(&Sha256::digest(record).into())
        })
    }

    /// Made with `printf` and `openssl dgst -sha256`, as the evidence of a transaction tells a stranger to.
    #[test]
    fn the_chain_is_frozen() {
        let link = chain(&["one", "two"]);
        assert_eq!(link.seq, 2);
        assert_eq!(
            link.to_string(),
            "2:79b2be89c338a49bffb537ce5b8bed719f3541729ba3cecdb1dd29263b0583da"
        );
    }

    #[test]
    fn any_change_loss_or_exchange_of_records_changes_the_hash() {
        let whole = chain(&["one", "two", "three"]);
        for other in [
            &["one", "two", "thref"][..],
            &["0ne", "two", "three"],
            &["one", "three"],
            &["two", "one", "three"],
            &["one", "two", "three", ""],
            &["one", "twothree"],
        ] {
            assert_ne!(chain(other), whole, "{other:?}");
        }
    }

    #[test]
    fn a_link_survives_being_noted_down() {
        let link = chain(&["one"]);
        assert_eq!(link.to_string().parse(), Ok(link));
        for wrong in ["", "1", "1:", "1:ab", "x:00", &"1:+0".repeat(16), ":"] {
            assert_eq!(wrong.parse::<AuditLink>(), Err(NotALink), "{wrong}");
        }
    }
}
