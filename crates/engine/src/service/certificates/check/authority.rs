//! The authorities as a process without keys knows them: their published certificates, and what their own certificates
//! have in common.

use crate::{domain::CaKeyId, ports::PublishedCertificate};
use pki::x509::{
    Certificate, EndEntityProfile, IssuingCa, Level, Profile, Publication, Purpose, SchemeOids,
    relint,
};
use std::collections::BTreeMap;

/// What came of comparing a certificate with its authority and profile.
pub(super) enum Relint {
    Passed,
    Findings(Vec<String>),
    UnknownAuthority,
}

pub(super) struct Authorities(BTreeMap<CaKeyId, Authority>);

struct Authority {
    name: String,
    certificate: Certificate,
    /// What its first certificate for a person says; all others must say the same.
    says: Option<Says>,
    /// The extended key usage of its first certificate for authentication.
    usage: Option<String>,
    checked: u64,
}

/// What all certificates of an authority have in common and its own certificate does not say.
struct Says {
    level: Level,
    policy: String,
    ocsp_url: Option<String>,
    ca_issuers_url: Option<String>,
    crl_urls: Vec<String>,
}

impl Authorities {
    pub(super) fn of(published: Vec<PublishedCertificate>) -> Self {
        let authorities = published.into_iter().filter_map(|one| {
            let certificate = Certificate::parse(&one.certificate).ok()?;
            let id = CaKeyId(*certificate.public_key().key_identifier());
            certificate.is_ca().then_some((
                id,
                Authority {
                    name: one.name,
                    certificate,
                    says: None,
                    usage: None,
                    checked: 0,
                },
            ))
        });
        Self(authorities.collect())
    }

    /// Every rule of the profile, the signature, and that what the certificate points to is what the authority's others
    /// point to. What the others have in common is learnt only from those that are as recorded.
    pub(super) fn relint(
        &mut self,
        issuer: CaKeyId,
        profile: Profile,
        certificate: &Certificate,
        as_recorded: bool,
    ) -> Relint {
        match self.0.get_mut(&issuer) {
            None => Relint::UnknownAuthority,
            Some(authority) => authority.relint(profile, certificate, as_recorded),
        }
    }

    pub(super) fn ids(&self) -> Vec<CaKeyId> {
        self.0.keys().copied().collect()
    }

    /// Name and certificate of an authority.
    pub(super) fn get(&self, id: CaKeyId) -> Option<(&str, &Certificate)> {
        let authority = self.0.get(&id)?;
        Some((&authority.name, &authority.certificate))
    }

    /// What was compared, in a sentence for each authority that has certificates.
    pub(super) fn summary(&self) -> Vec<String> {
        let used = self.0.values().filter(|authority| authority.checked > 0);
        used.map(Authority::summary).collect()
    }
}

impl Authority {
    fn relint(&mut self, profile: Profile, certificate: &Certificate, as_recorded: bool) -> Relint {
        self.checked += 1;
        let mut findings = match profile {
            Profile::EndEntity(profile) => self.compare(profile, certificate, as_recorded),
            _ => Vec::new(),
        };
        let said = self.says.as_ref();
        let publication = Publication {
            ca_issuers_url: said
                .and_then(|says| says.ca_issuers_url.clone())
                .unwrap_or_default(),
            ocsp_url: said
                .and_then(|says| says.ocsp_url.clone())
                .unwrap_or_default(),
            crl_url: said
                .and_then(|says| says.crl_urls.first().cloned())
                .unwrap_or_default(),
            // Read for its form only.
            practice_statement_url: String::new(),
            disclosure_statement_url: String::new(),
            oids: self.oids(),
        };
        let level = said.map_or(Level::Qualified, |says| says.level);
        match IssuingCa::new(self.certificate.clone(), level, publication) {
            Ok(issuer) => {
                if let Err(broken) = relint(certificate, profile, &issuer) {
                    findings.extend(broken.iter().map(ToString::to_string));
                }
            }
            Err(error) => findings.push(format!("its authority cannot issue: {error}")),
        }
        match findings.is_empty() {
            true => Relint::Passed,
            false => Relint::Findings(findings),
        }
    }

    fn compare(
        &mut self,
        profile: EndEntityProfile,
        certificate: &Certificate,
        as_recorded: bool,
    ) -> Vec<String> {
        let policy = certificate.policies().next();
        let policy = policy.map(|oid| oid.to_string()).unwrap_or_default();
        let mut findings = Vec::new();
        let says = Says {
            level: profile.level,
            policy,
            ocsp_url: certificate.ocsp_url().map(str::to_owned),
            ca_issuers_url: certificate.ca_issuers_url().map(str::to_owned),
            crl_urls: certificate.crl_urls().to_vec(),
        };
        match &self.says {
            None if as_recorded => self.says = Some(says),
            None => {}
            Some(first) => {
                for (same, what) in [
                    (first.level == says.level, "level"),
                    (first.policy == says.policy, "policy"),
                    (first.ocsp_url == says.ocsp_url, "OCSP address"),
                    (
                        first.ca_issuers_url == says.ca_issuers_url,
                        "address of the authority",
                    ),
                    (
                        first.crl_urls == says.crl_urls,
                        "address of the revocation list",
                    ),
                ] {
                    if !same {
                        findings.push(format!(
                            "it has another {what} than the authority's other certificates"
                        ));
                    }
                }
            }
        }
        let usage = certificate.extended_key_usage().first();
        if let (Purpose::Authentication, Some(usage), true) = (profile.purpose, usage, as_recorded)
        {
            self.usage.get_or_insert_with(|| usage.to_string());
        }
        findings
    }

    /// The scheme's identifiers as this authority's certificates have them; SK's where they have none yet.
    fn oids(&self) -> SchemeOids {
        let mut oids = SchemeOids::default();
        if let Some(says) = &self.says
            && let Ok(policy) = says.policy.parse()
        {
            match says.level {
                Level::Qualified => oids.qualified_policy = policy,
                Level::Basic => oids.basic_policy = policy,
            }
        }
        if let Some(usage) = self.usage.as_ref().and_then(|usage| usage.parse().ok()) {
            oids.authentication_usage = usage;
        }
        oids
    }

    fn summary(&self) -> String {
        let Self {
            name,
            checked,
            says,
            usage,
            ..
        } = self;
        match says {
            None => format!("{checked} of {name}: signature and profile"),
            Some(says) => {
                let level = match says.level {
                    Level::Qualified => "qualified",
                    Level::Basic => "basic",
                };
                let of = |url: &Option<String>| url.clone().unwrap_or_else(|| "none".to_owned());
                format!(
                    "{checked} of {name}: signature and profile; {level}, policy {}, key usage {}, OCSP {}, revocation list \
                     {}, authority {}, as its first certificates have it",
                    says.policy,
                    usage.as_deref().unwrap_or("none"),
                    of(&says.ocsp_url),
                    of(&says.crl_urls.first().cloned()),
                    of(&says.ca_issuers_url),
                )
            }
        }
    }
}
