//! Device links: the text of the link, its authCode, and what the callback carries (RP API v3, "Device link flows").

use crate::SessionType;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

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
            "{}?deviceLinkType={name}{elapsed}&sessionToken={}&sessionType={}&version=1.0&lang={}",
            self.base, self.session_token, self.session_type, self.language
        )
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlowType, InteractionType, acsp_v2, verification_code};
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
