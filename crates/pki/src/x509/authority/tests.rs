use jiff::SignedDuration;

use super::*;
use crate::SignerError;
use crate::x509::tbs::TbsCertificate;
use crate::x509::testkit::*;
use der::Decode;

fn extensions(certificate: &Certificate) -> Vec<Extension> {
    TbsCertificate::from_der(certificate.tbs_der())
        .unwrap()
        .extensions
        .unwrap()
}

fn real(pem: &str) -> Certificate {
    Certificate::parse_pem(pem).unwrap().remove(0)
}

#[test]
fn a_ceremony_makes_a_root_and_each_authority_below_it() {
    let configs = ["EID-Q", "EID-NQ"].map(|name| IssuingCaConfig {
        name: ca_name(name),
        public_key_spki: P384Signer::from_seed(name.len() as u8)
            .public_key_spki()
            .to_vec(),
    });
    let made = ceremony(&root_config(), &root_signer(), &configs, now(), &mut rng()).unwrap();
    assert_eq!(made.root.issuer(), made.root.subject());
    assert!(made.root.verify_signature(made.root.public_key()).is_ok());
    assert_eq!(made.issuing.len(), 2);
    for (certificate, name) in made.issuing.iter().zip(["EID-Q", "EID-NQ"]) {
        assert_eq!(certificate.subject().common_name(), Some(name));
        assert!(certificate.verify_signature(made.root.public_key()).is_ok());
        assert!(certificate.not_after() < made.root.not_after());
        assert_eq!(
            certificate.policies().collect::<Vec<_>>(),
            [oids::ANY_POLICY]
        );
    }
    assert_eq!(
        made.issuing[0].subject().to_string(),
        "CN=EID-Q, organizationIdentifier=NTREE-10000000, O=Open Smart-ID, C=EE"
    );
    assert_eq!(
        made.root.not_before(),
        now() - SignedDuration::from_hours(1)
    );
}

#[test]
fn the_roots_extensions_are_those_of_sks_root() {
    let real = extensions(&real(include_str!(
        "../../../../../vectors/pki/ca-test-root-g1e.pem"
    )));
    let ours = extensions(&make_ceremony().root);
    let shape = |extensions: &[Extension]| {
        extensions
            .iter()
            .map(|e| (e.extn_id, e.critical))
            .collect::<Vec<_>>()
    };
    assert_eq!(shape(&ours), shape(&real));
    assert_eq!(ours[..2], real[..2]);
}

#[test]
fn the_issuing_authoritys_extensions_are_those_of_sks_but_for_its_slip() {
    let sk = real(include_str!(
        "../../../../../vectors/pki/ca-test-eid-q-2024e.pem"
    ));
    let sk_root = real(include_str!(
        "../../../../../vectors/pki/ca-test-root-g1e.pem"
    ));
    let publication = RootPublication {
        ca_issuers_url: "http://c.sk.ee/TEST_SK_ROOT_G1_2021E.der.crt".into(),
        ocsp_url: Some("http://demo.sk.ee/ocsp".into()),
        crl_url: "http://c.sk.ee/TEST_SK_ROOT_G1_2021E.crl".into(),
        practice_statement_url:
            "https://www.skidsolutions.eu/resources/certification-practice-statement/".into(),
    };
    let ours =
        extensions_of_issuing_ca(&publication, sk_root.public_key(), sk.public_key()).unwrap();
    for (ours, real) in ours.iter().zip(extensions(&sk)) {
        if ours.extn_id == oids::CERTIFICATE_POLICIES {
            // SK's carries the practice statement on a stray policy 2.5.29.32: not copied.
            assert_ne!(*ours, real);
        } else {
            assert_eq!(*ours, real);
        }
    }
    assert_eq!(ours.len(), extensions(&sk).len());
}

#[test]
fn the_name_is_encoded_as_sks_is() {
    let sk = real(include_str!(
        "../../../../../vectors/pki/ca-test-eid-q-2024e.pem"
    ));
    let name = CaName {
        common_name: "TEST of SK ID Solutions EID-Q 2024E".into(),
        organization_identifier: "NTREE-10747013".into(),
        organization: "SK ID Solutions AS".into(),
        country: "EE".into(),
    };
    assert_eq!(name.name().unwrap(), *sk.subject());
}

#[test]
fn a_root_without_a_responder_names_none() {
    let mut config = root_config();
    config.publication.ocsp_url = None;
    let issuing = IssuingCaConfig {
        name: ca_name("EID-Q"),
        public_key_spki: issuing_signer().public_key_spki().to_vec(),
    };
    let made = ceremony(&config, &root_signer(), &[issuing], now(), &mut rng()).unwrap();
    assert_eq!(made.issuing[0].ocsp_url(), None);
}

#[test]
fn a_certificate_that_may_not_issue_is_not_taken_into_use() {
    let take =
        |certificate| IssuingCa::new(certificate, Level::Qualified, publication()).unwrap_err();
    let person = include_bytes!("../../../../../vectors/pki/smartid-test-2024e-sign-ee-2024.der");
    assert_eq!(
        take(Certificate::parse(person).unwrap()),
        IssuingCaError::NotAnAuthority
    );
    let rsa = real(include_str!(
        "../../../../../vectors/pki/ca-test-eid-sk-2016-reissued.pem"
    ));
    assert_eq!(take(rsa), IssuingCaError::NotACertificateKey);
    let reissued = |alter: fn(&mut TbsCertificate)| {
        let mut base = unsigned(crate::x509::EndEntityProfile::BASIC_SIGNATURE);
        base.tbs = make_ceremony().issuing[0].tbs_der().to_vec();
        base.issuer.public_key = PublicKey::from_spki_der(root_signer().public_key_spki()).unwrap();
        sign_unlinted(altered(base, alter), &root_signer())
    };
    let no_usage = reissued(|tbs| {
        tbs.extensions
            .as_mut()
            .unwrap()
            .retain(|e| e.extn_id != oids::KEY_USAGE)
    });
    assert_eq!(take(no_usage), IssuingCaError::MayNotSignCertificates);
    let no_identifier = reissued(|tbs| {
        tbs.extensions
            .as_mut()
            .unwrap()
            .retain(|e| e.extn_id != oids::SUBJECT_KEY_IDENTIFIER)
    });
    assert_eq!(take(no_identifier), IssuingCaError::NoKeyIdentifier);
}

/// A root key of a kind that may not sign certificates.
struct RsaRoot(Vec<u8>);

impl Signer for RsaRoot {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha384
    }

    fn public_key_spki(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Failed(None))
    }
}

#[test]
fn a_root_whose_key_may_not_sign_certificates_is_not_made() {
    let rsa = RsaRoot(
        PublicKey::from_rsa_modulus(&modulus())
            .unwrap()
            .spki_der()
            .to_vec(),
    );
    let made = ceremony(&root_config(), &rsa, &[], now(), &mut rng());
    assert!(matches!(made, Err(CeremonyError::NotACertificateKey)));
}
