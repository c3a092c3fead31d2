//! The authority that vouches for the demo's https address.
//!
//! It has nothing to do with the e-ID's authorities: those vouch for persons, are made by the key ceremony and live in
//! the vault. This one is a key in a file, for clients that are told to trust it (`curl --cacert`).

use crate::{config::private_file, http::Tls};
use anyhow::{Context, Result, bail};
use der::{DateTime, Decode, EncodePem, asn1::Ia5String, pem::LineEnding, referenced::OwnedToRef};
use p256::{
    ecdsa::{DerSignature, SigningKey},
    elliptic_curve::Generate,
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use x509_cert::{
    Certificate, TbsCertificate,
    builder::{self, Builder, CertificateBuilder, profile::BuilderProfile},
    ext::{
        Extension, ToExtension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectAltName, SubjectKeyIdentifier, name::GeneralName,
        },
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef},
    time::Validity,
};
use zeroize::Zeroizing;

/// The authority's certificate in the demo's folder, in PEM.
pub(super) const CERTIFICATE: &str = "tls-ca.pem";
const KEY: &str = "tls-ca.key";
/// What it vouches for.
const SERVER_CERTIFICATE: &str = "tls.pem";
const SERVER_KEY: &str = "tls.key";

const NAME: &str = "CN=Open Smart-ID DEMO TLS (not the e-ID),O=Open Smart-ID Demo,C=EE";

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The folder may be used for years.
const AUTHORITY_LIFETIME: Duration = DAY.saturating_mul(3650);
/// Browsers accept no more (Apple: 398 days). A new one is made at each start.
const SERVER_LIFETIME: Duration = DAY.saturating_mul(397);
/// Clocks differ.
const BACKDATING: Duration = Duration::from_secs(3600);

/// The authority of a demo's folder.
pub(crate) struct TlsAuthority {
    key: SigningKey,
    certificate: Certificate,
    /// Where its certificate is.
    pub(crate) path: PathBuf,
}

impl TlsAuthority {
    /// The one in the folder, or a new one that is left there.
    ///
    /// # Errors
    /// The files cannot be read, used or made.
    pub(crate) fn open_or_make(folder: &Path) -> Result<Self> {
        let path = folder.join(CERTIFICATE);
        // Written last: where it is, the key is.
        if path.exists() {
            Self::open(folder, path)
        } else {
            Self::make(folder, path)
        }
    }

    fn open(folder: &Path, path: PathBuf) -> Result<Self> {
        let read = || {
            let pem = Zeroizing::new(fs::read_to_string(folder.join(KEY))?);
            let key = SigningKey::from_pkcs8_pem(&pem)?;
            let certificate = Certificate::from_der(&CertificateDer::from_pem_file(&path)?)?;
            let certified = certificate.tbs_certificate().subject_public_key_info();
            if *certified != SubjectPublicKeyInfo::from_key(key.verifying_key())? {
                bail!("the key is another one's");
            }
            Ok((key, certificate))
        };
        let (key, certificate) = read().with_context(|| {
            format!(
                "cannot use the TLS authority in {}; without {CERTIFICATE} a new one is made",
                folder.display()
            )
        })?;
        Ok(Self {
            key,
            certificate,
            path,
        })
    }

    fn make(folder: &Path, path: PathBuf) -> Result<Self> {
        let key = SigningKey::generate_from_rng(&mut rand_core::UnwrapErr(getrandom::SysRng));
        let certificate = issue(Role::Authority, AUTHORITY_LIFETIME, &key, &key)?;
        let pem = key.to_pkcs8_pem(LineEnding::LF).context("TLS authority")?;
        let public = certificate.to_pem(LineEnding::LF)?;
        private_file::replace(&folder.join(KEY), pem.as_bytes())
            .and_then(|()| fs::write(&path, public))
            .with_context(|| format!("cannot write the TLS authority to {}", folder.display()))?;
        Ok(Self {
            key,
            certificate,
            path,
        })
    }

    /// The authority's certificate, in PEM.
    pub(crate) fn pem(&self) -> Result<String> {
        Ok(self.certificate.to_pem(LineEnding::LF)?)
    }

    /// A new certificate for this machine and the address that somebody listens on. It is left in the folder as well,
    /// for `smart-id serve`.
    ///
    /// # Errors
    /// The operating system gives no randomness, or the files cannot be written.
    pub(crate) fn certify(&self, listen: IpAddr) -> Result<Tls> {
        let key = SigningKey::generate_from_rng(&mut rand_core::UnwrapErr(getrandom::SysRng));
        let authority_key = self.certificate.tbs_certificate().subject_public_key_info();
        let role = Role::Server {
            names: names(listen)?,
            authority: SubjectKeyIdentifier::try_from(authority_key.owned_to_ref())?,
        };
        let certificate = issue(role, SERVER_LIFETIME, &key, &self.key)?;
        let chain = certificate.to_pem(LineEnding::LF)? + &self.pem()?;
        let key = key.to_pkcs8_pem(LineEnding::LF).context("TLS key")?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let (chain_path, key_path) = (folder.join(SERVER_CERTIFICATE), folder.join(SERVER_KEY));
        private_file::replace(&key_path, key.as_bytes())
            .and_then(|()| fs::write(&chain_path, chain))
            .with_context(|| format!("cannot write the certificate to {}", folder.display()))?;
        Tls::from_files(&chain_path, &key_path)
    }
}

