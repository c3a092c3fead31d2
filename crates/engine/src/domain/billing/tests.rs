use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn session(number: u8) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(number)))
}

fn party(number: u8) -> RelyingPartyUuid {
    RelyingPartyUuid(Uuid::from_u128(1_000 + u128::from(number)))
}

fn started(second: i64, number: u8, kind: &str) -> AuditRecord {
    AuditRecord {
        at: moment(second),
        account: None,
        relying_party: Some(party(number % 3)),
        session: Some(session(number)),
        event: AuditEvent::SessionStarted {
            kind: kind.to_owned(),
            interactions_sha256: String::new(),
        },
    }
}

fn ended(second: i64, number: u8, kind: Option<&str>, result: &str) -> AuditRecord {
    AuditRecord {
        event: AuditEvent::SessionEnded {
            result: result.to_owned(),
            kind: kind.map(str::to_owned),
            signature_sha256: None,
            evidence_sha256: None,
        },
        ..started(second, number, "")
    }
}

/// The usage of the seconds 100 to 200, out of the whole trail as the service reads it.
fn usage(trail: &[AuditRecord]) -> Usage {
    usage_looking_back_to(90, trail)
}

fn usage_looking_back_to(second: i64, trail: &[AuditRecord]) -> Usage {
    let mut metering = Metering::new(moment(100), moment(200), None, true);
    let (earlier, rest): (Vec<_>, Vec<_>) =
        trail.iter().partition(|record| record.at < moment(second));
    let (window, later): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|record| record.at < moment(200));
    window.into_iter().for_each(|record| metering.take(record));
    if metering.misses_starts() {
        earlier
            .into_iter()
            .for_each(|record| metering.take_earlier(record));
        later
            .into_iter()
            .for_each(|record| metering.take_later(record));
    }
    metering.finish()
}

fn rows(usage: &Usage) -> Vec<(u8, &str, &str, Charge, u64)> {
    usage
        .rows
        .iter()
        .flat_map(|(uuid, rows)| {
            let number = u8::try_from(uuid.0.as_u128() - 1_000).expect("ours");
            rows.iter()
                .map(move |row| (number, &*row.kind, &*row.result, row.charge, row.sessions))
        })
        .collect()
}

fn anomalies(usage: &Usage) -> Vec<AnomalyKind> {
    usage.anomalies.iter().map(|anomaly| anomaly.what).collect()
}

#[test]
fn every_end_result_is_decided() {
    // A new end result does not compile here before the list above has it.
    let place = |result: &EndResult| match result {
        EndResult::UserRefused => 0,
        EndResult::UserRefusedInteraction(_) => 1,
        EndResult::UserRefusedCertChoice => 2,
        EndResult::Timeout => 3,
        EndResult::DocumentUnusable => 4,
        EndResult::WrongVc => 5,
        EndResult::RequiredInteractionNotSupportedByApp => 6,
        EndResult::ProtocolFailure => 7,
        EndResult::ExpectedLinkedSession => 8,
        EndResult::ServerError => 9,
    };
    let results = end_results();
    assert_eq!(
        results.iter().map(place).collect::<BTreeSet<_>>(),
        (0..10).collect()
    );
    for kind in ["authentication", "signature"] {
        assert_eq!(charge(kind, "OK"), Charge::Billable);
        for result in &results {
            assert_eq!(charge(kind, result.code()), Charge::Free, "{result:?}");
        }
    }
}

#[test]
fn what_this_software_does_not_write_is_unknown_and_not_free() {
    for (kind, result) in [
        ("authentication", "RUNNING"),
        ("authentication", "ok"),
        ("authentication", ""),
        ("certificate", "OK"),
        ("unknown", "TIMEOUT"),
    ] {
        assert_eq!(charge(kind, result), Charge::Unknown, "{kind} {result}");
    }
}

