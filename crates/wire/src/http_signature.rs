//! How a phone signs its requests: one strict profile of HTTP Message Signatures (RFC 9421) with a content digest
//! (RFC 9530).
//!
//! ```text
//! Content-Digest: sha-256=:…:
//! Signature-Input: sig1=("@method" "@path" "content-digest");created=1764000000;keyid="…";alg="ecdsa-p256-sha256"
//! Signature: sig1=:…:
//! ```
//!
//! Nothing else is accepted: other components, other order, other parameters are refused. A signature is good for
//! [`MAX_AGE`] in both directions, so that the phone's clock may be a little off.

use crate::DeviceId;
use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use sha2::{Digest, Sha256};

/// How far `created` may lie from the server's clock.
pub const MAX_AGE: SignedDuration = SignedDuration::from_secs(60);

const COMPONENTS: &str = r#"("@method" "@path" "content-digest")"#;

/// The three headers of a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Content-Digest`.
    pub content_digest: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// Why a request is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpSignatureError {
    /// A header is missing.
    #[error("a header is missing: Content-Digest, Signature-Input and Signature are needed")]
    Missing,
    /// A header has another form than the one that we take.
    #[error("Signature-Input or Signature does not have the form of this API")]
    Malformed,
    /// The body is not the one that was signed.
    #[error("Content-Digest is not the digest of the body")]
    WrongDigest,
    /// Signed too long ago, or in the future.
    #[error("the signature was made too long ago, or the clock of the device is wrong")]
    Stale,
    /// Not signed by this key.
    #[error("the signature does not verify under the key of this device")]
    NotSigned,
}

impl HttpSignatureError {
    /// The sentence of `Display`, as a constant.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => {
                "a header is missing: Content-Digest, Signature-Input and Signature are needed"
            }
            Self::Malformed => "Signature-Input or Signature does not have the form of this API",
            Self::WrongDigest => "Content-Digest is not the digest of the body",
            Self::Stale => {
                "the signature was made too long ago, or the clock of the device is wrong"
            }
            Self::NotSigned => "the signature does not verify under the key of this device",
        }
    }
}

/// Makes the headers; `sign` is ECDSA P-256 with SHA-256 over the bytes that it gets, raw r‖s.
pub fn sign(
    method: &str,
    path: &str,
    body: &[u8],
    device: DeviceId,
    sign: impl FnOnce(&[u8]) -> [u8; 64],
    now: Timestamp,
) -> SignatureHeaders {
    let content_digest = content_digest(body);
    let parameters = format!(
        "{COMPONENTS};created={};keyid=\"{device}\";alg=\"ecdsa-p256-sha256\"",
        now.as_second()
    );
    let signature = sign(base(method, path, &content_digest, &parameters).as_bytes());
    SignatureHeaders {
        content_digest,
        signature_input: format!("sig1={parameters}"),
        signature: format!("sig1=:{}:", Base64::encode_string(&signature)),
    }
}

/// A request whose signature headers are well-formed; it is authentic only once [`SignedRequest::verify`] says so.
#[derive(Clone, Debug)]
pub struct SignedRequest<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
    device: DeviceId,
    created: Timestamp,
    parameters: &'a str,
    content_digest: &'a str,
    signature: [u8; 64],
}

impl<'a> SignedRequest<'a> {
    /// Takes the request apart. `path` is the path as sent, without query.
    ///
    /// # Errors
    /// A header is missing or has another form.
    pub fn parse(
        method: &'a str,
        path: &'a str,
        body: &'a [u8],
        content_digest: Option<&'a str>,
        signature_input: Option<&'a str>,
        signature: Option<&'a str>,
    ) -> Result<Self, HttpSignatureError> {
        let (Some(content_digest), Some(signature_input), Some(signature)) =
            (content_digest, signature_input, signature)
        else {
            return Err(HttpSignatureError::Missing);
        };
        // The query is not signed, so there must be none.
        if path.contains('?') {
            return Err(HttpSignatureError::Malformed);
        }
        let parameters = signature_input
            .strip_prefix("sig1=")
            .ok_or(HttpSignatureError::Malformed)?;
        let (created, device) =
            parse_parameters(parameters).ok_or(HttpSignatureError::Malformed)?;
        let signature = parse_signature(signature).ok_or(HttpSignatureError::Malformed)?;
        Ok(Self {
            method,
            path,
            body,
            device,
            created,
            parameters,
            content_digest,
            signature,
        })
    }

    /// The device that says it signed: `keyid`.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        self.device
    }

    /// Checks time, body and signature under the device's key (SEC1).
    ///
    /// # Errors
    /// See [`HttpSignatureError`].
    pub fn verify(&self, public_key: &[u8], now: Timestamp) -> Result<(), HttpSignatureError> {
        if self.created.duration_since(now).abs() > MAX_AGE {
            return Err(HttpSignatureError::Stale);
        }
        if self.content_digest != content_digest(self.body) {
            return Err(HttpSignatureError::WrongDigest);
        }
        let key =
            VerifyingKey::from_sec1_bytes(public_key).map_err(|_| HttpSignatureError::NotSigned)?;
        let signature =
            Signature::from_slice(&self.signature).map_err(|_| HttpSignatureError::NotSigned)?;
        let base = base(self.method, self.path, self.content_digest, self.parameters);
        key.verify(base.as_bytes(), &signature)
            .map_err(|_| HttpSignatureError::NotSigned)
    }
}

