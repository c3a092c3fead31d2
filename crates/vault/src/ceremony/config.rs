use pki::ObjectIdentifier;
use pki::x509::{CaName, Level, Publication, RootConfig, RootPublication, SchemeOids};
use serde::Deserialize;

use super::CeremonyError;
use crate::authority::{EID_NQ, EID_Q, LIST_SIGNER, ROOT, UNIT};

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
    /// The time-stamping unit below the root; none if absent.
    #[serde(default)]
    pub time_stamping: Option<TimeStampingConfig>,
    /// The signer of the trusted list; none if absent.
    #[serde(default)]
    pub trusted_list: Option<TrustedListConfig>,
    /// Further issuing authorities, in the order in which they come: the newest of a level issues, those before it answer
    /// for what they issued.
    #[serde(default)]
    pub successors: Vec<SuccessorConfig>,
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

/// The time-stamping unit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeStampingConfig {
    /// Common name; another one than the vault's unit has asks for a new unit.
    pub common_name: String,
}

/// The signer of the trusted list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedListConfig {
    /// Common name; another one than the vault's signer has asks for a new signer.
    pub common_name: String,
    /// Name of the scheme operator; the organisation's if absent.
    #[serde(default)]
    pub operator: Option<String>,
}

/// An issuing authority after the first of its level. All addresses are `http` (RFC 5280 §8).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuccessorConfig {
    /// What it is called in file names and addresses: lower-case letters, digits and hyphens, as in `eid-q-2031`.
    pub name: String,
    /// Whom it issues to.
    pub level: SuccessorLevel,
    /// Common name.
    pub common_name: String,
    /// Address of its certificate (DER).
    pub certificate_url: String,
    /// Address of its revocation list.
    pub crl_url: String,
    /// Address of its OCSP responder.
    pub ocsp_url: String,
}

/// Whom a successor issues to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuccessorLevel {
    /// Qualified accounts, as `eid_q`.
    Qualified,
    /// Basic accounts, as `eid_nq`.
    Basic,
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

    /// All issuing authorities, in the order in which they are made.
    pub(super) fn authorities(&self) -> Result<Vec<PlannedAuthority>, CeremonyError> {
        let first = |name: &str, level, authority: &IssuingAuthorityConfig| {
            self.planned(name, level, authority.clone())
        };
        let mut planned = vec![
            first(EID_Q, Level::Qualified, &self.eid_q)?,
            first(EID_NQ, Level::Basic, &self.eid_nq)?,
        ];
        for successor in &self.successors {
            let name = &successor.name;
            check_name(name)?;
            if planned.iter().any(|authority| authority.name == *name) {
                return Err(CeremonyError::NameTaken(name.clone()));
            }
            let authority = IssuingAuthorityConfig {
                common_name: successor.common_name.clone(),
                certificate_url: successor.certificate_url.clone(),
                crl_url: successor.crl_url.clone(),
                ocsp_url: successor.ocsp_url.clone(),
            };
            let level = match successor.level {
                SuccessorLevel::Qualified => Level::Qualified,
                SuccessorLevel::Basic => Level::Basic,
            };
            planned.push(self.planned(name, level, authority)?);
        }
        Ok(planned)
    }

    /// Refuses authorities that could be made and then not be used, or not be told apart. What is made already cannot be
    /// changed any more, and must not be in the way of what else a later ceremony does.
    pub(super) fn check_usable(
        &self,
        planned: &[PlannedAuthority],
        is_made: impl Fn(&str) -> bool,
    ) -> Result<(), CeremonyError> {
        for authority in planned {
            if let Some(what) = authority.publication.unfit_address()
                && !is_made(&authority.name)
            {
                return Err(CeremonyError::Address(authority.name.clone(), what));
            }
        }
        let root = &self.root;
        let mut before = vec![Distinct {
            name: ROOT,
            common_name: &root.common_name,
            addresses: [
                Some(&root.certificate_url),
                Some(&root.crl_url),
                root.ocsp_url.as_ref(),
            ],
        }];
        for authority in planned {
            let publication = &authority.publication;
            let one = Distinct {
                name: &authority.name,
                common_name: &authority.subject.common_name,
                addresses: [
                    Some(&publication.ca_issuers_url),
                    Some(&publication.crl_url),
                    Some(&publication.ocsp_url),
                ],
            };
            for other in &before {
                if !(is_made(one.name) && is_made(other.name)) {
                    one.check_against(other)?;
                }
            }
            before.push(one);
        }
        Ok(())
    }

    fn planned(
        &self,
        name: &str,
        level: Level,
        authority: IssuingAuthorityConfig,
    ) -> Result<PlannedAuthority, CeremonyError> {
        Ok(PlannedAuthority {
            name: name.to_owned(),
            level,
            subject: self.organization.name(&authority.common_name),
            publication: Publication {
                ca_issuers_url: authority.certificate_url,
                ocsp_url: authority.ocsp_url,
                crl_url: authority.crl_url,
                practice_statement_url: self.practice_statement_url.clone(),
                disclosure_statement_url: self.disclosure_statement_url.clone(),
                oids: self
                    .policies
                    .as_ref()
                    .map_or(Ok(SchemeOids::SK), PoliciesConfig::oids)?,
            },
        })
    }

    pub(super) fn unit(&self) -> Option<CaName> {
        let unit = self.time_stamping.as_ref()?;
        Some(self.organization.name(&unit.common_name))
    }

    pub(super) fn list_signer(&self) -> Option<CaName> {
        let signer = self.trusted_list.as_ref()?;
        let mut name = self.organization.name(&signer.common_name);
        if let Some(operator) = &signer.operator {
            name.organization.clone_from(operator);
        }
        Some(name)
    }
}

/// What no two authorities may have in common.
struct Distinct<'a> {
    name: &'a str,
    common_name: &'a str,
    addresses: [Option<&'a String>; 3],
}

impl Distinct<'_> {
    fn check_against(&self, other: &Self) -> Result<(), CeremonyError> {
        let both = || [self, other].map(|one| one.name.to_owned());
        // All have the same organisation, so this would be the same name over another key.
        if self.common_name == other.common_name {
            let [one, other] = both();
            return Err(CeremonyError::SameName(one, other));
        }
        let theirs = other.addresses.iter().flatten();
        for address in self.addresses.iter().flatten() {
            if theirs.clone().any(|their| their == address) {
                let [one, other] = both();
                return Err(CeremonyError::SameAddress(one, other, (*address).clone()));
            }
        }
        Ok(())
    }
}

/// An issuing authority as the file has it.
pub(super) struct PlannedAuthority {
    pub(super) name: String,
    pub(super) level: Level,
    pub(super) subject: CaName,
    pub(super) publication: Publication,
}

/// It becomes part of file names and addresses, beside names of our own.
fn check_name(name: &str) -> Result<(), CeremonyError> {
    let allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
    if !(1..=64).contains(&name.len()) || !name.chars().all(allowed) || name.starts_with('-') {
        return Err(CeremonyError::Name(name.to_owned()));
    }
    let numbered = |ours: &str| {
        let rest = name.strip_prefix(ours);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if name == ROOT || numbered(UNIT) || numbered(LIST_SIGNER) {
        return Err(CeremonyError::NameTaken(name.to_owned()));
    }
    Ok(())
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
        let (qualified_policy, basic_policy) = (oid(&self.qualified)?, oid(&self.basic)?);
        if qualified_policy == basic_policy {
            return Err(CeremonyError::SamePolicy(qualified_policy));
        }
        Ok(SchemeOids {
            qualified_policy,
            basic_policy,
            authentication_usage: oid(&self.authentication_usage)?,
        })
    }
}