#[test]
fn a_session_counts_in_the_period_in_which_it_ends() {
    let usage = usage(&[
        started(95, 0, "authentication"),
        started(96, 3, "authentication"),
        ended(99, 3, Some("authentication"), "OK"),
        ended(100, 0, Some("authentication"), "OK"),
        started(150, 1, "signature"),
        started(190, 2, "signature"),
        ended(199, 1, Some("signature"), "TIMEOUT"),
        ended(200, 2, Some("signature"), "OK"),
    ]);
    assert_eq!(
        rows(&usage),
        [
            (0, "authentication", "OK", Charge::Billable, 1),
            (1, "signature", "TIMEOUT", Charge::Free, 1)
        ]
    );
    assert_eq!(anomalies(&usage), []);
}

#[test]
fn a_record_without_kind_takes_it_from_the_start_however_long_ago() {
    let usage = usage(&[
        started(5, 0, "signature"),
        started(110, 3, "authentication"),
        ended(120, 3, None, "OK"),
        ended(130, 0, None, "OK"),
    ]);
    assert_eq!(
        rows(&usage),
        [
            (0, "authentication", "OK", Charge::Billable, 1),
            (0, "signature", "OK", Charge::Billable, 1)
        ]
    );
    assert_eq!(anomalies(&usage), []);
}

#[test]
fn a_second_end_is_told_and_does_not_count() {
    let twice = usage(&[
        started(110, 0, "signature"),
        ended(120, 0, Some("signature"), "TIMEOUT"),
        ended(130, 0, Some("signature"), "OK"),
    ]);
    assert_eq!(rows(&twice), [(0, "signature", "TIMEOUT", Charge::Free, 1)]);
    assert_eq!(anomalies(&twice), [AnomalyKind::EndedTwice]);
    // Nor does one whose first end was long before the period.
    let long_ago = usage(&[
        started(10, 0, "signature"),
        ended(20, 0, Some("signature"), "OK"),
        ended(130, 0, Some("signature"), "OK"),
    ]);
    assert_eq!(rows(&long_ago), []);
    assert_eq!(anomalies(&long_ago), [AnomalyKind::EndedTwice]);
}

#[test]
fn an_end_without_start_counts_as_unknown() {
    let usage = usage(&[
        ended(120, 0, Some("signature"), "OK"),
        ended(121, 3, None, "OK"),
    ]);
    assert_eq!(
        rows(&usage),
        [
            (0, "signature", "OK", Charge::Unknown, 1),
            (0, "unknown", "OK", Charge::Unknown, 1)
        ]
    );
    assert_eq!(anomalies(&usage), [AnomalyKind::EndedWithoutStart; 2]);
}

#[test]
fn contradictions_and_gaps_are_told() {
    let mut other_party = ended(120, 0, Some("signature"), "OK");
    other_party.relying_party = Some(party(1));
    let mut nobody = ended(140, 1, Some("signature"), "OK");
    nobody.relying_party = None;
    let usage = usage(&[
        started(110, 0, "signature"),
        other_party,
        started(111, 3, "signature"),
        ended(130, 3, Some("authentication"), "OK"),
        started(112, 1, "signature"),
        started(113, 1, "signature"),
        nobody,
    ]);
    assert_eq!(
        rows(&usage),
        [
            (0, "authentication", "OK", Charge::Unknown, 1),
            (1, "signature", "OK", Charge::Unknown, 1)
        ]
    );
    assert_eq!(
        anomalies(&usage),
        [
            AnomalyKind::StartedTwice,
            AnomalyKind::Contradiction,
            AnomalyKind::Contradiction,
            AnomalyKind::Incomplete,
        ]
    );
}

#[test]
fn a_clock_that_was_set_back_costs_nobody_anything() {
    let usage = usage(&[
        ended(120, 0, Some("signature"), "OK"),
        started(250, 0, "signature"),
    ]);
    assert_eq!(rows(&usage), [(0, "signature", "OK", Charge::Billable, 1)]);
    assert_eq!(anomalies(&usage), []);
}

