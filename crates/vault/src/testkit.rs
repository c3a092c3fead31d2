//! What the tests of this crate share.

use crate::{
    Ceremony, CeremonyConfig, SoftwareVault, SuccessorConfig, SuccessorLevel, UnlockKey,
    randomness::system_rng,
};
use jiff::Timestamp;
use std::path::PathBuf;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The smallest profile there is: the test profile does not exist in release builds.
pub(crate) const SMALL: splitkey::Profile = {
    #[cfg(debug_assertions)]
    {
        splitkey::Profile::Test1024
    }
    #[cfg(not(debug_assertions))]
    {
        splitkey::Profile::Rsa4096
    }
};

pub(crate) const SAMPLE: &str = include_str!("../ceremony.toml");

pub(crate) fn config() -> CeremonyConfig {
    toml::from_str(SAMPLE).expect("the sample is valid")
}

/// A further issuing authority.
pub(crate) fn successor(name: &str, level: SuccessorLevel) -> SuccessorConfig {
    SuccessorConfig {
        name: name.into(),
        level,
        common_name: format!("Successor {name}"),
        certificate_url: format!("http://id.example.org/certs/{name}.crt"),
        crl_url: format!("http://id.example.org/crl/{name}.crl"),
        ocsp_url: format!("http://id.example.org/ocsp/{name}"),
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn ceremony() -> Ceremony {
    Ceremony::perform(&config(), now(), &mut system_rng()).unwrap()
}

pub(crate) fn unlock() -> UnlockKey {
    UnlockKey::from_bytes(Zeroizing::new([9; 32]))
}

/// A vault in a directory that goes with it.
pub(crate) struct TestVault {
    pub(crate) directory: TempDir,
    pub(crate) vault: SoftwareVault,
}

impl TestVault {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault");
        let vault = SoftwareVault::create(&path, unlock(), ceremony(), &mut system_rng()).unwrap();
        Self { directory, vault }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("vault")
    }

    /// As a restarted process finds it.
    pub(crate) fn reopened(self) -> Self {
        let Self { directory, vault } = self;
        drop(vault);
        let vault = SoftwareVault::open(&directory.path().join("vault"), unlock()).unwrap();
        Self { directory, vault }
    }
}
