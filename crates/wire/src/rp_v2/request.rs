use crate::{
    HashAlgorithm, InteractionType, Interactions, SignatureAlgorithm,
    fields::{
        Base64Text, Common, Endpoint, Fields, RequestError, SignatureParameters, fingerprint,
        object,
    },
};
use serde_json::Value;

/// Longest `relyingPartyName`, in bytes of UTF-8 (v2 §2.2.4).
pub const MAX_NAME_BYTES: usize = 32;

/// `POST authentication/…` and `POST signature/…`: a hash to be signed with PIN1 or PIN2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashRequest {
    /// Who asks, and the like.
    pub common: Common,
    /// `hash`, as long as `hashType` says.
    pub hash: Base64Text,
    /// PKCS#1 v1.5 with the hash of `hashType`.
    pub signature: SignatureParameters,
    /// `allowedInteractionsOrder`.
    pub interactions: Interactions,
    /// SHA-256 over all parameters in a canonical form: equal requests have equal fingerprints, whatever the order and
    /// spacing of their JSON.
    pub fingerprint: [u8; 32],
}

/// `POST certificatechoice/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChoiceRequest {
    /// Who asks, and the like.
    pub common: Common,
    /// As [`HashRequest::fingerprint`].
    pub fingerprint: [u8; 32],
}

impl HashRequest {
    /// Parses the body of an authentication.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn authentication(body: &[u8]) -> Result<Self, RequestError> {
        Self::parse(body, Endpoint::Authentication)
    }

    /// Parses the body of a signature.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn signature(body: &[u8]) -> Result<Self, RequestError> {
        Self::parse(body, Endpoint::Signature)
    }

    fn parse(body: &[u8], endpoint: Endpoint) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let common = common(&mut fields, endpoint);
        let hash = fields.hash();
        let interactions = fields.allowed_interactions_order();
        let fingerprint = fingerprint(&body);
        fields.finish(|| {
            let (hash, signature) = hash?;
            Some(Self {
                common: common?,
                hash,
                signature,
                interactions: interactions?,
                fingerprint,
            })
        })
    }
}

impl CertificateChoiceRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// All wrong fields at once.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let body = object(body)?;
        let mut fields = Fields::new(&body);
        let common = common(&mut fields, Endpoint::CertificateChoice);
        let fingerprint = fingerprint(&body);
        fields.finish(|| {
            Some(Self {
                common: common?,
                fingerprint,
            })
        })
    }
}

/// What every request has: in v2 the name is short, and every request may have a nonce.
fn common(fields: &mut Fields<'_>, endpoint: Endpoint) -> Option<Common> {
    let common = fields.common(endpoint);
    if let Some(Value::String(name)) = fields.value("/relyingPartyName")
        && name.len() > MAX_NAME_BYTES
    {
        let message = format!("must have at most {MAX_NAME_BYTES} bytes in UTF-8");
        fields.wrong("/relyingPartyName", &message);
    }
    fields.nonce();
    common
}

/// What only v2 has.
impl Fields<'_> {
    /// `hash` and `hashType`.
    fn hash(&mut self) -> Option<(Base64Text, SignatureParameters)> {
        let signature = self.hash_type();
        let hash = self.base64("/hash");
        let (hash, signature) = (hash?, signature?);
        let (has, needs) = (hash.bytes().len(), signature.hash.digest_len());
        if has != needs {
            let message = format!("hash has {has} bytes, {} needs {needs}", signature.hash);
            self.wrong("/hash", &message);
            return None;
        }
        Some((hash, signature))
    }

    fn hash_type(&mut self) -> Option<SignatureParameters> {
        let (algorithm, hash) = match self.text("/hashType")? {
            "SHA256" => (
                SignatureAlgorithm::Sha256WithRsaEncryption,
                HashAlgorithm::Sha256,
            ),
            "SHA384" => (
                SignatureAlgorithm::Sha384WithRsaEncryption,
                HashAlgorithm::Sha384,
            ),
            "SHA512" => (
                SignatureAlgorithm::Sha512WithRsaEncryption,
                HashAlgorithm::Sha512,
            ),
            _ => {
                self.wrong("/hashType", "must be SHA256, SHA384 or SHA512");
                return None;
            }
        };
        Some(SignatureParameters { algorithm, hash })
    }

    fn allowed_interactions_order(&mut self) -> Option<Interactions> {
        const ORDER: &str = "/allowedInteractionsOrder";
        let Some(array) = self.value(ORDER) else {
            self.wrong(ORDER, "is required");
            return None;
        };
        Interactions::from_array(array)
            .and_then(|interactions| interactions.allowed_in(InteractionType::V2))
            .map_err(|error| self.wrong(ORDER, &error.to_string()))
            .ok()
    }
}

#[cfg(test)]
mod tests;
