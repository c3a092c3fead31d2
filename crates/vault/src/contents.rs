//! What is inside a vault file, and its DER.
//!
//! Keys that change with the days ([`Keys`]) stand apart from those that do not ([`Identity`]).

use std::sync::Arc;

use der::{Decode, Encode, Sequence, asn1::ObjectIdentifier};
use jiff::Timestamp;
use p256::ecdsa::SigningKey;
use pki::crl::RevocationList;
use pki::x509::{Certificate, IssuingCa, Level, Publication, SchemeOids};
use splitkey::seal::SealingKey;
use zeroize::Zeroizing;

use crate::VaultError;
use crate::authority::{Authorities, Authority, CaKey, EID_NQ, EID_Q, ServiceKey};
use crate::blob::{BlobKey, BlobKeyId};
use crate::responder::ResponderKey;
use crate::sealed_file::Content;
use crate::transport::TransportKey;

/// What stays as long as the deployment does.
pub(crate) struct Identity {
    /// Signs the statements about transport keys; phones pin its public half.
    pub(crate) deployment: SigningKey,
    pub(crate) authorities: Authorities,
}

/// What comes and goes. Cloning shares the keys; a key is wiped when the last sharer is gone.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    /// Key-encryption keys, the newest last. None is ever removed: blobs are encrypted under it.
    pub(crate) wrapping: Vec<Arc<BlobKey>>,
    /// The newest last.
    pub(crate) transport: Vec<Arc<TransportKey>>,
    /// Made when it is first needed, and then for good.
    pub(crate) responder: Option<Arc<ResponderKey>>,
}

/// The content of a vault file.
pub(crate) fn encode(identity: &Identity, keys: &Keys) -> Zeroizing<Vec<u8>> {
    let authorities = &identity.authorities;
    let deployment = Zeroizing::new(identity.deployment.to_bytes());
    let issuing: Vec<_> = authorities
        .issuing
        .iter()
        .map(|authority| authority.key.expose_pkcs8())
        .collect();
    let [units, list_signers] =
        [&authorities.units, &authorities.list_signers].map(|services| expose(services));
    let responder = keys.responder.as_ref().map(|key| key.expose_pkcs8());
    let sealing: Vec<_> = keys
        .transport
        .iter()
        .map(|key| key.sealing.to_secret_bytes())
        .collect();
    let record = ContentsRecord {
        deployment_key: deployment.as_slice(),
        root_certificate: authorities.root.der(),
        root_list: authorities
            .root_list
            .as_ref()
            .map_or(&[], |list| list.der()),
        authorities: authorities
            .issuing
            .iter()
            .zip(&issuing)
            .map(|(authority, pkcs8)| NamedRecord::of(authority, pkcs8))
            .collect(),
        responder_key: responder.as_deref().map_or(&[], Vec::as_slice),
        units: ServiceRecord::all(&authorities.units, &units),
        list_signers: ServiceRecord::all(&authorities.list_signers, &list_signers),
        wrapping_keys: keys
            .wrapping
            .iter()
            .map(|key| BlobKeyRecord::of(key))
            .collect(),
        transport_keys: keys
            .transport
            .iter()
            .zip(&sealing)
            .map(|(key, sealing)| TransportRecord::of(key, &**sealing))
            .collect(),
    };
    // `to_der` reserves the full length, so that no reallocation leaves a copy behind.
    Zeroizing::new(
        record
            .to_der()
            .expect("everything in a vault has a DER form"),
    )
}

/// The private keys of services, empty where there is none any more.
fn expose(services: &[ServiceKey]) -> Vec<Zeroizing<Vec<u8>>> {
    services
        .iter()
        .map(|service| {
            let key = service.key.as_ref();
            key.map_or_else(Zeroizing::default, CaKey::expose_pkcs8)
        })
        .collect()
}

