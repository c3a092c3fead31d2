//! What validators read: whether it is still good.

use super::Finding;
use crate::{config::Config, deployment};
use anyhow::Result;
use engine::{domain::CaKeyId, ports::Store};
use jiff::Timestamp;
use pki::x509::Certificate;

pub(super) async fn check(config: &Config, findings: &mut Vec<Finding>) -> Result<()> {
    let store = deployment::open_store(&config.database).await?;
    let looked = look(config, &store, findings).await;
    store.close().await;
    looked
}

async fn look(config: &Config, store: &dyn Store, findings: &mut Vec<Finding>) -> Result<()> {
    let now = Timestamp::now();
    let mut reader = store.read().await?;
    for published in reader.published_certificates().await? {
        let Ok(certificate) = Certificate::parse(&published.certificate) else {
            continue;
        };
        // The root's list is in the vault.
        if !certificate.is_ca() || certificate.issuer() == certificate.subject() {
            continue;
        }
        let id = certificate.subject_key_identifier();
        if let Some(id) = id.and_then(|id| id.try_into().ok())
            && let Some(list) = reader.revocation_list(CaKeyId(id)).await?
        {
            let what = format!("revocation list {} of {}", list.number, published.name);
            findings.push(judge(&what, list.this_update, list.next_update, now));
        }
    }
    if config.trusted_list.is_some()
        && let Some(list) = reader.trusted_list().await?
    {
        let what = format!("trusted list {}", list.sequence);
        findings.push(judge(&what, list.issued_at, list.next_update, now));
    }
    Ok(())
}

fn judge(what: &str, from: Timestamp, until: Timestamp, now: Timestamp) -> Finding {
    if from > now {
        Finding::Wrong(format!(
            "{what} is of {from:.0}, which is to come: the clock was or is wrong; mend: set it right, validators take the \
             list from then on"
        ))
    } else if until <= now {
        Finding::Note(format!(
            "{what} ended {until:.0}; a running server makes another one, and tells its log if it cannot"
        ))
    } else {
        Finding::Fine(format!("{what} is good until {until:.0}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_good_between_its_times_only() {
        let judged = |now: &str| {
            let at = |text: &str| text.parse::<Timestamp>().unwrap();
            let (from, until) = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
            judge("list", from, until, at(now))
        };
        assert!(matches!(judged("2026-03-01T12:00:00Z"), Finding::Fine(_)));
        assert!(matches!(judged("2026-03-02T00:00:00Z"), Finding::Note(_)));
        assert!(matches!(judged("2026-02-28T23:59:59Z"), Finding::Wrong(_)));
    }
}
