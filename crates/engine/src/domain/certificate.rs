//! What the authorities have signed: a record that stands before the signature, and its end.

use super::{AccountId, AccountKey, AccountLevel, CloseReason, CorruptRecord, KeyState};
use jiff::Timestamp;
use pki::{
    Revocation, RevocationReason,
    x509::{Certificate, Level, Linted, SchemeOids, SerialNumber},
};
use sha2::{Digest, Sha256};
use splitkey::Purpose;
use wire::CertificateLevel;

/// An authority, by the SHA-1 of its public key (its certificate's subject key identifier).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaKeyId(pub [u8; 20]);

/// A certificate from the moment it is to be signed. Never deleted: OCSP and CRL answer for it as long as its authority
/// lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Whose signature.
    pub issuer: CaKeyId,
    /// Unique below the issuer.
    pub serial: SerialNumber,
    /// What it is for.
    pub kind: CertificateKind,
    /// The DER `TBSCertificate` that was linted and then signed.
    pub tbs: Vec<u8>,
    /// When it was recorded, before it was signed.
    pub recorded_at: Timestamp,
    /// Its notAfter.
    pub expires_at: Timestamp,
    /// That it was signed and given out; `None`: nobody ever got it.
    pub issued: Option<Issued>,
    /// That it ended before its time.
    pub revocation: Option<Revocation>,
}

/// What of a certificate's record is not encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Whose signature.
    pub issuer: CaKeyId,
    /// Unique below the issuer.
    pub serial: SerialNumber,
    /// What it is for; `None` if its record does not say so in a word of ours.
    pub kind: Option<CertificateKind>,
    /// Its notAfter.
    pub expires_at: Timestamp,
    /// The account that it was given out with.
    pub account: Option<AccountId>,
    /// That it ended before its time.
    pub revocation: Option<Revocation>,
}

impl CertificateSummary {
    /// Which key of an account it is over.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        match self.kind {
            Some(CertificateKind::EndEntity { purpose, .. }) => Some(purpose),
            Some(CertificateKind::OcspResponder) | None => None,
        }
    }
}

impl CertificateRecord {
    /// The record of a certificate that passed the lint and is to be signed next.
    #[must_use]
    pub fn of_linted(
        issuer: CaKeyId,
        kind: CertificateKind,
        linted: &Linted,
        now: Timestamp,
    ) -> Self {
        Self {
            issuer,
            serial: linted.serial().clone(),
            kind,
            tbs: linted.tbs_der().to_vec(),
            recorded_at: now,
            expires_at: linted.not_after(),
            issued: None,
            revocation: None,
        }
    }

    /// The record of a person's certificate from before there were records, with the end of its key.
    ///
    /// # Errors
    /// The certificate cannot be read or does not name its issuer's key.
    pub fn of_issued(
        account: AccountId,
        level: AccountLevel,
        opened: Timestamp,
        key: &AccountKey,
    ) -> Result<Self, CorruptRecord> {
        let certificate = read(&key.certificate)?;
        let expires_at = certificate.not_after();
        let revocation = match key.state {
            KeyState::Ready { .. } => None,
            KeyState::Destroyed { at, reason } => reason
                .revocation(None)
                .filter(|_| at <= expires_at)
                .map(|reason| Revocation { at, reason }),
        };
        Ok(Self {
            issuer: CaKeyId::of_issuer(&certificate)?,
            serial: certificate.serial().clone(),
            kind: CertificateKind::EndEntity {
                level,
                purpose: key.purpose,
            },
            tbs: certificate.tbs_der().to_vec(),
            recorded_at: opened,
            expires_at,
            issued: Some(Issued::to_account(&key.certificate, account, opened)),
            revocation,
        })
    }
}