/// Every name under which this machine may be asked: its own, those of the loopback, and the address.
fn names(listen: IpAddr) -> Result<Vec<GeneralName>> {
    let mut addresses: Vec<IpAddr> = vec!["127.0.0.1".parse()?, "::1".parse()?];
    if !listen.is_unspecified() && !addresses.contains(&listen) {
        addresses.push(listen);
    }
    let mut hosts = vec!["localhost".to_owned()];
    hosts.extend(host_name().filter(|name| name != "localhost"));
    let hosts = hosts
        .iter()
        .map(|host| Ok(GeneralName::DnsName(Ia5String::new(host)?)));
    let addresses = addresses
        .into_iter()
        .map(|address| Ok(GeneralName::from(address)));
    hosts.chain(addresses).collect()
}

/// This machine's name, if it can stand in a certificate (RFC 1123 §2.1).
fn host_name() -> Option<String> {
    let name = rustix::system::uname()
        .nodename()
        .to_str()
        .ok()?
        .to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(label).then_some(name)
}

/// What a certificate is for.
enum Role {
    Authority,
    Server {
        names: Vec<GeneralName>,
        authority: SubjectKeyIdentifier,
    },
}

fn issue(
    role: Role,
    lifetime: Duration,
    subject: &SigningKey,
    issuer: &SigningKey,
) -> Result<Certificate> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let validity = Validity::new(
        DateTime::from_unix_duration(now.saturating_sub(BACKDATING))?.into(),
        DateTime::from_unix_duration(now + lifetime)?.into(),
    );
    let public_key = SubjectPublicKeyInfo::from_key(subject.verifying_key())?;
    CertificateBuilder::new(role, SerialNumber::new(&serial)?, validity, public_key)
        .and_then(|builder| builder.build::<_, DerSignature>(issuer))
        .context("cannot make a TLS certificate")
}

impl BuilderProfile for Role {
    fn get_issuer(&self, _subject: &Name) -> Name {
        Name::from_str(NAME).expect("a well-formed constant")
    }

    fn get_subject(&self) -> Name {
        match self {
            Self::Authority => Name::from_str(NAME).expect("a well-formed constant"),
            // RFC 9525 §2: clients look at the alternative names only.
            Self::Server { .. } => Name::from_str("CN=localhost").expect("a well-formed constant"),
        }
    }

    fn build_extensions(
        &self,
        subject_key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let mut extensions = Vec::new();
        let subject = tbs.subject();
        macro_rules! add {
            ($extension:expr) => {
                extensions.push($extension.to_extension(subject, &extensions)?)
            };
        }
        add!(SubjectKeyIdentifier::try_from(subject_key)?);
        match self {
            Self::Authority => {
                add!(BasicConstraints {
                    ca: true,
                    path_len_constraint: Some(0),
                });
                add!(KeyUsage(KeyUsages::KeyCertSign.into()));
            }
            Self::Server { names, authority } => {
                add!(AuthorityKeyIdentifier {
                    key_identifier: Some(authority.0.clone()),
                    ..AuthorityKeyIdentifier::default()
                });
                add!(BasicConstraints {
                    ca: false,
                    path_len_constraint: None,
                });
                add!(KeyUsage(KeyUsages::DigitalSignature.into()));
                add!(ExtendedKeyUsage(vec![
                    der::oid::db::rfc5280::ID_KP_SERVER_AUTH
                ]));
                add!(SubjectAltName(names.clone()));
            }
        }
        Ok(extensions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_authority_of_a_folder_stays_and_only_its_owner_reads_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let first = TlsAuthority::open_or_make(folder.path()).unwrap();
        let second = TlsAuthority::open_or_make(folder.path()).unwrap();
        assert_eq!(first.certificate, second.certificate);
        assert_eq!(
            fs::read_to_string(folder.path().join(CERTIFICATE)).unwrap(),
            second.pem().unwrap()
        );
        second.certify("127.0.0.1".parse().unwrap()).unwrap();
        for key in [KEY, SERVER_KEY] {
            let mode = fs::metadata(folder.path().join(key)).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn what_an_interrupted_start_left_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEY), "half a ke").unwrap();
        TlsAuthority::open_or_make(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        TlsAuthority::open_or_make(folder.path()).unwrap();
    }

    #[test]
    fn damaged_files_are_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        TlsAuthority::open_or_make(folder.path()).unwrap();
        fs::write(folder.path().join(KEY), "nonsense").unwrap();
        let error = TlsAuthority::open_or_make(folder.path()).err().unwrap();
        assert!(format!("{error:#}").contains(CERTIFICATE), "{error:#}");
        assert_eq!(
            fs::read_to_string(folder.path().join(KEY)).unwrap(),
            "nonsense"
        );
    }

    #[test]
    fn the_certificate_names_the_address_that_is_listened_on() {
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let names = names(address).unwrap();
        for expected in ["127.0.0.1", "::1", "192.0.2.7"] {
            let address: IpAddr = expected.parse().unwrap();
            assert!(names.contains(&GeneralName::from(address)), "{expected}");
        }
        let everywhere = super::names("0.0.0.0".parse().unwrap()).unwrap();
        assert_eq!(everywhere.len(), names.len() - 1);
    }
}
