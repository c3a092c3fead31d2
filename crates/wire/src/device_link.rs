//! Device links: the text of the link, its authCode, and what the callback carries (RP API v3, "Device link flows").

use crate::{FlowType, SessionType};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// `deviceLinkType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceLinkType {
    /// A QR code, redrawn every second.
    Qr {
        /// Whole seconds since the relying party got its session.
        elapsed_seconds: u64,
    },
    /// A link in a browser on the same phone.
    Web2App,
    /// A link in an app on the same phone.
    App2App,
}

/// A link before its authCode.
#[derive(Clone, Copy, Debug)]
pub struct UnprotectedLink<'a> {
    /// `deviceLinkBase`; has no `?`.
    pub base: &'a str,
    /// How it reaches the phone.
    pub link_type: DeviceLinkType,
    /// `sessionToken`.
    pub session_token: &'a str,
    /// What the session is for.
    pub session_type: SessionType,
    /// Three letters, ISO 639-2.
    pub language: &'a str,
}

impl UnprotectedLink<'_> {
    /// The link's text; the order of the parameters is significant, since the text is MACed.
    #[must_use]
    pub fn text(&self) -> String {
        let (name, elapsed) = match self.link_type {
            DeviceLinkType::Qr { elapsed_seconds } => {
                ("QR", format!("&elapsedSeconds={elapsed_seconds}"))
            }
            DeviceLinkType::Web2App => ("Web2App", String::new()),
            DeviceLinkType::App2App => ("App2App", String::new()),
        };
        format!(
            "{}?deviceLinkType={name}{elapsed}&sessionToken={}&sessionType={}&version={VERSION}&lang={}",
            self.base, self.session_token, self.session_type, self.language
        )
    }
}

/// A link as the phone got it, taken apart. The text is kept verbatim, since it is MACed as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLink {
    text: String,
    /// Where `&authCode=` begins.
    unprotected: usize,
    base: String,
    link_type: DeviceLinkType,
    session_token: String,
    session_type: SessionType,
    language: String,
    auth_code: String,
}

/// Why a text is not a device link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceLinkError {
    /// Longer than any.
    #[error("longer than {MAX_LINK} characters")]
    TooLong,
    /// A part is missing, elsewhere, or not what it may be.
    #[error("{0} is missing, wrong, or at another place than it must be")]
    Parameter(&'static str),
}

/// Longest link, in bytes.
pub const MAX_LINK: usize = 2048;

impl DeviceLink {
    /// Takes a link apart.
    ///
    /// The parameters stand in one order and nothing is URL-encoded (RP API v3, "Device link flows").
    ///
    /// # Errors
    /// The first part that is not as it must be.
    pub fn parse(text: &str) -> Result<Self, DeviceLinkError> {
        use DeviceLinkError::Parameter;
        if text.len() > MAX_LINK {
            return Err(DeviceLinkError::TooLong);
        }
        let (base, query) = text.split_once('?').ok_or(Parameter("deviceLinkType"))?;
        if base.is_empty() || base.contains(|char: char| char == '#' || char.is_whitespace()) {
            return Err(Parameter("deviceLinkBase"));
        }
        let mut parameters = Parameters(query.split('&'));
        let link_type = match parameters.next("deviceLinkType")? {
            "QR" => DeviceLinkType::Qr {
                elapsed_seconds: seconds(parameters.next("elapsedSeconds")?)
                    .ok_or(Parameter("elapsedSeconds"))?,
            },
            "Web2App" => DeviceLinkType::Web2App,
            "App2App" => DeviceLinkType::App2App,
            _ => return Err(Parameter("deviceLinkType")),
        };
        let session_token = parameters.next("sessionToken")?;
        if !session_token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(Parameter("sessionToken"));
        }
        let session_type = SessionType::from_word(parameters.next("sessionType")?)
            .ok_or(Parameter("sessionType"))?;
        if parameters.next("version")? != VERSION {
            return Err(Parameter("version"));
        }
        let language = parameters.next("lang")?;
        // Free beyond ISO 639-2: the authCode covers what the relying party chose.
        if !language
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(Parameter("lang"));
        }
        let auth_code = parameters.next("authCode")?;
        if auth_code.len() != AUTH_CODE_LEN
            || Base64UrlUnpadded::decode_vec(auth_code).is_err()
            || parameters.0.next().is_some()
        {
            return Err(Parameter("authCode"));
        }
        Ok(Self {
            unprotected: text.len() - "&authCode=".len() - auth_code.len(),
            base: base.to_owned(),
            link_type,
            session_token: session_token.to_owned(),
            session_type,
            language: language.to_owned(),
            auth_code: auth_code.to_owned(),
            text: text.to_owned(),
        })
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that the authCode covers.
    #[must_use]
    pub fn unprotected(&self) -> &str {
        self.text.get(..self.unprotected).unwrap_or_default()
    }

    /// `deviceLinkBase`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// How it reached the phone.
    #[must_use]
    pub fn link_type(&self) -> DeviceLinkType {
        self.link_type
    }

    /// `sessionToken`.
    #[must_use]
    pub fn session_token(&self) -> &str {
        &self.session_token
    }

    /// What the session is for.
    #[must_use]
    pub fn session_type(&self) -> SessionType {
        self.session_type
    }

    /// Three letters, ISO 639-2.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Whether the link ends in this code; takes the same time for each wrong one.
    #[must_use]
    pub fn has_auth_code(&self, code: &str) -> bool {
        self.auth_code.as_bytes().ct_eq(code.as_bytes()).into()
    }
}

