//! What travels between relying parties, phones and the server: identifiers, bodies, signatures, codes.
//!
//! Parsing is validating: a value of one of these types is well-formed, and what is not well-formed gets an
//! error that says where and why. Nothing here decides who may do what; that is the engine's.
//!
//! * identifiers and small enums at the root,
//! * [`rp_v3`], [`rp_v2`]: bodies of the Relying Party API,
//! * [`device_v1`]: bodies of the device API,
//! * [`acsp_v2`], [`device_link`]: the texts that are signed and MACed,
//! * [`http_signature`]: how phones sign requests; [`server_key`]: how the server's key of the day is vouched for,
//! * [`audit_checkpoint`]: how the state of the audit trail is vouched for,
//! * [`problem`]: RFC 9457.

pub mod acsp_v2;
pub mod audit_checkpoint;
mod bytes;
mod codes;
pub mod device_link;
pub mod device_v1;
mod end_result;
mod fields;
pub mod http_signature;
mod identifiers;
mod interactions;
mod national_number;
pub mod problem;
pub mod rp_v2;
pub mod rp_v3;
pub mod server_key;
mod signature;
mod unique_json;

pub use bytes::{Bytes, FixedBytes};
pub use codes::{
    ControlCode, NotARegistrationCode, RegistrationCode, VerificationCode, verification_code,
};
pub use end_result::EndResult;
pub use identifiers::{
    Country, DeviceId, DocumentNumber, DocumentSuffix, IdentityType, KeyId, NotAnIdentifier,
    RegistrationId, RelyingPartyUuid, SemanticsIdentifier, SessionId, TransactionId,
};
pub use interactions::{
    Interaction, InteractionError, InteractionType, Interactions, MAX_INTERACTIONS,
};
pub use national_number::{NationalNumber, NationalNumberError};
pub use signature::{CertificateLevel, FlowType, HashAlgorithm, SessionType, SignatureAlgorithm};
