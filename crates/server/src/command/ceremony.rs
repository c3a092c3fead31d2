use crate::config::{SecretSource, read};
use anyhow::{Context, Error, Result, bail};
use clap::Args;
use jiff::Timestamp;
use pki::x509::Certificate;
use rand_core::CryptoRng;
use serde::Deserialize;
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use vault::{
    Ceremony, CeremonyConfig, Extension, ExtensionError, OfflineRoot, SoftwareVault, UnlockKey,
};

/// Make the certificate authorities and the vault of a deployment
///
/// From one file that people reviewed: names and addresses in certificates cannot be changed afterwards. The root's key
/// comes into a file of its own, to be taken offline; the issuing authorities' keys into the server's vault, with those
/// of the time-stamping unit and of the trusted list's signer. Key files that are not there yet are made. No certificate
/// and no key of an authority is ever overwritten.
///
/// With --extend, a vault that is there gets what the file has and it has not: further issuing authorities
/// ([[certificates.successors]]), a time-stamping unit, a signer of the trusted list, and always the root's next
/// revocation list, which ends after a year. For that the server must be stopped and the root's files be in their places.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id ceremony --config ceremony.toml --dry-run
  smart-id ceremony --config ceremony.toml
  smart-id ceremony --config ceremony.toml --extend
A documented configuration: docs/config/ceremony.toml")]
pub(super) struct CeremonyArgs {
    /// What to make
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Add to a vault what the file has and it has not, and renew the root's revocation list
    #[arg(long)]
    extend: bool,
    /// Only print what would be made
    #[arg(long)]
    dry_run: bool,
}

/// A ceremony's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CeremonyFile {
    /// Where everything comes to lie.
    files: Files,
    /// What stands in the certificates.
    certificates: CeremonyConfig,
}

/// Where everything comes to lie; relative to the ceremony's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    /// The server's vault.
    vault: PathBuf,
    /// Its unlock key; made if it is not there.
    vault_unlock_key_file: PathBuf,
    /// The root's private key.
    root: PathBuf,
    /// Its unlock key; made if it is not there.
    root_unlock_key_file: PathBuf,
    /// Folder for the certificates.
    certificates: PathBuf,
}

pub(super) fn run(arguments: &CeremonyArgs, out: &mut dyn Write) -> Result<()> {
    let CeremonyFile {
        files,
        certificates,
    } = read(&arguments.config)?;
    let files = files.rebase(arguments.config.parent().unwrap_or(Path::new("")));
    if arguments.extend {
        return extend(&certificates, &files, arguments.dry_run, out);
    }
    files.refuse_to_overwrite(&certificates)?;
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let ceremony = Ceremony::perform(&certificates, Timestamp::now(), rng)?;
    describe(&ceremony, &certificates, &files, out)?;
    if arguments.dry_run {
        writeln!(out, "\ndry run: nothing was written")?;
        return Ok(());
    }
    save(ceremony, &files, rng)
        .context("the ceremony failed: delete what it wrote and begin again")?;
    writeln!(out, "\ndone. Now:")?;
    writeln!(
        out,
        "  1. Move {} and {} offline, apart from each other.",
        files.root.display(),
        files.root_unlock_key_file.display()
    )?;
    writeln!(
        out,
        "  2. Copy {} now: it restores everything that lasts. Make no later copies.",
        files.vault.display()
    )?;
    writeln!(
        out,
        "  3. Keep {} apart from the vault.",
        files.vault_unlock_key_file.display()
    )?;
    Ok(())
}

