use super::*;

#[test]
fn each_missing_extension_is_found() {
    for profile in EndEntityProfile::ALL {
        for (oid, _) in Profile::EndEntity(profile).extension_rules() {
            let certificate = altered(unsigned(profile), |tbs| {
                tbs.extensions
                    .as_mut()
                    .unwrap()
                    .retain(|extension| extension.extn_id != oid)
            });
            assert!(
                findings(&certificate).contains(&LintFinding::ExtensionMissing(oid)),
                "{profile:?} {oid}"
            );
        }
    }
}

#[test]
fn an_unexpected_extension_is_found() {
    let extra = Extension {
        extn_id: oids::EXTENDED_KEY_USAGE,
        critical: false,
        extn_value: OctetString::new(*b"\x30\x00").unwrap(),
    };
    let finding = LintFinding::ExtensionUnexpected(oids::EXTENDED_KEY_USAGE);
    assert_finds(|tbs| tbs.extensions.as_mut().unwrap().push(extra), finding);
}

#[test]
fn each_wrong_criticality_is_found() {
    for (oid, critical) in Profile::EndEntity(SIGNATURE).extension_rules() {
        assert_finds(
            |tbs| extension(tbs, oid).critical = !critical,
            LintFinding::ExtensionCriticality(oid),
        );
    }
}

#[test]
fn another_order_of_extensions_is_found() {
    assert_finds(
        |tbs| tbs.extensions.as_mut().unwrap().swap(0, 1),
        LintFinding::ExtensionOrder,
    );
}

#[test]
fn a_key_usage_with_trailing_zero_bits_is_found() {
    // keyUsage { nonRepudiation } with no unused bits declared.
    let found = findings(&altered(unsigned(SIGNATURE), |tbs| {
        set_value(tbs, oids::KEY_USAGE, &[3, 2, 0, 0x40])
    }));
    assert_eq!(found, [LintFinding::ExtensionEncoding(oids::KEY_USAGE)]);
}

#[test]
fn a_person_as_authority_is_found() {
    assert_finds_content(oids::BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, 0xff]);
}

#[test]
fn another_key_usage_is_found() {
    assert_finds_content(oids::KEY_USAGE, &[3, 2, 7, 0x80]);
    assert_finds_content(oids::KEY_USAGE, &[3, 2, 6, 0xc0]);
}

#[test]
fn another_extended_key_usage_is_found() {
    // clientAuth.
    let value = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
    let certificate = altered(unsigned(AUTHENTICATION), |tbs| {
        set_value(tbs, oids::EXTENDED_KEY_USAGE, &value)
    });
    assert_eq!(
        findings(&certificate),
        [LintFinding::ExtensionContent(oids::EXTENDED_KEY_USAGE)]
    );
}

#[test]
fn key_identifiers_of_other_keys_are_found() {
    assert_finds_content(
        oids::SUBJECT_KEY_IDENTIFIER,
        &[[4, 20].as_slice(), &[7; 20]].concat(),
    );
    assert_finds_content(
        oids::AUTHORITY_KEY_IDENTIFIER,
        &[[0x30, 22, 0x80, 20].as_slice(), &[7; 20]].concat(),
    );
}

#[test]
fn policies_of_another_profile_are_found() {
    let oid = oids::CERTIFICATE_POLICIES;
    for other in [AUTHENTICATION, EndEntityProfile::BASIC_SIGNATURE] {
        let mut source = TbsCertificate::from_der(&unsigned(other).tbs).unwrap();
        let value = extension(&mut source, oid).extn_value.as_bytes().to_vec();
        assert_finds_content(oid, &value);
    }
    assert_finds(
        |tbs| replace(tbs, oid, b"https://e", b"ftp://exx"),
        LintFinding::ExtensionContent(oid),
    );
}

