//! What is signed: the server computes it from the session, never from what the phone says.

use super::Service;
use crate::domain::{Session, ToBeSigned};
use sha2::Digest;
use splitkey::{EncodedMessage, JointSalt, Profile};
use wire::{HashAlgorithm, InteractionType};

/// What the phone and the server put into one signature beside the session itself.
pub(super) struct Contribution<'a> {
    pub(super) interaction: InteractionType,
    pub(super) server_random: &'a str,
    pub(super) user_challenge: &'a str,
    pub(super) salt: JointSalt,
}

impl Service {
    /// The digest that the signature is over: of the ACSP_V2 payload, or the relying party's own.
    ///
    /// `None` for a session that no phone has, or that signs nothing.
    pub(super) fn digest(&self, session: &Session, part: &Contribution<'_>) -> Option<Vec<u8>> {
        let request = &session.request;
        let to_be_signed = request.to_be_signed(
            &self.policy.scheme_name,
            session.flow_type()?,
            part.interaction,
            part.server_random,
            part.user_challenge,
        );
        Some(match to_be_signed.ok()? {
            ToBeSigned::Digest(digest) => digest,
            ToBeSigned::Payload(text) => {
                hash(request.signing.as_ref()?.hash_algorithm, text.as_bytes())
            }
        })
    }

    /// EM, as splitkey.md §4.1 has both sides compute it; `None` as for the digest.
    pub(super) fn encoded_message(
        &self,
        session: &Session,
        profile: Profile,
        part: &Contribution<'_>,
    ) -> Option<EncodedMessage> {
        let digest = self.digest(session, part)?;
        EncodedMessage::encode(profile, session.request.scheme()?, &digest, &part.salt).ok()
    }
}

fn hash(algorithm: HashAlgorithm, data: &[u8]) -> Vec<u8> {
    match algorithm {
        HashAlgorithm::Sha256 => sha2::Sha256::digest(data).to_vec(),
        HashAlgorithm::Sha384 => sha2::Sha384::digest(data).to_vec(),
        HashAlgorithm::Sha512 => sha2::Sha512::digest(data).to_vec(),
        HashAlgorithm::Sha3_256 => sha3::Sha3_256::digest(data).to_vec(),
        HashAlgorithm::Sha3_384 => sha3::Sha3_384::digest(data).to_vec(),
        HashAlgorithm::Sha3_512 => sha3::Sha3_512::digest(data).to_vec(),
    }
}
