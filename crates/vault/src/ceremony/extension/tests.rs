use std::fs;
use std::path::PathBuf;

use engine::domain::AccountLevel;
use engine::ports::CaSigner;
use jiff::{SignedDuration, Timestamp};
use pki::x509::Certificate;
use tempfile::TempDir;

use super::*;
use crate::randomness::system_rng;
use crate::testkit::{ceremony, config, now, successor, unlock};
use crate::{SoftwareVault, SuccessorLevel};

/// What a ceremony left behind.
struct Deployment {
    directory: TempDir,
    root: OfflineRoot,
}

impl Deployment {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        let ceremony = ceremony();
        ceremony
            .save_root(&path("root"), &unlock(), &mut system_rng())
            .unwrap();
        ceremony.save_certificates(&path("certificates")).unwrap();
        drop(SoftwareVault::create(&path("vault"), unlock(), ceremony, &mut system_rng()).unwrap());
        let root = OfflineRoot::open(&path("root"), &unlock()).unwrap();
        Self { directory, root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn prepare(
        &self,
        config: &CeremonyConfig,
        now: Timestamp,
    ) -> Result<Extension, ExtensionError> {
        Extension::prepare(
            &self.path("vault"),
            unlock(),
            &self.root,
            config,
            now,
            &mut system_rng(),
        )
    }

    /// Tells the names of what was added.
    fn extend(&self, config: &CeremonyConfig, now: Timestamp) -> Vec<String> {
        let extension = self.prepare(config, now).unwrap();
        let added = extension
            .added()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        extension.write(&self.path("certificates")).unwrap();
        added
    }

    fn refused(&self, config: &CeremonyConfig) -> String {
        let before = self.content();
        let error = match self.prepare(config, later(1)) {
            Ok(_) => panic!("must be refused"),
            Err(error) => error.to_string(),
        };
        assert_eq!(self.content(), before);
        error
    }

    fn open(&self) -> SoftwareVault {
        SoftwareVault::open(&self.path("vault"), unlock()).unwrap()
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.path("vault")).unwrap()
    }

    fn certificate_files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.path("certificates"))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

fn later(years: i64) -> Timestamp {
    now() + SignedDuration::from_hours(years * 365 * 24)
}

fn with(names: &[&str]) -> CeremonyConfig {
    let mut config = config();
    config.successors = names
        .iter()
        .map(|name| successor(name, SuccessorLevel::Qualified))
        .collect();
    config
}

fn published(vault: &SoftwareVault) -> Vec<(String, Vec<u8>)> {
    let published = vault.published().into_iter();
    published.map(|one| (one.name, one.certificate)).collect()
}

#[test]
fn two_extensions_add_two_successors_and_everything_before_them_stays() {
    let deployment = Deployment::new();
    let mut before = published(&deployment.open());
    for (years, names) in [(1, &["eid-q-2"][..]), (2, &["eid-q-2", "eid-q-3"][..])] {
        let newest = names.last().unwrap();
        assert_eq!(deployment.extend(&with(names), later(years)), [*newest]);
        let vault = deployment.open();
        assert_eq!(vault.issuer(AccountLevel::Qualified).name, *newest);
        assert_eq!(vault.issuer(AccountLevel::Advanced).name, "eid-nq");
        assert_eq!(vault.issuers().len(), 2 + names.len());
        let now = published(&vault);
        assert!(before.iter().all(|one| now.contains(one)));
        let list = vault.root_revocation_list().unwrap();
        assert_eq!(list.number(), Some(1 + u64::try_from(years).unwrap()));
        assert_eq!(list.this_update(), later(years));
        list.verify(deployment.root.certificate().public_key())
            .unwrap();
        let ca = vault.issuer(AccountLevel::Qualified);
        let ca = ca.ca.certificate();
        ca.verify_signature(deployment.root.certificate().public_key())
            .unwrap();
        before = now;
    }
    let files = deployment.certificate_files();
    assert_eq!(files.len(), 7);
    for (name, certificate) in before {
        assert!(files.contains(&(format!("{name}.crt"), certificate)));
    }
}

#[test]
fn what_is_made_late_in_the_root_s_life_ends_with_it() {
    let deployment = Deployment::new();
    let mut config = with(&["eid-q-2"]);
    config.time_stamping.as_mut().unwrap().common_name = "TSU 2".into();
    assert_eq!(deployment.extend(&config, later(16)), ["eid-q-2", "tsu-2"]);
    let vault = deployment.open();
    let end = deployment.root.certificate().not_after();
    let issuer = vault.issuer(AccountLevel::Qualified);
    assert_eq!(issuer.ca.certificate().not_after(), end);
    assert_eq!(
        vault.time_stamping_unit().unwrap().certificate.not_after(),
        end
    );
    config = with(&["eid-q-2", "eid-q-3"]);
    config.time_stamping.as_mut().unwrap().common_name = "TSU 2".into();
    let after_its_end = deployment.prepare(&config, later(21));
    assert!(after_its_end.is_err());
}

