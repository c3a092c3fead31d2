use super::*;
use engine::domain::{CloseReason, CorruptRecord, EndReason, Purpose};
use jiff::{SignedDuration, Timestamp};

const DOCUMENTATION: &str = include_str!("../../../../docs/problem-codes.md");

/// One of each, with status and code.
fn failures() -> Vec<(u16, &'static str, Failure)> {
    let mut all = vec![
        (
            400,
            "invalid_request",
            Failure::Fields(vec![FieldError::at("/vcType", "Invalid vcType")]),
        ),
        (400, "malformed_body", Failure::Malformed("why".into())),
        (413, "body_too_large", Failure::BodyTooLarge { limit: 1 }),
        (408, "body_too_slow", Failure::BodyTooSlow),
        (400, "body_incomplete", Failure::BodyIncomplete),
        (
            415,
            "unsupported_media_type",
            Failure::UnsupportedMediaType {
                expected: "application/json",
            },
        ),
        (471, "no_suitable_account", Failure::NoSuitableAccountV2),
        (404, "unknown_path", Failure::UnknownRoute),
        (405, "method_not_allowed", Failure::MethodNotAllowed),
        (
            429,
            "too_many_requests",
            Failure::TooManyRequests {
                retry_after: Duration::from_millis(1),
            },
        ),
        (
            429,
            "too_many_requests",
            Failure::TooBusyRelyingParty {
                retry_after: Duration::from_secs(2),
            },
        ),
        (500, "internal_error", Failure::Panic),
        (500, "internal_error", Failure::Internal("why")),
        (503, "stopping", Failure::Stopping),
        (503, "unavailable", Failure::NotReadyInTime),
        (
            580,
            "under_maintenance",
            Failure::UnderMaintenance(Api::RelyingParty),
        ),
        (
            503,
            "under_maintenance",
            Failure::UnderMaintenance(Api::Device),
        ),
        (480, "client_too_old", Failure::ClientTooOld),
    ];
    all.extend(relying_party());
    all.extend(device());
    all.extend(registration());
    for (status, code, inner) in infrastructure_errors() {
        all.push((status, code, Failure::NotReady(inner)));
    }
    for (status, code, inner) in infrastructure_errors() {
        let (status, code) = match status {
            503 => (580, "under_maintenance"),
            _ => (status, code),
        };
        all.push((
            status,
            code,
            RelyingPartyError::Infrastructure(inner).into(),
        ));
    }
    for (status, code, inner) in infrastructure_errors() {
        all.push((status, code, DeviceError::Infrastructure(inner).into()));
    }
    for (status, code, inner) in infrastructure_errors() {
        all.push((
            status,
            code,
            RegistrationError::Infrastructure(inner).into(),
        ));
    }
    all
}

fn relying_party() -> Vec<(u16, &'static str, Failure)> {
    use RelyingPartyError as E;
    let retry_after = SignedDuration::from_secs(60);
    [
        (403, "unknown_relying_party", E::UnknownRelyingParty),
        (401, "address_not_allowed", E::AddressNotAllowed),
        (401, "name_not_allowed", E::NameNotAllowed),
        (
            403,
            "not_permitted",
            E::NotPermitted {
                what: "x",
                pointer: "/capabilities",
            },
        ),
        (404, "unknown_person", E::UnknownPerson),
        (404, "no_suitable_account", E::NoSuitableAccount),
        (404, "unknown_document", E::UnknownDocument),
        (
            404,
            "unknown_private_identifier",
            E::UnknownPrivateIdentifier,
        ),
        (404, "unknown_session", E::UnknownSession),
        (400, "invalid_request", E::NotLinkable),
        (429, "too_many_requests", E::TooManyRequests { retry_after }),
    ]
    .map(|(status, code, error)| (status, code, error.into()))
    .into()
}

