use super::*;

#[test]
fn what_is_put_on_a_list_is_found_on_it() {
    let lines = each_reason();
    let list = list(&lines);
    let read = RevocationList::parse(list.der()).unwrap();
    assert_eq!(read.len(), lines.len());
    assert_eq!(read.number(), Some(300));
    assert_eq!(read.this_update(), now());
    assert_eq!(read.next_update(), Some(day_after()));
    assert_eq!(read.expired_since(), Some(issuer().not_before()));
    assert_eq!(read.issuer(), issuer().subject());
    assert_eq!(read.check_issuer(&issuer()), Ok(()));
    for RevokedCertificate { serial, revocation } in &lines {
        assert_eq!(read.revocation(serial), Some(*revocation));
    }
    assert_eq!(read.revocation(&serial(99)), None);
    assert_eq!(
        read.revocation(&SerialNumber::from_bytes(vec![1; 21])),
        None
    );
}

#[test]
fn a_list_of_nothing_has_no_field_for_it() {
    let list = list(&[]);
    assert!(list.is_empty());
    // Version, algorithm, name, two times, extensions.
    let fields = Vec::<Any>::from_der(list.tbs_der()).unwrap();
    assert_eq!(fields.len(), 6);
}

#[test]
fn lines_are_in_the_order_of_their_numbers() {
    let short = RevokedCertificate {
        serial: SerialNumber::from_bytes(vec![0x7f]),
        ..line(1, RevocationReason::Unspecified)
    };
    let list = list(&[
        line(9, RevocationReason::Superseded),
        line(3, RevocationReason::Unspecified),
        short,
    ]);
    let fields = Vec::<Any>::from_der(list.tbs_der()).unwrap();
    let lines = Vec::<Any>::from_der(&fields[5].to_der().unwrap()).unwrap();
    let numbers: Vec<Vec<u8>> = lines
        .iter()
        .map(|line| {
            Vec::<Any>::from_der(&line.to_der().unwrap()).unwrap()[0]
                .value()
                .to_vec()
        })
        .collect();
    assert_eq!(
        numbers,
        [
            vec![0x7f],
            serial(3).as_bytes().to_vec(),
            serial(9).as_bytes().to_vec()
        ]
    );
    // An unspecified reason is left out, with it the extensions.
    let parts = |index: usize| {
        Vec::<Any>::from_der(&lines[index].to_der().unwrap())
            .unwrap()
            .len()
    };
    assert_eq!([parts(0), parts(1), parts(2)], [2, 2, 3]);
}

#[test]
fn times_change_their_type_with_the_year_2050() {
    let late: Timestamp = "2049-12-31T12:00:00.5Z".parse().unwrap();
    let next = late + SignedDuration::from_hours(24);
    let late_line = RevokedCertificate {
        revocation: Revocation {
            at: "2050-01-01T00:00:00Z".parse().unwrap(),
            reason: RevocationReason::KeyCompromise,
        },
        ..line(1, RevocationReason::Unspecified)
    };
    let list = UnsignedRevocationList::build(&issuer(), 0, late, next, &[late_line])
        .unwrap()
        .sign(&issuing_signer())
        .unwrap();
    assert_eq!(list.this_update().to_string(), "2049-12-31T12:00:00Z");
    assert_eq!(list.number(), Some(0));
    let has = |text: &[u8]| list.der().windows(text.len()).any(|window| window == text);
    assert!(has(b"\x17\x0d491231120000Z"));
    assert!(has(b"\x18\x0f20500101120000Z"));
    assert!(has(b"\x18\x0f20500101000000Z"));
}

#[test]
fn a_number_of_64_bits_is_kept() {
    let list = UnsignedRevocationList::build(&issuer(), u64::MAX, now(), day_after(), &[])
        .unwrap()
        .sign(&issuing_signer())
        .unwrap();
    assert_eq!(list.number(), Some(u64::MAX));
}

#[test]
fn what_cannot_be_a_line_is_refused() {
    let with = |serial: &[u8]| {
        build(&[RevokedCertificate {
            serial: SerialNumber::from_bytes(serial.to_vec()),
            ..line(1, RevocationReason::Unspecified)
        }])
    };
    assert!(with(&[0x7f; 20]).is_ok());
    for serial in [&[][..], &[0x80], &[0, 1], &[1; 21]] {
        assert!(with(serial).is_err(), "{serial:?}");
    }
    let twice = [
        line(4, RevocationReason::Unspecified),
        line(4, RevocationReason::Superseded),
    ];
    assert!(matches!(build(&twice), Err(BuildError::Unfit(_))));
}

#[test]
fn a_list_that_ends_before_it_begins_is_refused() {
    for next in [now(), now() - SignedDuration::from_secs(1)] {
        assert!(matches!(
            UnsignedRevocationList::build(&issuer(), 1, now(), next, &[]),
            Err(BuildError::Unfit(_))
        ));
    }
}

#[test]
fn only_its_issuer_signs_a_list() {
    let unsigned = build(&[]).unwrap();
    assert!(matches!(
        unsigned.sign(&root_signer()),
        Err(IssueError::WrongSigner)
    ));
    // The responder's key is RSA; a person's or a responder's certificate signs no lists.
    let by_rsa = UnsignedRevocationList::build(&responder(), 1, now(), day_after(), &[]);
    assert!(matches!(by_rsa, Err(BuildError::Unfit(_))));
}

#[test]
fn an_issuer_that_may_not_sign_lists_signs_none() {
    use crate::x509::testkit::{ca_name, rng};
    use crate::x509::{build_list_signer, lint};
    let signer = P384Signer::from_seed(5);
    let unsigned = build_list_signer(&ca_name("LIST"), &signer, now(), &mut rng()).unwrap();
    let certificate = lint(&unsigned).unwrap().sign(&signer).unwrap();
    let list = UnsignedRevocationList::build(&certificate, 1, now(), day_after(), &[]).unwrap();
    assert!(matches!(
        list.sign(&signer),
        Err(IssueError::Unreadable(ParseError::RevocationList(
            RevocationListError::MayNotSignLists
        )))
    ));
}

proptest! {
    #[test]
    fn any_lines_are_found_again(numbers in proptest::collection::btree_set(0..u64::from(u32::MAX), 0..60)) {
        let lines: Vec<_> = numbers
            .iter()
            .map(|number| line(*number, RevocationReason::ALL[(*number % 7) as usize]))
            .collect();
        let list = list(&lines);
        prop_assert_eq!(list.len(), lines.len());
        for line in &lines {
            prop_assert_eq!(list.revocation(&line.serial), Some(line.revocation));
            let other = u64::from_be_bytes(line.serial.as_bytes()[1..].try_into().unwrap()) + 1;
            prop_assert_eq!(list.revocation(&serial(other)).is_some(), numbers.contains(&other));
        }
    }
}
