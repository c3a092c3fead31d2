use crate::World;
use base64ct::{Base64, Encoding};
use serde_json::Value;
use wire::{
    SessionType,
    device_link::{AuthCodeFields, DeviceLinkType, UnprotectedLink, auth_code},
};

/// A device-link session as its relying party has it: what it sent, and what came back.
#[derive(Clone, Debug)]
pub struct LinkSession {
    /// `sessionID`.
    pub id: String,
    /// `sessionToken`.
    pub token: String,
    /// `sessionSecret`, decoded.
    pub secret: Vec<u8>,
    /// `deviceLinkBase`.
    pub base: String,
    /// The body that started it.
    pub request: Value,
    /// What the relying party knows of the party it acts for.
    pub brokered_name: String,
    /// What the session is for.
    pub session_type: SessionType,
}

impl LinkSession {
    /// Starts one.
    ///
    /// # Panics
    /// It is refused.
    pub async fn start(world: &World, path: &str, request: &Value) -> Self {
        let answer = world.post(path, request).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let answer = answer.json();
        let text = |name: &str| answer[name].as_str().expect(name).to_owned();
        let session_type = match path.split('/').nth(1) {
            _ if path.starts_with("authentication/") => SessionType::Authentication,
            Some("certificate-choice") => SessionType::CertificateChoice,
            _ => SessionType::Signature,
        };
        Self {
            id: text("sessionID"),
            token: text("sessionToken"),
            secret: Base64::decode_vec(&text("sessionSecret")).expect("base64"),
            base: text("deviceLinkBase"),
            request: request.clone(),
            brokered_name: String::new(),
            session_type,
        }
    }

    /// The QR code that the relying party shows so many seconds after the start.
    #[must_use]
    pub fn qr(&self, elapsed_seconds: u64) -> String {
        self.link(DeviceLinkType::Qr { elapsed_seconds })
    }

    /// A link as the relying party makes it.
    #[must_use]
    pub fn link(&self, link_type: DeviceLinkType) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let parameters = &self.request["signatureProtocolParameters"];
        let (challenge, interactions) = match self.session_type {
            SessionType::Authentication => (&parameters["rpChallenge"], true),
            SessionType::Signature => (&parameters["digest"], true),
            SessionType::CertificateChoice => (&Value::Null, false),
        };
        let link = UnprotectedLink {
            base: &self.base,
            link_type,
            session_token: &self.token,
            session_type: self.session_type,
            language: "eng",
        }
        .text();
        let code = auth_code(
            &self.secret,
            &AuthCodeFields {
                scheme_name: "smart-id-demo",
                session_type: self.session_type,
                challenge_or_digest: &text(challenge),
                relying_party_name: &text(&self.request["relyingPartyName"]),
                brokered_rp_name: &self.brokered_name,
                interactions: &if interactions {
                    text(&self.request["interactions"])
                } else {
                    String::new()
                },
                initial_callback_url: &match link_type {
                    DeviceLinkType::Qr { .. } => String::new(),
                    _ => text(&self.request["initialCallbackUrl"]),
                },
            },
            &link,
        );
        format!("{link}&authCode={code}")
    }
}
