use super::*;
use crate::x509::testkit::{P384Signer, responder_signer, sign_unlinted};
use crate::x509::time as x509_time;
use crate::x509::{
    RESPONDER_LIFETIME, build_list_signer, build_responder, build_time_stamping_unit, relint,
};

fn responder_with(spki: &[u8]) -> UnsignedCertificate {
    let issuer = issuing_ca(Level::Qualified);
    build_responder(&issuer, spki, now(), &mut rng()).unwrap()
}

fn responder() -> UnsignedCertificate {
    responder_with(responder_signer().public_key_spki())
}

fn unit_with(spki: &[u8]) -> UnsignedCertificate {
    let root = make_ceremony().root;
    let name = ca_name("DEMO TIME-STAMPING UNIT");
    build_time_stamping_unit(&name, spki, &root_config(), &root, now(), &mut rng()).unwrap()
}

fn unit() -> UnsignedCertificate {
    unit_with(P384Signer::from_seed(7).public_key_spki())
}

fn list_signer() -> UnsignedCertificate {
    let signer = P384Signer::from_seed(8);
    build_list_signer(&ca_name("DEMO LIST SIGNER"), &signer, now(), &mut rng()).unwrap()
}

const BUILDERS: [fn() -> UnsignedCertificate; 3] = [responder, unit, list_signer];

fn p256() -> Vec<u8> {
    use p256::pkcs8::EncodePublicKey;
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    key.verifying_key().to_public_key_der().unwrap().into_vec()
}

fn rsa(modulus: &[u8]) -> Vec<u8> {
    PublicKey::from_rsa_modulus(modulus)
        .unwrap()
        .spki_der()
        .to_vec()
}

#[test]
fn each_service_passes_as_built() {
    for build in BUILDERS {
        assert_eq!(findings(&build()), []);
    }
}

#[test]
fn a_responder_is_what_clients_want() {
    let issuer = issuing_ca(Level::Qualified);
    let made = lint(&responder()).unwrap().sign(&issuing_signer()).unwrap();
    assert_eq!(
        made.subject().to_string(),
        "CN=DEMO Open Smart-ID EID-Q OCSP RESPONDER, organizationIdentifier=NTREE-10000000, O=Open Smart-ID, C=EE"
    );
    assert_eq!(made.extended_key_usage(), [oids::USAGE_OCSP_SIGNING]);
    assert_eq!(made.not_before(), now());
    assert_eq!(made.not_after(), now() + RESPONDER_LIFETIME);
    assert_eq!(
        made.authority_key_identifier(),
        issuer.certificate().subject_key_identifier()
    );
    assert!(!made.is_ca());
    let no_check = &[0x06, 0x09, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5, 4, 2, 5, 0];
    assert!(
        made.der()
            .windows(no_check.len())
            .any(|window| window == no_check)
    );
}

#[test]
fn a_unit_is_as_sks_but_for_its_names() {
    let made = lint(&unit()).unwrap().sign(&root_signer()).unwrap();
    assert_eq!(made.extended_key_usage(), [oids::USAGE_TIME_STAMPING]);
    assert_eq!(
        made.policies().collect::<Vec<_>>(),
        [oids::NORMALISED_POLICY_PLUS]
    );
    assert_eq!(made.crl_urls(), [root_config().publication.crl_url]);
    assert_eq!(
        made.not_before().duration_until(made.not_after()),
        SignedDuration::from_secs(6 * 365 * 86_400 - 1)
    );
    // keyUsage digitalSignature and nonRepudiation, as DEMO SK TIMESTAMPING UNIT 2025E has it.
    let usage = &[0x55, 0x1d, 0x0f, 1, 1, 0xff, 4, 4, 3, 2, 6, 0xc0];
    assert!(
        made.der()
            .windows(usage.len())
            .any(|window| window == usage)
    );
}

#[test]
fn a_list_signer_signs_itself() {
    let signer = P384Signer::from_seed(8);
    let made = lint(&list_signer()).unwrap().sign(&signer).unwrap();
    assert_eq!(made.issuer(), made.subject());
    assert!(made.verify_signature(made.public_key()).is_ok());
    assert_eq!(made.extended_key_usage(), [oids::USAGE_LIST_SIGNING]);
    assert!(!made.is_ca());
}

