//! The configuration of `serve` and of the commands beside it: typed TOML, unknown keys refused, no secret inside.
//!
//! `docs/config/serve.toml` is the documented sample; a test parses it.

mod file;
pub(crate) mod private_file;
mod secret;
mod trusted_list;

pub use file::{ConfigError, read};
pub use secret::{SecretError, SecretSource};
pub use trusted_list::TrustedListConfig;

use crate::{
    http,
    mock::{MockSettings, documented},
};
use engine::{Policy, domain::Network};
use jiff::SignedDuration;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use web::{ForwardedHeader, Rate, TrustedProxies};

/// A deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Origin under which everybody reaches the server, for example `https://id.example.org`; no slash at the end.
    pub public_url: Origin,
    /// First field of every signed payload: `smart-id` in production. Relying parties' clients compare it.
    pub scheme_name: SchemeName,
    /// Where HTTP is served.
    pub http: HttpConfig,
    /// Where the data are.
    pub database: DatabaseConfig,
    /// Where the server's keys are.
    pub vault: VaultConfig,
    /// How much of everything.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Test accounts that answer by themselves. Default: none.
    #[serde(default)]
    pub mock: MockConfig,
    /// Who publishes the trusted list. Default: there is none.
    #[serde(default)]
    pub trusted_list: Option<TrustedListConfig>,
}

/// Where HTTP is served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// IP address and port.
    pub listen: SocketAddr,
    /// Networks of the proxies whose word on the client's address is taken; they may hold every connection. Default: none.
    #[serde(default)]
    pub proxies: Vec<Network>,
    /// The header in which they name it. Default: `x-forwarded-for`.
    #[serde(default)]
    pub proxy_header: ProxyHeader,
    /// Connections at once; more wait. One client has a quarter of them at most, or 64; a proxy all. Default: 4096.
    #[serde(default = "default::connections")]
    pub connections: u32,
    /// Seconds for a request's header, also the longest idle time of a connection. Default: 30.
    #[serde(default = "default::header_timeout_seconds")]
    pub header_timeout_seconds: u32,
    /// Seconds for a request's body. Default: 10.
    #[serde(default = "default::body_timeout_seconds")]
    pub body_timeout_seconds: u32,
    /// Whether relying parties and phones are told to come again later; what validators ask, health and metrics go on.
    /// Default: false.
    #[serde(default)]
    pub maintenance: bool,
    /// With what `listen` speaks TLS. Default: HTTP in the clear, TLS ends at a proxy in front.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
}

/// A certificate for `http.listen`. Both files are in PEM and are read at the start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate, then those that lead to its root; relative to the configuration file.
    pub certificate_file: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1; relative to the configuration file.
    pub key_file: PathBuf,
}

/// The header in which a proxy names its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Where the data are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The SQLite file; relative to the configuration file.
    pub file: PathBuf,
    /// Connections for reading. Default: 8.
    #[serde(default = "default::readers")]
    pub readers: u32,
    /// Keys of the encrypted columns. The one with the greatest id encrypts, all decrypt.
    pub column_keys: Vec<ColumnKeyConfig>,
}

/// A key of the encrypted columns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "secret::RawColumnKey")]
pub struct ColumnKeyConfig {
    /// Number that is stored beside what the key encrypted; never used for another key.
    pub id: u8,
    /// 64 hexadecimal digits: `key_file` or `key_env`.
    pub key: SecretSource,
}

/// Where the server's keys are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "secret::RawVault")]
pub struct VaultConfig {
    /// The vault that `smart-id ceremony` made; relative to the configuration file.
    pub file: PathBuf,
    /// 64 hexadecimal digits: `unlock_key_file` or `unlock_key_env`.
    pub unlock_key: SecretSource,
}

/// Test accounts that answer by themselves (`docs/mock-service.md`); never where accounts are people's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MockConfig {
    /// Whether there are any. Refused together with the scheme name `smart-id`. Default: no.
    pub enabled: bool,
    /// Folder for their phones; relative to the configuration file. Default: `mock`.
    pub folder: PathBuf,
    /// Milliseconds until they answer. Default: 1000.
    pub delay_ms: u32,
}

/// How much of everything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Seconds after which an unanswered request disappears. Default: 90; clients poll for 60 to 120.
    pub session_seconds: u32,
    /// Requests a minute of one relying party to one account, where it has no limit of its own. Default: 3.
    pub prompts_per_minute: u32,
    /// Requests a minute of all relying parties to one account. Default: 10.
    pub prompts_per_minute_in_all: u32,
    /// Signing transactions a minute that one phone may begin. Default: 6.
    pub begins_per_minute: u32,
    /// Token rotations and inquiries a minute that one phone may begin. Default: 12.
    pub maintenance_per_minute: u32,
    /// Server halves of keys kept ready for registrations; each takes two. Default: 8.
    pub pooled_halves: u32,
    /// Registrations a minute from one client (IPv4 address or IPv6 /64) in the long run. Default: 5.
    pub registrations_per_minute: u32,
    /// The same at once, after a pause. Default: 10.
    pub registrations_burst: u32,
    /// Requests a minute with wrong credentials from one client in the long run. Default: 30.
    pub failures_per_minute: u32,
    /// The same at once, after a pause. Default: 60.
    pub failures_burst: u32,
    /// Requests a minute of one relying party from one client that start a session or ask for a certificate, in the long
    /// run. Default: 6000.
    pub requests_per_minute: u32,
    /// The same at once, after a pause. Default: 1000.
    pub requests_burst: u32,
    /// OCSP and time-stamp requests a minute from one client in the long run. Default: 6000.
    pub validations_per_minute: u32,
    /// The same at once, after a pause. Default: 600.
    pub validations_burst: u32,
}

