//! Certificate authorities: the ceremony that makes them, and one ready to issue.

use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use thiserror::Error;
use x509_cert::ext::Extension;

use super::certificate::Certificate;
use super::end_entity::{BuildError, Issuer, UnsignedCertificate};
use super::extension_values as value;
use super::issue::IssueError;
use super::lint::{LintFinding, lint};
use super::name::DistinguishedName;
use super::profile::{Level, Profile, Publication};
use super::tbs::{Parts, serial_number};
use crate::oids;
use crate::public_key::{PublicKey, PublicKeyError};
use crate::signer::{SignatureAlgorithm, Signer};

/// The root lives 20 years of 365 days, less a second.
pub(crate) const ROOT_LIFETIME: SignedDuration = SignedDuration::from_secs(20 * 365 * 86_400 - 1);

/// An issuing authority lives 15 years of 365 days, less a second (EID-Q 2024E).
pub(crate) const ISSUING_CA_LIFETIME: SignedDuration =
    SignedDuration::from_secs(15 * 365 * 86_400 - 1);

/// Authorities are valid from an hour before their ceremony, so that a first certificate may be back-dated a little and a
/// relying party whose clock is behind accepts it.
const BACK_DATING: SignedDuration = SignedDuration::from_hours(1);

/// Makes a root and the issuing authorities below it. Each certificate is linted before the root signs it and verified
/// after.
///
/// # Errors
/// [`CeremonyError`] names the first step that failed; nothing of the ceremony may be used then.
pub fn ceremony<R>(
    root: &RootConfig,
    root_signer: &dyn Signer,
    issuing: &[IssuingCaConfig],
    now: Timestamp,
    rng: &mut R,
) -> Result<Ceremony, CeremonyError>
where
    R: CryptoRng + ?Sized,
{
    let not_before = now.checked_sub(BACK_DATING).map_err(BuildError::Time)?;
    let root_certificate = sign(root.build(root_signer, not_before, rng)?, root_signer)?;
    let issuing = issuing
        .iter()
        .map(|config| {
            sign(
                config.build(root, &root_certificate, not_before, rng)?,
                root_signer,
            )
        })
        .collect::<Result<_, CeremonyError>>()?;
    Ok(Ceremony {
        root: root_certificate,
        issuing,
    })
}

/// Makes one more issuing authority below a root that exists. Of `root` only the addresses count: the name is the
/// certificate's.
///
/// # Errors
/// [`CeremonyError`]; no certificate exists then.
pub fn certify<R>(
    config: &IssuingCaConfig,
    root: &RootConfig,
    root_certificate: &Certificate,
    root_signer: &dyn Signer,
    now: Timestamp,
    rng: &mut R,
) -> Result<Certificate, CeremonyError>
where
    R: CryptoRng + ?Sized,
{
    let not_before = now.checked_sub(BACK_DATING).map_err(BuildError::Time)?;
    sign(
        config.build(root, root_certificate, not_before, rng)?,
        root_signer,
    )
}

/// What a ceremony made.
#[derive(Debug, Clone)]
pub struct Ceremony {
    /// The trust anchor.
    pub root: Certificate,
    /// The issuing authorities, in the order they were asked for.
    pub issuing: Vec<Certificate>,
}

/// The root to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootConfig {
    /// Its name.
    pub name: CaName,
    /// Where it publishes; stands in the certificates of the authorities below it.
    pub publication: RootPublication,
}

/// Where a root publishes what the certificates below it point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootPublication {
    /// `http` address of the root certificate (DER).
    pub ca_issuers_url: String,
    /// `http` address of the root's OCSP responder, if it has one.
    pub ocsp_url: Option<String>,
    /// `http` address of the root's revocation list.
    pub crl_url: String,
    /// Address of the certification practice statement.
    pub practice_statement_url: String,
}

/// An issuing authority to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuingCaConfig {
    /// Its name.
    pub name: CaName,
    /// Its public key as DER `SubjectPublicKeyInfo`: an elliptic-curve key, P-384 by rule.
    pub public_key_spki: Vec<u8>,
}

/// An authority's name, encoded in the order CN, organizationIdentifier, O, C (as EID-Q 2024E).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaName {
    /// Common name.
    pub common_name: String,
    /// ETSI EN 319 412-1 §5.1.4 identifier of the organisation, `NTREE-10747013`.
    pub organization_identifier: String,
    /// Organisation.
    pub organization: String,
    /// ISO 3166-1 alpha-2 country, upper case.
    pub country: String,
}

