//! Reads the fields of a relying party's request, of both versions of the API, and collects what is wrong with them.

use crate::{
    CertificateLevel, HashAlgorithm, InteractionType, Interactions, RelyingPartyUuid, SessionId,
    SignatureAlgorithm, problem::FieldError, unique_json::UniqueJson,
};
use base64ct::{Base64, Encoding};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest `nonce`, in characters.
pub const MAX_NONCE: usize = 30;
/// Length of rpChallenge and digest in bytes; 44 to 88 characters of base64.
pub const CHALLENGE_LEN: std::ops::RangeInclusive<usize> = 32..=64;
/// Longest `initialCallbackUrl`, in characters.
pub const MAX_CALLBACK_URL: usize = 1800;

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a JSON object at all.
    #[error("the body is not a JSON object: {0}")]
    NotAnObject(String),
    /// Some fields are wrong.
    #[error("invalid request parameters")]
    Fields(Vec<FieldError>),
}

/// What every request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// `relyingPartyUUID`.
    pub relying_party_uuid: RelyingPartyUuid,
    /// `relyingPartyName`, byte for byte.
    pub relying_party_name: String,
    /// `certificateLevel`; QUALIFIED if absent.
    pub certificate_level: CertificateLevel,
    /// `requestProperties.shareMdClientIpAddress`.
    pub share_md_client_ip_address: bool,
    /// Names in `requestProperties` that we do not know; given back with the status.
    pub ignored_properties: Vec<String>,
    /// `capabilities`.
    pub capabilities: Vec<String>,
}

/// Base64 as sent, with what it decodes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64Text {
    text: String,
    bytes: Vec<u8>,
}

impl Base64Text {
    /// As sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Decoded.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// How to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureParameters {
    /// `signatureAlgorithm`.
    pub algorithm: SignatureAlgorithm,
    /// `signatureAlgorithmParameters.hashAlgorithm`, or the one in the algorithm's name.
    pub hash: HashAlgorithm,
}

pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, RequestError> {
    match serde_json::from_slice(body) {
        Ok(UniqueJson(Value::Object(object))) => Ok(object),
        Ok(_) => Err(RequestError::NotAnObject(
            "it is another JSON value".to_owned(),
        )),
        Err(error) => Err(RequestError::NotAnObject(error.to_string())),
    }
}

/// `serde_json`'s maps are sorted by name, so their text is canonical up to numbers, which the API does not use.
pub(crate) fn fingerprint(body: &Map<String, Value>) -> [u8; 32] {
    Sha256::digest(Value::Object(body.clone()).to_string()).into()
}

/// Where the rules for common fields differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authentication,
    Signature,
    CertificateChoice,
    Certificate,
}

