use std::error::Error;

use pki::Signer;
use zeroize::Zeroizing;

use std::fs;

use super::*;
use crate::randomness::system_rng;
use crate::testkit::{SAMPLE, ceremony, config, now, successor, unlock};

fn refused(config: &CeremonyConfig) -> CeremonyError {
    match Ceremony::perform(config, now(), &mut system_rng()) {
        Ok(_) => panic!("must be refused"),
        Err(error) => error,
    }
}

#[test]
fn the_sample_makes_three_authorities_with_the_configured_names_and_addresses() {
    let (config, ceremony) = (config(), ceremony());
    let root = ceremony.root_certificate();
    assert_eq!(
        root.subject().common_name(),
        Some(config.root.common_name.as_str())
    );
    for (level, authority) in [
        (Level::Qualified, &config.eid_q),
        (Level::Basic, &config.eid_nq),
    ] {
        let ca = ceremony.issuing_ca(level);
        let subject = ca.certificate().subject();
        assert_eq!(subject.common_name(), Some(authority.common_name.as_str()));
        assert_eq!(
            subject.organization(),
            Some(config.organization.name.as_str())
        );
        assert_eq!(ca.level(), level);
        assert_eq!(ca.publication().ocsp_url, authority.ocsp_url);
        assert_eq!(
            ca.certificate().crl_urls(),
            std::slice::from_ref(&config.root.crl_url)
        );
        ca.certificate()
            .verify_signature(root.public_key())
            .unwrap();
    }
}

#[test]
fn the_object_identifiers_that_the_sample_mentions_are_the_default() {
    let uncommented: String = SAMPLE
        .split_inclusive('\n')
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("[policies]") || rest.contains(" = \"1.3.6") => rest,
            _ => line,
        })
        .collect();
    let explicit: CeremonyConfig = toml::from_str(&uncommented).unwrap();
    assert!(explicit.policies.is_some());
    let made = Ceremony::perform(&explicit, now(), &mut system_rng()).unwrap();
    for level in [Level::Qualified, Level::Basic] {
        assert_eq!(
            made.issuing_ca(level).publication().oids,
            ceremony().issuing_ca(level).publication().oids
        );
    }
}

#[test]
fn an_unknown_or_missing_setting_is_refused() {
    assert!(toml::from_str::<CeremonyConfig>(&format!("lifetime = 3\n{SAMPLE}")).is_err());
    assert!(
        toml::from_str::<CeremonyConfig>(&SAMPLE.replace("[root]", "[root]\nkey = 1")).is_err()
    );
    assert!(toml::from_str::<CeremonyConfig>(&SAMPLE.replace("country = \"EE\"", "")).is_err());
}

#[test]
fn what_cannot_stand_in_a_certificate_is_refused() {
    let mut bad = config();
    bad.root.crl_url = "https://id.example.org/crl/root.crl".into();
    let error = refused(&bad);
    assert!(matches!(error, CeremonyError::Certificates(_)));
    assert!(
        error.source().is_some(),
        "the lint's findings are in the chain"
    );

    let mut bad = config();
    bad.policies = Some(PoliciesConfig {
        qualified: "1.3.6".into(),
        basic: "one.three".into(),
        authentication_usage: "1.3.6".into(),
    });
    assert!(matches!(refused(&bad), CeremonyError::ObjectIdentifier(text) if text == "one.three"));
}

#[test]
fn the_root_key_opens_from_its_own_file_under_its_own_unlock_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root");
    let ceremony = ceremony();
    ceremony
        .save_root(&path, &unlock(), &mut system_rng())
        .unwrap();
    assert!(matches!(
        ceremony.save_root(&path, &unlock(), &mut system_rng()),
        Err(VaultError::Exists(_))
    ));

    let root = OfflineRoot::open(&path, &unlock()).unwrap();
    assert_eq!(root.certificate().der(), ceremony.root_certificate().der());
    let signature = root.sign(b"message").unwrap();
    root.certificate()
        .public_key()
        .verify(root.algorithm(), b"message", &signature)
        .unwrap();
    drop(root);

    let wrong = UnlockKey::from_bytes(Zeroizing::new([1; 32]));
    assert!(matches!(
        OfflineRoot::open(&path, &wrong),
        Err(VaultError::WrongUnlockKey)
    ));
    let as_vault = crate::SoftwareVault::open(&path, unlock());
    assert!(matches!(as_vault, Err(VaultError::OtherKind { .. })));
}