/// The inverse of [`encode`], for its version of the content and for those before it.
///
/// # Errors
/// [`VaultError::Damaged`]; since the content is authenticated, it means that another program wrote it.
pub(crate) fn decode(content: &Content) -> Result<(Identity, Keys), VaultError> {
    let bytes = &content.bytes;
    match content.version {
        1 => FirstContentsRecord::from_der(bytes)
            .map_err(damaged)?
            .contents(),
        _ => ContentsRecord::from_der(bytes).map_err(damaged)?.contents(),
    }
}

/// The content of a root file: key and certificate.
pub(crate) fn encode_root(key: &CaKey, certificate: &Certificate) -> Zeroizing<Vec<u8>> {
    let pkcs8 = key.expose_pkcs8();
    let record = RootRecord {
        key: &pkcs8,
        certificate: certificate.der(),
    };
    Zeroizing::new(
        record
            .to_der()
            .expect("a key and a certificate have a DER form"),
    )
}

/// The inverse of [`encode_root`].
pub(crate) fn decode_root(content: &[u8]) -> Result<(CaKey, Certificate), VaultError> {
    let record = RootRecord::from_der(content).map_err(damaged)?;
    Ok((
        CaKey::from_pkcs8(record.key)?,
        Certificate::parse(record.certificate).map_err(damaged)?,
    ))
}

/// Errors inside authenticated content say nothing more to an operator, and they might quote it.
fn damaged<E>(_: E) -> VaultError {
    VaultError::Damaged
}

#[derive(Sequence)]
struct ContentsRecord<'a> {
    #[asn1(type = "OCTET STRING")]
    deployment_key: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    root_certificate: &'a [u8],
    /// Empty if there is none.
    #[asn1(type = "OCTET STRING")]
    root_list: &'a [u8],
    authorities: Vec<NamedRecord<'a>>,
    /// Empty as long as there is none.
    #[asn1(type = "OCTET STRING")]
    responder_key: &'a [u8],
    units: Vec<ServiceRecord<'a>>,
    list_signers: Vec<ServiceRecord<'a>>,
    wrapping_keys: Vec<BlobKeyRecord<'a>>,
    transport_keys: Vec<TransportRecord<'a>>,
}

impl ContentsRecord<'_> {
    fn contents(&self) -> Result<(Identity, Keys), VaultError> {
        let deployment = SigningKey::from_slice(self.deployment_key).map_err(damaged)?;
        let authorities = Authorities {
            root: Certificate::parse(self.root_certificate).map_err(damaged)?,
            root_list: some(self.root_list)
                .map(|der| RevocationList::parse(der).map(Arc::new).map_err(damaged))
                .transpose()?,
            issuing: self
                .authorities
                .iter()
                .map(NamedRecord::authority)
                .collect::<Result<_, _>>()?,
            units: services(&self.units)?,
            list_signers: services(&self.list_signers)?,
        };
        for level in [Level::Qualified, Level::Basic] {
            let issues = |one: &Authority| one.issuing.ca.level() == level;
            if !authorities.issuing.iter().any(issues) {
                return Err(VaultError::Damaged);
            }
        }
        let keys = Keys {
            responder: some(self.responder_key)
                .map(|der| ResponderKey::from_pkcs8(der).map(Arc::new))
                .transpose()?,
            ..keys(&deployment, &self.wrapping_keys, &self.transport_keys)?
        };
        let identity = Identity {
            deployment,
            authorities,
        };
        Ok((identity, keys))
    }
}

/// Version 1: one authority of each level, and nothing around them.
#[derive(Sequence)]
struct FirstContentsRecord<'a> {
    #[asn1(type = "OCTET STRING")]
    deployment_key: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    root_certificate: &'a [u8],
    authorities: Vec<AuthorityRecord<'a>>,
    wrapping_keys: Vec<BlobKeyRecord<'a>>,
    transport_keys: Vec<TransportRecord<'a>>,
}

