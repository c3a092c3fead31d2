//! A person's certificate before anybody has looked at it or signed it.

use jiff::Timestamp;
use jiff::civil::Date;
use rand_core::CryptoRng;
use thiserror::Error;
use x509_cert::ext::Extension;

use super::authority::IssuingCa;
use super::certificate::Certificate;
use super::extension_values as value;
use super::name::DistinguishedName;
use super::profile::{EndEntityProfile, Level, Profile, SchemeOids};
use super::tbs::{Parts, serial_number};
use super::time::END_ENTITY_LIFETIME;
use crate::oids;
use crate::public_key::{PublicKey, PublicKeyError};

/// What a person's certificate is made from.
#[derive(Clone, Copy)]
pub struct EndEntity<'a> {
    /// Which of the four profiles.
    pub profile: EndEntityProfile,
    /// Whose certificate.
    pub subject: &'a Subject,
    /// The composite RSA modulus, big-endian; leading zeros are ignored. The exponent is always 65537.
    pub modulus: &'a [u8],
}

/// The person a certificate names.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// ISO 3166-1 alpha-2 country of the personal code, upper case.
    pub country: String,
    /// Surname, Unicode NFC.
    pub surname: String,
    /// Given names, Unicode NFC.
    pub given_name: String,
    /// ETSI EN 319 412-1 §5.1.3 identifier, `PNOEE-40504040001`; Latvia's hyphen is kept (`PNOLV-020100-29990`).
    pub semantics_identifier: String,
    /// Always given, also where the personal code does not carry one: clients cannot derive it from a Belgian code.
    pub date_of_birth: Date,
    /// `PNOEE-40504040001-DEM0-Q`.
    pub document_number: String,
}

impl EndEntity<'_> {
    /// Builds the certificate to be signed, valid from `not_before` (truncated to the second) for
    /// [`END_ENTITY_LIFETIME`]. The serial number is the only thing drawn from `rng`.
    ///
    /// Values are encoded, not judged: that is the task of [`lint`](super::lint).
    ///
    /// # Errors
    /// [`BuildError`] if a value cannot be encoded at all.
    pub fn build<R>(
        &self,
        issuer: &IssuingCa,
        not_before: Timestamp,
        rng: &mut R,
    ) -> Result<UnsignedCertificate, BuildError>
    where
        R: CryptoRng + ?Sized,
    {
        let public_key = PublicKey::from_rsa_modulus(self.modulus)?;
        let tbs = Parts {
            serial: &serial_number(rng),
            algorithm: issuer.signature_algorithm(),
            issuer: issuer.certificate().subject(),
            not_before,
            lifetime: END_ENTITY_LIFETIME,
            subject: &self.subject.name()?,
            public_key: &public_key,
            extensions: self.extensions(issuer, &public_key)?,
        };
        Ok(UnsignedCertificate {
            tbs: tbs.assemble()?,
            profile: Profile::EndEntity(self.profile),
            issuer: Issuer::of(issuer),
        })
    }

    fn extensions(
        &self,
        issuer: &IssuingCa,
        public_key: &PublicKey,
    ) -> Result<Vec<Extension>, BuildError> {
        let publication = issuer.publication();
        let profile = Profile::EndEntity(self.profile);
        let extensions = profile
            .extension_rules()
            .into_iter()
            .map(|(oid, critical)| match oid {
                oids::BASIC_CONSTRAINTS => {
                    value::extension(oid, critical, &value::basic_constraints(false, None))
                }
                oids::AUTHORITY_KEY_IDENTIFIER => value::extension(
                    oid,
                    critical,
                    &value::authority_key_identifier(issuer.key_identifier())?,
                ),
                oids::AUTHORITY_INFORMATION_ACCESS => {
                    let access = value::authority_information_access(
                        &publication.ca_issuers_url,
                        Some(&publication.ocsp_url),
                    )?;
                    value::extension(oid, critical, &access)
                }
                oids::SUBJECT_ALTERNATIVE_NAME => value::extension(
                    oid,
                    critical,
                    &value::document_number(&self.subject.document_number)?,
                ),
                oids::CERTIFICATE_POLICIES => {
                    let policies = value::certificate_policies(
                        publication.oids.policy(self.profile.level),
                        &publication.practice_statement_url,
                        &[self.profile.etsi_policy()],
                    )?;
                    value::extension(oid, critical, &policies)
                }
                oids::SUBJECT_DIRECTORY_ATTRIBUTES => value::extension(
                    oid,
                    critical,
                    &value::date_of_birth(self.subject.date_of_birth)?,
                ),
                oids::EXTENDED_KEY_USAGE => value::extension(
                    oid,
                    critical,
                    &value::extended_key_usage(publication.oids.authentication_usage),
                ),
                oids::QC_STATEMENTS => value::extension(
                    oid,
                    critical,
                    &value::qc_statements(&publication.disclosure_statement_url)?,
                ),
                oids::CRL_DISTRIBUTION_POINTS => value::extension(
                    oid,
                    critical,
                    &value::crl_distribution_points(&publication.crl_url)?,
                ),
                oids::SUBJECT_KEY_IDENTIFIER => value::extension(
                    oid,
                    critical,
                    &value::subject_key_identifier(public_key.key_identifier())?,
                ),
                oids::KEY_USAGE => value::extension(oid, critical, &profile.key_usage()),
                _ => unreachable!("an end-entity profile has no other extension"),
            });
        Ok(extensions.collect::<der::Result<_>>()?)
    }
}