#[test]
fn one_relying_party_gets_what_is_its_own() {
    let trail = [
        started(110, 0, "signature"),
        started(110, 1, "signature"),
        ended(120, 0, Some("signature"), "OK"),
        ended(121, 1, Some("signature"), "OK"),
    ];
    let mut metering = Metering::new(moment(100), moment(200), Some(party(1)), false);
    trail.iter().for_each(|record| metering.take(record));
    let usage = metering.finish();
    assert_eq!(rows(&usage), [(1, "signature", "OK", Charge::Billable, 1)]);
    assert_eq!(usage.sessions, None);
}

fn event() -> impl Strategy<Value = AuditRecord> {
    let kind = || proptest::sample::select(&["authentication", "signature"][..]);
    let result =
        proptest::sample::select(&["OK", "TIMEOUT", "USER_REFUSED", "SERVER_ERROR", "RUNNING"][..]);
    prop_oneof![
        (60_i64..240, 0_u8..12, kind())
            .prop_map(|(second, number, kind)| started(second, number, kind)),
        (60_i64..240, 0_u8..12, proptest::option::of(kind()), result)
            .prop_map(|(second, number, kind, result)| ended(second, number, kind, result)),
    ]
}

proptest! {
    /// Whatever is in the trail: each session counts at most once, nothing that ended in the period is lost, and all
    /// the ways to add up give the same.
    #[test]
    fn any_trail_adds_up(mut trail in proptest::collection::vec(event(), 0..60)) {
        trail.sort_by_key(|record| record.at);
        // Random trails use a session's id again and again; how far the first look goes is tested above.
        let usage = usage_looking_back_to(0, &trail);
        let ends = |record: &&AuditRecord| matches!(record.event, AuditEvent::SessionEnded { .. });
        let in_period = |record: &&AuditRecord| record.at >= moment(100) && record.at < moment(200);

        // By session: the first end of the whole trail is what counts, if it is in the period.
        let mut first_ends = BTreeMap::new();
        for record in trail.iter().filter(ends) {
            first_ends.entry(record.session).or_insert(record);
        }
        let counted: BTreeMap<_, _> = first_ends.values().filter(|record| in_period(record)).map(|record| (record.session, record.at)).collect();
        let sessions = usage.sessions.as_ref().expect("asked for");
        let told: BTreeMap<_, _> = sessions.iter().map(|one| (Some(one.session), one.at)).collect();
        prop_assert_eq!(told.len(), sessions.len());
        prop_assert_eq!(&told, &counted);

        // By row: the sums of the sessions.
        let mut sums = BTreeMap::<_, u64>::new();
        for one in sessions {
            *sums.entry((one.relying_party, one.kind.clone(), one.result.clone(), one.charge)).or_default() += 1;
        }
        let rows: BTreeMap<_, _> = usage.rows.iter().flat_map(|(uuid, rows)| rows.iter().map(|row| {
            ((*uuid, row.kind.clone(), row.result.clone(), row.charge), row.sessions)
        })).collect();
        prop_assert_eq!(rows, sums);

        // By record: every end of the period counts or is told to be a second one.
        let ends_in_period = trail.iter().filter(ends).filter(in_period).count();
        let second = usage.anomalies.iter().filter(|anomaly| anomaly.what == AnomalyKind::EndedTwice).count();
        prop_assert_eq!(ends_in_period, sessions.len() + second);

        // Nothing is billed that has no start, no OK, or two stories.
        for one in sessions.iter().filter(|one| one.charge == Charge::Billable) {
            prop_assert_eq!(&one.result, "OK");
            let start = trail.iter().find(|record| {
                record.session == Some(one.session) && matches!(&record.event, AuditEvent::SessionStarted { kind, .. } if *kind == one.kind)
            });
            prop_assert!(start.is_some());
        }
    }
}

#[test]
fn a_chosen_certificate_is_free_whatever_came_of_it() {
    assert_eq!(charge("signature", OK), Charge::Billable);
    assert_eq!(charge("certificate_choice", OK), Charge::Free);
    for end in end_results() {
        assert_eq!(charge("certificate_choice", end.code()), Charge::Free);
    }
    assert_eq!(charge("certificate_choice", "DANCED"), Charge::Unknown);
}
