//! What each kind of certificate contains: read off SK's generation "2024".

use const_oid::ObjectIdentifier;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

use super::lint::is_address;
use crate::oids;

/// The kind of a certificate. It decides extensions, their order and their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The self-signed trust anchor.
    RootCa,
    /// An authority below the root that issues to persons.
    IssuingCa,
    /// A person's certificate.
    EndEntity(EndEntityProfile),
    /// Who answers about the certificates of an issuing authority.
    OcspResponder,
    /// A key that only makes time-stamps, below the root.
    TimeStampingUnit,
    /// A trusted list's signer, self-signed.
    ListSigner,
}

/// A person's certificate: how well the person is identified, and what the key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EndEntityProfile {
    /// Qualified or basic.
    pub level: Level,
    /// Authentication or signature.
    pub purpose: Purpose,
}

impl EndEntityProfile {
    /// Qualified, authentication: SK policy 17.2 with NCP+.
    pub const QUALIFIED_AUTHENTICATION: Self = Self {
        level: Level::Qualified,
        purpose: Purpose::Authentication,
    };
    /// Qualified, signature: SK policy 17.2 with QCP-n-qscd and the qualified-certificate statements.
    pub const QUALIFIED_SIGNATURE: Self = Self {
        level: Level::Qualified,
        purpose: Purpose::Signature,
    };
    /// Basic, authentication: SK policy 17.1 with NCP.
    pub const BASIC_AUTHENTICATION: Self = Self {
        level: Level::Basic,
        purpose: Purpose::Authentication,
    };
    /// Basic, signature: as basic authentication, without extended key usage.
    pub const BASIC_SIGNATURE: Self = Self {
        level: Level::Basic,
        purpose: Purpose::Signature,
    };

    /// All four.
    pub const ALL: [Self; 4] = [
        Self::QUALIFIED_AUTHENTICATION,
        Self::QUALIFIED_SIGNATURE,
        Self::BASIC_AUTHENTICATION,
        Self::BASIC_SIGNATURE,
    ];
}

/// How well the person behind a certificate is identified; each level has its own issuing authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Issued by EID-NQ; document numbers end in `-NQ`.
    Basic,
    /// Issued by EID-Q; document numbers end in `-Q`.
    Qualified,
}

impl Level {
    /// The end of every document number of this level.
    pub fn document_number_suffix(self) -> &'static str {
        match self {
            Self::Basic => "-NQ",
            Self::Qualified => "-Q",
        }
    }
}

/// What an end-entity key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Logging in: keyUsage digitalSignature.
    Authentication,
    /// Signing documents: keyUsage nonRepudiation.
    Signature,
}

/// The scheme's own object identifiers. Relying-party clients have SK's built in, so a stand-in must carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SchemeOids {
    /// Policy of qualified certificates.
    pub qualified_policy: ObjectIdentifier,
    /// Policy of basic certificates.
    pub basic_policy: ObjectIdentifier,
    /// The only extended key usage of an authentication certificate.
    pub authentication_usage: ObjectIdentifier,
}

impl SchemeOids {
    /// SK's numbers since the authorities of 2021.
    pub const SK: Self = Self {
        qualified_policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.17.2"),
        basic_policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.17.1"),
        authentication_usage: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62306.5.7.0"),
    };

    /// SK's numbers of the 2016 authorities: read, never issued.
    pub const SK_2016: Self = Self {
        qualified_policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.3.17.2"),
        basic_policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.3.17.1"),
        authentication_usage: ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    };

    /// The policy of a level.
    pub fn policy(&self, level: Level) -> ObjectIdentifier {
        match level {
            Level::Basic => self.basic_policy,
            Level::Qualified => self.qualified_policy,
        }
    }
}

impl Default for SchemeOids {
    fn default() -> Self {
        Self::SK
    }
}

/// Where an issuing authority publishes what its certificates point to, and under which identifiers it issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// `http` address of the issuing authority's certificate (DER).
    pub ca_issuers_url: String,
    /// `http` address of its OCSP responder.
    pub ocsp_url: String,
    /// `http` address of its revocation list.
    pub crl_url: String,
    /// Address of the certification practice statement.
    pub practice_statement_url: String,
    /// `https` address of the disclosure statement in English (ETSI EN 319 412-5 §4.3.4); only in qualified signature
    /// certificates.
    pub disclosure_statement_url: String,
    /// The scheme's object identifiers.
    pub oids: SchemeOids,
}

impl Publication {
    /// What is wrong with the first address that the lint would refuse in every certificate: an authority with it could
    /// never issue anything.
    pub fn unfit_address(&self) -> Option<&'static str> {
        let http: &[&str] = &["http"];
        [
            (
                &self.ca_issuers_url,
                http,
                "the address of its certificate is no http address",
            ),
            (
                &self.crl_url,
                http,
                "the address of its revocation list is no http address",
            ),
            (
                &self.ocsp_url,
                http,
                "the address of its OCSP responder is no http address",
            ),
            (
                &self.practice_statement_url,
                &["http", "https"],
                "the address of the practice statement is no http or https address",
            ),
            (
                &self.disclosure_statement_url,
                &["https"],
                "the address of the disclosure statement is no https address",
            ),
        ]
        .into_iter()
        .find(|(address, schemes, _)| !is_address(address, schemes))
        .map(|(_, _, what)| what)
    }
}

