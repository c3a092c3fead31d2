use crate::{
    InteractionType, Interactions, SessionId,
    fields::{
        Base64Text, Common, Endpoint, Fields, RequestError, SignatureParameters, fingerprint,
        object,
    },
};
use serde_json::{Map, Value};

/// How a session is to reach the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `…/notification/…`: pushed to the person's phones.
    Notification,
    /// `…/device-link/…`: whoever scans or opens the link.
    DeviceLink,
}

/// `POST authentication/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationRequest {
    /// Who asks, and the like.
    pub common: Common,
    /// How it reaches the phone.
    pub channel: Channel,
    /// `signatureProtocolParameters.rpChallenge`.
    pub rp_challenge: Base64Text,
    /// How to sign.
    pub signature: SignatureParameters,
    /// What to show.
    pub interactions: Interactions,
    /// Where a same-device flow returns to; empty if nowhere.
    pub initial_callback_url: String,
}

/// `POST signature/notification/…` and `signature/device-link/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRequest {
    /// Who asks, and the like.
    pub common: Common,
    /// How it reaches the phone.
    pub channel: Channel,
    /// `signatureProtocolParameters.digest`.
    pub digest: Base64Text,
    /// How to sign.
    pub signature: SignatureParameters,
    /// What to show.
    pub interactions: Interactions,
    /// Where a same-device flow returns to; empty if nowhere.
    pub initial_callback_url: String,
    /// SHA-256 over all parameters in a canonical form: equal requests have equal fingerprints, whatever the order and
    /// spacing of their JSON.
    pub fingerprint: [u8; 32],
}

/// `POST signature/notification/linked/{document-number}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedSignatureRequest {
    /// The signature; its channel is a notification, its interactions are those of a device link.
    pub signature: SignatureRequest,
    /// `linkedSessionID`.
    pub linked_session: SessionId,
}

/// `POST signature/certificate-choice/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChoiceRequest {
    /// Who asks, and the like.
    pub common: Common,
    /// How it reaches the phone.
    pub channel: Channel,
    /// Where the linked signature will return to after a same-device flow; empty if nowhere.
    pub initial_callback_url: String,
    /// As [`SignatureRequest::fingerprint`].
    pub fingerprint: [u8; 32],
}

/// `POST signature/certificate/{document-number}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateByDocumentRequest {
    /// Who asks, and the like.
    pub common: Common,
}

impl Channel {
    fn interactions(self) -> &'static [InteractionType] {
        match self {
            Self::Notification => InteractionType::NOTIFICATION,
            Self::DeviceLink => InteractionType::DEVICE_LINK,
        }
    }
}

impl AuthenticationRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn parse(body: &[u8], channel: Channel) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let common = fields.common(Endpoint::Authentication);
        // Only where a request may be repeated does a nonce make sense.
        if fields.value("/nonce").is_some() {
            fields.wrong("/nonce", "nonce is not allowed in authentication requests");
        }
        fields.exactly("/signatureProtocol", "ACSP_V2");
        if channel == Channel::Notification {
            fields.exactly("/vcType", "numeric4");
        }
        let (rp_challenge, signature) = fields.signature_parameters("rpChallenge");
        let interactions = fields.interactions(channel.interactions());
        let initial_callback_url = callback(&mut fields, channel);
        fields.finish(|| {
            Some(Self {
                common: common?,
                channel,
                rp_challenge: rp_challenge?,
                signature: signature?,
                interactions: interactions?,
                initial_callback_url: initial_callback_url?,
            })
        })
    }
}

impl SignatureRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn parse(body: &[u8], channel: Channel) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let request = Self::read(&body, &mut fields, channel, channel.interactions());
        fields.finish(|| request)
    }

    fn read(
        body: &Map<String, Value>,
        fields: &mut Fields<'_>,
        channel: Channel,
        allowed: &[InteractionType],
    ) -> Option<Self> {
        let common = fields.common(Endpoint::Signature);
        fields.nonce();
        fields.exactly("/signatureProtocol", "RAW_DIGEST_SIGNATURE");
        let (digest, signature) = fields.signature_parameters("digest");
        if let (Some(digest), Some(signature)) = (&digest, &signature)
            && digest.bytes().len() != signature.hash.digest_len()
        {
            let message = format!(
                "digest has {} bytes, {} needs {}",
                digest.bytes().len(),
                signature.hash,
                signature.hash.digest_len()
            );
            fields.wrong("/signatureProtocolParameters/digest", &message);
        }
        let interactions = fields.interactions(allowed);
        let initial_callback_url = callback(fields, channel);
        Some(Self {
            common: common?,
            channel,
            digest: digest?,
            signature: signature?,
            interactions: interactions?,
            initial_callback_url: initial_callback_url?,
            fingerprint: fingerprint(body),
        })
    }
}

impl LinkedSignatureRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let linked_session = fields.linked_session();
        // No code is shown anywhere, so there is none to choose.
        let signature = SignatureRequest::read(
            &body,
            &mut fields,
            Channel::Notification,
            InteractionType::DEVICE_LINK,
        );
        fields.finish(|| {
            Some(Self {
                signature: signature?,
                linked_session: linked_session?,
            })
        })
    }
}

impl CertificateChoiceRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn parse(body: &[u8], channel: Channel) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let common = fields.common(Endpoint::CertificateChoice);
        fields.nonce();
        let initial_callback_url = callback(&mut fields, channel);
        let fingerprint = fingerprint(&body);
        fields.finish(|| {
            Some(Self {
                common: common?,
                channel,
                initial_callback_url: initial_callback_url?,
                fingerprint,
            })
        })
    }
}

impl CertificateByDocumentRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let common = fields.common(Endpoint::Certificate);
        fields.finish(|| Some(Self { common: common? }))
    }
}

/// Only a device link can lead back; elsewhere the field is one of the unknown ones, which are ignored.
fn callback(fields: &mut Fields<'_>, channel: Channel) -> Option<String> {
    match channel {
        Channel::Notification => Some(String::new()),
        Channel::DeviceLink => fields.initial_callback_url(),
    }
}

#[cfg(test)]
mod tests;
