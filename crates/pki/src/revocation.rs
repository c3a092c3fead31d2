//! That a certificate was revoked, when and why (RFC 5280 §5.3.1): the words that CRL and OCSP share.

use jiff::Timestamp;

/// The end of a certificate before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// CRLReason (RFC 5280 §5.3.1): those that this project gives and reads. `certificateHold` is never given: a
/// qualified certificate is not suspended here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RevocationReason {
    /// Nothing is said; left out of CRLs and answers.
    Unspecified = 0,
    /// The private key is or may be in other hands.
    KeyCompromise = 1,
    /// The authority's key is.
    CaCompromise = 2,
    /// The person's name or other data changed.
    AffiliationChanged = 3,
    /// A newer certificate took its place.
    Superseded = 4,
    /// The key is not used any more.
    CessationOfOperation = 5,
    /// The certificate should not have been used: the authority withdrew it.
    PrivilegeWithdrawn = 9,
}

impl RevocationReason {
    /// All of them, by number.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Its number in `CRLReason`.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The reason with this number, if we know it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.number() == number)
    }

    /// Its name in RFC 5280, `keyCompromise`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }
}