impl CaKeyId {
    /// The authority that a certificate says it is from: its authority key identifier.
    ///
    /// # Errors
    /// It has none, or one that is no SHA-1.
    pub fn of_issuer(certificate: &Certificate) -> Result<Self, CorruptRecord> {
        certificate
            .authority_key_identifier()
            .and_then(|id| id.try_into().ok())
            .map(Self)
            .ok_or(CorruptRecord {
                what: "certificate's issuer",
            })
    }
}

impl CloseReason {
    /// Why the certificates of what ended like this are revoked; `None`: they ended by themselves. `by_operator` is what
    /// the operator who closed the account said.
    #[must_use]
    pub fn revocation(self, by_operator: Option<RevocationReason>) -> Option<RevocationReason> {
        match self {
            Self::DeletedByOwner | Self::PinLocked => Some(RevocationReason::CessationOfOperation),
            Self::DeletedByOperator => {
                Some(by_operator.unwrap_or(RevocationReason::PrivilegeWithdrawn))
            }
            Self::Cloned => Some(RevocationReason::KeyCompromise),
            Self::Replaced => Some(RevocationReason::Superseded),
            Self::Expired => None,
        }
    }
}

/// Reasons that an operator may give.
pub const OPERATOR_REASONS: [RevocationReason; 5] = [
    RevocationReason::KeyCompromise,
    RevocationReason::AffiliationChanged,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
    RevocationReason::PrivilegeWithdrawn,
];

/// What a certificate says of the worth of a signature with its key: what relying parties are told follows from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateClaims {
    /// By the scheme's policy.
    pub level: AccountLevel,
    /// That the key is in a qualified device, or for authentication in a secure one.
    pub device: bool,
}

impl CertificateClaims {
    /// Reads what a certificate claims under the scheme's identifiers.
    ///
    /// # Errors
    /// It is of neither level.
    pub fn of(certificate: &Certificate, oids: &SchemeOids) -> Result<Self, CorruptRecord> {
        let level = match certificate.level(oids) {
            Some(Level::Qualified) => AccountLevel::Qualified,
            Some(Level::Basic) => AccountLevel::Advanced,
            None => {
                return Err(CorruptRecord {
                    what: "certificate's level",
                });
            }
        };
        Ok(Self {
            level,
            device: certificate.claims_device(),
        })
    }

    /// Whether this answers a request for that level (rp-api.md §3): QUALIFIED needs the qualified policy, QSCD the device
    /// as well.
    #[must_use]
    pub fn satisfies(self, asked: CertificateLevel) -> bool {
        let qualified = self.level == AccountLevel::Qualified;
        match asked {
            CertificateLevel::Advanced => true,
            CertificateLevel::Qualified => qualified,
            CertificateLevel::Qscd => qualified && self.device,
        }
    }
}

fn read(certificate: &[u8]) -> Result<Certificate, CorruptRecord> {
    Certificate::parse(certificate).map_err(|_| CorruptRecord {
        what: "certificate",
    })
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateKind {
    /// A person's.
    EndEntity {
        /// Qualified or Basic.
        level: AccountLevel,
        /// Authentication or signature.
        purpose: Purpose,
    },
    /// The OCSP responder's.
    OcspResponder,
}

/// A certificate that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// When.
    pub at: Timestamp,
    /// SHA-256 of the DER.
    pub sha256: [u8; 32],
    /// The account whose it is; `None` for a responder's.
    pub account: Option<AccountId>,
    /// The DER of a responder's; a person's stands with the account's key.
    pub certificate: Option<Vec<u8>>,
}

impl Issued {
    /// A person's certificate, given out with her account.
    #[must_use]
    pub fn to_account(certificate: &[u8], account: AccountId, at: Timestamp) -> Self {
        Self {
            at,
            sha256: Sha256::digest(certificate).into(),
            account: Some(account),
            certificate: None,
        }
    }

    /// A responder's certificate.
    #[must_use]
    pub fn to_responder(certificate: &[u8], at: Timestamp) -> Self {
        Self {
            at,
            sha256: Sha256::digest(certificate).into(),
            account: None,
            certificate: Some(certificate.to_vec()),
        }
    }
}

