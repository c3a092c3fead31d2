//! The vault: whether it opens, and how long what is in it lasts.

use super::{Finding, wrong};
use crate::{config::Config, deployment};
use anyhow::Error;
use engine::{domain::AccountLevel, policy::ACCOUNT_LIFETIME, ports::CaSigner};
use jiff::{SignedDuration, Timestamp};
use pki::x509::Certificate;
use vault::VaultError;

pub(super) fn check(config: &Config, findings: &mut Vec<Finding>) {
    let file = config.vault.file.display();
    match deployment::open_vault(&config.vault) {
        Ok(vault) => {
            findings.push(Finding::Fine(format!(
                "vault {file} is undamaged and opens with its key"
            )));
            check_authorities(&vault, Timestamp::now(), findings);
        }
        Err(error)
            if error
                .chain()
                .any(|cause| matches!(cause.downcast_ref(), Some(VaultError::InUse(_)))) =>
        {
            findings.push(Finding::Note(format!(
                "vault {file} is open in a running server; stop it to look inside"
            )));
        }
        Err(error) => findings.push(wrong(&error)),
    }
}

/// An authority that issues has to outlive the accounts it issues for, or their certificates end before they do.
fn check_authorities(vault: &dyn CaSigner, now: Timestamp, findings: &mut Vec<Finding>) {
    let issuing =
        [AccountLevel::Qualified, AccountLevel::Advanced].map(|level| vault.issuer(level).id);
    let issuers = vault.issuers();
    let unit = vault.time_stamping_unit();
    let signer = vault.list_signer();
    for published in vault.published() {
        let name = &published.name;
        let certificate = match Certificate::parse(&published.certificate) {
            Ok(certificate) => certificate,
            Err(error) => {
                findings.push(wrong(
                    &Error::new(error).context(format!("certificate of {name}")),
                ));
                continue;
            }
        };
        let is = |other: &Certificate| other.der() == certificate.der();
        findings.push(if name == "root" {
            let mend = "hold a new ceremony";
            lifetime("root", &certificate, ACCOUNT_LIFETIME, mend, now)
        } else if let Some(issuer) = issuers.iter().find(|issuer| issuer.name == *name) {
            let mend = "add a successor to the ceremony's file and run `smart-id ceremony --extend`";
            if issuing.contains(&issuer.id) {
                let what = format!("authority {name}");
                lifetime(&what, &certificate, ACCOUNT_LIFETIME, mend, now)
            } else {
                Finding::Fine(format!(
                    "authority {name} has a successor and answers for what it issued, until {:.0}",
                    certificate.not_after()
                ))
            }
        } else if unit.as_ref().is_some_and(|unit| is(&unit.certificate)) {
            let mend = "give time_stamping another common_name in the ceremony's file and run `smart-id ceremony --extend`";
            let what = format!("time-stamping unit {name}");
            lifetime(&what, &certificate, SERVICE_NOTICE, mend, now)
        } else if signer.as_ref().is_some_and(|signer| is(signer)) {
            let mend = "give trusted_list another common_name in the ceremony's file and run `smart-id ceremony --extend`";
            let what = format!("signer of the trusted list {name}");
            lifetime(&what, &certificate, SERVICE_NOTICE, mend, now)
        } else {
            Finding::Fine(format!(
                "{name} has a successor; its certificate stays published"
            ))
        });
    }
    check_root_list(vault, now, findings);
}

/// Whoever checks a certificate of ours up to the root needs it.
fn check_root_list(vault: &dyn CaSigner, now: Timestamp, findings: &mut Vec<Finding>) {
    let mend = "run `smart-id ceremony --extend`, which signs the next one";
    let next = vault.root_revocation_list().map(|list| list.next_update());
    findings.push(match next {
        None => Finding::Note(format!(
            "the vault has no revocation list of the root; {mend}"
        )),
        Some(None) => Finding::Wrong(format!(
            "the root's revocation list does not say when it ends; mend: {mend}"
        )),
        Some(Some(next)) if next <= now => Finding::Wrong(format!(
            "the root's revocation list ended at {next:.0}; mend: {mend}"
        )),
        Some(Some(next)) if next.duration_since(now) < ROOT_LIST_NOTICE => Finding::Note(format!(
            "the root's revocation list ends at {next:.0}; {mend}"
        )),
        Some(Some(next)) => Finding::Fine(format!(
            "the root's revocation list is valid until {next:.0}"
        )),
    });
}

