use pki::ObjectIdentifier;
use pki::x509::{CaName, Level, Publication, RootConfig, RootPublication, SchemeOids};
use serde::Deserialize;

use super::CeremonyError;

/// What goes into the certificates of a deployment's authorities: reviewed by people before the ceremony, since it
/// cannot be changed after it. A sample is `ceremony.toml` of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonyConfig {
    /// Who runs the authorities.
    pub organization: OrganizationConfig,
    /// Address of the certification practice statement; stands in all certificates below the root.
    pub practice_statement_url: String,
    /// `https` address of the disclosure statement in English (ETSI EN 319 412-5 §4.3.4).
    pub disclosure_statement_url: String,
    /// The root.
    pub root: RootAuthorityConfig,
    /// The issuing authority for qualified accounts.
    pub eid_q: IssuingAuthorityConfig,
    /// The issuing authority for basic accounts.
    pub eid_nq: IssuingAuthorityConfig,
    /// The scheme's object identifiers; SK's if absent, because relying-party clients have them built in.
    #[serde(default)]
    pub policies: Option<PoliciesConfig>,
}

/// The organisation in every authority's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationConfig {
    /// Its name.
    pub name: String,
    /// ETSI EN 319 412-1 §5.1.4 identifier, for example `NTREE-10747013`.
    pub identifier: String,
    /// ISO 3166-1 alpha-2 code, upper case.
    pub country: String,
}

/// The root and where it publishes. All addresses are `http` (RFC 5280 §8).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootAuthorityConfig {
    /// Common name.
    pub common_name: String,
    /// Address of its certificate (DER).
    pub certificate_url: String,
    /// Address of its revocation list.
    pub crl_url: String,
    /// Address of its OCSP responder, if it has one.
    #[serde(default)]
    pub ocsp_url: Option<String>,
}

/// An issuing authority and where it publishes. All addresses are `http` (RFC 5280 §8).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuingAuthorityConfig {
    /// Common name.
    pub common_name: String,
    /// Address of its certificate (DER).
    pub certificate_url: String,
    /// Address of its revocation list.
    pub crl_url: String,
    /// Address of its OCSP responder.
    pub ocsp_url: String,
}

/// A scheme's own object identifiers, in dotted form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoliciesConfig {
    /// Policy of qualified certificates.
    pub qualified: String,
    /// Policy of basic certificates.
    pub basic: String,
    /// The extended key usage of authentication certificates.
    pub authentication_usage: String,
}

impl CeremonyConfig {
    pub(super) fn root(&self) -> RootConfig {
        RootConfig {
            name: self.organization.name(&self.root.common_name),
            publication: RootPublication {
                ca_issuers_url: self.root.certificate_url.clone(),
                ocsp_url: self.root.ocsp_url.clone(),
                crl_url: self.root.crl_url.clone(),
                practice_statement_url: self.practice_statement_url.clone(),
            },
        }
    }

    pub(super) fn publication(&self, level: Level) -> Result<Publication, CeremonyError> {
        let authority = match level {
            Level::Qualified => &self.eid_q,
            Level::Basic => &self.eid_nq,
        };
        Ok(Publication {
            ca_issuers_url: authority.certificate_url.clone(),
            ocsp_url: authority.ocsp_url.clone(),
            crl_url: authority.crl_url.clone(),
            practice_statement_url: self.practice_statement_url.clone(),
            disclosure_statement_url: self.disclosure_statement_url.clone(),
            oids: self
                .policies
                .as_ref()
                .map_or(Ok(SchemeOids::SK), PoliciesConfig::oids)?,
        })
    }
}

impl OrganizationConfig {
    pub(super) fn name(&self, common_name: &str) -> CaName {
        CaName {
            common_name: common_name.to_owned(),
            organization_identifier: self.identifier.clone(),
            organization: self.name.clone(),
            country: self.country.clone(),
        }
    }
}

impl PoliciesConfig {
    fn oids(&self) -> Result<SchemeOids, CeremonyError> {
        let oid = |text: &String| {
            ObjectIdentifier::new(text).map_err(|_| CeremonyError::ObjectIdentifier(text.clone()))
        };
        Ok(SchemeOids {
            qualified_policy: oid(&self.qualified)?,
            basic_policy: oid(&self.basic)?,
            authentication_usage: oid(&self.authentication_usage)?,
        })
    }
}
