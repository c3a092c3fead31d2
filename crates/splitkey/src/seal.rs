//! Sealing of the phone's messages to the signer's short-lived key (splitkey.md §2, "Transport").
//!
//! HPKE base mode (RFC 9180) with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. The phone keeps no key that
//! opens what it sent, so a later dump does not reveal an old s1′. Answers are encrypted as in RFC 9458 §4.4, with a
//! fresh nonce each: a repeated request gives the same secret again, and a fixed nonce would leak.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hash::sha256;
use crate::scrub::scrubbed;

/// What is sealed. A message of one kind does not open as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`ServerShares`](crate::message::ServerShares).
    ServerShares,
    /// [`Proofs`](crate::message::Proofs).
    Proofs,
    /// [`Submit`](crate::message::Submit).
    Submit,
}

impl Kind {
    /// The `info` of HPKE.
    fn info(self) -> &'static [u8] {
        match self {
            Self::ServerShares => b"splitkey/hpke/server-shares/v1",
            Self::Proofs => b"splitkey/hpke/proofs/v1",
            Self::Submit => b"splitkey/hpke/submit/v1",
        }
    }
}

/// The signer's public key: a P-256 point.
#[derive(Clone)]
pub struct SealingPublicKey(<DhP256HkdfSha256 as Kem>::PublicKey);

impl SealingPublicKey {
    /// Reads an uncompressed SEC1 point, 65 bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] if it is not a point of the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Deserializable::from_bytes(bytes)
            .map(Self)
            .map_err(|_| SealError::Key)
    }

    /// The uncompressed SEC1 point.
    pub fn to_bytes(&self) -> [u8; 65] {
        self.0.to_bytes().into()
    }
}

/// The signer's private key. To be destroyed within 48 hours, together with everything encrypted under it.
pub struct SealingKey(<DhP256HkdfSha256 as Kem>::PrivateKey);

impl SealingKey {
    /// A fresh key.
    pub fn generate<R: CryptoRng + ?Sized>(mut rng: &mut R) -> Self {
        Self(DhP256HkdfSha256::gen_keypair_with_rng(&mut rng).0)
    }

    /// Restores a key from its 32 secret bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] if they are not a scalar of the curve.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Deserializable::from_bytes(bytes)
            .map(Self)
            .map_err(|_| SealError::Key)
    }

    /// The 32 secret bytes, for wrapping.
    pub fn to_secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.0.write_exact(bytes.as_mut());
        bytes
    }

    /// The public key to seal to.
    pub fn public_key(&self) -> SealingPublicKey {
        SealingPublicKey(DhP256HkdfSha256::sk_to_pk(&self.0))
    }
}

/// A message that only the signer can read: encapsulated key 65 ‖ ciphertext ‖ tag 16.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRequest(Vec<u8>);

impl SealedRequest {
    /// Seals a message. Keep the opener with the request until the answer has come.
    ///
    /// # Errors
    /// [`SealError::Key`] if HPKE cannot agree with this public key.
    pub fn seal<R: CryptoRng + ?Sized>(
        kind: Kind,
        to: &SealingPublicKey,
        plaintext: &[u8],
        mut rng: &mut R,
    ) -> Result<(Self, ResponseOpener), SealError> {
        let (enc, mut context) = hpke::setup_sender_with_rng::<
            AesGcm256,
            HkdfSha256,
            DhP256HkdfSha256,
        >(&OpModeS::Base, &to.0, kind.info(), &mut rng)
        .map_err(|_| SealError::Key)?;
        let ciphertext =
            scrubbed(|| context.seal(plaintext, b"")).expect("the first message of a context");
        let mut secret = Zeroizing::new([0; 32]);
        context
            .export(RESPONSE_LABEL, secret.as_mut())
            .expect("32 bytes");
        let enc: [u8; ENC_LEN] = enc.to_bytes().into();
        Ok((
            Self([&enc[..], &ciphertext].concat()),
            ResponseOpener { enc, secret },
        ))
    }

