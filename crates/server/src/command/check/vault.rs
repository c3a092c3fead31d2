//! The vault: whether it opens, and how long what is in it lasts.

use super::{Finding, wrong};
use crate::{config::Config, deployment};
use anyhow::Error;
use engine::{
    domain::{AccountLevel, SchemeOperator},
    policy::ACCOUNT_LIFETIME,
    ports::CaSigner,
};
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
            if let Some(list) = &config.trusted_list {
                findings.push(check_list(&list.operator(), vault.list_signer().as_deref()));
            }
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

/// The list names its signer's organisation and country as the scheme's operator and territory (TS 119 612 §5.7.1).
fn check_list(operator: &SchemeOperator, signer: Option<&Certificate>) -> Finding {
    let Some(signer) = signer else {
        return Finding::Wrong(
            "the configuration has [trusted_list], but the vault has no signer for it, so there is no list; mend: add \
             [certificates.trusted_list] to the ceremony's file and run `smart-id ceremony --extend`"
                .to_owned(),
        );
    };
    let subject = signer.subject();
    for (key, said, stands) in [
        ("operator_name", &operator.name, subject.organization()),
        ("territory", &operator.territory, subject.country()),
    ] {
        let stands = stands.unwrap_or_default();
        if said != stands {
            return Finding::Wrong(format!(
                "trusted_list.{key} is {said:?}, but the list's signer is certified for {stands:?}, and validators \
                 compare the two; mend: write {stands:?}, or have another signer made"
            ));
        }
    }
    Finding::Fine("the trusted list's operator and territory are its signer's".to_owned())
}

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
                lifetime_of_issuing(name, &certificate, mend, now)
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

/// No certificate outlives its issuer's: an authority has to end after the accounts that it issues for.
fn lifetime_of_issuing(
    name: &str,
    certificate: &Certificate,
    mend: &str,
    now: Timestamp,
) -> Finding {
    let end = certificate.not_after();
    let last = end - ACCOUNT_LIFETIME;
    if last <= now {
        Finding::Wrong(format!(
            "authority {name} ends at {end:.0}, before an account of today would, so that nobody can register any more; \
             mend: {mend}"
        ))
    } else if last.duration_since(now) < SUCCESSION_NOTICE {
        Finding::Note(format!(
            "authority {name} ends at {end:.0} and can issue until {last:.0}; {mend}"
        ))
    } else {
        Finding::Fine(format!("authority {name} is valid until {end:.0}"))
    }
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

/// How long before it can issue no more an authority should have a successor.
const SUCCESSION_NOTICE: SignedDuration = SignedDuration::from_hours(180 * 24);

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
    fn an_authority_that_ends_before_an_account_of_today_is_wrong_until_it_has_a_successor_and_noted_before()
     {
        let last = 12 * 365;
        for (days, expected) in [
            (last - 181, "fffWWf"),
            (last - 179, "fNNWWf"),
            (last + 1, "fWWWWf"),
        ] {
            let alone = marks(&told(days, Some((days - 1, &config()))));
            assert_eq!(alone, expected, "day {days}");
        }
        let days = 13 * 365;
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
        assert_eq!(succeeded, "ffWfWWf");
    }

    #[test]
    fn the_list_s_operator_and_territory_are_those_of_its_signer() {
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        let ceremony = Ceremony::perform(&config(), now(), rng).unwrap();
        let certificates = ceremony.certificates();
        let mut certificates = certificates.into_iter();
        let (_, signer) = certificates.find(|(name, _)| name == "trust-list").unwrap();
        let operator = |name: &str, territory: &str| SchemeOperator {
            name: name.into(),
            territory: territory.into(),
            information_url: "https://id.example.org/certs".into(),
            contact_url: "mailto:trust@example.org".into(),
            street_address: "1 Example Street".into(),
            locality: "Tallinn".into(),
            postal_code: "10111".into(),
            scheme_name: "Example list".into(),
        };
        for (name, territory, signer, expected) in [
            ("Example Identity", "EE", Some(signer), "f"),
            ("Somebody else", "EE", Some(signer), "W"),
            ("Example Identity", "LV", Some(signer), "W"),
            ("Example Identity", "EE", None, "W"),
        ] {
            let finding = check_list(&operator(name, territory), signer);
            assert_eq!(marks(&[finding]), expected, "{name} {territory}");
        }
    }
}
