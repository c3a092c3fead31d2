use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString};
use der::{Decode, Encode, Tag};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::x509::testkit::{
    P384Signer, issuing_signer, make_ceremony, now, responder, root_signer,
};
use crate::x509::{BuildError, Certificate, IssueError, ParseError};
use crate::{RevocationReason, SignatureAlgorithm, Signer, VerificationError, asn1, oids, signed};

mod building;
mod reading;

fn issuer() -> Certificate {
    make_ceremony().issuing.remove(0)
}

fn serial(number: u64) -> SerialNumber {
    // Positive, 9 octets.
    SerialNumber::from_bytes([&[0x40], number.to_be_bytes().as_slice()].concat())
}

fn line(number: u64, reason: RevocationReason) -> RevokedCertificate {
    RevokedCertificate {
        serial: serial(number),
        revocation: Revocation {
            at: now() - SignedDuration::from_secs(i64::try_from(number).unwrap()),
            reason,
        },
    }
}

fn day_after() -> Timestamp {
    now() + SignedDuration::from_hours(24)
}

fn build(revoked: &[RevokedCertificate]) -> Result<UnsignedRevocationList, BuildError> {
    UnsignedRevocationList::build(&issuer(), 300, now(), day_after(), revoked)
}

fn list(revoked: &[RevokedCertificate]) -> RevocationList {
    build(revoked).unwrap().sign(&issuing_signer()).unwrap()
}

fn each_reason() -> Vec<RevokedCertificate> {
    let numbers = [5, 1, 4, 2, 7, 3, 6];
    numbers
        .into_iter()
        .zip(RevocationReason::ALL)
        .map(|(number, reason)| line(number, reason))
        .collect()
}