#[test]
fn the_vault_does_not_hold_the_root_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault");
    let ceremony = ceremony();
    let root_key = ceremony.root.expose_pkcs8();
    drop(crate::SoftwareVault::create(&path, unlock(), ceremony, &mut system_rng()).unwrap());
    let content = sealed_file::open(FileKind::Vault, &unlock(), &fs::read(&path).unwrap())
        .unwrap()
        .bytes;
    // The scalar: 48 bytes of the PKCS #8 form that nothing else has.
    let scalar = root_key
        .windows(50)
        .find(|window| window.starts_with(&[0x04, 48]))
        .unwrap();
    assert!(!content.windows(48).any(|window| window == &scalar[2..]));
    assert!(matches!(
        OfflineRoot::open(&path, &unlock()),
        Err(VaultError::OtherKind { .. })
    ));
}

#[test]
fn certificates_are_written_as_der_and_can_be_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let certificates = directory.path().join("certificates");
    let ceremony = ceremony();
    for _ in 0..2 {
        ceremony.save_certificates(&certificates).unwrap();
    }
    for (name, certificate) in ceremony.certificates() {
        assert_eq!(
            fs::read(certificates.join(format!("{name}.crt"))).unwrap(),
            certificate.der()
        );
    }
    assert_eq!(fs::read_dir(&certificates).unwrap().count(), 5);
}

#[test]
fn a_certificate_of_another_ceremony_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    ceremony().save_certificates(directory.path()).unwrap();
    fs::remove_file(directory.path().join("root.crt")).unwrap();
    let result = ceremony().save_certificates(directory.path());
    assert!(matches!(result, Err(VaultError::Exists(_))));
    assert!(
        !directory.path().join("root.crt").exists(),
        "nothing is written at all then"
    );
}

fn with_successor(name: &str) -> CeremonyConfig {
    let mut config = config();
    config.successors = vec![successor(name, SuccessorLevel::Qualified)];
    config
}

#[test]
fn a_successor_in_the_first_ceremony_s_file_issues() {
    let ceremony = Ceremony::perform(&with_successor("eid-q-2"), now(), &mut system_rng()).unwrap();
    let names: Vec<_> = ceremony.issuing_cas().map(|ca| ca.name.as_str()).collect();
    assert_eq!(names, ["eid-q", "eid-nq", "eid-q-2"]);
    let subject = |level| {
        let subject = ceremony.issuing_ca(level).certificate().subject();
        subject.common_name().unwrap().to_owned()
    };
    assert_eq!(subject(Level::Qualified), "Successor eid-q-2");
    assert_eq!(subject(Level::Basic), config().eid_nq.common_name);
}

#[test]
fn a_successor_needs_a_name_that_is_free_and_can_stand_in_an_address() {
    for name in [
        "",
        "EID-Q-2",
        "eid q",
        "eid/q",
        "..",
        "-eid",
        "ä",
        &"a".repeat(65),
    ] {
        assert!(
            matches!(refused(&with_successor(name)), CeremonyError::Name(_)),
            "{name:?}"
        );
    }
    for name in [
        "root",
        "eid-q",
        "eid-nq",
        "tsu",
        "tsu-2",
        "trust-list",
        "trust-list-2",
    ] {
        assert!(
            matches!(refused(&with_successor(name)), CeremonyError::NameTaken(_)),
            "{name:?}"
        );
    }
    let mut twice = with_successor("eid-q-2");
    twice
        .successors
        .push(successor("eid-q-2", SuccessorLevel::Basic));
    assert!(matches!(refused(&twice), CeremonyError::NameTaken(_)));
    for name in ["eid-q-2", "2031", "a", "tsunami", "trust-lists"] {
        assert!(
            Ceremony::perform(&with_successor(name), now(), &mut system_rng()).is_ok(),
            "{name:?}"
        );
    }
}