impl FirstContentsRecord<'_> {
    fn contents(&self) -> Result<(Identity, Keys), VaultError> {
        let deployment = SigningKey::from_slice(self.deployment_key).map_err(damaged)?;
        let [eid_q, eid_nq] = self.authorities.as_slice() else {
            return Err(VaultError::Damaged);
        };
        let authorities = Authorities {
            root: Certificate::parse(self.root_certificate).map_err(damaged)?,
            root_list: None,
            issuing: vec![
                eid_q.authority(EID_Q, Level::Qualified)?,
                eid_nq.authority(EID_NQ, Level::Basic)?,
            ],
            units: Vec::new(),
            list_signers: Vec::new(),
        };
        let keys = keys(&deployment, &self.wrapping_keys, &self.transport_keys)?;
        let identity = Identity {
            deployment,
            authorities,
        };
        Ok((identity, keys))
    }
}

/// The keys that are in the files of all versions.
fn keys(
    deployment: &SigningKey,
    wrapping: &[BlobKeyRecord<'_>],
    transport: &[TransportRecord<'_>],
) -> Result<Keys, VaultError> {
    let keys = Keys {
        wrapping: wrapping
            .iter()
            .map(|key| Ok(Arc::new(key.key()?)))
            .collect::<Result<_, _>>()?,
        transport: transport
            .iter()
            .map(|key| Ok(Arc::new(key.key(deployment)?)))
            .collect::<Result<_, _>>()?,
        responder: None,
    };
    if keys.wrapping.is_empty() {
        return Err(VaultError::Damaged);
    }
    Ok(keys)
}

/// An empty octet string stands for nothing.
fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

#[derive(Sequence)]
struct RootRecord<'a> {
    #[asn1(type = "OCTET STRING")]
    key: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    certificate: &'a [u8],
}

#[derive(Sequence)]
struct AuthorityRecord<'a> {
    #[asn1(type = "OCTET STRING")]
    key: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    certificate: &'a [u8],
    publication: PublicationRecord,
}

impl<'a> AuthorityRecord<'a> {
    fn of(authority: &'a Authority, pkcs8: &'a [u8]) -> Self {
        let publication = PublicationRecord::of(authority.issuing.ca.publication());
        Self {
            key: pkcs8,
            certificate: authority.certificate().der(),
            publication,
        }
    }

    fn authority(&self, name: &str, level: Level) -> Result<Authority, VaultError> {
        let certificate = Certificate::parse(self.certificate).map_err(damaged)?;
        let ca =
            IssuingCa::new(certificate, level, self.publication.publication()).map_err(damaged)?;
        Authority::new(name.to_owned(), CaKey::from_pkcs8(self.key)?, ca)
    }
}

#[derive(Sequence)]
struct NamedRecord<'a> {
    name: String,
    qualified: bool,
    authority: AuthorityRecord<'a>,
}

impl<'a> NamedRecord<'a> {
    fn of(authority: &'a Authority, pkcs8: &'a [u8]) -> Self {
        Self {
            name: authority.issuing.name.clone(),
            qualified: authority.issuing.ca.level() == Level::Qualified,
            authority: AuthorityRecord::of(authority, pkcs8),
        }
    }

    fn authority(&self) -> Result<Authority, VaultError> {
        let level = if self.qualified {
            Level::Qualified
        } else {
            Level::Basic
        };
        self.authority.authority(&self.name, level)
    }
}

/// A time-stamping unit or a list signer.
#[derive(Sequence)]
struct ServiceRecord<'a> {
    /// Empty once it is destroyed.
    #[asn1(type = "OCTET STRING")]
    key: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    certificate: &'a [u8],
}

impl<'a> ServiceRecord<'a> {
    fn all(services: &'a [ServiceKey], keys: &'a [Zeroizing<Vec<u8>>]) -> Vec<Self> {
        let record = |(service, pkcs8): (&'a ServiceKey, &'a Zeroizing<Vec<u8>>)| Self {
            key: pkcs8,
            certificate: service.certificate.der(),
        };
        services.iter().zip(keys).map(record).collect()
    }
}

