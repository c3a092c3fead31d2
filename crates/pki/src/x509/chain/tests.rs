use jiff::SignedDuration;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

use super::*;
use crate::oids;
use crate::x509::testkit::*;
use crate::x509::{EndEntityProfile, UnsignedCertificate, lint};
use crate::x509::{extension_values as value, tbs::TbsCertificate};

const SIGNATURE: EndEntityProfile = EndEntityProfile::QUALIFIED_SIGNATURE;

struct Path {
    person: Certificate,
    issuer: Certificate,
    root: Certificate,
}

impl Path {
    fn good() -> Self {
        let ceremony = make_ceremony();
        let person = lint(&unsigned(SIGNATURE))
            .unwrap()
            .sign(&issuing_signer())
            .unwrap();
        Self {
            person,
            issuer: ceremony.issuing[0].clone(),
            root: ceremony.root,
        }
    }

    fn verify(&self) -> Result<(), ChainError> {
        self.verify_at(now())
    }

    fn verify_at(&self, at: Timestamp) -> Result<(), ChainError> {
        verify_chain(&self.person, &self.issuer, &self.root, at).map(|_| ())
    }

    /// Signs a certificate anew after changing it.
    fn alter(
        certificate: &Certificate,
        link: ChainLink,
        alter: impl FnOnce(&mut TbsCertificate),
    ) -> Certificate {
        let signer = if link == ChainLink::EndEntity {
            issuing_signer()
        } else {
            root_signer()
        };
        let mut base: UnsignedCertificate = unsigned(SIGNATURE);
        base.tbs = certificate.tbs_der().to_vec();
        base.issuer.public_key =
            crate::PublicKey::from_spki_der(crate::Signer::public_key_spki(&signer)).unwrap();
        sign_unlinted(altered(base, alter), &signer)
    }
}

fn set(tbs: &mut TbsCertificate, oid: ObjectIdentifier, value: &impl der::Encode) {
    let extensions = tbs.extensions.as_mut().unwrap();
    let place = extensions
        .iter_mut()
        .find(|extension| extension.extn_id == oid)
        .unwrap();
    *place = value::extension(oid, place.critical, value).unwrap();
}

#[test]
fn our_own_path_verifies_and_hands_back_the_certificate() {
    let path = Path::good();
    let verified = verify_chain(&path.person, &path.issuer, &path.root, now()).unwrap();
    assert_eq!(
        verified.end_entity().document_number().as_deref(),
        Some("PNOBE-05040400032-DEM0-Q")
    );
}

#[test]
fn sks_real_path_verifies() {
    let root = Certificate::parse_pem(include_str!(
        "../../../../../vectors/pki/ca-test-root-g1e.pem"
    ))
    .unwrap()
    .remove(0);
    let pairs: [(&str, &[u8]); 2] = [
        (
            include_str!("../../../../../vectors/pki/ca-test-eid-q-2024e.pem"),
            include_bytes!("../../../../../vectors/pki/smartid-test-2024e-sign-ee-40504040001.der"),
        ),
        (
            include_str!("../../../../../vectors/pki/ca-test-eid-nq-2021e.pem"),
            include_bytes!("../../../../../vectors/pki/smartid-test-nq2021e-auth-lt.der"),
        ),
    ];
    for (issuer, person) in pairs {
        let issuer = Certificate::parse_pem(issuer).unwrap().remove(0);
        let person = Certificate::parse(person).unwrap();
        let at = person.not_before() + SignedDuration::from_hours(1);
        verify_chain(&person, &issuer, &root, at).unwrap();
    }
}

#[test]
fn validity_counts_from_the_first_to_the_last_second() {
    let path = Path::good();
    let (first, last) = (path.person.not_before(), path.person.not_after());
    let second = SignedDuration::from_secs(1);
    assert_eq!(path.verify_at(first), Ok(()));
    assert_eq!(
        path.verify_at(last + SignedDuration::from_millis(999)),
        Ok(())
    );
    assert_eq!(
        path.verify_at(first - second),
        Err(ChainError::NotYetValid(ChainLink::EndEntity))
    );
    assert_eq!(
        path.verify_at(last + second),
        Err(ChainError::Expired(ChainLink::EndEntity))
    );
    let root_last = path.root.not_after();
    assert_eq!(
        path.verify_at(root_last + second),
        Err(ChainError::Expired(ChainLink::Root))
    );
    assert_eq!(
        path.verify_at(path.root.not_before() - second),
        Err(ChainError::NotYetValid(ChainLink::Root))
    );
    let issuer_last = path.issuer.not_after();
    assert_eq!(
        path.verify_at(issuer_last + second),
        Err(ChainError::Expired(ChainLink::Issuer))
    );
}

#[test]
fn an_authority_without_the_right_to_sign_certificates_is_refused() {
    let mut path = Path::good();
    let usage = KeyUsage(KeyUsages::CRLSign.into());
    path.issuer = Path::alter(&path.issuer, ChainLink::Issuer, |tbs| {
        set(tbs, oids::KEY_USAGE, &usage)
    });
    assert_eq!(
        path.verify(),
        Err(ChainError::MayNotSignCertificates(ChainLink::Issuer))
    );
    path = Path::good();
    path.root = Path::alter(&path.root, ChainLink::Root, |tbs| {
        set(tbs, oids::KEY_USAGE, &usage)
    });
    assert_eq!(
        path.verify(),
        Err(ChainError::MayNotSignCertificates(ChainLink::Root))
    );
}