fn device() -> Vec<(u16, &'static str, Failure)> {
    use DeviceError as E;
    let retry_after = SignedDuration::from_secs(60);
    [
        (401, "not_authenticated", E::NotAuthenticated("why")),
        (403, "account_closed", E::AccountClosed(CloseReason::Cloned)),
        (404, "session_gone", E::SessionGone),
        (404, "device_link_gone", E::DeviceLinkGone),
        (409, "device_link_taken", E::DeviceLinkTaken),
        (422, "device_link_stale", E::DeviceLinkStale),
        (422, "wrong_auth_code", E::WrongAuthCode),
        (403, "wrong_person", E::WrongPerson),
        (403, "level_too_low", E::LevelTooLow),
        (409, "session_completing", E::SessionCompleting),
        (409, "no_common_interaction", E::NoCommonInteraction),
        (
            423,
            "key_locked",
            E::KeyLocked {
                until: Some(Timestamp::UNIX_EPOCH),
            },
        ),
        (403, "key_closed", E::KeyLocked { until: None }),
        (403, "published_key", E::PublishedKey),
        (400, "cannot_open", E::CannotOpen),
        (429, "too_many_requests", E::TooManyRequests { retry_after }),
        (409, "frozen", E::Frozen),
        (404, "unknown_transaction", E::UnknownTransaction),
    ]
    .map(|(status, code, error)| (status, code, error.into()))
    .into()
}

fn registration() -> Vec<(u16, &'static str, Failure)> {
    use RegistrationError as E;
    [
        (401, "not_authenticated", E::NotAuthenticated("why")),
        (
            400,
            "invalid_request",
            E::Invalid {
                field: "keys",
                reason: "why".into(),
            },
        ),
        (409, "device_exists", E::DeviceExists),
        (
            403,
            "replacement_not_authorised",
            E::ReplacementNotAuthorised,
        ),
        (404, "unknown_registration", E::Unknown),
        (410, "registration_ended", E::Ended(EndReason::Expired)),
        (409, "wrong_step", E::WrongStep),
        (400, "cannot_open", E::CannotOpen),
        (
            422,
            "proof_failed",
            E::ProofFailed {
                attempts_left: 4,
                purpose: Purpose::Signature,
            },
        ),
    ]
    .map(|(status, code, error)| (status, code, error.into()))
    .into()
}

fn infrastructure_errors() -> Vec<(u16, &'static str, Infrastructure)> {
    let secret = || Box::<dyn Error + Send + Sync>::from("secret path");
    vec![
        (503, "unavailable", StoreError::Conflict.into()),
        (503, "unavailable", StoreError::Unavailable(secret()).into()),
        (503, "unavailable", KeysError::Unavailable(secret()).into()),
        (503, "unavailable", Infrastructure::Crowded),
        (
            500,
            "internal_error",
            StoreError::Duplicate { what: "x" }.into(),
        ),
        (
            500,
            "internal_error",
            StoreError::Corrupt { what: "x" }.into(),
        ),
        (500, "internal_error", KeysError::CannotOpen.into()),
        (500, "internal_error", KeysError::CannotUnwrap.into()),
        (500, "internal_error", KeysError::FaultyComputation.into()),
        (500, "internal_error", CorruptRecord { what: "x" }.into()),
        (500, "internal_error", Infrastructure::Profile("x".into())),
        (500, "internal_error", Infrastructure::Internal("x")),
    ]
}

fn rejection(failure: Failure) -> (Response, Rejection) {
    let mut response = failure.into_response();
    let rejection = response.extensions_mut().remove().expect("a rejection");
    (response, rejection)
}