impl Config {
    /// Reads a configuration file. Relative paths in it are taken from its folder.
    ///
    /// # Errors
    /// The file cannot be read, or file, line and key of the first thing that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = read(path)?;
        let folder = file::folder_of(path);
        config.database.file = folder.join(&config.database.file);
        config.vault.file = folder.join(&config.vault.file);
        config.vault.unlock_key.rebase(folder);
        config.mock.folder = folder.join(&config.mock.folder);
        config
            .database
            .column_keys
            .iter_mut()
            .for_each(|key| key.key.rebase(folder));
        if let Some(tls) = &mut config.http.tls {
            tls.certificate_file = folder.join(&tls.certificate_file);
            tls.key_file = folder.join(&tls.key_file);
        }
        Ok(config)
    }

    /// What the engine has to know.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            scheme_name: self.scheme_name.0.clone(),
            public_url: self.public_url.0.clone(),
            session_lifetime: SignedDuration::from_secs(self.limits.session_seconds.into()),
            prompts_per_minute: self.limits.prompts_per_minute,
            prompts_per_minute_in_all: self.limits.prompts_per_minute_in_all,
            begins_per_minute: self.limits.begins_per_minute,
            maintenance_per_minute: self.limits.maintenance_per_minute,
            pool_target: self.limits.pooled_halves.into(),
            document_aliases: match self.mock.enabled {
                true => documented::aliases(),
                false => BTreeMap::new(),
            },
            trusted_list: self.trusted_list.as_ref().map(TrustedListConfig::operator),
            ..Policy::default()
        }
    }

    /// How much one client may ask for.
    #[must_use]
    pub fn web_limits(&self) -> web::Limits {
        let limits = &self.limits;
        web::Limits {
            registrations: Rate {
                burst: limits.registrations_burst,
                per_minute: limits.registrations_per_minute,
            },
            failures: Rate {
                burst: limits.failures_burst,
                per_minute: limits.failures_per_minute,
            },
            requests: Rate {
                burst: limits.requests_burst,
                per_minute: limits.requests_per_minute,
            },
            validations: Rate {
                burst: limits.validations_burst,
                per_minute: limits.validations_per_minute,
            },
            ..web::Limits::default()
        }
    }
}

impl HttpConfig {
    /// What a stranger can hold.
    #[must_use]
    pub fn limits(&self) -> http::Limits {
        http::Limits {
            connections: self.connections,
            proxies: self.proxies.clone(),
            header_timeout: Duration::from_secs(self.header_timeout_seconds.into()),
        }
    }

    /// Seconds for a request's body.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds.into())
    }

    /// Whose word on the client's address is taken.
    #[must_use]
    pub fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies {
            networks: self.proxies.clone(),
            header: match self.proxy_header {
                ProxyHeader::XForwardedFor => ForwardedHeader::XForwardedFor,
                ProxyHeader::Forwarded => ForwardedHeader::Forwarded,
            },
        }
    }
}

impl Default for MockConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            folder: "mock".into(),
            delay_ms: 1000,
        }
    }
}

impl MockConfig {
    /// What the mock has to know, if there is to be one on a server that listens at this address.
    #[must_use]
    pub fn settings(&self, listen: SocketAddr) -> Option<MockSettings> {
        self.enabled.then(|| MockSettings {
            folder: self.folder.clone(),
            device_api: format!("http://{}", http::reachable(listen)),
            delay: Duration::from_millis(self.delay_ms.into()),
        })
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let (policy, web) = (Policy::default(), web::Limits::default());
        Self {
            session_seconds: 90,
            prompts_per_minute: policy.prompts_per_minute,
            prompts_per_minute_in_all: policy.prompts_per_minute_in_all,
            begins_per_minute: policy.begins_per_minute,
            maintenance_per_minute: policy.maintenance_per_minute,
            pooled_halves: 8,
            registrations_per_minute: web.registrations.per_minute,
            registrations_burst: web.registrations.burst,
            failures_per_minute: web.failures.per_minute,
            failures_burst: web.failures.burst,
            requests_per_minute: web.requests.per_minute,
            requests_burst: web.requests.burst,
            validations_per_minute: web.validations.per_minute,
            validations_burst: web.validations.burst,
        }
    }
}

/// Scheme, host and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http:// or https:// with a host and no path, like https://id.example.org")]
pub struct NotAnOrigin;

impl TryFrom<String> for Origin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(NotAnOrigin)?;
        let printable = host.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty()
            || !printable
            || host.contains(['/', '?', '#', '@', '"', '\'', '<', '>', '\\'])
        {
            return Err(NotAnOrigin);
        }
        Ok(Self(text))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// First field of every signed payload.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SchemeName(String);

/// The text is no scheme name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected letters, digits and hyphens, like smart-id")]
pub struct NotASchemeName;

impl TryFrom<String> for SchemeName {
    type Error = NotASchemeName;

    fn try_from(text: String) -> Result<Self, NotASchemeName> {
        // The fields of a payload are joined by `|`, so that one in the name would forge a field.
        let fits = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits {
            Ok(Self(text))
        } else {
            Err(NotASchemeName)
        }
    }
}

/// Defaults of single fields.
mod default {
    pub(super) fn connections() -> u32 {
        4096
    }

    pub(super) fn header_timeout_seconds() -> u32 {
        30
    }

    pub(super) fn body_timeout_seconds() -> u32 {
        10
    }

    pub(super) fn readers() -> u32 {
        8
    }
}

#[cfg(test)]
mod tests;