fn services(records: &[ServiceRecord<'_>]) -> Result<Vec<ServiceKey>, VaultError> {
    records
        .iter()
        .map(|record| {
            let certificate = Certificate::parse(record.certificate).map_err(damaged)?;
            let key = some(record.key).map(CaKey::from_pkcs8).transpose()?;
            ServiceKey::new(certificate, key)
        })
        .collect()
}

#[derive(Sequence)]
struct PublicationRecord {
    ca_issuers_url: String,
    ocsp_url: String,
    crl_url: String,
    practice_statement_url: String,
    disclosure_statement_url: String,
    qualified_policy: ObjectIdentifier,
    basic_policy: ObjectIdentifier,
    authentication_usage: ObjectIdentifier,
}

impl PublicationRecord {
    fn of(publication: &Publication) -> Self {
        let publication = publication.clone();
        Self {
            ca_issuers_url: publication.ca_issuers_url,
            ocsp_url: publication.ocsp_url,
            crl_url: publication.crl_url,
            practice_statement_url: publication.practice_statement_url,
            disclosure_statement_url: publication.disclosure_statement_url,
            qualified_policy: publication.oids.qualified_policy,
            basic_policy: publication.oids.basic_policy,
            authentication_usage: publication.oids.authentication_usage,
        }
    }

    fn publication(&self) -> Publication {
        Publication {
            ca_issuers_url: self.ca_issuers_url.clone(),
            ocsp_url: self.ocsp_url.clone(),
            crl_url: self.crl_url.clone(),
            practice_statement_url: self.practice_statement_url.clone(),
            disclosure_statement_url: self.disclosure_statement_url.clone(),
            oids: SchemeOids {
                qualified_policy: self.qualified_policy,
                basic_policy: self.basic_policy,
                authentication_usage: self.authentication_usage,
            },
        }
    }
}

#[derive(Sequence)]
struct BlobKeyRecord<'a> {
    #[asn1(type = "OCTET STRING")]
    id: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    secret: &'a [u8],
}

impl<'a> BlobKeyRecord<'a> {
    fn of(key: &'a BlobKey) -> Self {
        Self {
            id: &key.id.0,
            secret: key.expose_secret(),
        }
    }

    fn key(&self) -> Result<BlobKey, VaultError> {
        let mut secret = Zeroizing::new([0; 32]);
        if self.secret.len() != secret.len() {
            return Err(VaultError::Damaged);
        }
        secret.copy_from_slice(self.secret);
        Ok(BlobKey::new(
            BlobKeyId(self.id.try_into().map_err(damaged)?),
            secret,
        ))
    }
}

#[derive(Sequence)]
struct TransportRecord<'a> {
    #[asn1(type = "OCTET STRING")]
    id: &'a [u8],
    /// Seconds since 1970.
    created: i64,
    /// Seconds since 1970.
    destroy_after: i64,
    #[asn1(type = "OCTET STRING")]
    sealing: &'a [u8],
    protect: BlobKeyRecord<'a>,
}

impl<'a> TransportRecord<'a> {
    fn of(key: &'a TransportKey, sealing: &'a [u8]) -> Self {
        Self {
            id: &key.id,
            created: key.created.as_second(),
            destroy_after: key.destroy_after.as_second(),
            sealing,
            protect: BlobKeyRecord::of(&key.protect),
        }
    }

    fn key(&self, deployment: &SigningKey) -> Result<TransportKey, VaultError> {
        let moment = |second| Timestamp::from_second(second).map_err(damaged);
        Ok(TransportKey::new(
            self.id.try_into().map_err(damaged)?,
            moment(self.created)?,
            moment(self.destroy_after)?,
            SealingKey::from_secret_bytes(self.sealing).map_err(damaged)?,
            self.protect.key()?,
            deployment,
        ))
    }
}
