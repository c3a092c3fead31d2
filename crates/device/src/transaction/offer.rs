//! What the server says is to be signed, checked against all that the phone knows.

use crate::{
    Contradiction, INTERACTIONS, RequestView, exchange::Step, server::TrustedServer,
    state::Account, view::purpose_of,
};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use jiff::Timestamp;
use splitkey::{Hash, KeyId, Scheme, TransactionId};
use wire::{
    FlowType, HashAlgorithm, Interactions, SignatureAlgorithm, acsp_v2, device_link,
    device_v1::{PendingSession, RequestKind, SignOffer, TransactionOffer},
    verification_code,
};
use zeroize::Zeroizing;

/// A request that may be confirmed: what is shown, and the digest computed from it.
pub(crate) struct Chosen {
    pub(crate) request: RequestView,
    pub(crate) transaction: TransactionId,
    /// The server's nonce.
    pub(crate) r: [u8; 32],
    pub(crate) expires_at: Timestamp,
    pub(crate) signature_algorithm: SignatureAlgorithm,
    pub(crate) hash_algorithm: HashAlgorithm,
    /// Of the ACSP_V2 payload, or the relying party's own.
    pub(crate) digest: Vec<u8>,
    /// Ours, in the payload; empty for raw digests.
    pub(crate) user_challenge: String,
    /// The e-service's address for afterwards, complete.
    pub(crate) return_to: Option<String>,
}

impl Chosen {
    /// Checks the offer and computes what will be signed from what will be shown (splitkey.md §4.1).
    pub(crate) fn check(
        transaction: &TransactionOffer,
        listed: &PendingSession,
        account: &Account,
        server: &TrustedServer,
        step: &mut Step<'_>,
    ) -> Result<Self, Contradiction> {
        let offer = transaction
            .sign
            .as_ref()
            .ok_or(Contradiction::Malformed("the transaction"))?;
        if offer.session_id != listed.session_id || offer.kind != listed.kind {
            return Err(Contradiction::Session);
        }
        let purpose = purpose_of(offer.kind);
        let record = account.record(purpose).map_err(|_| Contradiction::Keys)?;
        // PIN1 never signs what needs PIN2, nor the other way round (R75).
        if record.context().key_id != KeyId(offer.key_id.0) {
            return Err(Contradiction::Keys);
        }
        if offer.scheme_name != server.scheme_name {
            return Err(Contradiction::SchemeName);
        }
        let as_listed = offer.relying_party_name == listed.relying_party_name
            && offer.brokered_rp_name == listed.brokered_rp_name
            && Some(&offer.interactions) == listed.interactions.as_ref()
            && offer.flow_type == listed.flow_type
            && offer.verification_code == listed.verification_code;
        if !as_listed {
            return Err(Contradiction::NotAsListed);
        }
        let interactions =
            Interactions::parse(&offer.interactions).map_err(|_| Contradiction::Interactions)?;
        if interactions.first_supported(INTERACTIONS) != Some(offer.interaction_type_used) {
            return Err(Contradiction::InteractionChoice);
        }
        let text = interactions
            .text(offer.interaction_type_used)
            .ok_or(Contradiction::Interactions)?;
        check_flow(offer, listed)?;
        if offer
            .signature_algorithm
            .fixed_hash()
            .is_some_and(|hash| hash != offer.hash_algorithm)
        {
            return Err(Contradiction::SigningData);
        }
        let verifier = Verifier::new(step);
        let user_challenge = match offer.kind {
            RequestKind::Authentication if offer.digest.is_none() => verifier.challenge(),
            _ => String::new(),
        };
        let digest = match offer.kind {
            RequestKind::Authentication if offer.digest.is_none() => {
                payload_digest(offer, &user_challenge)?
            }
            RequestKind::Authentication => authentication_hash(offer)?,
            RequestKind::Signature => raw_digest(offer)?,
            RequestKind::CertificateChoice => return Err(Contradiction::SigningData),
        };
        Ok(Self {
            request: RequestView {
                session_id: offer.session_id,
                kind: offer.kind,
                relying_party_name: offer.relying_party_name.clone(),
                brokered_rp_name: offer.brokered_rp_name.clone(),
                interaction: offer.interaction_type_used,
                text: text.to_owned(),
                verification_code: offer.verification_code.clone(),
                expires_at: listed.expires_at,
            },
            transaction: TransactionId(transaction.transaction_id.0),
            r: transaction.r.0,
            expires_at: transaction.expires_at,
            signature_algorithm: offer.signature_algorithm,
            hash_algorithm: offer.hash_algorithm,
            digest,
            user_challenge,
            return_to: return_address(listed, &verifier),
        })
    }
}

