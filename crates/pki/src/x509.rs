//! X.509 certificates (RFC 5280): build, lint, sign; parse and check.

mod authority;
mod certificate;
mod chain;
mod claims;
mod end_entity;
pub(crate) mod extension_values;
mod extensions;
mod issue;
mod lint;
mod name;
mod profile;
mod services;
pub(crate) mod tbs;
#[cfg(test)]
pub(crate) mod testkit;
pub(crate) mod time;

pub use authority::{
    CaName, Ceremony, CeremonyError, IssuingCa, IssuingCaConfig, IssuingCaError, RootConfig,
    RootPublication, ceremony, certify,
};
pub use certificate::{Certificate, ParseError, SerialNumber};
pub use chain::{ChainError, ChainLink, VerifiedChain, verify_chain};
pub use claims::TbsSummary;
pub use end_entity::{BuildError, EndEntity, Subject, UnsignedCertificate};
pub use extensions::QcStatements;
pub use issue::{IssueError, Linted};
pub use lint::{LintFinding, lint, relint};
pub use name::DistinguishedName;
pub use profile::{EndEntityProfile, Level, Profile, Publication, Purpose, SchemeOids};
pub use services::{
    RESPONDER_LIFETIME, ServiceName, build_list_signer, build_responder, build_time_stamping_unit,
};
pub use time::END_ENTITY_LIFETIME;
pub use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
