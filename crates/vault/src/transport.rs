//! The keys that phones seal to, and what is destroyed with them.

use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::SigningKey;
use rand_core::CryptoRng;
use splitkey::seal::SealingKey;
use wire::{
    FixedBytes,
    server_key::{ServerKeyStatement, SignedStatement},
};

use crate::blob::BlobKey;

/// A new key is made when the newest is this old (`splitkey.md` §2: "rotated daily").
pub(crate) const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A key is destroyed this long after it was made (`splitkey.md` §3: "destroyed within 48 hours").
pub(crate) const DESTROYED_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// A statement is valid from this long before the key was made, for phones whose clocks are behind.
const BACK_DATING: SignedDuration = SignedDuration::from_mins(5);

/// A key pair that phones seal to, with a key for what the server must remember no longer than it.
pub(crate) struct TransportKey {
    pub(crate) id: [u8; 16],
    pub(crate) created: Timestamp,
    pub(crate) destroy_after: Timestamp,
    pub(crate) sealing: SealingKey,
    pub(crate) protect: BlobKey,
    pub(crate) statement: SignedStatement,
}

impl TransportKey {
    /// A fresh key. Times are kept to the second.
    pub(crate) fn generate<R>(deployment: &SigningKey, now: Timestamp, rng: &mut R) -> Self
    where
        R: CryptoRng + ?Sized,
    {
        let created =
            Timestamp::from_second(now.as_second()).expect("a second of a moment is a moment");
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let (sealing, protect) = (SealingKey::generate(rng), BlobKey::generate(rng));
        Self::new(
            id,
            created,
            later(created, DESTROYED_AFTER),
            sealing,
            protect,
            deployment,
        )
    }

    /// A key from the vault file; its statement is signed anew, to the same bytes (RFC 6979).
    pub(crate) fn new(
        id: [u8; 16],
        created: Timestamp,
        destroy_after: Timestamp,
        sealing: SealingKey,
        protect: BlobKey,
        deployment: &SigningKey,
    ) -> Self {
        let statement = ServerKeyStatement {
            key_id: FixedBytes(id),
            public_key: FixedBytes(sealing.public_key().to_bytes()),
            not_before: created
                .saturating_sub(BACK_DATING)
                .expect("a signed duration saturates"),
            not_after: destroy_after,
        };
        Self {
            id,
            created,
            destroy_after,
            sealing,
            protect,
            statement: statement.sign(deployment),
        }
    }

    /// Whether another key must take this one's place.
    ///
    /// A key from the future was made while the clock was wrong; phones refuse its statement.
    pub(crate) fn is_to_be_renewed(&self, now: Timestamp) -> bool {
        now >= later(self.created, RENEWED_AFTER) || self.created > later(now, BACK_DATING)
    }

    /// Whether the key must not exist any more. However the clock was set when it was made, it lives no longer than
    /// [`DESTROYED_AFTER`] from now.
    pub(crate) fn is_to_be_destroyed(&self, now: Timestamp) -> bool {
        now >= self.destroy_after || self.created > later(now, BACK_DATING)
    }
}

fn later(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment
        .saturating_add(duration)
        .expect("a signed duration saturates")
}