impl CaName {
    pub(crate) fn name(&self) -> der::Result<DistinguishedName> {
        DistinguishedName::build(&[
            (oids::COMMON_NAME, &self.common_name),
            (oids::ORGANIZATION_IDENTIFIER, &self.organization_identifier),
            (oids::ORGANIZATION, &self.organization),
            (oids::COUNTRY, &self.country),
        ])
    }
}

impl RootConfig {
    fn build<R>(
        &self,
        signer: &dyn Signer,
        not_before: Timestamp,
        rng: &mut R,
    ) -> Result<UnsignedCertificate, CeremonyError>
    where
        R: CryptoRng + ?Sized,
    {
        let public_key = PublicKey::from_spki_der(signer.public_key_spki())?;
        let name = self.name.name().map_err(BuildError::from)?;
        let key_identifier = public_key.key_identifier().to_vec();
        let rules = Profile::RootCa.extension_rules().into_iter();
        let extensions = rules.map(|(oid, critical)| match oid {
            oids::BASIC_CONSTRAINTS => {
                value::extension(oid, critical, &value::basic_constraints(true, None))
            }
            oids::KEY_USAGE => value::extension(oid, critical, &Profile::RootCa.key_usage()),
            oids::SUBJECT_KEY_IDENTIFIER => value::extension(
                oid,
                critical,
                &value::subject_key_identifier(&key_identifier)?,
            ),
            oids::AUTHORITY_KEY_IDENTIFIER => value::extension(
                oid,
                critical,
                &value::authority_key_identifier(&key_identifier)?,
            ),
            _ => unreachable!("the root profile has no other extension"),
        });
        let tbs = Parts {
            serial: &serial_number(rng),
            algorithm: public_key
                .signature_algorithm()
                .ok_or(CeremonyError::NotACertificateKey)?,
            issuer: &name,
            not_before,
            lifetime: ROOT_LIFETIME,
            subject: &name,
            public_key: &public_key,
            extensions: extensions
                .collect::<der::Result<_>>()
                .map_err(BuildError::from)?,
        };
        Ok(UnsignedCertificate {
            tbs: tbs.assemble()?,
            profile: Profile::RootCa,
            issuer: Issuer::itself(name, public_key),
        })
    }
}

impl IssuingCaConfig {
    fn build<R>(
        &self,
        root: &RootConfig,
        root_certificate: &Certificate,
        not_before: Timestamp,
        rng: &mut R,
    ) -> Result<UnsignedCertificate, CeremonyError>
    where
        R: CryptoRng + ?Sized,
    {
        let public_key = PublicKey::from_spki_der(&self.public_key_spki)?;
        let root_key = root_certificate.public_key();
        let extensions = extensions_of_issuing_ca(&root.publication, root_key, &public_key)
            .map_err(BuildError::from)?;
        // No certificate outlives its issuer's. Certificates know whole seconds.
        let last = root_certificate.not_after().as_second() - not_before.as_second();
        let tbs = Parts {
            serial: &serial_number(rng),
            algorithm: root_key
                .signature_algorithm()
                .ok_or(CeremonyError::NotACertificateKey)?,
            issuer: root_certificate.subject(),
            not_before,
            lifetime: ISSUING_CA_LIFETIME.min(SignedDuration::from_secs(last)),
            subject: &self.name.name().map_err(BuildError::from)?,
            public_key: &public_key,
            extensions,
        };
        Ok(UnsignedCertificate {
            tbs: tbs.assemble()?,
            profile: Profile::IssuingCa,
            issuer: Issuer::root(root_certificate),
        })
    }
}

