//! ACSP_V2: the text that an authentication signs (RP API v3, "Authentication response verification").

use crate::{FlowType, InteractionType};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// The fields of the payload, each as it goes into the text.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// `smart-id` or `smart-id-demo`.
    pub scheme_name: &'a str,
    /// Base64, from the server.
    pub server_random: &'a str,
    /// Base64 as the relying party sent it.
    pub rp_challenge: &'a str,
    /// 43 base64url characters, from the phone.
    pub user_challenge: &'a str,
    /// As the relying party sent it, byte for byte.
    pub relying_party_name: &'a str,
    /// Empty if there is none.
    pub brokered_rp_name: &'a str,
    /// Base64 as the relying party sent it.
    pub interactions: &'a str,
    /// The one that was shown.
    pub interaction_type_used: InteractionType,
    /// Empty for QR and Notification.
    pub initial_callback_url: &'a str,
    /// How phone and session found each other.
    pub flow_type: FlowType,
}

/// The text to be signed, UTF-8.
#[must_use]
pub fn payload(fields: &Fields<'_>) -> String {
    [
        fields.scheme_name,
        "ACSP_V2",
        fields.server_random,
        fields.rp_challenge,
        fields.user_challenge,
        &Base64::encode_string(fields.relying_party_name.as_bytes()),
        &Base64::encode_string(fields.brokered_rp_name.as_bytes()),
        &Base64::encode_string(&Sha256::digest(fields.interactions)),
        fields.interaction_type_used.as_str(),
        fields.initial_callback_url,
        fields.flow_type.as_str(),
    ]
    .join("|")
}

/// userChallenge for a userChallengeVerifier: base64url of the SHA-256 of its ASCII text.
#[must_use]
pub fn user_challenge(verifier: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(verifier))
}