/// RFC 9530 §2, SHA-256.
fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body)))
}

/// RFC 9421 §2.5.
fn base(method: &str, path: &str, content_digest: &str, parameters: &str) -> String {
    format!(
        "\"@method\": {method}\n\"@path\": {path}\n\"content-digest\": {content_digest}\n\"@signature-params\": {parameters}"
    )
}

fn parse_parameters(parameters: &str) -> Option<(Timestamp, DeviceId)> {
    let rest = parameters
        .strip_prefix(COMPONENTS)?
        .strip_prefix(";created=")?;
    let (created, rest) = rest.split_once(";keyid=\"")?;
    let device = rest.strip_suffix("\";alg=\"ecdsa-p256-sha256\"")?;
    let digits = created.bytes().all(|byte| byte.is_ascii_digit()) && !created.starts_with('0');
    let created = digits.then(|| created.parse().ok()).flatten()?;
    Some((Timestamp::from_second(created).ok()?, device.parse().ok()?))
}

fn parse_signature(header: &str) -> Option<[u8; 64]> {
    let base64 = header.strip_prefix("sig1=:")?.strip_suffix(':')?;
    Base64::decode_vec(base64).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::{SigningKey, signature::Signer};
    use proptest::prelude::*;

    const NOW: i64 = 1_764_000_000;

    fn key() -> SigningKey {
        SigningKey::from_slice(&[9; 32]).unwrap()
    }

    fn public() -> Vec<u8> {
        key()
            .verifying_key()
            .to_sec1_point(false)
            .as_bytes()
            .to_vec()
    }

    fn headers(method: &str, path: &str, body: &[u8]) -> SignatureHeaders {
        let signer = |bytes: &[u8]| {
            let signature: Signature = key().sign(bytes);
            signature.to_bytes().into()
        };
        sign(
            method,
            path,
            body,
            DeviceId([3; 16]),
            signer,
            Timestamp::from_second(NOW).unwrap(),
        )
    }

    fn check(
        method: &str,
        path: &str,
        body: &[u8],
        headers: &SignatureHeaders,
        now: i64,
    ) -> Result<(), HttpSignatureError> {
        SignedRequest::parse(
            method,
            path,
            body,
            Some(&headers.content_digest),
            Some(&headers.signature_input),
            Some(&headers.signature),
        )?
        .verify(&public(), Timestamp::from_second(now).unwrap())
    }

    #[test]
    fn the_headers_have_the_documented_form() {
        let headers = headers("GET", "/device/v1/account", b"");
        assert_eq!(
            headers.content_digest,
            "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
        );
        assert_eq!(
            headers.signature_input,
            "sig1=(\"@method\" \"@path\" \"content-digest\");created=1764000000;\
             keyid=\"03030303030303030303030303030303\";alg=\"ecdsa-p256-sha256\""
        );
    }

    #[test]
    fn a_signed_request_is_good_for_a_minute_either_way() {
        let headers = headers("POST", "/device/v1/transactions", b"{}");
        for (offset, expected) in [
            (0, Ok(())),
            (60, Ok(())),
            (-60, Ok(())),
            (61, Err(HttpSignatureError::Stale)),
        ] {
            assert_eq!(
                check(
                    "POST",
                    "/device/v1/transactions",
                    b"{}",
                    &headers,
                    NOW + offset
                ),
                expected,
                "{offset}"
            );
        }
        assert_eq!(
            check("POST", "/device/v1/transactions", b"{}", &headers, NOW - 61),
            Err(HttpSignatureError::Stale)
        );
    }

    #[test]
    fn another_method_path_body_or_key_is_refused() {
        let headers = headers("POST", "/a", b"x");
        assert_eq!(
            check("PUT", "/a", b"x", &headers, NOW),
            Err(HttpSignatureError::NotSigned)
        );
        assert_eq!(
            check("POST", "/b", b"x", &headers, NOW),
            Err(HttpSignatureError::NotSigned)
        );
        assert_eq!(
            check("POST", "/a", b"y", &headers, NOW),
            Err(HttpSignatureError::WrongDigest)
        );
    }

    #[test]
    fn missing_headers_are_named() {
        assert_eq!(
            SignedRequest::parse("GET", "/", b"", None, None, None).unwrap_err(),
            HttpSignatureError::Missing
        );
    }

    proptest! {
        #[test]
        fn any_changed_character_of_a_header_is_refused(which in 0_usize..3, position in any::<prop::sample::Index>(), with in 0x20_u8..0x7f) {
            let good = headers("POST", "/device/v1/transactions", b"body");
            let mut bad = good.clone();
            let field = match which { 0 => &mut bad.content_digest, 1 => &mut bad.signature_input, _ => &mut bad.signature };
            let at = position.index(field.len());
            field.replace_range(at..=at, std::str::from_utf8(&[with]).unwrap());
            prop_assume!(bad != good);
            prop_assert!(check("POST", "/device/v1/transactions", b"body", &bad, NOW).is_err());
        }

        #[test]
        fn no_header_makes_it_panic(digest in ".*", input in ".*", signature in ".*") {
            let _ = SignedRequest::parse("GET", "/", b"", Some(&digest), Some(&input), Some(&signature));
        }
    }
}