/// An extension's place in a certificate: which it is and whether it is critical.
pub(crate) type ExtensionRule = (ObjectIdentifier, bool);

impl Profile {
    /// The extensions in their order. Nothing else may be in the certificate.
    pub(crate) fn extension_rules(self) -> Vec<ExtensionRule> {
        match self {
            // As SK ID Solutions ROOT G1E.
            Self::RootCa => vec![
                (oids::BASIC_CONSTRAINTS, true),
                (oids::KEY_USAGE, true),
                (oids::SUBJECT_KEY_IDENTIFIER, false),
                (oids::AUTHORITY_KEY_IDENTIFIER, false),
            ],
            // As SK ID Solutions EID-Q 2024E.
            Self::IssuingCa => vec![
                (oids::BASIC_CONSTRAINTS, true),
                (oids::AUTHORITY_KEY_IDENTIFIER, false),
                (oids::AUTHORITY_INFORMATION_ACCESS, false),
                (oids::CERTIFICATE_POLICIES, false),
                (oids::CRL_DISTRIBUTION_POINTS, false),
                (oids::SUBJECT_KEY_IDENTIFIER, false),
                (oids::KEY_USAGE, true),
            ],
            Self::EndEntity(profile) => {
                let mut rules = vec![
                    (oids::BASIC_CONSTRAINTS, false),
                    (oids::AUTHORITY_KEY_IDENTIFIER, false),
                    (oids::AUTHORITY_INFORMATION_ACCESS, false),
                    (oids::SUBJECT_ALTERNATIVE_NAME, false),
                    (oids::CERTIFICATE_POLICIES, false),
                    (oids::SUBJECT_DIRECTORY_ATTRIBUTES, false),
                ];
                rules.extend(profile.own_extension().map(|oid| (oid, false)));
                rules.extend([
                    (oids::CRL_DISTRIBUTION_POINTS, false),
                    (oids::SUBJECT_KEY_IDENTIFIER, false),
                    (oids::KEY_USAGE, true),
                ]);
                rules
            }
            // As SK's and Zetes' responders (`pki.md` §2.1); RFC 6960 §4.2.2.2.
            Self::OcspResponder => vec![
                (oids::AUTHORITY_KEY_IDENTIFIER, false),
                (oids::OCSP_NO_CHECK, false),
                (oids::EXTENDED_KEY_USAGE, true),
                (oids::SUBJECT_KEY_IDENTIFIER, false),
                (oids::KEY_USAGE, true),
            ],
            // As DEMO SK TIMESTAMPING UNIT 2025E; RFC 3161 §2.3 wants the extended key usage critical.
            Self::TimeStampingUnit => vec![
                (oids::AUTHORITY_KEY_IDENTIFIER, false),
                (oids::AUTHORITY_INFORMATION_ACCESS, false),
                (oids::CERTIFICATE_POLICIES, false),
                (oids::EXTENDED_KEY_USAGE, true),
                (oids::CRL_DISTRIBUTION_POINTS, false),
                (oids::SUBJECT_KEY_IDENTIFIER, false),
                (oids::KEY_USAGE, true),
            ],
            // ETSI TS 119 612 §5.7.1.
            Self::ListSigner => vec![
                (oids::BASIC_CONSTRAINTS, false),
                (oids::EXTENDED_KEY_USAGE, false),
                (oids::SUBJECT_KEY_IDENTIFIER, false),
                (oids::KEY_USAGE, true),
            ],
        }
    }

    /// The extended key usage of a service.
    pub(crate) fn service_usage(self) -> Option<ObjectIdentifier> {
        match self {
            Self::OcspResponder => Some(oids::USAGE_OCSP_SIGNING),
            Self::TimeStampingUnit => Some(oids::USAGE_TIME_STAMPING),
            Self::ListSigner => Some(oids::USAGE_LIST_SIGNING),
            Self::RootCa | Self::IssuingCa | Self::EndEntity(_) => None,
        }
    }

    /// The key usage bits.
    pub(crate) fn key_usage(self) -> KeyUsage {
        match self {
            Self::RootCa | Self::IssuingCa => KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            Self::EndEntity(profile) => match profile.purpose {
                Purpose::Authentication => KeyUsage(KeyUsages::DigitalSignature.into()),
                Purpose::Signature => KeyUsage(KeyUsages::NonRepudiation.into()),
            },
            Self::OcspResponder | Self::ListSigner => KeyUsage(KeyUsages::DigitalSignature.into()),
            Self::TimeStampingUnit => {
                KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation)
            }
        }
    }
}

impl EndEntityProfile {
    /// The extension that tells the profiles apart.
    fn own_extension(self) -> Option<ObjectIdentifier> {
        match (self.level, self.purpose) {
            (_, Purpose::Authentication) => Some(oids::EXTENDED_KEY_USAGE),
            (Level::Qualified, Purpose::Signature) => Some(oids::QC_STATEMENTS),
            (Level::Basic, Purpose::Signature) => None,
        }
    }

    /// The ETSI policy that stands after the scheme's own.
    pub(crate) fn etsi_policy(self) -> ObjectIdentifier {
        match (self.level, self.purpose) {
            (Level::Qualified, Purpose::Authentication) => oids::NORMALISED_POLICY_PLUS,
            (Level::Qualified, Purpose::Signature) => oids::QUALIFIED_POLICY_WITH_DEVICE,
            (Level::Basic, _) => oids::NORMALISED_POLICY,
        }
    }
}