fn extensions_of_issuing_ca(
    root: &RootPublication,
    root_key: &PublicKey,
    key: &PublicKey,
) -> der::Result<Vec<Extension>> {
    let rules = Profile::IssuingCa.extension_rules().into_iter();
    rules
        .map(|(oid, critical)| match oid {
            // RFC 5280 §4.2.1.9: pathLenConstraint 0, only end-entity certificates below.
            oids::BASIC_CONSTRAINTS => {
                value::extension(oid, critical, &value::basic_constraints(true, Some(0)))
            }
            oids::AUTHORITY_KEY_IDENTIFIER => value::extension(
                oid,
                critical,
                &value::authority_key_identifier(root_key.key_identifier())?,
            ),
            oids::AUTHORITY_INFORMATION_ACCESS => {
                let access = value::authority_information_access(
                    &root.ca_issuers_url,
                    root.ocsp_url.as_deref(),
                )?;
                value::extension(oid, critical, &access)
            }
            oids::CERTIFICATE_POLICIES => {
                let policies = value::certificate_policies(
                    oids::ANY_POLICY,
                    &root.practice_statement_url,
                    &[],
                )?;
                value::extension(oid, critical, &policies)
            }
            oids::CRL_DISTRIBUTION_POINTS => value::extension(
                oid,
                critical,
                &value::crl_distribution_points(&root.crl_url)?,
            ),
            oids::SUBJECT_KEY_IDENTIFIER => value::extension(
                oid,
                critical,
                &value::subject_key_identifier(key.key_identifier())?,
            ),
            oids::KEY_USAGE => value::extension(oid, critical, &Profile::IssuingCa.key_usage()),
            _ => unreachable!("the issuing authority's profile has no other extension"),
        })
        .collect()
}

fn sign(
    certificate: UnsignedCertificate,
    signer: &dyn Signer,
) -> Result<Certificate, CeremonyError> {
    Ok(lint(&certificate)
        .map_err(CeremonyError::Lint)?
        .sign(signer)?)
}

/// An issuing authority ready to issue: its certificate, its level and what its certificates point to.
#[derive(Debug, Clone)]
pub struct IssuingCa {
    certificate: Certificate,
    level: Level,
    publication: Publication,
    signature_algorithm: SignatureAlgorithm,
    key_identifier: Vec<u8>,
}

impl IssuingCa {
    /// Takes an authority's certificate into use.
    ///
    /// # Errors
    /// [`IssuingCaError`] if the certificate does not allow issuing.
    pub fn new(
        certificate: Certificate,
        level: Level,
        publication: Publication,
    ) -> Result<Self, IssuingCaError> {
        if !certificate.is_ca() {
            return Err(IssuingCaError::NotAnAuthority);
        }
        if !certificate
            .key_usage()
            .is_some_and(|usage| usage.key_cert_sign())
        {
            return Err(IssuingCaError::MayNotSignCertificates);
        }
        let key_identifier = certificate
            .subject_key_identifier()
            .ok_or(IssuingCaError::NoKeyIdentifier)?
            .to_vec();
        let signature_algorithm = certificate
            .public_key()
            .signature_algorithm()
            .ok_or(IssuingCaError::NotACertificateKey)?;
        Ok(Self {
            certificate,
            level,
            publication,
            signature_algorithm,
            key_identifier,
        })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The level it issues at.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What its certificates point to.
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// The algorithm it signs with.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    pub(crate) fn key_identifier(&self) -> &[u8] {
        &self.key_identifier
    }
}

/// Why a certificate cannot be an issuing authority's. The operator configured the wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IssuingCaError {
    /// basicConstraints do not say cA.
    #[error("the certificate is not an authority's")]
    NotAnAuthority,
    /// keyUsage lacks keyCertSign.
    #[error("the authority may not sign certificates")]
    MayNotSignCertificates,
    /// No subject key identifier to copy into certificates.
    #[error("the authority's certificate has no subject key identifier")]
    NoKeyIdentifier,
    /// Not P-256, P-384 or P-521.
    #[error("the authority's key cannot sign certificates here")]
    NotACertificateKey,
}

/// Why a ceremony stopped.
#[derive(Debug, Error)]
pub enum CeremonyError {
    /// A public key is malformed.
    #[error("an authority's public key is refused")]
    PublicKey(#[from] PublicKeyError),
    /// An authority's key is not one that signs certificates here.
    #[error("an authority's key is neither P-256, P-384 nor P-521")]
    NotACertificateKey,
    /// A configured value cannot be encoded.
    #[error("an authority's certificate could not be built")]
    Build(#[from] BuildError),
    /// A configured value breaks the profile.
    #[error("an authority's certificate breaks its profile: {}", list(.0))]
    Lint(Vec<LintFinding>),
    /// The root's key failed.
    #[error("an authority's certificate could not be signed")]
    Issue(#[from] IssueError),
}

fn list(findings: &[LintFinding]) -> String {
    findings
        .iter()
        .map(LintFinding::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests;