/// What goes with each flow (rp-api.md §4, §7).
fn check_flow(offer: &SignOffer, listed: &PendingSession) -> Result<(), Contradiction> {
    let callback = listed
        .callback
        .as_ref()
        .map_or("", |callback| &callback.initial_callback_url);
    // Only same-device flows sign the callback; a linked signature has one and signs the digest alone.
    let signed = match offer.flow_type {
        FlowType::Web2App | FlowType::App2App => callback,
        FlowType::Qr | FlowType::Notification => "",
    };
    let has_code = offer.flow_type == FlowType::Notification && listed.linked_session_id.is_none();
    if offer.initial_callback_url != signed
        || (offer.flow_type == FlowType::Qr && listed.callback.is_some())
        || offer.verification_code.is_some() != has_code
        || (offer.interaction_type_used.has_code_choice() && !has_code)
    {
        return Err(Contradiction::FlowType);
    }
    Ok(())
}

/// The address that a same-device flow returns to, with what proves to the e-service that it is ours.
pub(crate) fn return_address(listed: &PendingSession, verifier: &Verifier) -> Option<String> {
    let callback = listed.callback.as_ref()?;
    let authentication = listed.kind == RequestKind::Authentication;
    Some(device_link::callback_url(
        &callback.initial_callback_url,
        &callback.session_secret_digest,
        authentication.then_some(verifier.0.as_str()),
    ))
}

fn payload_digest(offer: &SignOffer, user_challenge: &str) -> Result<Vec<u8>, Contradiction> {
    let (Some(rp_challenge), Some(server_random), None) =
        (&offer.rp_challenge, &offer.server_random, &offer.digest)
    else {
        return Err(Contradiction::SigningData);
    };
    // Base64 also keeps the field separator `|` out of both.
    let challenge = Base64::decode_vec(rp_challenge).map_err(|_| Contradiction::SigningData)?;
    if !(32..=64).contains(&challenge.len())
        || !Base64::decode_vec(server_random).is_ok_and(|bytes| bytes.len() >= 18)
    {
        return Err(Contradiction::SigningData);
    }
    if offer
        .verification_code
        .as_ref()
        .is_some_and(|code| *code != verification_code(&challenge))
    {
        return Err(Contradiction::VerificationCode);
    }
    let payload = acsp_v2::payload(&acsp_v2::Fields {
        scheme_name: &offer.scheme_name,
        server_random,
        rp_challenge,
        user_challenge,
        relying_party_name: &offer.relying_party_name,
        brokered_rp_name: &offer.brokered_rp_name,
        interactions: &offer.interactions,
        interaction_type_used: offer.interaction_type_used,
        initial_callback_url: &offer.initial_callback_url,
        flow_type: offer.flow_type,
    });
    Ok(hash(offer.hash_algorithm).digest(&[payload.as_bytes()]))
}

fn raw_digest(offer: &SignOffer) -> Result<Vec<u8>, Contradiction> {
    match (&offer.digest, &offer.rp_challenge, &offer.server_random) {
        (Some(digest), None, None) if digest.0.len() == offer.hash_algorithm.digest_len() => {
            Ok(digest.0.clone())
        }
        _ => Err(Contradiction::SigningData),
    }
}

/// RP API v2: the relying party's own hash under the authentication key. Always by notification, always PKCS#1 v1.5, so
/// that it is never what an ACSP_V2 signature is, and the code comes from the hash.
fn authentication_hash(offer: &SignOffer) -> Result<Vec<u8>, Contradiction> {
    let hash = raw_digest(offer)?;
    if offer.flow_type != FlowType::Notification || offer.signature_algorithm.fixed_hash().is_none()
    {
        return Err(Contradiction::SigningData);
    }
    if offer.verification_code != Some(verification_code(&hash)) {
        return Err(Contradiction::VerificationCode);
    }
    Ok(hash)
}

/// `userChallengeVerifier`: told to the e-service by the callback of a same-device flow, else to nobody.
pub(crate) struct Verifier(Zeroizing<String>);

impl Verifier {
    pub(crate) fn new(step: &mut Step<'_>) -> Self {
        let bytes = Zeroizing::new(step.random::<32>());
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(
            bytes.as_ref(),
        )))
    }

    fn challenge(&self) -> String {
        acsp_v2::user_challenge(&self.0)
    }
}

/// Padding and hash.
pub(crate) fn scheme(signature: SignatureAlgorithm, hash_algorithm: HashAlgorithm) -> Scheme {
    let hash = hash(hash_algorithm);
    match signature {
        SignatureAlgorithm::RsassaPss => Scheme::Pss(hash),
        SignatureAlgorithm::Sha256WithRsaEncryption
        | SignatureAlgorithm::Sha384WithRsaEncryption
        | SignatureAlgorithm::Sha512WithRsaEncryption => Scheme::Pkcs1v15(hash),
    }
}

fn hash(algorithm: HashAlgorithm) -> Hash {
    match algorithm {
        HashAlgorithm::Sha256 => Hash::Sha256,
        HashAlgorithm::Sha384 => Hash::Sha384,
        HashAlgorithm::Sha512 => Hash::Sha512,
        HashAlgorithm::Sha3_256 => Hash::Sha3_256,
        HashAlgorithm::Sha3_384 => Hash::Sha3_384,
        HashAlgorithm::Sha3_512 => Hash::Sha3_512,
    }
}
