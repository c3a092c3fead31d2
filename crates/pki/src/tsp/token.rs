//! A token as it is read (RFC 3161 §2.4.2, RFC 5652 §5).

use const_oid::ObjectIdentifier;
use der::asn1::{Any, Int};
use der::{Decode, Encode};
use jiff::Timestamp;

use super::request::MessageImprint;
use super::structures::{
    self, Attribute, ContentInfo, Response, SignedData, SignerInfo, StatusInfo, TstInfo,
};
use super::time;
use super::verify::TokenError;
use crate::oids;

/// Real tokens have two to eight KiB; bounds the work a stranger can cause.
const MAX_TOKEN_LENGTH: usize = 64 * 1024;

/// PKIStatus granted.
const GRANTED: u8 = 0;

/// A token: CMS SignedData over a TSTInfo. Reading it proves nothing: see [`TimeStampToken::verify`].
#[derive(Debug, Clone)]
pub struct TimeStampToken {
    der: Vec<u8>,
    tst_info: Vec<u8>,
    pub(super) time: Timestamp,
    pub(super) imprint: MessageImprint,
    pub(super) nonce: Option<Int>,
    pub(super) digest_algorithms: Vec<spki::AlgorithmIdentifierOwned>,
    /// Each as it stands there; empty if there are none.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) signer: Signer,
}

/// The one SignerInfo.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) issuer: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) digest_algorithm: spki::AlgorithmIdentifierOwned,
    /// The SET OF that is signed.
    pub(super) signed_attributes: Vec<u8>,
    pub(super) attributes: Vec<(ObjectIdentifier, structures::SetBytes)>,
    pub(super) signature_algorithm: spki::AlgorithmIdentifierOwned,
    pub(super) signature: Vec<u8>,
}

impl TimeStampToken {
    /// Reads a DER token (at most 64 KiB): SignedData of one signer over a TSTInfo.
    ///
    /// # Errors
    /// [`TokenError`] says what is wrong with it.
    pub fn parse(der: &[u8]) -> Result<Self, TokenError> {
        if der.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::TooLong);
        }
        let ContentInfo {
            content_type,
            content: data,
        } = ContentInfo::from_der(der).map_err(TokenError::Malformed)?;
        if content_type != structures::SIGNED_DATA
            || data.content.content_type != structures::TST_INFO
        {
            return Err(TokenError::NotATimeStamp);
        }
        // RFC 5652 §5.1: 3, because the content is not id-data.
        if data.version != 3 {
            return Err(TokenError::UnknownVersion);
        }
        let signer = Signer::read(&data)?;
        let tst_info = data.content.content.as_bytes().to_vec();
        let info = TstInfo::from_der(&tst_info).map_err(TokenError::Malformed)?;
        if info.version.as_bytes() != [1] {
            return Err(TokenError::UnknownVersion);
        }
        for extension in info.extensions.iter().flatten() {
            if extension.critical && extension.extn_id != oids::QC_STATEMENTS {
                return Err(TokenError::UnknownCriticalExtension(extension.extn_id));
            }
        }
        let certificates = match &data.certificates {
            Some(set) => set.element_bytes().map_err(TokenError::Malformed)?,
            None => Vec::new(),
        };
        Ok(Self {
            der: der.to_vec(),
            time: time::decode(&info.time).ok_or(TokenError::Time)?,
            imprint: MessageImprint::read(&info.message_imprint)
                .map_err(|_| TokenError::ImprintAlgorithm)?,
            nonce: info.nonce,
            tst_info,
            digest_algorithms: data
                .digest_algorithms
                .elements()
                .map_err(TokenError::Malformed)?,
            certificates: certificates.into_iter().map(<[u8]>::to_vec).collect(),
            signer,
        })
    }

    /// The whole answer (TimeStampResp with status granted), DER.
    pub fn response(&self) -> Vec<u8> {
        let response = || {
            Response {
                status: StatusInfo {
                    status: GRANTED,
                    text: None,
                    failure: None,
                },
                token: Some(Any::from_der(&self.der)?),
            }
            .to_der()
        };
        response().expect("a token that was read from DER encodes again")
    }

    /// The token, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER TSTInfo: what is signed.
    pub fn tst_info_der(&self) -> &[u8] {
        &self.tst_info
    }
}

impl Signer {
    fn read(data: &SignedData) -> Result<Self, TokenError> {
        let signers = data
            .signers
            .element_bytes()
            .map_err(TokenError::Malformed)?;
        // RFC 3161 §2.4.2: no signature other than the authority's.
        let [signer] = signers.as_slice() else {
            return Err(TokenError::NotOneSigner);
        };
        let signer = SignerInfo::from_der(signer).map_err(TokenError::Malformed)?;
        // RFC 5652 §5.3: 1, because the signer is named by issuer and serial number.
        if signer.version != 1 {
            return Err(TokenError::UnknownVersion);
        }
        let read = || {
            let attributes: Vec<Attribute> = signer.signed_attributes.elements()?;
            Ok(Self {
                issuer: signer.signer.issuer.to_der()?,
                serial: signer.signer.serial.as_bytes().to_vec(),
                signed_attributes: signer.signed_attributes.to_der()?,
                attributes: attributes
                    .into_iter()
                    .map(|attribute| (attribute.oid, attribute.values))
                    .collect(),
                digest_algorithm: signer.digest_algorithm.clone(),
                signature_algorithm: signer.signature_algorithm.clone(),
                signature: signer.signature.as_bytes().to_vec(),
            })
        };
        read().map_err(TokenError::Malformed)
    }
}
