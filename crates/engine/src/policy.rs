//! What a deployment decides for itself: names, lifetimes, limits.

use jiff::SignedDuration;
use splitkey::{Kdf, Profile};
use std::collections::BTreeMap;
use wire::DocumentNumber;

/// Lifetime of an account and of its certificates, counted from issuance (`pki.md` §1.1: 1095 days).
pub const ACCOUNT_LIFETIME: SignedDuration = SignedDuration::from_hours(1095 * 24);

/// A finished session's result is readable this long (RP API v2 documentation; v3 is silent).
pub const RESULT_RETENTION: SignedDuration = SignedDuration::from_mins(5);

/// The same signature request within this time gets the same session (RP API, idempotency).
pub const IDEMPOTENCY_WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// A QR code that is older than this is not taken; nothing happens to its session (rp-api.md §7).
pub const MAX_LINK_AGE: SignedDuration = SignedDuration::from_secs(5);

/// How far ahead of us the relying party's count may be.
pub const MAX_LINK_LEAD: SignedDuration = SignedDuration::from_secs(1);

/// How long a rotate or sync transaction may take.
pub const MAINTENANCE_TRANSACTION_LIFETIME: SignedDuration = SignedDuration::from_secs(120);

/// An evaluation older than this was interrupted, and the job finishes it (`splitkey.md` §4.2 step 8).
pub const STUCK_EVALUATION: SignedDuration = SignedDuration::from_secs(30);

/// Maintenance transactions superseded that freeze signing until a token is spent (`splitkey.md` §4.3).
pub const MAX_SUPERSEDED: u32 = 10;

/// A certificate that was recorded so long ago and is not given out never will be (a crash, a document number that was
/// taken), and is revoked, because its signature may exist somewhere.
pub const ABANDONED_RECORD: SignedDuration = SignedDuration::from_mins(10);

/// How long ended registrations are kept for the phone to read why.
pub const REGISTRATION_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Oldest version of the device API that is served (R114).
pub const MINIMUM_DEVICE_VERSION: u32 = 1;

/// Settings of a deployment.
#[derive(Clone, Debug)]
pub struct Policy {
    /// First field of every signed payload: `smart-id-demo` or `smart-id`.
    pub scheme_name: String,
    /// Origin under which validators find CA certificates, OCSP and CRL; no slash at the end.
    pub public_url: String,
    /// Where device links lead, without `?`; `None`: `/device-link` below the public address.
    pub device_link_base: Option<String>,
    /// Key sizes for new accounts.
    pub profile: Profile,
    /// How phones stretch PINs of new accounts (`splitkey.md` §3); no deployment has a reason to choose another.
    pub kdf: Kdf,
    /// An unanswered request disappears after this time (R89); clients poll for 60–120 s.
    pub session_lifetime: SignedDuration,
    /// Requests per minute of one relying party to one account, unless it has a limit of its own.
    pub prompts_per_minute: u32,
    /// Requests per minute of all relying parties to one account; a greater limit of its own lifts it for that one.
    pub prompts_per_minute_in_all: u32,
    /// Signing transactions per minute that one phone may begin.
    pub begins_per_minute: u32,
    /// Rotate and sync transactions per minute that one phone may begin; a budget of their own (`splitkey.md` §4.3).
    pub maintenance_per_minute: u32,
    /// Server halves to keep ready for registrations, two for each.
    pub pool_target: u64,
    /// Takes the keys of [`fixture_keys`](crate::fixture_keys), whose primes everybody knows.
    ///
    /// # Security
    /// Only where every account is an invented person's, never in production.
    pub fixture_keys: bool,
    /// Other document numbers for an account: the one asked for, and the account's own. The answers have the one asked
    /// for. For test labs whose accounts go by several spellings (rp-api.md §3).
    pub document_aliases: BTreeMap<DocumentNumber, DocumentNumber>,
    /// Who publishes the trusted list; `None`: there is none.
    pub trusted_list: Option<pki::trusted_list::SchemeOperator>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            scheme_name: "smart-id-demo".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            device_link_base: None,
            profile: Profile::default(),
            kdf: Kdf::default(),
            session_lifetime: SignedDuration::from_secs(90),
            prompts_per_minute: 3,
            prompts_per_minute_in_all: 10,
            // No fewer than all may ask, or the last ones could not be answered.
            begins_per_minute: 12,
            maintenance_per_minute: 12,
            pool_target: 8,
            fixture_keys: false,
            document_aliases: BTreeMap::new(),
            trusted_list: None,
        }
    }
}

impl Policy {
    /// `deviceLinkBase` of the RP API.
    #[must_use]
    pub fn device_link_base(&self) -> String {
        self.device_link_base
            .clone()
            .unwrap_or_else(|| format!("{}/device-link", self.public_url))
    }
}