#[test]
fn the_example_of_a_successor_in_the_sample_can_be_made() {
    let uncommented: String = SAMPLE
        .split_inclusive('\n')
        .scan(false, |inside, line| {
            *inside |= line.starts_with("# [[successors]]");
            *inside &= !line.trim().is_empty();
            Some(line.strip_prefix("# ").filter(|_| *inside).unwrap_or(line))
        })
        .collect();
    let config: CeremonyConfig = toml::from_str(&uncommented).unwrap();
    assert_eq!(config.successors.len(), 1);
    Ceremony::perform(&config, now(), &mut system_rng()).unwrap();
}

#[test]
fn without_their_sections_there_is_no_unit_and_no_list_signer() {
    let mut config = config();
    config.time_stamping = None;
    config.trusted_list = None;
    let ceremony = Ceremony::perform(&config, now(), &mut system_rng()).unwrap();
    let names: Vec<_> = ceremony
        .certificates()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["root", "eid-q", "eid-nq"]);
}

#[test]
fn the_list_signer_has_the_operator_s_name() {
    let operator = |operator: Option<&str>| {
        let mut config = config();
        config.trusted_list.as_mut().unwrap().operator = operator.map(str::to_owned);
        let ceremony = Ceremony::perform(&config, now(), &mut system_rng()).unwrap();
        let certificates = ceremony.certificates();
        let (_, signer) = certificates
            .iter()
            .find(|(name, _)| name == "trust-list")
            .unwrap();
        signer.subject().organization().unwrap().to_owned()
    };
    assert_eq!(operator(None), config().organization.name);
    assert_eq!(operator(Some("Supervisory Body")), "Supervisory Body");
}

#[test]
fn every_ceremony_makes_other_keys() {
    assert_ne!(
        *ceremony().root.expose_pkcs8(),
        *ceremony().root.expose_pkcs8()
    );
}

#[test]
fn authorities_that_could_not_be_used_or_told_apart_are_not_made() {
    let told = |change: &dyn Fn(&mut CeremonyConfig), expected: &str| {
        let mut config = config();
        config.successors = vec![successor("eid-q-2", SuccessorLevel::Qualified)];
        change(&mut config);
        let error = refused(&config).to_string();
        assert!(error.contains(expected), "{error}");
    };
    for address in [
        "https://id.example.org/ocsp/eid-q",
        "ldap://id.example.org/eid-q",
        "http://",
        "http://id.example.org/ocsp/eid-q\nx",
    ] {
        told(
            &|config| config.eid_q.ocsp_url = address.into(),
            "eid-q: the address of its OCSP responder",
        );
    }
    told(
        &|config| config.eid_nq.crl_url = "ftp://id.example.org/x".into(),
        "eid-nq: the address of its revocation list",
    );
    told(
        &|config| config.disclosure_statement_url = "http://id.example.org/".into(),
        "the disclosure statement is no https address",
    );
    told(
        &|config| config.eid_nq.common_name = config.eid_q.common_name.clone(),
        "eid-nq and eid-q have the same common name",
    );
    told(
        &|config| config.eid_nq.common_name = config.root.common_name.clone(),
        "eid-nq and root have the same common name",
    );
    told(
        &|config| config.successors[0].ocsp_url = config.eid_q.ocsp_url.clone(),
        "eid-q-2 and eid-q both have the address http://id.example.org/ocsp/eid-q",
    );
    told(
        &|config| {
            config.policies = Some(PoliciesConfig {
                qualified: "1.3.6.1.4.1.99999.1".into(),
                basic: "1.3.6.1.4.1.99999.1".into(),
                authentication_usage: "1.3.6.1.4.1.99999.2".into(),
            });
        },
        "are the same, 1.3.6.1.4.1.99999.1",
    );
}
