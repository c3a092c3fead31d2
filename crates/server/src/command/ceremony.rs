use crate::config::{SecretSource, read};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::Timestamp;
use pki::x509::{Certificate, Level};
use rand_core::CryptoRng;
use serde::Deserialize;
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use vault::{Ceremony, CeremonyConfig, SoftwareVault, UnlockKey};

/// Make the certificate authorities and the vault of a deployment
///
/// From one file that people reviewed: names and addresses in certificates cannot be changed afterwards. The root's key
/// comes into a file of its own, to be taken offline; the issuing authorities' keys into the server's vault. Key files
/// that are not there yet are made. Nothing is ever overwritten.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  smart-id ceremony --config ceremony.toml --dry-run
  smart-id ceremony --config ceremony.toml
A documented configuration: docs/config/ceremony.toml")]
pub(super) struct CeremonyArgs {
    /// What to make
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
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
    files.refuse_to_overwrite()?;
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
    let issuing = [
        (ceremony.issuing_ca(Level::Qualified), &config.eid_q),
        (ceremony.issuing_ca(Level::Basic), &config.eid_nq),
    ];
    describe_certificate("root", ceremony.root_certificate(), out)?;
    writeln!(
        out,
        "    certificate   {}\n    CRL           {}",
        config.root.certificate_url, config.root.crl_url
    )?;
    if let Some(url) = &config.root.ocsp_url {
        writeln!(out, "    OCSP          {url}")?;
    }
    for (ca, authority) in issuing {
        describe_certificate("issuing authority", ca.certificate(), out)?;
        writeln!(out, "    certificate   {}", authority.certificate_url)?;
        writeln!(
            out,
            "    CRL           {}\n    OCSP          {}",
            authority.crl_url, authority.ocsp_url
        )?;
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

fn describe_certificate(kind: &str, certificate: &Certificate, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{kind}: {}", certificate.subject())?;
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

    fn refuse_to_overwrite(&self) -> Result<()> {
        for path in [&self.vault, &self.root] {
            if path.symlink_metadata().is_ok() {
                bail!("{} exists; a ceremony overwrites nothing", path.display());
            }
        }
        for name in ["root.crt", "eid-q.crt", "eid-nq.crt"] {
            let path = self.certificates.join(name);
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

    #[test]
    fn a_second_ceremony_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let sample = include_str!("../../../../docs/config/ceremony.toml");
        let config = folder.path().join("ceremony.toml");
        std::fs::write(&config, sample).unwrap();
        let arguments = |dry_run| CeremonyArgs {
            config: config.clone(),
            dry_run,
        };
        run(&arguments(true), &mut Vec::new()).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "a dry run writes nothing"
        );
        run(&arguments(false), &mut Vec::new()).unwrap();
        let error = run(&arguments(false), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("overwrites nothing"), "{error}");
    }
}