/// Reads fields and collects what is wrong with them. A reader returns `None` exactly if it reported something.
pub(crate) struct Fields<'a> {
    body: &'a Map<String, Value>,
    wrong: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(body: &'a Map<String, Value>) -> Self {
        Self {
            body,
            wrong: Vec::new(),
        }
    }

    pub(crate) fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, RequestError> {
        if !self.wrong.is_empty() {
            return Err(RequestError::Fields(self.wrong));
        }
        Ok(build().expect("a reader that returned nothing has reported why"))
    }

    pub(crate) fn wrong(&mut self, pointer: &str, detail: &str) {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        self.wrong
            .push(FieldError::at(pointer, format!("Invalid {name}: {detail}")));
    }

    /// The value at a pointer of one or more names; JSON null counts as absent.
    pub(crate) fn value(&self, pointer: &str) -> Option<&'a Value> {
        let mut names = pointer.split('/').skip(1);
        let mut value = self.body.get(names.next()?)?;
        for name in names {
            value = value.as_object()?.get(name)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// A required text.
    pub(crate) fn text(&mut self, pointer: &str) -> Option<&'a str> {
        match self.value(pointer) {
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.wrong(pointer, "must be a string");
                None
            }
            None => {
                self.wrong(pointer, "is required");
                None
            }
        }
    }

    pub(crate) fn exactly(&mut self, pointer: &str, word: &str) {
        if let Some(text) = self.text(pointer)
            && text != word
        {
            self.wrong(pointer, &format!("must be \"{word}\""));
        }
    }

    pub(crate) fn common(&mut self, endpoint: Endpoint) -> Option<Common> {
        let uuid = self.text("/relyingPartyUUID").and_then(|text| {
            text.parse()
                .map_err(|_| self.wrong("/relyingPartyUUID", "must be a UUID"))
                .ok()
        });
        let name = self.text("/relyingPartyName").and_then(|name| {
            if name.is_empty() {
                self.wrong("/relyingPartyName", "must not be empty");
                return None;
            }
            Some(name.to_owned())
        });
        let level = self.certificate_level(endpoint);
        // No session, no wishes for one: here these names are unknown ones, which are ignored.
        let ((share_md_client_ip_address, ignored_properties), capabilities) =
            if endpoint == Endpoint::Certificate {
                ((false, Vec::new()), Some(Vec::new()))
            } else {
                (self.request_properties(), self.capabilities())
            };
        Some(Common {
            relying_party_uuid: uuid?,
            relying_party_name: name?,
            certificate_level: level?,
            share_md_client_ip_address,
            ignored_properties,
            capabilities: capabilities?,
        })
    }

    fn certificate_level(&mut self, endpoint: Endpoint) -> Option<CertificateLevel> {
        if self.value("/certificateLevel").is_none() {
            return Some(CertificateLevel::Qualified);
        }
        let text = self.text("/certificateLevel")?;
        match CertificateLevel::from_word(text) {
            Some(CertificateLevel::Qscd) if endpoint == Endpoint::Authentication => {
                self.wrong("/certificateLevel", "must be ADVANCED or QUALIFIED");
                None
            }
            Some(level) => Some(level),
            None => {
                self.wrong("/certificateLevel", "must be ADVANCED, QUALIFIED or QSCD");
                None
            }
        }
    }

    fn request_properties(&mut self) -> (bool, Vec<String>) {
        const SHARE: &str = "shareMdClientIpAddress";
        let mut share = false;
        let mut ignored = Vec::new();
        match self.value("/requestProperties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, value) in properties {
                    match value {
                        Value::Bool(value) if name == SHARE => share = *value,
                        Value::Null if name == SHARE => {}
                        _ if name == SHARE => {
                            self.wrong(
                                "/requestProperties/shareMdClientIpAddress",
                                "must be true or false",
                            );
                        }
                        _ => ignored.push(name.clone()),
                    }
                }
            }
            Some(_) => self.wrong("/requestProperties", "must be an object"),
        }
        (share, ignored)
    }

    fn capabilities(&mut self) -> Option<Vec<String>> {
        let capabilities = match self.value("/capabilities") {
            None => return Some(Vec::new()),
            Some(Value::Array(list)) => list
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>(),
            Some(_) => None,
        };
        if capabilities.is_none() {
            self.wrong("/capabilities", "must be an array of strings");
        }
        capabilities
    }

    pub(crate) fn nonce(&mut self) {
        if self.value("/nonce").is_some()
            && let Some(nonce) = self.text("/nonce")
            && !(1..=MAX_NONCE).contains(&nonce.chars().count())
        {
            self.wrong("/nonce", "must have 1 to 30 characters");
        }
    }

    pub(crate) fn signature_parameters(
        &mut self,
        data: &str,
    ) -> (Option<Base64Text>, Option<SignatureParameters>) {
        const OBJECT: &str = "/signatureProtocolParameters";
        match self.value(OBJECT) {
            Some(Value::Object(_)) => {}
            Some(_) => {
                self.wrong(OBJECT, "must be an object");
                return (None, None);
            }
            None => {
                self.wrong(OBJECT, "is required");
                return (None, None);
            }
        }
        (self.base64(&format!("{OBJECT}/{data}")), self.algorithm())
    }

    fn base64(&mut self, pointer: &str) -> Option<Base64Text> {
        let text = self.text(pointer)?;
        let Ok(bytes) = Base64::decode_vec(text) else {
            self.wrong(pointer, "must be base64 with padding");
            return None;
        };
        if !CHALLENGE_LEN.contains(&bytes.len()) {
            self.wrong(
                pointer,
                "must have 44 to 88 characters, that is 32 to 64 bytes",
            );
            return None;
        }
        Some(Base64Text {
            text: text.to_owned(),
            bytes,
        })
    }

    fn algorithm(&mut self) -> Option<SignatureParameters> {
        const ALGORITHM: &str = "/signatureProtocolParameters/signatureAlgorithm";
        const PARAMETERS: &str = "/signatureProtocolParameters/signatureAlgorithmParameters";
        const HASH: &str =
            "/signatureProtocolParameters/signatureAlgorithmParameters/hashAlgorithm";
        let text = self.text(ALGORITHM)?;
        let Some(algorithm) = SignatureAlgorithm::from_word(text) else {
            let words: Vec<_> = SignatureAlgorithm::ALL
                .iter()
                .map(|algorithm| algorithm.as_str())
                .collect();
            self.wrong(ALGORITHM, &format!("must be one of {}", words.join(", ")));
            return None;
        };
        if let Some(hash) = algorithm.fixed_hash() {
            if self.value(PARAMETERS).is_some() {
                self.wrong(PARAMETERS, "is for rsassa-pss only");
                return None;
            }
            return Some(SignatureParameters { algorithm, hash });
        }
        match self.value(PARAMETERS) {
            Some(Value::Object(_)) => {}
            Some(_) => {
                self.wrong(PARAMETERS, "must be an object");
                return None;
            }
            None => {
                self.wrong(PARAMETERS, "is required for rsassa-pss");
                return None;
            }
        }
        let text = self.text(HASH)?;
        match HashAlgorithm::from_word(text) {
            Some(hash) => Some(SignatureParameters { algorithm, hash }),
            None => {
                let words: Vec<_> = HashAlgorithm::ALL
                    .iter()
                    .map(|hash| hash.as_str())
                    .collect();
                self.wrong(HASH, &format!("must be one of {}", words.join(", ")));
                None
            }
        }
    }

    pub(crate) fn interactions(&mut self, allowed: &[InteractionType]) -> Option<Interactions> {
        let text = self.text("/interactions")?;
        Interactions::parse(text)
            .and_then(|interactions| interactions.allowed_in(allowed))
            .map_err(|error| self.wrong("/interactions", &error.to_string()))
            .ok()
    }

    /// `initialCallbackUrl`, empty if there is none. The published OpenAPI file requires it for authentications; every
    /// guide and client treats it as optional (rp-api.md §3).
    pub(crate) fn initial_callback_url(&mut self) -> Option<String> {
        const CALLBACK: &str = "/initialCallbackUrl";
        if self.value(CALLBACK).is_none() {
            return Some(String::new());
        }
        let url = self.text(CALLBACK)?;
        // `|` separates the fields of what is signed and MACed.
        let rest = url.strip_prefix("https://").unwrap_or_default();
        let plain = rest
            .chars()
            .all(|char| !matches!(char, '|' | '#') && !char.is_whitespace() && !char.is_control());
        if rest.is_empty() || !plain {
            self.wrong(CALLBACK, "must match the pattern ^https:\\/\\/([^|#]+)$");
            return None;
        }
        if url.chars().count() > MAX_CALLBACK_URL {
            let message = format!("must have at most {MAX_CALLBACK_URL} characters");
            self.wrong(CALLBACK, &message);
            return None;
        }
        Some(url.to_owned())
    }

    pub(crate) fn linked_session(&mut self) -> Option<SessionId> {
        let text = self.text("/linkedSessionID")?;
        text.parse()
            .map_err(|_| self.wrong("/linkedSessionID", "must be a UUID"))
            .ok()
    }
}
