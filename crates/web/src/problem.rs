//! The one place where errors become problem documents (RFC 9457). The codes are listed in `docs/problem-codes.md`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    ports::{KeysError, StoreError},
    service::{DeviceError, Infrastructure, RegistrationError, RelyingPartyError},
};
use std::{error::Error, time::Duration};
use wire::{
    http_signature::HttpSignatureError,
    problem::{FieldError, Problem},
    rp_v3,
};

/// Longest text of a detail, in characters.
const MAX_DETAIL: usize = 300;

/// Statuses of the RP API's documentation, not of any RFC; its words are their titles.
const NO_SUITABLE_ACCOUNT_V2: u16 = 471;
const CLIENT_TOO_OLD: u16 = 480;
const UNDER_MAINTENANCE: u16 = 580;

/// When to come again after trouble that passes by itself, and during maintenance, which takes longer.
const SOON_SECONDS: i64 = 1;
const LATER_SECONDS: i64 = 60;

/// Why a request is not answered with a success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine's answer to a relying party.
    RelyingParty(RelyingPartyError),
    /// No account of the level, in RP API v2, which has a status of its own for it.
    NoSuitableAccountV2,
    /// The engine's answer to a phone.
    Device(DeviceError),
    /// The engine's answer to a phone that registers.
    Registration(RegistrationError),
    /// Database or keys cannot be used; asked by `/health/ready` and for what is published.
    NotReady(Infrastructure),
    /// They do not say whether they can.
    NotReadyInTime,
    /// The process is about to stop.
    Stopping,
    /// The operator wants nobody to be served for a while.
    UnderMaintenance(Api),
    /// The path is one of a version of the RP API that is not served any more.
    ClientTooOld,
    /// Fields of the body, the path or the query are wrong.
    Fields(Vec<FieldError>),
    /// The body cannot be parsed; why.
    Malformed(String),
    /// The body has more bytes than this.
    BodyTooLarge { limit: usize },
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body broke off.
    BodyIncomplete,
    /// The body is of another type than this.
    UnsupportedMediaType { expected: &'static str },
    /// There is nothing at this path.
    UnknownRoute,
    /// There is, but not for this method.
    MethodNotAllowed,
    /// The client asked, or guessed, too often.
    TooManyRequests { retry_after: Duration },
    /// The relying party asked too often from there.
    TooBusyRelyingParty { retry_after: Duration },
    /// A handler panicked.
    Panic,
    /// A rule of our own was broken.
    Internal(&'static str),
}

/// Who is spoken to: each API has its own way to say that it is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Api {
    RelyingParty,
    Device,
}

/// What becomes of a [`Failure`]: travels in the response's extensions to the middleware, which adds the request's
/// id, writes the body and logs.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub(crate) problem: Problem,
    /// For the log of a 5xx: the chain of causes.
    pub(crate) cause: Option<String>,
    /// The credentials were wrong.
    pub(crate) unauthenticated: bool,
}

/// Status, code and text of a failure.
struct Answer {
    status: StatusCode,
    code: &'static str,
    detail: Option<String>,
    errors: Vec<FieldError>,
    /// Value of `Retry-After`.
    retry_after: Option<String>,
}