fn extend(
    config: &CeremonyConfig,
    files: &Files,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let key = |path: &Path| -> Result<UnlockKey> {
        Ok(UnlockKey::from_bytes(
            SecretSource::File(path.to_owned()).read()?,
        ))
    };
    let root_unlock = key(&files.root_unlock_key_file).context("the root's unlock key")?;
    let root = OfflineRoot::open(&files.root, &root_unlock)
        .with_context(|| format!("cannot open the root {}", files.root.display()))?;
    let vault_unlock = key(&files.vault_unlock_key_file).context("the vault's unlock key")?;
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let (vault, now) = (&files.vault, Timestamp::now());
    let extension = Extension::prepare(vault, vault_unlock, &root, config, now, rng)
        .map_err(|error| match error {
            // Itself, so that the hint for it is found.
            ExtensionError::Vault(error) => Error::new(error),
            error => Error::new(error),
        })
        .with_context(|| format!("cannot extend the vault {}", vault.display()))?;
    if extension.added().is_empty() {
        writeln!(out, "the vault has every authority and service of the file")?;
    }
    for (name, certificate) in extension.added() {
        describe_certificate(&format!("new {name}"), certificate, out)?;
    }
    let list = extension.root_revocation_list();
    writeln!(
        out,
        "root's revocation list {}",
        list.number()
            .map(|number| format!("number {number}"))
            .unwrap_or_default()
    )?;
    if let Some(next) = list.next_update() {
        writeln!(
            out,
            "    valid         {:.0} to {next:.0}",
            list.this_update()
        )?;
    }
    if dry_run {
        writeln!(out, "\ndry run: nothing was written")?;
        return Ok(());
    }
    extension.write(&files.certificates).context(
        "the vault was not extended, or not all certificates were written: run it again",
    )?;
    writeln!(out, "\ndone. Now:")?;
    writeln!(
        out,
        "  1. Move {} and {} offline again, apart from each other.",
        files.root.display(),
        files.root_unlock_key_file.display()
    )?;
    writeln!(
        out,
        "  2. Copy {} now, and destroy the copies before: they lack what was added.",
        files.vault.display()
    )?;
    writeln!(out, "  3. Start the server.")?;
    Ok(())
}

fn save<R: CryptoRng + ?Sized>(ceremony: Ceremony, files: &Files, rng: &mut R) -> Result<()> {
    let root_unlock = unlock_key(&files.root_unlock_key_file)?;
    let vault_unlock = unlock_key(&files.vault_unlock_key_file)?;
    ceremony.save_root(&files.root, &root_unlock, rng)?;
    ceremony.save_certificates(&files.certificates)?;
    SoftwareVault::create(&files.vault, vault_unlock, ceremony, rng)?;
    Ok(())
}

fn describe(
    ceremony: &Ceremony,
    config: &CeremonyConfig,
    files: &Files,
    out: &mut dyn Write,
) -> Result<()> {
    for (name, certificate) in ceremony.certificates() {
        describe_certificate(&name, certificate, out)?;
        if name == "root" {
            describe_addresses(
                &config.root.certificate_url,
                &config.root.crl_url,
                config.root.ocsp_url.as_deref(),
                out,
            )?;
        } else if let Some(ca) = ceremony.issuing_cas().find(|ca| ca.name == name) {
            let addresses = ca.ca.publication();
            describe_addresses(
                &addresses.ca_issuers_url,
                &addresses.crl_url,
                Some(&addresses.ocsp_url),
                out,
            )?;
        }
    }
    writeln!(out, "in all certificates")?;
    writeln!(out, "    practice      {}", config.practice_statement_url)?;
    writeln!(out, "    disclosure    {}", config.disclosure_statement_url)?;
    writeln!(out, "files")?;
    for (name, path) in files.all() {
        writeln!(out, "    {name:<13} {}", path.display())?;
    }
    Ok(())
}

fn describe_addresses(
    certificate: &str,
    crl: &str,
    ocsp: Option<&str>,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(
        out,
        "    certificate   {certificate}\n    CRL           {crl}"
    )?;
    if let Some(ocsp) = ocsp {
        writeln!(out, "    OCSP          {ocsp}")?;
    }
    Ok(())
}

fn describe_certificate(name: &str, certificate: &Certificate, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{name}: {}", certificate.subject())?;
    writeln!(
        out,
        "    valid         {:.0} to {:.0}",
        certificate.not_before(),
        certificate.not_after()
    )?;
    Ok(())
}

fn unlock_key(path: &Path) -> Result<UnlockKey> {
    if !path.exists() {
        SecretSource::create(path)?;
    }
    Ok(UnlockKey::from_bytes(
        SecretSource::File(path.to_owned()).read()?,
    ))
}

impl Files {
    fn rebase(self, folder: &Path) -> Self {
        Self {
            vault: folder.join(self.vault),
            vault_unlock_key_file: folder.join(self.vault_unlock_key_file),
            root: folder.join(self.root),
            root_unlock_key_file: folder.join(self.root_unlock_key_file),
            certificates: folder.join(self.certificates),
        }
    }