#[test]
fn an_issuer_that_is_no_authority_is_refused() {
    let mut path = Path::good();
    let person = value::basic_constraints(false, None);
    path.issuer = Path::alter(&path.issuer, ChainLink::Issuer, |tbs| {
        set(tbs, oids::BASIC_CONSTRAINTS, &person)
    });
    assert_eq!(
        path.verify(),
        Err(ChainError::NotAnAuthority(ChainLink::Issuer))
    );
}

#[test]
fn a_root_that_allows_no_authority_below_is_refused() {
    let mut path = Path::good();
    let alone = value::basic_constraints(true, Some(0));
    path.root = Path::alter(&path.root, ChainLink::Root, |tbs| {
        set(tbs, oids::BASIC_CONSTRAINTS, &alone)
    });
    assert_eq!(path.verify(), Err(ChainError::PathTooLong(ChainLink::Root)));
}

#[test]
fn a_person_who_is_an_authority_is_refused() {
    let mut path = Path::good();
    let authority = value::basic_constraints(true, None);
    path.person = Path::alter(&path.person, ChainLink::EndEntity, |tbs| {
        set(tbs, oids::BASIC_CONSTRAINTS, &authority)
    });
    assert_eq!(path.verify(), Err(ChainError::EndEntityIsAuthority));
}

#[test]
fn another_issuer_name_is_refused() {
    let mut path = Path::good();
    let root_name = path.root.subject().der().to_vec();
    path.person = Path::alter(&path.person, ChainLink::EndEntity, |tbs| {
        tbs.issuer = der::Decode::from_der(&root_name).unwrap()
    });
    assert_eq!(
        path.verify(),
        Err(ChainError::OtherIssuer(ChainLink::EndEntity))
    );
}

#[test]
fn another_issuer_key_identifier_is_refused() {
    let mut path = Path::good();
    let other = value::authority_key_identifier(&[7; 20]).unwrap();
    path.person = Path::alter(&path.person, ChainLink::EndEntity, |tbs| {
        set(tbs, oids::AUTHORITY_KEY_IDENTIFIER, &other)
    });
    assert_eq!(
        path.verify(),
        Err(ChainError::OtherIssuerKey(ChainLink::EndEntity))
    );
}

#[test]
fn an_unknown_critical_extension_is_refused_and_a_harmless_one_is_not() {
    let mut path = Path::good();
    // Name constraints: nothing here enforces them.
    let oid = ObjectIdentifier::new_unwrap("2.5.29.30");
    let add = |critical| {
        let empty: Vec<der::asn1::Any> = Vec::new();
        let extension = value::extension(oid, critical, &empty).unwrap();
        move |tbs: &mut TbsCertificate| tbs.extensions.as_mut().unwrap().push(extension)
    };
    let issuer = path.issuer.clone();
    path.issuer = Path::alter(&issuer, ChainLink::Issuer, add(true));
    assert_eq!(
        path.verify(),
        Err(ChainError::UnknownCriticalExtension {
            link: ChainLink::Issuer,
            oid
        })
    );
    path.issuer = Path::alter(&issuer, ChainLink::Issuer, add(false));
    assert_eq!(path.verify(), Ok(()));
}

#[test]
fn a_signature_by_somebody_else_is_refused() {
    let mut path = Path::good();
    let mut foreign = unsigned(SIGNATURE);
    foreign.issuer.public_key =
        crate::PublicKey::from_spki_der(crate::Signer::public_key_spki(&root_signer())).unwrap();
    path.person = sign_unlinted(foreign, &root_signer());
    let source = VerificationError::WrongSignature;
    assert_eq!(
        path.verify(),
        Err(ChainError::Signature {
            link: ChainLink::EndEntity,
            source
        })
    );
}

#[test]
fn a_root_not_signed_by_itself_is_refused() {
    let mut path = Path::good();
    std::mem::swap(&mut path.root, &mut path.issuer);
    assert_eq!(path.verify(), Err(ChainError::PathTooLong(ChainLink::Root)));
}

#[test]
fn an_rsa_signature_verifies_and_leads_to_no_root_all_the_same() {
    let old = Certificate::parse(include_bytes!(
        "../../../../../vectors/pki/smartid-test-eidsk2016-lt-2024.der"
    ))
    .unwrap();
    let issuer = Certificate::parse_pem(include_str!(
        "../../../../../vectors/pki/ca-test-eid-sk-2016-reissued.pem"
    ))
    .unwrap()
    .remove(0);
    assert_eq!(old.verify_signature(issuer.public_key()), Ok(()));
    assert_eq!(
        check_issued_by(&old, ChainLink::EndEntity, &issuer),
        Err(ChainError::Signature {
            link: ChainLink::EndEntity,
            source: VerificationError::UnsupportedKey
        })
    );
}
