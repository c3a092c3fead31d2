use super::*;

#[test]
fn subject_attributes_in_another_order_added_or_missing_are_found() {
    let good: [(ObjectIdentifier, &str); 5] = [
        (oids::COUNTRY, "BE"),
        (oids::COMMON_NAME, "ÕUNAPUU-PEETERS,MARI LIIS"),
        (oids::SURNAME, "ÕUNAPUU-PEETERS"),
        (oids::GIVEN_NAME, "MARI LIIS"),
        (oids::SERIAL_NUMBER, "PNOBE-05040400032"),
    ];
    let same = altered(unsigned(SIGNATURE), |tbs| set_subject(tbs, &good));
    assert_eq!(findings(&same), []);
    let mut swapped = good;
    swapped.swap(2, 3);
    assert_finds(
        |tbs| set_subject(tbs, &swapped),
        LintFinding::SubjectAttributes,
    );
    let added = [
        good.as_slice(),
        &[(oids::ORGANIZATIONAL_UNIT, "AUTHENTICATION")],
    ]
    .concat();
    assert_finds(
        |tbs| set_subject(tbs, &added),
        LintFinding::SubjectAttributes,
    );
    let missing = altered(unsigned(SIGNATURE), |tbs| set_subject(tbs, &good[..4]));
    assert!(findings(&missing).contains(&LintFinding::SubjectAttributes));
}

#[test]
fn several_attributes_in_one_set_are_found() {
    let joined = |tbs: &mut TbsCertificate| {
        type Sets = Vec<SetOfVec<x509_cert::attr::AttributeTypeAndValue>>;
        let mut sets = Sets::from_der(&tbs.subject.to_der().unwrap()).unwrap();
        let given = sets.remove(3);
        sets[2].insert(given.get(0).unwrap().clone()).unwrap();
        tbs.subject = Any::from_der(&sets.to_der().unwrap()).unwrap();
    };
    assert_finds(joined, LintFinding::SubjectAttributes);
}

#[test]
fn a_wrong_string_type_is_found() {
    let retag = |oid: ObjectIdentifier, tag: Tag| {
        move |tbs: &mut TbsCertificate| {
            let name = DistinguishedName::from_der(&tbs.subject.to_der().unwrap()).unwrap();
            let tag_of = |attribute: ObjectIdentifier| {
                if attribute == oid {
                    tag
                } else {
                    crate::x509::name::string_tag(&attribute)
                }
            };
            let attributes =
                name.attributes()
                    .iter()
                    .map(|attribute| x509_cert::attr::AttributeTypeAndValue {
                        oid: attribute.oid,
                        value: Any::new(
                            tag_of(attribute.oid),
                            attribute.text().unwrap().as_bytes(),
                        )
                        .unwrap(),
                    });
            let sets: Vec<SetOfVec<_>> = attributes
                .map(|attribute| SetOfVec::try_from(vec![attribute]).unwrap())
                .collect();
            tbs.subject = Any::from_der(&sets.to_der().unwrap()).unwrap();
        }
    };
    assert_finds(
        retag(oids::COUNTRY, Tag::Utf8String),
        LintFinding::StringType(oids::COUNTRY),
    );
    assert_finds(
        retag(oids::SERIAL_NUMBER, Tag::Utf8String),
        LintFinding::StringType(oids::SERIAL_NUMBER),
    );
    assert_finds(
        retag(oids::GIVEN_NAME, Tag::PrintableString),
        LintFinding::StringType(oids::GIVEN_NAME),
    );
}

#[test]
fn characters_a_printable_string_cannot_hold_are_found() {
    let code = "PNOBE-0504040003*";
    let found = findings_for(&Subject {
        semantics_identifier: code.into(),
        document_number: format!("{code}-DEM0-Q"),
        ..subject(Level::Qualified)
    });
    assert!(found.contains(&LintFinding::StringType(oids::SERIAL_NUMBER)));
}

#[test]
fn empty_names_and_stray_characters_are_found() {
    for given_name in ["", " MARI", "MARI ", "MARI\nLIIS", "MARI\u{0}"] {
        let found = findings_for(&Subject {
            given_name: given_name.into(),
            ..subject(Level::Qualified)
        });
        assert!(
            found.contains(&LintFinding::StringContent(oids::GIVEN_NAME)),
            "{given_name:?}"
        );
    }
}

#[test]
fn a_country_that_is_not_two_capitals_is_found() {
    for country in ["ee", "EST", "E", "E1"] {
        let found = findings_for(&Subject {
            country: country.into(),
            ..subject(Level::Qualified)
        });
        assert_eq!(found, [LintFinding::Country], "{country}");
    }
}

#[test]
fn a_common_name_with_a_space_after_the_comma_is_found() {
    let attributes = [
        (oids::COUNTRY, "BE"),
        (oids::COMMON_NAME, "ÕUNAPUU-PEETERS, MARI LIIS"),
        (oids::SURNAME, "ÕUNAPUU-PEETERS"),
        (oids::GIVEN_NAME, "MARI LIIS"),
        (oids::SERIAL_NUMBER, "PNOBE-05040400032"),
    ];
    assert_finds(|tbs| set_subject(tbs, &attributes), LintFinding::CommonName);
}

#[test]
fn what_is_no_semantics_identifier_is_found() {
    for code in [
        "05040400032",
        "PNObe-05040400032",
        "PNOBE05040400032",
        "XXXBE-05040400032",
        "PNOBE-",
        "PNOBE-0504 04",
    ] {
        let found = findings_for(&Subject {
            semantics_identifier: code.into(),
            document_number: format!("{code}-DEM0-Q"),
            ..subject(Level::Qualified)
        });
        assert_eq!(found, [LintFinding::SemanticsIdentifier], "{code}");
    }
}

#[test]
fn a_latvian_identifier_keeps_its_hyphen() {
    let code = "PNOLV-020100-29990";
    let subject = Subject {
        country: "LV".into(),
        semantics_identifier: code.into(),
        document_number: format!("{code}-MOCK-Q"),
        ..subject(Level::Qualified)
    };
    assert_eq!(findings_for(&subject), []);
}

#[test]
fn a_document_number_of_somebody_else_or_of_another_level_is_found() {
    let numbers = [
        "PNOEE-05040400032-DEM0-Q",
        "PNOBE-05040400032-DEM0-NQ",
        "PNOBE-05040400032-DEM-Q",
        "PNOBE-05040400032-dem0-Q",
        "",
    ];
    for number in numbers {
        let found = findings_for(&Subject {
            document_number: number.into(),
            ..subject(Level::Qualified)
        });
        assert_eq!(found, [LintFinding::DocumentNumber], "{number}");
    }
}