/// What OCSP has to know about a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No certificate of this number was ever given out.
    NeverIssued,
    /// It was, and is revoked or not; or it was not, and is revoked, because a signature may exist somewhere.
    Issued(Option<Revocation>),
}

/// A revocation list that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRevocationList {
    /// Whose.
    pub issuer: CaKeyId,
    /// cRLNumber, from one.
    pub number: u64,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// How many certificates are on it.
    pub entries: u64,
    /// DER.
    pub der: Vec<u8>,
}

/// A line in the history of a trust service, as the scheme operator decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDecision {
    /// The service's name: `eid-q`, `tsu`.
    pub service: String,
    /// From then on.
    pub status: pki::trusted_list::ServiceStatus,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// A trusted list that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTrustedList {
    /// TSLSequenceNumber, from one.
    pub sequence: u64,
    /// ListIssueDateTime.
    pub issued_at: Timestamp,
    /// NextUpdate.
    pub next_update: Timestamp,
    /// SHA-256 of everything in it but sequence and times: another one is due when this differs.
    pub content: [u8; 32],
    /// The signed list.
    pub xml: String,
    /// The signed list of lists that points to it.
    pub list_of_lists: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! vector {
        ($file:literal) => {
            Certificate::parse(include_bytes!(concat!("../../../../vectors/pki/", $file)))
                .expect("a certificate")
        };
    }

    #[test]
    fn real_certificates_claim_what_they_were_issued_for() {
        let levels = [
            CertificateLevel::Advanced,
            CertificateLevel::Qualified,
            CertificateLevel::Qscd,
        ];
        for (certificate, answers) in [
            (
                vector!("smartid-test-2024e-auth-ee-40504040001.der"),
                [true; 3],
            ),
            (
                vector!("smartid-test-2024e-sign-ee-40504040001.der"),
                [true; 3],
            ),
            (
                vector!("smartid-test-nq2021e-auth-lt.der"),
                [true, false, false],
            ),
        ] {
            let claims = CertificateClaims::of(&certificate, &SchemeOids::SK).expect("a level");
            assert_eq!(levels.map(|level| claims.satisfies(level)), answers);
            // Of another scheme it says nothing.
            CertificateClaims::of(&certificate, &SchemeOids::SK_2016).expect_err("no level");
        }
    }

    #[test]
    fn a_qualified_certificate_without_a_device_is_no_qscd() {
        let claims = CertificateClaims {
            level: AccountLevel::Qualified,
            device: false,
        };
        assert!(claims.satisfies(CertificateLevel::Qualified));
        assert!(!claims.satisfies(CertificateLevel::Qscd));
        let basic = CertificateClaims {
            level: AccountLevel::Advanced,
            device: true,
        };
        assert!(!basic.satisfies(CertificateLevel::Qscd));
    }

    #[test]
    fn only_an_operator_chooses_the_reason() {
        for (reason, expected) in [
            (
                CloseReason::DeletedByOwner,
                Some(RevocationReason::CessationOfOperation),
            ),
            (
                CloseReason::PinLocked,
                Some(RevocationReason::CessationOfOperation),
            ),
            (CloseReason::Cloned, Some(RevocationReason::KeyCompromise)),
            (CloseReason::Replaced, Some(RevocationReason::Superseded)),
            (CloseReason::Expired, None),
        ] {
            for by_operator in [None, Some(RevocationReason::AffiliationChanged)] {
                assert_eq!(reason.revocation(by_operator), expected);
            }
        }
        let operator = CloseReason::DeletedByOperator;
        assert_eq!(
            operator.revocation(None),
            Some(RevocationReason::PrivilegeWithdrawn)
        );
        for reason in OPERATOR_REASONS {
            assert_eq!(operator.revocation(Some(reason)), Some(reason));
        }
    }
}