fn lifetime(
    what: &str,
    certificate: &Certificate,
    notice: SignedDuration,
    mend: &str,
    now: Timestamp,
) -> Finding {
    let end = certificate.not_after();
    if end <= now {
        Finding::Wrong(format!("{what} has expired; mend: {mend}"))
    } else if end.duration_since(now) < notice {
        Finding::Note(format!("{what} ends soon, at {end:.0}; {mend}"))
    } else {
        Finding::Fine(format!("{what} is valid until {end:.0}"))
    }
}

/// How long before its end a unit or a signer should have a successor.
const SERVICE_NOTICE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The root's key is offline, and those who have its parts are busy people.
const ROOT_LIST_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

#[cfg(test)]
mod tests {
    use super::*;
    use vault::{Ceremony, CeremonyConfig, Extension, OfflineRoot, SoftwareVault, UnlockKey};
    use zeroize::Zeroizing;

    const DAY: i64 = 24;

    /// What is told about a vault so many days after its ceremony, and after an extension if there is one.
    fn told(days: i64, extension: Option<(i64, &CeremonyConfig)>) -> Vec<Finding> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        let unlock = || UnlockKey::from_bytes(Zeroizing::new([1; 32]));
        let then = |days| now() + SignedDuration::from_hours(days * DAY);
        let ceremony = Ceremony::perform(&config(), now(), rng).unwrap();
        ceremony.save_root(&at("root"), &unlock(), rng).unwrap();
        drop(SoftwareVault::create(&at("vault"), unlock(), ceremony, rng).unwrap());
        if let Some((days, config)) = extension {
            let root = OfflineRoot::open(&at("root"), &unlock()).unwrap();
            Extension::prepare(&at("vault"), unlock(), &root, config, then(days), rng)
                .unwrap()
                .write(&at("certificates"))
                .unwrap();
        }
        let vault = SoftwareVault::open(&at("vault"), unlock()).unwrap();
        let mut findings = Vec::new();
        check_authorities(&vault, then(days), &mut findings);
        findings
    }

    fn config() -> CeremonyConfig {
        toml::from_str(include_str!("../../../../vault/ceremony.toml")).unwrap()
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    /// `N` a note, `W` wrong, `f` fine, in the order root, eid-q, eid-nq, …, the root's list last.
    fn marks(findings: &[Finding]) -> String {
        let mark = |finding: &Finding| match finding {
            Finding::Fine(_) => 'f',
            Finding::Note(_) => 'N',
            Finding::Wrong(_) => 'W',
        };
        findings.iter().map(mark).collect()
    }

    #[test]
    fn the_root_s_list_is_noted_a_month_before_its_end_and_wrong_after() {
        for (days, expected) in [
            (0, "ffffff"),
            (334, "ffffff"),
            (336, "fffffN"),
            (365, "fffffW"),
        ] {
            assert_eq!(marks(&told(days, None)), expected, "day {days}");
        }
        assert_eq!(marks(&told(366, Some((360, &config())))), "ffffff");
    }

    #[test]
    fn unit_and_signer_are_noted_before_their_ends_and_wrong_after() {
        let year = 365;
        for (days, expected) in [
            (5 * year - 89, "ffffNf"),
            (5 * year, "ffffWf"),
            (6 * year - 89, "fffNWf"),
            (6 * year, "fffWWf"),
        ] {
            let found = marks(&told(days, Some((days - 1, &config()))));
            assert_eq!(found, expected, "day {days}");
        }
    }

    #[test]
    fn an_authority_that_ends_before_an_account_of_today_is_noted_until_it_has_a_successor() {
        let days = 13 * 365;
        let alone = marks(&told(days, Some((days - 1, &config()))));
        assert_eq!(alone, "fNNWWf");
        let mut config = config();
        config.successors = vec![vault::SuccessorConfig {
            name: "eid-q-2".into(),
            level: vault::SuccessorLevel::Qualified,
            common_name: "EID-Q 2".into(),
            certificate_url: "http://id.example.org/certs/eid-q-2.crt".into(),
            crl_url: "http://id.example.org/crl/eid-q-2.crl".into(),
            ocsp_url: "http://id.example.org/ocsp/eid-q-2".into(),
        }];
        let succeeded = marks(&told(days, Some((days - 1, &config))));
        // root, eid-q, eid-nq, eid-q-2, tsu, trust-list, the list
        assert_eq!(succeeded, "ffNfWWf");
    }
}