#[tokio::test]
async fn an_older_authority_still_signs_for_what_it_issued() {
    use pki::crl::UnsignedRevocationList;
    let deployment = Deployment::new();
    let old = deployment.open().issuer(AccountLevel::Qualified);
    deployment.extend(&with(&["eid-q-2"]), later(1));
    let vault = deployment.open();
    let list =
        UnsignedRevocationList::build(old.ca.certificate(), 2, later(1), later(2), &[]).unwrap();
    let list = vault.sign_revocation_list(old.id, list).await.unwrap();
    list.verify(old.ca.certificate().public_key()).unwrap();
}

#[test]
fn an_extension_by_the_same_file_only_renews_the_root_s_revocation_list() {
    let deployment = Deployment::new();
    let before = published(&deployment.open());
    assert!(deployment.extend(&config(), later(1)).is_empty());
    let vault = deployment.open();
    assert_eq!(published(&vault), before);
    let list = vault.root_revocation_list().unwrap();
    assert_eq!(
        (list.number(), list.next_update()),
        (Some(2), Some(later(2)))
    );
}

#[test]
fn another_unit_and_another_signer_take_over_and_the_older_ones_stay_published_without_keys() {
    let deployment = Deployment::new();
    let before = published(&deployment.open());
    let mut config = config();
    config.time_stamping.as_mut().unwrap().common_name = "TSU 2".into();
    config.trusted_list.as_mut().unwrap().common_name = "Trusted List 2".into();
    assert_eq!(
        deployment.extend(&config, later(1)),
        ["tsu-2", "trust-list-2"]
    );
    let vault = deployment.open();
    let now = published(&vault);
    let names: Vec<_> = now.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "root",
            "eid-q",
            "eid-nq",
            "tsu",
            "tsu-2",
            "trust-list",
            "trust-list-2"
        ]
    );
    assert!(before.iter().all(|one| now.contains(one)));
    let unit = vault.time_stamping_unit().unwrap();
    assert_eq!(unit.certificate.der(), now[4].1);
    assert_eq!(vault.list_signer().unwrap().der(), now[6].1);
    let authorities = &vault.opened.identity.authorities;
    for services in [&authorities.units, &authorities.list_signers] {
        let have: Vec<_> = services.iter().map(|one| one.key.is_some()).collect();
        assert_eq!(have, [false, true]);
    }
}

#[test]
fn a_file_without_what_the_vault_has_is_refused() {
    let deployment = Deployment::new();
    deployment.extend(&with(&["eid-q-2"]), later(1));
    let error = deployment.refused(&config());
    assert!(error.contains("the authority eid-q-2"), "{error}");
    let mut without = with(&["eid-q-2"]);
    without.time_stamping = None;
    let error = deployment.refused(&without);
    assert!(error.contains("[time_stamping]"), "{error}");
    let mut without = with(&["eid-q-2"]);
    without.trusted_list = None;
    let error = deployment.refused(&without);
    assert!(error.contains("[trusted_list]"), "{error}");
}

/// What somebody did to the file.
type Change = fn(&mut CeremonyConfig);