impl DeviceLinkType {
    /// `flowType` of a session that is reached by such a link.
    #[must_use]
    pub fn flow_type(self) -> FlowType {
        match self {
            Self::Qr { .. } => FlowType::Qr,
            Self::Web2App => FlowType::Web2App,
            Self::App2App => FlowType::App2App,
        }
    }
}

/// `version` of device links.
const VERSION: &str = "1.0";
/// base64url of a SHA-256 HMAC.
const AUTH_CODE_LEN: usize = 43;

struct Parameters<'a>(std::str::Split<'a, char>);

impl<'a> Parameters<'a> {
    fn next(&mut self, name: &'static str) -> Result<&'a str, DeviceLinkError> {
        self.0
            .next()
            .and_then(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))
            .filter(|value| !value.is_empty())
            .ok_or(DeviceLinkError::Parameter(name))
    }
}

/// Whole seconds, in one spelling.
fn seconds(text: &str) -> Option<u64> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// What the authCode covers beside the link.
#[derive(Clone, Copy, Debug)]
pub struct AuthCodeFields<'a> {
    /// `smart-id` or `smart-id-demo`.
    pub scheme_name: &'a str,
    /// What the session is for; decides the protocol's name.
    pub session_type: SessionType,
    /// rpChallenge or digest, base64 as sent; empty for a certificate choice.
    pub challenge_or_digest: &'a str,
    /// As sent.
    pub relying_party_name: &'a str,
    /// Empty if there is none.
    pub brokered_rp_name: &'a str,
    /// Base64 as sent; empty for a certificate choice.
    pub interactions: &'a str,
    /// Empty for QR.
    pub initial_callback_url: &'a str,
}

/// authCode: base64url of HMAC-SHA-256 under the session secret.
#[must_use]
pub fn auth_code(
    session_secret: &[u8],
    fields: &AuthCodeFields<'_>,
    unprotected_link: &str,
) -> String {
    let protocol = match fields.session_type {
        SessionType::Authentication => "ACSP_V2",
        SessionType::Signature => "RAW_DIGEST_SIGNATURE",
        SessionType::CertificateChoice => "",
    };
    let text = [
        fields.scheme_name,
        protocol,
        fields.challenge_or_digest,
        &Base64::encode_string(fields.relying_party_name.as_bytes()),
        &Base64::encode_string(fields.brokered_rp_name.as_bytes()),
        fields.interactions,
        fields.initial_callback_url,
        unprotected_link,
    ]
    .join("|");
    let mut mac =
        Hmac::<Sha256>::new_from_slice(session_secret).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes())
}

/// `sessionSecretDigest` of the callback.
#[must_use]
pub fn session_secret_digest(session_secret: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(session_secret))
}

