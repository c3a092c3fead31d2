//! The published client, configured as the demo's relying party.

use openssl::base64::{decode_block, encode_block};
use smart_id_rust_client::{
    client::smart_id_client::SmartIdClient,
    config::SmartIDConfig,
    error::Result,
    models::{
        api::{
            authentication_session::{
                AuthenticationCertificateLevel, AuthenticationNotificationRequest,
            },
            signature_session::SignatureNotificationRequest,
        },
        common::{SchemeName, SessionConfig},
        interaction::Interaction,
        signature::{HashingAlgorithm, SignatureAlgorithm},
        user_identity::UserIdentity,
    },
};

/// The demo's relying party, as in SK's public demo.
pub const DEMO_UUID: &str = "00000000-0000-4000-8000-000000000000";

/// Its name.
pub const DEMO_NAME: &str = "DEMO";

/// How long the client waits for a session, in milliseconds.
const LONG_POLL_MS: u64 = 60_000;

/// The client's configuration for the RP API at `root_url`.
#[must_use]
pub fn config(root_url: &str) -> SmartIDConfig {
    SmartIDConfig {
        root_url: format!("{root_url}/smart-id-rp"),
        api_path: "/v3".to_owned(),
        scheme_name: SchemeName::smart_id_demo,
        relying_party_uuid: DEMO_UUID.to_owned(),
        relying_party_name: DEMO_NAME.to_owned(),
        client_request_timeout: Some(10_000),
        long_polling_timeout: LONG_POLL_MS,
    }
}

/// A client that expects `identity` in the certificates, or learns it from the first one.
#[must_use]
pub fn client(root_url: &str, identity: Option<UserIdentity>) -> SmartIdClient {
    SmartIdClient::new(&config(root_url), identity, vec![], vec![])
}

/// A client that goes on with a session of another one.
#[must_use]
pub fn client_in_session(
    root_url: &str,
    session: SessionConfig,
    identity: Option<UserIdentity>,
) -> SmartIdClient {
    SmartIdClient::from_session(&config(root_url), session, identity, vec![], vec![])
}

/// A log-in that asks for `hash`.
///
/// # Errors
///
/// When the client refuses its own request.
pub fn authentication(
    config: &SmartIDConfig,
    hash: HashingAlgorithm,
    interaction: Interaction,
) -> Result<AuthenticationNotificationRequest> {
    AuthenticationNotificationRequest::new(
        config,
        vec![interaction],
        SignatureAlgorithm::RsassaPss,
        AuthenticationCertificateLevel::QUALIFIED,
        hash,
    )
}

/// A signature over the bytes in `document` (base64), which the client hashes by `hash`.
///
/// # Errors
///
/// When the client refuses its own request.
pub fn signature(
    config: &SmartIDConfig,
    document: &str,
    hash: HashingAlgorithm,
    interaction: Interaction,
) -> Result<SignatureNotificationRequest> {
    SignatureNotificationRequest::new(
        config,
        vec![interaction],
        document.to_owned(),
        SignatureAlgorithm::RsassaPss,
        hash,
    )
}

/// A confirmation with a text that needs escaping on its way.
#[must_use]
pub fn confirmation() -> Interaction {
    Interaction::ConfirmationMessage {
        display_text_200: "Maksa 10 € firmale \"Õun/Öö\"?".to_owned(),
    }
}

/// Base64 that differs from `text` in one bit of the byte in its middle.
///
/// # Panics
///
/// When `text` is no base64 of at least one byte.
#[must_use]
pub fn with_another_bit(text: &str) -> String {
    let mut bytes = decode_block(text).expect("base64");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    encode_block(&bytes)
}