#[test]
fn a_key_of_another_kind_is_found() {
    let kind = [LintFinding::KeyKind];
    let short = rsa(&[0xab; 256]);
    assert_eq!(findings(&unit_with(&p256())), kind);
    assert_eq!(findings(&unit_with(&short)), kind);
    assert_eq!(findings(&responder_with(&p256())), []);
    assert_eq!(
        findings(&responder_with(P384Signer::from_seed(7).public_key_spki())),
        []
    );
    // 2048 bits, odd: too short now for a responder.
    assert_eq!(
        findings(&responder_with(&short)),
        [
            LintFinding::ModulusLength(2048),
            LintFinding::ModulusSmallFactor
        ]
    );
    let mut list = list_signer();
    list = altered(list, |tbs| set_spki(tbs, &p256()));
    assert_eq!(findings(&list), kind);
}

#[test]
fn a_lifetime_one_second_off_is_found_for_each() {
    for build in BUILDERS {
        let shorter = altered(build(), |tbs| {
            let end = x509_time::decode(&tbs.validity.not_after).unwrap();
            tbs.validity.not_after = x509_time::encode(end - SignedDuration::from_secs(1)).unwrap();
        });
        assert_eq!(findings(&shorter), [LintFinding::Lifetime]);
    }
}

#[test]
fn an_authoritys_last_responder_ends_with_it() {
    let issuer = issuing_ca(Level::Qualified);
    let end = issuer.certificate().not_after();
    let build = |at| {
        let spki = responder_signer().public_key_spki().to_vec();
        build_responder(&issuer, &spki, at, &mut rng()).unwrap()
    };
    let last = build(end - SignedDuration::from_hours(24));
    let made = lint(&last).unwrap().sign(&issuing_signer()).unwrap();
    assert_eq!(made.not_after(), end);
    // After the authority's end there is none.
    assert!(!findings(&build(end + SignedDuration::from_secs(1))).is_empty());
}

#[test]
fn each_extension_missing_added_or_of_other_criticality_is_found() {
    for build in BUILDERS {
        let rules = build().profile().extension_rules();
        for (index, (oid, _)) in rules.iter().enumerate() {
            let without = altered(build(), |tbs| {
                tbs.extensions.as_mut().unwrap().remove(index);
            });
            assert_eq!(findings(&without), [LintFinding::ExtensionMissing(*oid)]);
            let other = altered(build(), |tbs| {
                let extension = &mut tbs.extensions.as_mut().unwrap()[index];
                extension.critical = !extension.critical;
            });
            assert_eq!(findings(&other), [LintFinding::ExtensionCriticality(*oid)]);
        }
        let added = altered(build(), |tbs| {
            let extension = Extension {
                extn_id: oids::QC_STATEMENTS,
                critical: false,
                extn_value: OctetString::new([0x30, 0]).unwrap(),
            };
            tbs.extensions.as_mut().unwrap().push(extension);
        });
        assert_eq!(
            findings(&added),
            [LintFinding::ExtensionUnexpected(oids::QC_STATEMENTS)]
        );
        let swapped = altered(build(), |tbs| tbs.extensions.as_mut().unwrap().swap(0, 1));
        assert_eq!(findings(&swapped), [LintFinding::ExtensionOrder]);
    }
}

