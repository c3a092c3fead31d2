//! What certificates, revocation lists and OCSP answers have in common: a part that is signed, the algorithm, the signature.

use der::asn1::BitString;
use der::{Decode, Encode, Reader, SliceReader};
use spki::AlgorithmIdentifierOwned;

use crate::asn1;
use crate::public_key::{PublicKey, VerificationError};
use crate::signer::{SignatureAlgorithm, Signer};
use crate::x509::IssueError;

/// Signs for the holder of `key` with `algorithm`; a faulty device or a fault attack must not put a bad signature into the
/// world, so that it is verified at once.
pub(crate) fn sign(
    tbs: &[u8],
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    if signer.public_key_spki() != key.spki_der() {
        return Err(IssueError::WrongSigner);
    }
    if signer.algorithm() != algorithm {
        return Err(IssueError::WrongAlgorithm);
    }
    let signature = signer.sign(tbs)?;
    key.verify(algorithm, tbs, &signature)?;
    Ok(signature)
}

/// The signed part, its algorithm and its signature in a SEQUENCE, as X.509 has it; `more` stands after them.
pub(crate) fn assemble(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    more: &[u8],
) -> der::Result<Vec<u8>> {
    asn1::sequence(&[
        tbs,
        &algorithm.identifier().to_der()?,
        &BitString::from_bytes(signature)?.to_der()?,
        more,
    ])
}

/// The parts of something signed; `tbs` and `more` as they came.
pub(crate) struct Signed<'a> {
    pub(crate) tbs: &'a [u8],
    pub(crate) algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: BitString,
    /// What stands after the signature, if anything may.
    pub(crate) more: Option<&'a [u8]>,
}

impl<'a> Signed<'a> {
    /// Reads exactly the three parts.
    pub(crate) fn read(der: &'a [u8]) -> der::Result<Self> {
        let signed = Self::read_with_more(der)?;
        match signed.more {
            None => Ok(signed),
            Some(_) => Err(der::Error::from(der::Tag::Sequence.length_error())),
        }
    }

    /// Reads the three parts and one value after them, if it is there.
    pub(crate) fn read_with_more(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let signed = reader.sequence(|reader| {
            Ok::<_, der::Error>(Self {
                tbs: reader.tlv_bytes()?,
                algorithm: AlgorithmIdentifierOwned::decode(reader)?,
                signature: BitString::decode(reader)?,
                more: if reader.is_finished() {
                    None
                } else {
                    Some(reader.tlv_bytes()?)
                },
            })
        })?;
        reader.finish()?;
        Ok(signed)
    }

    /// Verifies the signature under `key`.
    pub(crate) fn verify(
        algorithm: &AlgorithmIdentifierOwned,
        key: &PublicKey,
        tbs: &[u8],
        signature: &[u8],
    ) -> Result<(), VerificationError> {
        let known = SignatureAlgorithm::from_oid(&algorithm.oid)
            .ok_or(VerificationError::UnsupportedKey)?;
        // Nothing signs this field, so only its one form is taken; RFC 4055 §5: with RSA, absent parameters as well.
        if algorithm.parameters.is_some() && *algorithm != known.identifier() {
            return Err(VerificationError::UnsupportedKey);
        }
        key.verify(known, tbs, signature)
    }
}