/// Where the phone returns to after a same-device flow (RP API v3, "Callback URLs").
///
/// `user_challenge_verifier` is there for authentications only.
#[must_use]
pub fn callback_url(
    initial_callback_url: &str,
    session_secret_digest: &str,
    user_challenge_verifier: Option<&str>,
) -> String {
    let separator = if initial_callback_url.contains('?') {
        '&'
    } else {
        '?'
    };
    let mut url =
        format!("{initial_callback_url}{separator}sessionSecretDigest={session_secret_digest}");
    if let Some(verifier) = user_challenge_verifier {
        url.push_str("&userChallengeVerifier=");
        url.push_str(verifier);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InteractionType, acsp_v2, verification_code};
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../vectors/rp-api.json")).expect("vectors")
    }

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().expect("text")
    }

    #[test]
    fn the_documentation_s_auth_codes_come_out() {
        let v = vectors();
        let secret = Base64::decode_vec(text(&v, "sessionSecret")).unwrap();
        for case in v["authCodes"].as_array().unwrap() {
            let link_type = match text(case, "deviceLinkType") {
                "QR" => DeviceLinkType::Qr {
                    elapsed_seconds: 22,
                },
                "Web2App" => DeviceLinkType::Web2App,
                _ => DeviceLinkType::App2App,
            };
            let session_type = SessionType::from_word(text(case, "sessionType")).unwrap();
            let certificate = session_type == SessionType::CertificateChoice;
            let link = UnprotectedLink {
                base: "https://smart-id.com/device-link",
                link_type,
                session_token: text(&v, "sessionToken"),
                session_type,
                language: "eng",
            };
            let fields = AuthCodeFields {
                scheme_name: text(&v, "schemeName"),
                session_type,
                challenge_or_digest: match session_type {
                    SessionType::Authentication => text(&v, "rpChallenge"),
                    SessionType::Signature => text(&v, "digest"),
                    SessionType::CertificateChoice => "",
                },
                relying_party_name: text(&v, "relyingPartyName"),
                brokered_rp_name: text(&v, "brokeredRpName"),
                interactions: if certificate {
                    ""
                } else {
                    text(&v, "interactions")
                },
                initial_callback_url: match link_type {
                    DeviceLinkType::Qr { .. } => "",
                    _ => text(&v, "initialCallbackUrl"),
                },
            };
            assert_eq!(
                auth_code(&secret, &fields, &link.text()),
                text(case, "authCode"),
                "{case}"
            );
        }
    }

    #[test]
    fn the_documentation_s_payload_callback_and_code_come_out() {
        let v = vectors();
        let acsp = &v["acspV2"];
        let payload = acsp_v2::payload(&acsp_v2::Fields {
            scheme_name: text(&v, "schemeName"),
            server_random: text(acsp, "serverRandom"),
            rp_challenge: text(&v, "rpChallenge"),
            user_challenge: text(acsp, "userChallenge"),
            relying_party_name: text(&v, "relyingPartyName"),
            brokered_rp_name: text(&v, "brokeredRpName"),
            interactions: text(&v, "interactions"),
            interaction_type_used: InteractionType::from_word(text(acsp, "interactionTypeUsed"))
                .unwrap(),
            initial_callback_url: text(&v, "initialCallbackUrl"),
            flow_type: FlowType::from_word(text(acsp, "flowType")).unwrap(),
        });
        assert_eq!(
            Base64::encode_string(&sha2::Sha512::digest(payload)),
            text(acsp, "sha512")
        );

        let callback = &v["callback"];
        let secret = Base64::decode_vec(text(&v, "sessionSecret")).unwrap();
        assert_eq!(
            session_secret_digest(&secret),
            text(callback, "sessionSecretDigest")
        );
        assert_eq!(
            acsp_v2::user_challenge(text(callback, "userChallengeVerifier")),
            text(callback, "userChallenge")
        );

        let challenge = Base64::decode_vec(text(&v, "rpChallenge")).unwrap();
        assert_eq!(
            verification_code(&challenge).as_str(),
            text(&v, "verificationCode")
        );
    }

    const EXAMPLE: &str = "https://smart-id.com/device-link?deviceLinkType=QR&elapsedSeconds=22\
        &sessionToken=wGIrqveE6AuGDATZKmR1mtAZ&sessionType=auth&version=1.0&lang=eng\
        &authCode=OY1eHaD4UYedrBwtqUbSkpa0w7ttm4FllPkCD_3wlE0";

    #[test]
    fn the_documentation_s_link_is_taken_apart() {
        let link = DeviceLink::parse(EXAMPLE).unwrap();
        assert_eq!(link.base(), "https://smart-id.com/device-link");
        assert_eq!(
            link.link_type(),
            DeviceLinkType::Qr {
                elapsed_seconds: 22
            }
        );
        assert_eq!(link.session_token(), "wGIrqveE6AuGDATZKmR1mtAZ");
        assert_eq!(link.session_type(), SessionType::Authentication);
        assert_eq!(link.language(), "eng");
        assert!(link.has_auth_code("OY1eHaD4UYedrBwtqUbSkpa0w7ttm4FllPkCD_3wlE0"));
        assert!(!link.has_auth_code("OY1eHaD4UYedrBwtqUbSkpa0w7ttm4FllPkCD_3wlE1"));
        let rebuilt = UnprotectedLink {
            base: link.base(),
            link_type: link.link_type(),
            session_token: link.session_token(),
            session_type: link.session_type(),
            language: link.language(),
        };
        assert_eq!(rebuilt.text(), link.unprotected());
    }

    #[test]
    fn a_link_that_is_not_in_its_one_form_is_refused() {
        let changes = [
            ("deviceLinkType=QR", "deviceLinkType=qr", "deviceLinkType"),
            (
                "deviceLinkType=QR",
                "deviceLinkType=Web2App",
                "sessionToken",
            ),
            ("?deviceLinkType", "&deviceLinkType", "deviceLinkType"),
            ("elapsedSeconds=22", "elapsedSeconds=022", "elapsedSeconds"),
            ("elapsedSeconds=22", "elapsedSeconds=-1", "elapsedSeconds"),
            ("elapsedSeconds=22", "elapsedSeconds=", "elapsedSeconds"),
            ("&elapsedSeconds=22", "", "elapsedSeconds"),
            ("sessionToken=wG", "sessionToken=%77G", "sessionToken"),
            ("sessionType=auth", "sessionType=login", "sessionType"),
            ("version=1.0", "version=1.1", "version"),
            ("lang=eng", "lang=", "lang"),
            ("lang=eng", "lang=e_g", "lang"),
            ("lang=eng", "lang=e%6Eg", "lang"),
            ("&lang=eng", "&lang=eng&lang=eng", "authCode"),
            ("wlE0", "wlE0=", "authCode"),
            ("wlE0", "wlE0&x=1", "authCode"),
            ("wlE0", "wlE+", "authCode"),
            ("https://smart-id.com/device-link", "", "deviceLinkBase"),
            ("/device-link", "/#device-link", "deviceLinkBase"),
        ];
        for (from, to, parameter) in changes {
            assert!(EXAMPLE.contains(from), "{from}");
            let link = EXAMPLE.replacen(from, to, 1);
            assert_eq!(
                DeviceLink::parse(&link),
                Err(DeviceLinkError::Parameter(parameter)),
                "{link}"
            );
        }
        let long = EXAMPLE.replace("wGIr", &"w".repeat(MAX_LINK));
        assert_eq!(DeviceLink::parse(&long), Err(DeviceLinkError::TooLong));
    }

    #[test]
    fn the_documentation_s_callbacks_come_out() {
        let url = "https://rp.example.com/callback-url?value=RrKjjT4aggzu27YBddX1bQ";
        let digest = "U4CKK13H1XFiyBofev9asqrzIrY5_Gszi_nL_zDKkBc";
        let verifier = "XtPfaGa8JnGtYrJjboooUf0KfY9sMEHrWFpSQrsUv9c";
        assert_eq!(
            callback_url(url, digest, Some(verifier)),
            format!("{url}&sessionSecretDigest={digest}&userChallengeVerifier={verifier}")
        );
        assert_eq!(
            callback_url("https://rp.example.com/", digest, None),
            format!("https://rp.example.com/?sessionSecretDigest={digest}")
        );
    }

    #[test]
    fn any_other_field_gives_another_auth_code() {
        let fields = AuthCodeFields {
            scheme_name: "smart-id-demo",
            session_type: SessionType::Authentication,
            challenge_or_digest: "AAAA",
            relying_party_name: "DEMO",
            brokered_rp_name: "",
            interactions: "BBBB",
            initial_callback_url: "",
        };
        let code = auth_code(b"secret", &fields, "link");
        let others = [
            AuthCodeFields {
                scheme_name: "smart-id",
                ..fields
            },
            AuthCodeFields {
                session_type: SessionType::Signature,
                ..fields
            },
            AuthCodeFields {
                challenge_or_digest: "AAAB",
                ..fields
            },
            AuthCodeFields {
                relying_party_name: "Demo",
                ..fields
            },
            AuthCodeFields {
                brokered_rp_name: "x",
                ..fields
            },
            AuthCodeFields {
                interactions: "BBBC",
                ..fields
            },
            AuthCodeFields {
                initial_callback_url: "https://x",
                ..fields
            },
        ];
        for other in others {
            assert_ne!(auth_code(b"secret", &other, "link"), code);
        }
        assert_ne!(auth_code(b"Secret", &fields, "link"), code);
        assert_ne!(auth_code(b"secret", &fields, "link "), code);
    }
}