impl Failure {
    /// The one exhaustive match.
    fn answer(&self) -> Answer {
        use StatusCode as S;
        match self {
            Self::RelyingParty(error) => match error {
                RelyingPartyError::UnknownRelyingParty => {
                    answer(S::FORBIDDEN, "unknown_relying_party", error)
                }
                RelyingPartyError::AddressNotAllowed => {
                    answer(S::UNAUTHORIZED, "address_not_allowed", error)
                }
                RelyingPartyError::NameNotAllowed => {
                    answer(S::UNAUTHORIZED, "name_not_allowed", error)
                        .field("/relyingPartyName", error)
                }
                RelyingPartyError::NotPermitted { what: _, pointer } => {
                    answer(S::FORBIDDEN, "not_permitted", error).field(pointer, error)
                }
                RelyingPartyError::UnknownPerson => answer(S::NOT_FOUND, "unknown_person", error),
                RelyingPartyError::UnknownPrivateIdentifier => {
                    answer(S::NOT_FOUND, "unknown_private_identifier", error)
                }
                RelyingPartyError::NoSuitableAccount => {
                    // The one code that the documentation of the API names.
                    let field = FieldError {
                        code: Some("NO_SUITABLE_ACCOUNT_FOUND".to_owned()),
                        detail: error.to_string(),
                        param_name: None,
                        pointer: None,
                    };
                    answer(S::NOT_FOUND, "no_suitable_account", error).fields(vec![field])
                }
                RelyingPartyError::UnknownDocument => {
                    answer(S::NOT_FOUND, "unknown_document", error)
                }
                RelyingPartyError::UnknownSession => answer(S::NOT_FOUND, "unknown_session", error),
                RelyingPartyError::NotLinkable => answer(
                    S::BAD_REQUEST,
                    "invalid_request",
                    &"Invalid request parameters found",
                )
                .field("/linkedSessionID", error),
                RelyingPartyError::TooManyRequests { retry_after } => {
                    answer(S::TOO_MANY_REQUESTS, "too_many_requests", error)
                        .retry_after_seconds(retry_after.as_secs())
                }
                RelyingPartyError::Infrastructure(inner) if passes(inner) => {
                    under_maintenance(Api::RelyingParty, SOON_SECONDS)
                }
                RelyingPartyError::Infrastructure(_) => internal(),
            },
            Self::NoSuitableAccountV2 => answer(
                status(NO_SUITABLE_ACCOUNT_V2),
                "no_suitable_account",
                &RelyingPartyError::NoSuitableAccount,
            ),
            Self::Device(error) => match error {
                DeviceError::NotAuthenticated(_) => {
                    answer(S::UNAUTHORIZED, "not_authenticated", error)
                }
                DeviceError::AccountClosed(reason) => answer(S::FORBIDDEN, "account_closed", error)
                    .with_detail(format!("{error}: {}", reason.code())),
                DeviceError::SessionGone => answer(S::NOT_FOUND, "session_gone", error),
                DeviceError::DeviceLinkGone => answer(S::NOT_FOUND, "device_link_gone", error),
                DeviceError::DeviceLinkTaken => answer(S::CONFLICT, "device_link_taken", error),
                DeviceError::DeviceLinkStale => {
                    answer(S::UNPROCESSABLE_ENTITY, "device_link_stale", error)
                }
                DeviceError::WrongAuthCode => {
                    answer(S::UNPROCESSABLE_ENTITY, "wrong_auth_code", error)
                }
                DeviceError::WrongPerson => answer(S::FORBIDDEN, "wrong_person", error),
                DeviceError::LevelTooLow => answer(S::FORBIDDEN, "level_too_low", error),
                DeviceError::SessionCompleting => answer(S::CONFLICT, "session_completing", error),
                DeviceError::NoCommonInteraction => {
                    answer(S::CONFLICT, "no_common_interaction", error)
                }
                DeviceError::KeyLocked { until: Some(until) } => {
                    answer(S::LOCKED, "key_locked", error)
                        .retry_after(until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
                }
                DeviceError::KeyLocked { until: None } => answer(S::FORBIDDEN, "key_closed", error),
                DeviceError::PublishedKey => answer(S::FORBIDDEN, "published_key", error),
                DeviceError::CannotOpen => answer(S::BAD_REQUEST, "cannot_open", error),
                DeviceError::TooManyRequests { retry_after } => {
                    answer(S::TOO_MANY_REQUESTS, "too_many_requests", error)
                        .retry_after_seconds(retry_after.as_secs())
                }
                DeviceError::Frozen => answer(S::CONFLICT, "frozen", error),
                DeviceError::UnknownTransaction => {
                    answer(S::NOT_FOUND, "unknown_transaction", error)
                }
                DeviceError::Infrastructure(inner) => infrastructure(inner),
            },
            Self::Registration(error) => match error {
                RegistrationError::NotAuthenticated(_) => {
                    answer(S::UNAUTHORIZED, "not_authenticated", error)
                }
                RegistrationError::Invalid { field, reason } => {
                    answer(S::BAD_REQUEST, "invalid_request", error)
                        .fields(vec![FieldError::parameter(field, reason.clone())])
                }
                RegistrationError::DeviceExists => answer(S::CONFLICT, "device_exists", error),
                RegistrationError::ReplacementNotAuthorised => {
                    answer(S::FORBIDDEN, "replacement_not_authorised", error)
                }
                RegistrationError::Unknown => answer(S::NOT_FOUND, "unknown_registration", error),
                RegistrationError::Ended(_) => answer(S::GONE, "registration_ended", error),
                RegistrationError::WrongStep => answer(S::CONFLICT, "wrong_step", error),
                RegistrationError::CannotOpen => answer(S::BAD_REQUEST, "cannot_open", error),
                RegistrationError::ProofFailed {
                    attempts_left,
                    purpose,
                } => {
                    // The PIN's number is the id of its key's purpose.
                    let field = FieldError::parameter(
                        &format!("pin{}", purpose.id()),
                        format!("this PIN does not open the key; {attempts_left} more attempts"),
                    );
                    answer(S::UNPROCESSABLE_ENTITY, "proof_failed", error).fields(vec![field])
                }
                RegistrationError::Infrastructure(inner) => infrastructure(inner),
            },
            Self::NotReady(inner) => infrastructure(inner),
            Self::NotReadyInTime => unavailable(),
            Self::Stopping => answer(S::SERVICE_UNAVAILABLE, "stopping", &"").without_detail(),
            Self::UnderMaintenance(api) => under_maintenance(*api, LATER_SECONDS),
            Self::ClientTooOld => answer(
                status(CLIENT_TOO_OLD),
                "client_too_old",
                &"this version of the API is not served; use /smart-id-rp/v3",
            ),
            Self::Fields(errors) => answer(
                S::BAD_REQUEST,
                "invalid_request",
                &"Invalid request parameters found",
            )
            .fields(errors.clone()),
            Self::Malformed(why) => answer(S::BAD_REQUEST, "malformed_body", &why),
            Self::BodyTooLarge { limit } => answer(
                S::PAYLOAD_TOO_LARGE,
                "body_too_large",
                &format!("the body may have {limit} bytes"),
            ),
            Self::BodyTooSlow => answer(
                S::REQUEST_TIMEOUT,
                "body_too_slow",
                &"the body did not arrive in time",
            ),
            Self::BodyIncomplete => {
                answer(S::BAD_REQUEST, "body_incomplete", &"the body broke off")
            }
            Self::UnsupportedMediaType { expected } => answer(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                &format!("Content-Type must be {expected}"),
            ),
            Self::UnknownRoute => answer(
                S::NOT_FOUND,
                "unknown_path",
                &"there is nothing at this path",
            ),
            Self::MethodNotAllowed => answer(
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                &"see Allow for the methods of this path",
            ),
            Self::TooManyRequests { retry_after } => too_many_requests("", *retry_after),
            Self::TooBusyRelyingParty { retry_after } => too_many_requests(
                "this relying party sends too many requests from this address; ",
                *retry_after,
            ),
            Self::Panic | Self::Internal(_) => internal(),
        }
    }

    /// Whether the credentials were wrong: such requests are counted, so that nobody may guess for long.
    fn is_unauthenticated(&self) -> bool {
        matches!(
            self,
            Self::RelyingParty(
                RelyingPartyError::UnknownRelyingParty
                    | RelyingPartyError::AddressNotAllowed
                    | RelyingPartyError::NameNotAllowed
            ) | Self::Device(DeviceError::NotAuthenticated(_))
                | Self::Registration(
                    RegistrationError::NotAuthenticated(_)
                        | RegistrationError::ReplacementNotAuthorised
                )
        )
    }

    /// The chain of causes, for our own log only.
    fn cause(&self) -> Option<String> {
        match self {
            Self::RelyingParty(RelyingPartyError::Infrastructure(inner))
            | Self::Device(DeviceError::Infrastructure(inner))
            | Self::Registration(RegistrationError::Infrastructure(inner))
            | Self::NotReady(inner) => Some(chain(inner)),
            Self::NotReadyInTime => {
                Some("database or keys did not say in time whether they can be used".to_owned())
            }
            Self::Panic => Some("a handler panicked".to_owned()),
            Self::Internal(what) => Some((*what).to_owned()),
            _ => None,
        }
    }
}

/// Database and keys: what passes is 503, what is our own fault 500. The caller learns no more.
fn infrastructure(error: &Infrastructure) -> Answer {
    if passes(error) {
        unavailable()
    } else {
        internal()
    }
}

/// Whether it may be over the next time.
fn passes(error: &Infrastructure) -> bool {
    match error {
        Infrastructure::Store(StoreError::Conflict | StoreError::Unavailable(_))
        | Infrastructure::Keys(KeysError::Unavailable(_))
        | Infrastructure::Crowded => true,
        Infrastructure::Store(StoreError::Duplicate { .. } | StoreError::Corrupt { .. })
        | Infrastructure::Keys(
            KeysError::CannotOpen | KeysError::CannotUnwrap | KeysError::FaultyComputation,
        )
        | Infrastructure::Corrupt(_)
        | Infrastructure::Profile(_)
        | Infrastructure::Internal(_) => false,
    }
}

/// The RP API's documentation knows no 503 but this.
fn under_maintenance(api: Api, seconds: i64) -> Answer {
    let status = match api {
        Api::RelyingParty => status(UNDER_MAINTENANCE),
        Api::Device => StatusCode::SERVICE_UNAVAILABLE,
    };
    answer(status, "under_maintenance", &"")
        .without_detail()
        .retry_after_seconds(seconds)
}

fn too_many_requests(why: &str, retry_after: Duration) -> Answer {
    let seconds = i64::try_from(retry_after.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_add(1);
    answer(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        &format!("{why}try again in {seconds} s"),
    )
    .retry_after_seconds(seconds)
}

fn unavailable() -> Answer {
    answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &"")
        .without_detail()
        .retry_after_seconds(SOON_SECONDS)
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).expect("a constant of three digits")
}