#[test]
fn addresses_that_are_not_plain_http_are_found() {
    let good = crate::x509::testkit::publication;
    let access = [LintFinding::ExtensionContent(
        oids::AUTHORITY_INFORMATION_ACCESS,
    )];
    for bad in [
        "https://127.0.0.1/ca.crt",
        "http://",
        "http:///ca.crt",
        "127.0.0.1/ca.crt",
        "http://a b/ca.crt",
        "",
    ] {
        assert_eq!(
            findings_with(Publication {
                ca_issuers_url: bad.into(),
                ..good()
            }),
            access,
            "{bad}"
        );
        assert_eq!(
            findings_with(Publication {
                ocsp_url: bad.into(),
                ..good()
            }),
            access,
            "{bad}"
        );
        let list = [LintFinding::ExtensionContent(oids::CRL_DISTRIBUTION_POINTS)];
        assert_eq!(
            findings_with(Publication {
                crl_url: bad.into(),
                ..good()
            }),
            list,
            "{bad}"
        );
    }
}

#[test]
fn ocsp_before_the_issuers_certificate_is_found() {
    let oid = oids::AUTHORITY_INFORMATION_ACCESS;
    let swap = |tbs: &mut TbsCertificate| {
        // Descriptions swap their methods: id-ad-caIssuers ends in 2, id-ad-ocsp in 1.
        let base = [0x2b, 6, 1, 5, 5, 7, 0x30];
        replace(
            tbs,
            oid,
            &[base.as_slice(), &[2]].concat(),
            &[base.as_slice(), &[9]].concat(),
        );
        replace(
            tbs,
            oid,
            &[base.as_slice(), &[1]].concat(),
            &[base.as_slice(), &[2]].concat(),
        );
        replace(
            tbs,
            oid,
            &[base.as_slice(), &[9]].concat(),
            &[base.as_slice(), &[1]].concat(),
        );
    };
    assert_finds(swap, LintFinding::ExtensionContent(oid));
}

#[test]
fn a_disclosure_statement_without_https_is_found() {
    let publication = Publication {
        disclosure_statement_url: "http://example.org/pds/".into(),
        ..crate::x509::testkit::publication()
    };
    assert_eq!(
        findings_with(publication),
        [LintFinding::ExtensionContent(oids::QC_STATEMENTS)]
    );
}

#[test]
fn other_statements_of_a_qualified_certificate_are_found() {
    let oid = oids::QC_STATEMENTS;
    let alterations: [(&[u8], &[u8]); 4] = [
        // QcSSCD becomes another statement; eSign becomes eSeal; the semantics become a legal person's; the language.
        (&[0, 0x8e, 0x46, 1, 4], &[0, 0x8e, 0x46, 1, 3]),
        (&[0, 0x8e, 0x46, 1, 6, 1], &[0, 0x8e, 0x46, 1, 6, 2]),
        (&[0, 0x8b, 0xec, 0x49, 1, 1], &[0, 0x8b, 0xec, 0x49, 1, 2]),
        (b"\x13\x02en", b"\x13\x02EN"),
    ];
    for (from, to) in alterations {
        assert_finds(
            |tbs| replace(tbs, oid, from, to),
            LintFinding::ExtensionContent(oid),
        );
    }
}

#[test]
fn a_document_number_in_another_string_type_is_found() {
    let oid = oids::SUBJECT_ALTERNATIVE_NAME;
    assert_finds(
        |tbs| replace(tbs, oid, b"\x0c\x18PNO", b"\x13\x18PNO"),
        LintFinding::ExtensionContent(oid),
    );
}

#[test]
fn a_date_of_birth_not_at_noon_or_in_the_future_is_found() {
    let oid = oids::SUBJECT_DIRECTORY_ATTRIBUTES;
    assert_finds(
        |tbs| replace(tbs, oid, b"19050404120000Z", b"19050404000000Z"),
        LintFinding::ExtensionContent(oid),
    );
    assert_finds(
        |tbs| replace(tbs, oid, b"19050404120000Z", b"20260302120000Z"),
        LintFinding::ExtensionContent(oid),
    );
}

#[test]
fn a_level_the_authority_does_not_issue_at_is_found() {
    let subject = subject(Level::Qualified);
    let entity = EndEntity {
        profile: SIGNATURE,
        subject: &subject,
        modulus: &modulus(),
    };
    let built = entity
        .build(&issuing_ca(Level::Basic), now(), &mut rng())
        .unwrap();
    assert_eq!(findings(&built), [LintFinding::IssuerLevel]);
}