impl Subject {
    /// C, CN, SN, GN, serialNumber; the common name is `SURNAME,GIVEN` without a space or code.
    fn name(&self) -> der::Result<DistinguishedName> {
        DistinguishedName::build(&[
            (oids::COUNTRY, &self.country),
            (
                oids::COMMON_NAME,
                &format!("{},{}", self.surname, self.given_name),
            ),
            (oids::SURNAME, &self.surname),
            (oids::GIVEN_NAME, &self.given_name),
            (oids::SERIAL_NUMBER, &self.semantics_identifier),
        ])
    }
}

/// A certificate that has been built and not yet judged. It cannot be signed: see [`lint`](super::lint).
#[derive(Clone)]
pub struct UnsignedCertificate {
    pub(crate) tbs: Vec<u8>,
    pub(crate) profile: Profile,
    pub(crate) issuer: Issuer,
}

impl UnsignedCertificate {
    /// The DER `TBSCertificate`.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The profile it was built for.
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

/// What lint and signing must know about the issuer.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) name: DistinguishedName,
    pub(crate) public_key: PublicKey,
    pub(crate) key_identifier: Vec<u8>,
    /// First and last second; `None` for a certificate that is its own issuer.
    pub(crate) validity: Option<(Timestamp, Timestamp)>,
    /// The level an issuing authority issues at; `None` for the root.
    pub(crate) level: Option<Level>,
    pub(crate) oids: SchemeOids,
}

impl Issuer {
    /// Of a certificate below the root.
    pub(crate) fn root(certificate: &Certificate) -> Self {
        let public_key = certificate.public_key();
        Self {
            validity: Some((certificate.not_before(), certificate.not_after())),
            ..Self::itself(certificate.subject().clone(), public_key.clone())
        }
    }

    /// Of a self-signed certificate.
    pub(crate) fn itself(name: DistinguishedName, public_key: PublicKey) -> Self {
        Self {
            name,
            key_identifier: public_key.key_identifier().to_vec(),
            public_key,
            validity: None,
            level: None,
            oids: SchemeOids::SK,
        }
    }

    /// Of a person's or a responder's certificate.
    pub(crate) fn of(issuer: &IssuingCa) -> Self {
        let certificate = issuer.certificate();
        Self {
            name: certificate.subject().clone(),
            public_key: certificate.public_key().clone(),
            key_identifier: issuer.key_identifier().to_vec(),
            validity: Some((certificate.not_before(), certificate.not_after())),
            level: Some(issuer.level()),
            oids: issuer.publication().oids,
        }
    }
}

/// Why a certificate could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A value has no DER form: for instance a non-ASCII character in an address.
    #[error("a value of the certificate cannot be encoded")]
    Encoding(#[from] der::Error),
    /// The public key is refused.
    #[error("the public key cannot be encoded")]
    PublicKey(#[from] PublicKeyError),
    /// The validity ends outside the calendar.
    #[error("the validity lies outside the calendar")]
    Time(#[source] jiff::Error),
    /// Values that do not fit each other or their place.
    #[error("cannot be built: {0}")]
    Unfit(&'static str),
}

impl BuildError {
    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encoding(_) => "certificate_value_unencodable",
            Self::PublicKey(_) => "certificate_key_unencodable",
            Self::Time(_) => "certificate_time_out_of_range",
            Self::Unfit(_) => "certificate_values_unfit",
        }
    }
}

#[cfg(test)]
mod tests;
