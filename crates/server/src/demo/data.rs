//! The demo's folder: a small deployment with everything in one place.

use crate::{
    config::{Config, SecretSource},
    deployment,
};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Deserialize;
use std::{fs, net::SocketAddr, os::unix::fs::DirBuilderExt, path::Path};
use tempfile::TempDir;
use vault::{Ceremony, CeremonyConfig, SoftwareVault, UnlockKey};

/// The configuration, written last: where it is, everything is.
pub(crate) const CONFIG: &str = "smart-id.toml";

const VAULT: &str = "vault";
const VAULT_KEY: &str = "vault.key";
const ROOT: &str = "root";
const ROOT_KEY: &str = "root.key";
const CEREMONY: &str = "ceremony.toml";
const CERTIFICATES: &str = "certificates";
const COLUMN_KEY: &str = "column-1.key";

/// A new folder that is deleted with the value.
pub(super) fn temporary_folder() -> Result<TempDir> {
    // Made with access for its owner only.
    tempfile::Builder::new()
        .prefix("smart-id-demo-")
        .tempdir()
        .context("cannot make a temporary folder")
}

/// A demo's folder, ready for use.
#[derive(Debug)]
pub(super) struct DemoData {
    pub(super) config: Config,
    /// The address that its authorities' certificates name, which is the first run's.
    pub(super) first_url: String,
}

/// Reads an earlier demo's configuration, or makes everything anew.
pub(super) async fn open_or_make(folder: &Path, listen: SocketAddr, url: &str) -> Result<DemoData> {
    let path = folder.join(CONFIG);
    if !path.exists() {
        make(folder, listen, url)
            .with_context(|| format!("cannot make a demo in {}", folder.display()))?;
    }
    let mut config = Config::load(&path)?;
    let first_url = config.public_url.to_string();
    // The address of this run, not of the first; certificates keep theirs.
    config.public_url = url.to_owned().try_into()?;
    deployment::migrate(&config).await?;
    Ok(DemoData { config, first_url })
}

fn make(folder: &Path, listen: SocketAddr, url: &str) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        bail!(
            "the folder holds something else, or a demo that was interrupted at its first start; take an empty one"
        );
    }
    SecretSource::create(&folder.join(COLUMN_KEY))?;
    let unlock = unlock_key(&folder.join(VAULT_KEY))?;
    let root_unlock = unlock_key(&folder.join(ROOT_KEY))?;
    let reviewed = ceremony(url);
    let DemoCeremony { certificates } = toml::from_str(&reviewed)?;
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let ceremony = Ceremony::perform(&certificates, Timestamp::now(), rng)?;
    fs::write(folder.join(CEREMONY), reviewed)?;
    ceremony.save_root(&folder.join(ROOT), &root_unlock, rng)?;
    ceremony.save_certificates(&folder.join(CERTIFICATES))?;
    SoftwareVault::create(&folder.join(VAULT), unlock, ceremony, rng)?;
    fs::write(folder.join(CONFIG), configuration(listen, url))?;
    Ok(())
}

fn unlock_key(path: &Path) -> Result<UnlockKey> {
    SecretSource::create(path)?;
    let secret = SecretSource::File(path.to_owned()).read()?;
    Ok(UnlockKey::from_bytes(secret))
}

/// What the demo reads of its own file; `smart-id ceremony` reads all of it.
#[derive(Deserialize)]
struct DemoCeremony {
    certificates: CeremonyConfig,
}

fn ceremony(url: &str) -> String {
    // ETSI EN 319 412-5 §4.3.4 wants https.
    let disclosure = url.replacen("http:", "https:", 1);
    format!(
        r#"# Made by `smart-id demo`: what its authorities were made from. Stop the demo, add to this file, and run
#   smart-id ceremony --config {CEREMONY} --extend
# What was made must stay as it is. The root's key lies beside it, as it would not in a real deployment.

[files]
vault = "{VAULT}"
vault_unlock_key_file = "{VAULT_KEY}"
root = "{ROOT}"
root_unlock_key_file = "{ROOT_KEY}"
certificates = "{CERTIFICATES}"

[certificates]
practice_statement_url = "{url}/certs"
disclosure_statement_url = "{disclosure}/"

[certificates.organization]
name = "Open Smart-ID Demo"
identifier = "NTREE-00000000"
country = "EE"

[certificates.root]
common_name = "Open Smart-ID DEMO ROOT"
certificate_url = "{url}/certs/root.crt"
crl_url = "{url}/crl/root.crl"

[certificates.eid_q]
common_name = "Open Smart-ID DEMO EID-Q"
certificate_url = "{url}/certs/eid-q.crt"
crl_url = "{url}/crl/eid-q.crl"
ocsp_url = "{url}/ocsp/eid-q"

[certificates.eid_nq]
common_name = "Open Smart-ID DEMO EID-NQ"
certificate_url = "{url}/certs/eid-nq.crt"
crl_url = "{url}/crl/eid-nq.crl"
ocsp_url = "{url}/ocsp/eid-nq"

[certificates.time_stamping]
common_name = "Open Smart-ID DEMO TSU"

[certificates.trusted_list]
common_name = "Open Smart-ID DEMO Trusted List"

# With this, accounts that are opened from then on have certificates of a new authority; the others keep theirs.
# [[certificates.successors]]
# name = "eid-q-2"
# level = "qualified"
# common_name = "Open Smart-ID DEMO EID-Q 2"
# certificate_url = "{url}/certs/eid-q-2.crt"
# crl_url = "{url}/crl/eid-q-2.crl"
# ocsp_url = "{url}/ocsp/eid-q-2"
"#
    )
}

fn configuration(listen: SocketAddr, url: &str) -> String {
    format!(
        r#"# Made by `smart-id demo`; for `smart-id rp`, `account` and `check`. The keys beside it protect nothing of worth.
public_url = "{url}"
scheme_name = "smart-id-demo"

[http]
listen = "{listen}"

[database]
file = "smart-id.db"

[[database.column_keys]]
id = 1
key_file = "{COLUMN_KEY}"

[vault]
file = "{VAULT}"
unlock_key_file = "{VAULT_KEY}"

[trusted_list]
scheme_name = "Open Smart-ID demo list without legal effect"
operator_name = "Open Smart-ID Demo"
territory = "EE"
information_url = "{url}/certs"
contact_url = "mailto:nobody@example.org"
street_address = "1 Example Street"
locality = "Tallinn"
postal_code = "10111"

# Generous: everybody here is a tester.
[limits]
prompts_per_minute = 10000
prompts_per_minute_in_all = 10000
begins_per_minute = 10000
maintenance_per_minute = 10000
registrations_per_minute = 10000
registrations_burst = 10000
failures_per_minute = 10000
failures_burst = 10000
requests_per_minute = 1000000
requests_burst = 1000000
validations_per_minute = 1000000
validations_burst = 1000000
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_that_is_written_can_be_read() {
        let folder = temporary_folder().unwrap();
        let path = folder.path().join(CONFIG);
        fs::write(
            &path,
            configuration("[::1]:8080".parse().unwrap(), "http://[::1]:8080"),
        )
        .unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.policy().scheme_name, "smart-id-demo");
        assert_eq!(config.web_limits(), web::Limits::generous());
    }

    #[tokio::test]
    async fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = temporary_folder().unwrap();
        fs::write(folder.path().join("letter.txt"), "dear").unwrap();
        let error = open_or_make(
            folder.path(),
            "127.0.0.1:0".parse().unwrap(),
            "http://127.0.0.1:1",
        )
        .await
        .unwrap_err();
        assert!(format!("{error:#}").contains("something else"), "{error:#}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