#[test]
fn every_failure_has_its_status_and_a_documented_code() {
    for (status, code, failure) in failures() {
        let shown = format!("{failure:?}");
        let (response, Rejection { problem, .. }) = rejection(failure);
        assert_eq!(
            (
                response.status().as_u16(),
                problem.status,
                problem.code.as_str()
            ),
            (status, status, code),
            "{shown}"
        );
        let words = match status {
            471 => "No suitable account of requested type found",
            480 => "The client is too old and not supported any more",
            580 => "System is under maintenance, retry again later",
            _ => response.status().canonical_reason().expect("a standard"),
        };
        assert_eq!(problem.title, words);
        let row = format!("| {status} | `{code}` |");
        assert!(
            DOCUMENTATION.contains(&row),
            "docs/problem-codes.md lacks: {row}"
        );
    }
}

#[test]
fn our_own_faults_carry_no_detail_but_are_logged() {
    for (status, _, failure) in failures() {
        let intended = matches!(failure, Failure::Stopping | Failure::UnderMaintenance(_));
        let (_, Rejection { problem, cause, .. }) = rejection(failure);
        let ours = status >= 500;
        assert_eq!(problem.detail.is_none(), ours, "{problem:?}");
        assert_eq!(cause.is_some(), ours && !intended, "{problem:?}");
        assert!(!ours || problem.errors.is_empty(), "{problem:?}");
    }
}

#[test]
fn the_log_has_the_whole_chain_of_causes() {
    let error = StoreError::Unavailable("disk full".into());
    let (_, rejection) = rejection(DeviceError::from(error).into());
    assert_eq!(
        rejection.cause.as_deref(),
        Some("database: the database cannot be used: disk full")
    );
}

#[test]
fn whoever_has_to_wait_is_told_how_long() {
    for (status, code, failure) in failures() {
        let (response, _) = rejection(failure);
        let told = response.headers().contains_key(header::RETRY_AFTER);
        assert_eq!(
            told,
            [429, 423].contains(&status) || ["unavailable", "under_maintenance"].contains(&code),
            "{status} {code}"
        );
    }
    let locked = DeviceError::KeyLocked {
        until: Some("2026-03-01T12:00:05Z".parse().unwrap()),
    };
    let (response, _) = rejection(locked.into());
    // RFC 9110 §10.2.3: a date has the form of §5.6.7.
    assert_eq!(
        response.headers()[header::RETRY_AFTER],
        "Sun, 01 Mar 2026 12:00:05 GMT"
    );
}

#[test]
fn only_wrong_credentials_are_counted_as_guesses() {
    let mut counted: Vec<_> = failures()
        .into_iter()
        .filter_map(|(_, code, failure)| rejection(failure).1.unauthenticated.then_some(code))
        .collect();
    counted.sort_unstable();
    counted.dedup();
    assert_eq!(
        counted,
        [
            "address_not_allowed",
            "name_not_allowed",
            "not_authenticated",
            "replacement_not_authorised",
            "unknown_relying_party"
        ]
    );
}

#[test]
fn the_documented_code_of_the_rp_api_is_in_errors() {
    let (_, Rejection { problem, .. }) = rejection(RelyingPartyError::NoSuitableAccount.into());
    assert_eq!(
        problem.errors[0].code.as_deref(),
        Some("NO_SUITABLE_ACCOUNT_FOUND")
    );
}

#[test]
fn a_failed_proof_says_which_pin_it_was() {
    let failed = RegistrationError::ProofFailed {
        attempts_left: 4,
        purpose: Purpose::Signature,
    };
    let (_, Rejection { problem, .. }) = rejection(failed.into());
    assert_eq!(problem.errors[0].param_name.as_deref(), Some("pin2"));
}

#[test]
fn what_a_client_sent_comes_back_short() {
    let long = "ä".repeat(50_000);
    let fields = vec![FieldError::at("/interactions", long.clone())];
    for failure in [Failure::Malformed(long), Failure::Fields(fields)] {
        let response = failure.into_response();
        let problem = &response.extensions().get::<Rejection>().unwrap().problem;
        let size = serde_json::to_vec(problem).unwrap().len();
        assert!(size < 4 * MAX_DETAIL, "{size}");
    }
}