#[test]
fn a_file_that_tells_something_else_than_the_certificates_is_refused() {
    let deployment = Deployment::new();
    let changes: [(&str, Change); 12] = [
        ("root: common_name", |c| c.root.common_name += " 2"),
        ("root: organisation", |c| c.organization.name += " Ltd"),
        ("root: organisation's identifier", |c| {
            c.organization.identifier = "NTREE-10000001".into();
        }),
        ("root: country", |c| c.organization.country = "LV".into()),
        ("root: crl_url", |c| c.root.crl_url += "2"),
        ("root: certificate_url", |c| c.root.certificate_url += "2"),
        ("root: ocsp_url", |c| {
            c.root.ocsp_url = Some("http://id.example.org/o".into())
        }),
        ("eid-q: common_name", |c| c.eid_q.common_name += " 2"),
        ("eid-q: ocsp_url", |c| c.eid_q.ocsp_url += "2"),
        ("eid-nq: crl_url", |c| c.eid_nq.crl_url += "2"),
        ("eid-q: disclosure_statement_url", |c| {
            c.disclosure_statement_url += "2"
        }),
        ("[trusted_list]: organisation", |c| {
            c.trusted_list.as_mut().unwrap().operator = Some("Another".into());
        }),
    ];
    for (expected, change) in changes {
        let mut changed = config();
        change(&mut changed);
        let error = deployment.refused(&changed);
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
}

#[test]
fn a_successor_does_not_change_its_level() {
    let deployment = Deployment::new();
    deployment.extend(&with(&["eid-q-2"]), later(1));
    let mut changed = config();
    changed.successors = vec![successor("eid-q-2", SuccessorLevel::Basic)];
    let error = deployment.refused(&changed);
    assert!(error.starts_with("eid-q-2: level"), "{error}");
}

#[test]
fn another_deployment_s_root_extends_nothing() {
    let (deployment, other) = (Deployment::new(), Deployment::new());
    let result = Extension::prepare(
        &deployment.path("vault"),
        unlock(),
        &other.root,
        &config(),
        later(1),
        &mut system_rng(),
    );
    assert!(matches!(result, Err(ExtensionError::OtherRoot)));
}

#[test]
fn a_vault_in_use_is_not_extended() {
    let deployment = Deployment::new();
    let open = deployment.open();
    let in_use = deployment.prepare(&config(), later(1));
    assert!(matches!(
        in_use.map(|_| ()),
        Err(ExtensionError::Vault(VaultError::InUse(_)))
    ));
    drop(open);
    let prepared = deployment.prepare(&config(), later(1)).unwrap();
    assert!(matches!(
        SoftwareVault::open(&deployment.path("vault"), unlock()).map(|_| ()),
        Err(VaultError::InUse(_))
    ));
    drop(prepared);
    deployment.open();
}

#[test]
fn what_is_only_prepared_changes_nothing() {
    let deployment = Deployment::new();
    let (content, files) = (deployment.content(), deployment.certificate_files());
    let added = |extension: &Extension| -> Vec<Certificate> {
        let added = extension.added().into_iter();
        added.map(|(_, certificate)| certificate.clone()).collect()
    };
    let extension = deployment.prepare(&with(&["eid-q-2"]), later(1)).unwrap();
    assert_eq!(added(&extension).len(), 1);
    drop(extension);
    assert_eq!(deployment.content(), content);
    assert_eq!(deployment.certificate_files(), files);
}

#[test]
fn an_extension_that_dies_before_the_vault_is_written_has_done_nothing() {
    let deployment = Deployment::new();
    let (content, files) = (deployment.content(), deployment.certificate_files());
    let extension = deployment.prepare(&with(&["eid-q-2"]), later(1)).unwrap();
    // A directory in the place of the draft can be neither removed as a file nor created.
    fs::create_dir(deployment.path("vault.new")).unwrap();
    let failed = extension.write(&deployment.path("certificates"));
    assert!(matches!(failed, Err(VaultError::Io { .. })));
    assert_eq!(deployment.content(), content);
    assert_eq!(deployment.certificate_files(), files);
    fs::remove_dir(deployment.path("vault.new")).unwrap();
    assert_eq!(
        deployment.extend(&with(&["eid-q-2"]), later(1)),
        ["eid-q-2"]
    );
}

#[test]
fn the_next_extension_writes_the_certificates_that_an_interrupted_one_did_not() {
    let deployment = Deployment::new();
    let extension = deployment.prepare(&with(&["eid-q-2"]), later(1)).unwrap();
    extension.opened.write_all().unwrap();
    drop(extension);
    let missing = deployment.path("certificates").join("eid-q-2.crt");
    assert!(!missing.exists());
    assert!(deployment.extend(&with(&["eid-q-2"]), later(1)).is_empty());
    let vault = deployment.open();
    let issuer = vault.issuer(AccountLevel::Qualified);
    assert_eq!(issuer.name, "eid-q-2");
    assert_eq!(fs::read(missing).unwrap(), issuer.ca.certificate().der());
}

#[test]
fn a_file_in_the_place_of_a_new_certificate_stops_the_extension_before_it_writes() {
    let deployment = Deployment::new();
    fs::write(deployment.path("certificates").join("eid-q-2.crt"), "mine").unwrap();
    let content = deployment.content();
    let extension = deployment.prepare(&with(&["eid-q-2"]), later(1)).unwrap();
    let failed = extension.write(&deployment.path("certificates"));
    assert!(matches!(failed, Err(VaultError::Exists(_))));
    assert_eq!(deployment.content(), content);
}

#[test]
fn a_successor_that_has_its_predecessor_s_address_or_name_is_not_made() {
    let deployment = Deployment::new();
    let mut config = config();
    config.successors = vec![successor("eid-q-2", SuccessorLevel::Qualified)];
    config.successors[0].ocsp_url = config.eid_q.ocsp_url.clone();
    let told = |config: &CeremonyConfig| {
        let prepared = deployment.prepare(config, now());
        prepared.map(drop).unwrap_err().to_string()
    };
    let error = told(&config);
    assert!(error.contains("both have the address"), "{error}");
    config.successors = vec![successor("eid-q-2", SuccessorLevel::Qualified)];
    config.successors[0].common_name = config.eid_q.common_name.clone();
    let error = told(&config);
    assert!(error.contains("the same common name"), "{error}");
}