    /// A request from storage, to be sent again byte for byte.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// SHA-256 of a sealed request, by which the server recognises a retransmission. Safe to store: it is of ciphertext.
pub fn fingerprint(sealed: &[u8]) -> [u8; 32] {
    sha256(&[sealed])
}

/// Opens what a phone sealed, on the server.
///
/// # Errors
/// [`SealError::Request`] for another kind, another key or changed bytes; the peer is at fault.
pub fn open_request(
    kind: Kind,
    key: &SealingKey,
    sealed: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, ResponseSealer), SealError> {
    let (enc, ciphertext) = sealed
        .split_first_chunk::<ENC_LEN>()
        .ok_or(SealError::Request)?;
    let encapsulated = Deserializable::from_bytes(enc).map_err(|_| SealError::Request)?;
    let mut context = hpke::setup_receiver::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &key.0,
        &encapsulated,
        kind.info(),
    )
    .map_err(|_| SealError::Request)?;
    let plaintext = scrubbed(|| context.open(ciphertext, b"").map(Zeroizing::new))
        .map_err(|_| SealError::Request)?;
    let mut secret = Zeroizing::new([0; 32]);
    context
        .export(RESPONSE_LABEL, secret.as_mut())
        .expect("32 bytes");
    Ok((plaintext, ResponseSealer { enc: *enc, secret }))
}

/// Seals the answers to one request, on the server.
pub struct ResponseSealer {
    enc: [u8; ENC_LEN],
    secret: Zeroizing<[u8; 32]>,
}

impl ResponseSealer {
    /// Seals an answer: response nonce 32 ‖ ciphertext ‖ tag 16. May be called again for a retransmission.
    pub fn seal<R: CryptoRng + ?Sized>(&self, plaintext: &[u8], rng: &mut R) -> Vec<u8> {
        let mut response_nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut response_nonce);
        let (cipher, nonce) = response_cipher(&self.enc, &self.secret, &response_nonce);
        let payload = Payload {
            msg: plaintext,
            aad: b"",
        };
        let ciphertext = cipher
            .encrypt(&nonce, payload)
            .expect("far below the limit of AES-GCM");
        [&response_nonce[..], &ciphertext].concat()
    }
}

/// Opens the answers to one request, on the phone.
pub struct ResponseOpener {
    enc: [u8; ENC_LEN],
    secret: Zeroizing<[u8; 32]>,
}

impl ResponseOpener {
    /// Restores the opener of a stored request from its [`secret`](Self::expose_secret).
    ///
    /// # Errors
    /// [`SealError::Request`] if the request is too short to be one.
    pub fn from_secret(secret: [u8; 32], request: &SealedRequest) -> Result<Self, SealError> {
        let (enc, _) = request.0.split_first_chunk().ok_or(SealError::Request)?;
        Ok(Self {
            enc: *enc,
            secret: Zeroizing::new(secret),
        })
    }

    /// The 32 bytes to store, encrypted, beside the request. They open answers, never the request itself.
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Opens an answer.
    ///
    /// # Errors
    /// [`SealError::Response`] if it answers another request or was changed; the peer is at fault.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (response_nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Response)?;
        let (cipher, nonce) = response_cipher(&self.enc, &self.secret, response_nonce);
        let payload = Payload {
            msg: ciphertext,
            aad: b"",
        };
        cipher
            .decrypt(&nonce, payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Response)
    }
}

/// RFC 9458 §4.4, steps 2–6: key and nonce from HKDF with salt enc ‖ response nonce.
fn response_cipher(
    enc: &[u8; ENC_LEN],
    secret: &[u8; 32],
    response_nonce: &[u8; NONCE_LEN],
) -> (Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>) {
    let salt = [&enc[..], response_nonce].concat();
    let hkdf = Hkdf::<Sha256>::new(Some(&salt), secret);
    let (mut key, mut nonce) = (Zeroizing::new([0; 32]), [0; 12]);
    hkdf.expand(b"key", key.as_mut()).expect("32 bytes");
    hkdf.expand(b"nonce", &mut nonce).expect("12 bytes");
    (Aes256Gcm::new((&*key).into()), nonce.into())
}

/// Why a sealed message was not made or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a key of the curve; whoever provided the key is at fault.
    #[error("the sealing key is invalid")]
    Key,
    /// The request does not open.
    #[error("the sealed request does not open")]
    Request,
    /// The answer does not open.
    #[error("the sealed response does not open")]
    Response,
}

/// Of an uncompressed P-256 point, in bytes.
const ENC_LEN: usize = 65;

/// max(Nn, Nk) of AES-256-GCM, in bytes (RFC 9458 §4.4 step 2).
const NONCE_LEN: usize = 32;

/// The exporter context; the kind is already in the HPKE `info`.
const RESPONSE_LABEL: &[u8] = b"splitkey/hpke/response/v1";