/// The status in words.
fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        NO_SUITABLE_ACCOUNT_V2 => "No suitable account of requested type found",
        CLIENT_TOO_OLD => "The client is too old and not supported any more",
        UNDER_MAINTENANCE => "System is under maintenance, retry again later",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

fn internal() -> Answer {
    answer(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", &"").without_detail()
}

fn answer(status: StatusCode, code: &'static str, detail: &impl ToString) -> Answer {
    Answer {
        status,
        code,
        detail: Some(detail.to_string()),
        errors: Vec::new(),
        retry_after: None,
    }
}

impl Answer {
    fn with_detail(self, detail: String) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }

    fn without_detail(self) -> Self {
        Self {
            detail: None,
            ..self
        }
    }

    fn fields(self, errors: Vec<FieldError>) -> Self {
        Self { errors, ..self }
    }

    fn field(self, pointer: &str, detail: &impl ToString) -> Self {
        self.fields(vec![FieldError::at(pointer, detail.to_string())])
    }

    fn retry_after(self, value: String) -> Self {
        Self {
            retry_after: Some(value),
            ..self
        }
    }

    fn retry_after_seconds(self, seconds: i64) -> Self {
        self.retry_after(seconds.max(1).to_string())
    }
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.response()
    }
}

impl Failure {
    /// The answer, without the body that the middleware writes.
    pub(crate) fn response(&self) -> Response {
        let Answer {
            status,
            code,
            detail,
            errors,
            retry_after,
        } = self.answer();
        let (detail, errors) = (
            detail.map(clipped),
            errors.into_iter().map(clipped_field).collect(),
        );
        let problem = Problem {
            r#type: "about:blank".to_owned(),
            title: title(status).to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
            instance: None,
            errors,
        };
        let rejection = Rejection {
            problem,
            cause: self.cause(),
            unauthenticated: self.is_unauthenticated(),
        };
        let mut response = status.into_response();
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if matches!(self, Self::BodyTooSlow) {
            // RFC 9110 §15.5.9: the server gives the connection up.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(rejection);
        response
    }
}

/// Details may quote what the client sent; whoever sends much gets little back.
fn clipped(mut detail: String) -> String {
    if let Some((at, _)) = detail.char_indices().nth(MAX_DETAIL) {
        detail.truncate(at);
        detail.push('…');
    }
    detail
}

fn clipped_field(error: FieldError) -> FieldError {
    FieldError {
        detail: clipped(error.detail),
        ..error
    }
}

impl From<RelyingPartyError> for Failure {
    fn from(error: RelyingPartyError) -> Self {
        Self::RelyingParty(error)
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

impl From<RegistrationError> for Failure {
    fn from(error: RegistrationError) -> Self {
        Self::Registration(error)
    }
}

impl From<HttpSignatureError> for Failure {
    fn from(error: HttpSignatureError) -> Self {
        Self::Device(DeviceError::NotAuthenticated(error.reason()))
    }
}

impl From<rp_v3::RequestError> for Failure {
    fn from(error: rp_v3::RequestError) -> Self {
        match error {
            rp_v3::RequestError::NotAnObject(_) => Self::Malformed(error.to_string()),
            rp_v3::RequestError::Fields(errors) => Self::Fields(errors),
        }
    }
}

#[cfg(test)]
mod tests;