    fn all(&self) -> [(&'static str, &Path); 5] {
        [
            ("vault", &self.vault),
            ("its key", &self.vault_unlock_key_file),
            ("root", &self.root),
            ("its key", &self.root_unlock_key_file),
            ("certificates", &self.certificates),
        ]
    }

    fn refuse_to_overwrite(&self, config: &CeremonyConfig) -> Result<()> {
        for path in [&self.vault, &self.root] {
            if path.symlink_metadata().is_ok() {
                bail!("{} exists; a ceremony overwrites nothing", path.display());
            }
        }
        let successors = config.successors.iter().map(|one| one.name.as_str());
        for name in ["root", "eid-q", "eid-nq", "tsu", "trust-list"]
            .into_iter()
            .chain(successors)
        {
            let path = self.certificates.join(format!("{name}.crt"));
            if path.symlink_metadata().is_ok() {
                bail!("{} exists; a ceremony overwrites nothing", path.display());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_read_and_its_certificates_can_be_made() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config/ceremony.toml");
        let file: CeremonyFile = read(&path).unwrap();
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        Ceremony::perform(&file.certificates, Timestamp::now(), rng).unwrap();
    }

    /// The folder of a deployment, with the sample as its file.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            folder.review(include_str!("../../../../docs/config/ceremony.toml"));
            folder
        }

        fn review(&self, file: &str) {
            std::fs::write(self.path("ceremony.toml"), file).unwrap();
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn run(&self, extend: bool, dry_run: bool) -> Result<String> {
            let mut out = Vec::new();
            let config = self.path("ceremony.toml");
            let arguments = CeremonyArgs {
                config,
                extend,
                dry_run,
            };
            run(&arguments, &mut out)?;
            Ok(String::from_utf8(out)?)
        }

        fn vault(&self) -> Vec<u8> {
            std::fs::read(self.path("vault")).unwrap()
        }
    }

    /// The sample with its example of a successor taken into use.
    fn with_successor() -> String {
        let sample = include_str!("../../../../docs/config/ceremony.toml");
        let (before, after) = sample.split_once("# [[certificates.successors]]").unwrap();
        let (successor, after) = after.split_once("\n\n").unwrap();
        let successor = successor.replace("\n# ", "\n");
        format!("{before}[[certificates.successors]]{successor}\n\n{after}")
    }

    #[test]
    fn a_second_ceremony_overwrites_nothing() {
        let folder = Folder::new();
        folder.run(false, true).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.0.path()).unwrap().count(),
            1,
            "a dry run writes nothing"
        );
        folder.run(false, false).unwrap();
        let error = folder.run(false, false).unwrap_err();
        assert!(error.to_string().contains("overwrites nothing"), "{error}");
    }

    #[test]
    fn what_was_added_to_the_file_is_made_by_an_extension() {
        let folder = Folder::new();
        folder.run(false, false).unwrap();
        let before = folder.vault();
        folder.review(&with_successor());
        let told = folder.run(true, true).unwrap();
        assert!(
            told.contains("new eid-q-2031: ")
                && told.contains("revocation list number 2")
                && told.contains("nothing was written"),
            "{told}"
        );
        assert_eq!(folder.vault(), before);
        assert!(!folder.path("certificates/eid-q-2031.crt").exists());

        let told = folder.run(true, false).unwrap();
        assert!(told.contains("new eid-q-2031: "), "{told}");
        assert_ne!(folder.vault(), before);
        assert!(folder.path("certificates/eid-q-2031.crt").exists());
        let told = folder.run(true, true).unwrap();
        assert!(
            told.contains("has every authority") && told.contains("number 3"),
            "{told}"
        );

        folder.review(include_str!("../../../../docs/config/ceremony.toml"));
        let error = format!("{:#}", folder.run(true, false).unwrap_err());
        assert!(error.contains("must stay in the file"), "{error}");
    }

    #[test]
    fn an_extension_needs_the_root_and_a_server_that_is_stopped() {
        let folder = Folder::new();
        folder.run(false, false).unwrap();
        let key = SecretSource::File(folder.path("vault.key")).read().unwrap();
        let running =
            SoftwareVault::open(&folder.path("vault"), UnlockKey::from_bytes(key)).unwrap();
        let error = format!("{:#}", folder.run(true, false).unwrap_err());
        assert!(error.contains("in use by another process"), "{error}");
        drop(running);
        std::fs::rename(folder.path("root"), folder.path("elsewhere")).unwrap();
        let error = format!("{:#}", folder.run(true, false).unwrap_err());
        assert!(error.contains("cannot open the root"), "{error}");
    }
}