#[test]
fn another_usage_is_found() {
    for build in BUILDERS {
        // clientAuth.
        let usage = [0x30, 0x0a, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
        let other = altered(build(), |tbs| {
            set_value(tbs, oids::EXTENDED_KEY_USAGE, &usage)
        });
        assert_eq!(
            findings(&other),
            [LintFinding::ExtensionContent(oids::EXTENDED_KEY_USAGE)]
        );
        let own = build().profile().service_usage().unwrap();
        let both = vec![own, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2")];
        let both = altered(build(), |tbs| {
            set_value(tbs, oids::EXTENDED_KEY_USAGE, &both.to_der().unwrap())
        });
        assert_eq!(
            findings(&both),
            [LintFinding::ExtensionContent(oids::EXTENDED_KEY_USAGE)]
        );
        // keyCertSign.
        let signs = altered(build(), |tbs| {
            set_value(tbs, oids::KEY_USAGE, &[3, 2, 2, 4])
        });
        assert_eq!(
            findings(&signs),
            [LintFinding::ExtensionContent(oids::KEY_USAGE)]
        );
    }
}

#[test]
fn a_promise_with_content_is_found() {
    let other = altered(responder(), |tbs| {
        set_value(tbs, oids::OCSP_NO_CHECK, &[4, 0])
    });
    assert!(matches!(findings(&other)[..], [LintFinding::Unreadable(_)]));
}

#[test]
fn another_policy_of_a_unit_is_found() {
    let other = altered(unit(), |tbs| {
        replace(
            tbs,
            oids::CERTIFICATE_POLICIES,
            &oids::NORMALISED_POLICY_PLUS.to_der().unwrap(),
            &oids::NORMALISED_POLICY.to_der().unwrap(),
        )
    });
    assert_eq!(
        findings(&other),
        [LintFinding::ExtensionContent(oids::CERTIFICATE_POLICIES)]
    );
}

#[test]
fn a_responder_of_another_organisation_is_found() {
    let other = altered(responder(), |tbs| {
        set_subject(
            tbs,
            &[
                (oids::COMMON_NAME, "DEMO OCSP RESPONDER"),
                (oids::ORGANIZATION_IDENTIFIER, "NTREE-10000000"),
                (oids::ORGANIZATION, "Somebody else"),
                (oids::COUNTRY, "EE"),
            ],
        )
    });
    assert_eq!(findings(&other), [LintFinding::ResponderName]);
}

#[test]
fn a_list_signer_of_another_issuer_is_found() {
    let other = altered(list_signer(), |tbs| {
        set_subject(
            tbs,
            &[
                (oids::COMMON_NAME, "ANOTHER"),
                (oids::ORGANIZATION_IDENTIFIER, "NTREE-10000000"),
                (oids::ORGANIZATION, "Open Smart-ID"),
                (oids::COUNTRY, "EE"),
            ],
        )
    });
    assert_eq!(findings(&other), [LintFinding::IssuerName]);
}

#[test]
fn what_was_issued_is_found_good_again() {
    let issuer = issuing_ca(Level::Qualified);
    for profile in [SIGNATURE, AUTHENTICATION] {
        let made = lint(&unsigned(profile))
            .unwrap()
            .sign(&issuing_signer())
            .unwrap();
        assert_eq!(relint(&made, Profile::EndEntity(profile), &issuer), Ok(()));
    }
    let made = lint(&responder()).unwrap().sign(&issuing_signer()).unwrap();
    assert_eq!(relint(&made, Profile::OcspResponder, &issuer), Ok(()));
}

#[test]
fn what_was_issued_otherwise_is_found() {
    let issuer = issuing_ca(Level::Qualified);
    let profile = Profile::EndEntity(SIGNATURE);
    let made = lint(&unsigned(SIGNATURE))
        .unwrap()
        .sign(&issuing_signer())
        .unwrap();
    // Of another profile, of another authority, or with a rule broken after all.
    assert!(relint(&made, Profile::EndEntity(AUTHENTICATION), &issuer).is_err());
    assert!(relint(&made, Profile::OcspResponder, &issuer).is_err());
    let broken = altered(unsigned(SIGNATURE), |tbs| {
        tbs.validity.not_after = time(Tag::UtcTime, "290228115958Z")
    });
    let broken = sign_unlinted(broken, &issuing_signer());
    assert_eq!(
        relint(&broken, profile, &issuer),
        Err(vec![LintFinding::Lifetime])
    );
    let mut forged = made.der().to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged = Certificate::parse(&forged).unwrap();
    assert_eq!(
        relint(&forged, profile, &issuer),
        Err(vec![LintFinding::Signature(
            crate::VerificationError::WrongSignature
        )])
    );
}

#[test]
fn what_the_second_parser_reads_otherwise_is_found() {
    let certificate = unsigned(SIGNATURE);
    let algorithm = crate::SignatureAlgorithm::EcdsaSha384;
    let own = Facts::read(&certificate.tbs).unwrap();
    let reads = |tbs: &[u8], facts: &Facts| {
        second_parser::reads_with_throw_away_signature(tbs, algorithm, facts)
    };
    assert!(reads(&certificate.tbs, &own));
    let alterations: [fn(&mut TbsCertificate); 5] = [
        |tbs| tbs.serial_number = Int::new(&[0x41; 16]).unwrap(),
        |tbs| tbs.issuer = tbs.subject.clone(),
        |tbs| tbs.subject = tbs.issuer.clone(),
        |tbs| tbs.validity.not_after = time(Tag::UtcTime, "290228115958Z"),
        |tbs| tbs.extensions.as_mut().unwrap()[0].critical = true,
    ];
    for alter in alterations {
        let other = altered(certificate.clone(), alter);
        // What one reads, the other must have read.
        assert!(!reads(&other.tbs, &own));
        assert!(reads(&other.tbs, &Facts::read(&other.tbs).unwrap()));
    }
    // Something it does not read at all, which we do (and refuse for a reason of our own).
    let future = altered(certificate, |tbs| tbs.version = 7);
    assert!(!reads(&future.tbs, &Facts::read(&future.tbs).unwrap()));
}
