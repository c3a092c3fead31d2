//! What the audit trail says of certificates, against their records: the trail is chained, so that a record which is deleted
//! together with everything that hangs on it is missed.

use super::{Check, readable};
use crate::{
    domain::{AuditEvent, CertificateSummary},
    ports::{Reader, StoreError},
    service::Infrastructure,
};
use pki::x509::SerialNumber;

/// Lines in memory at a time.
const PAGE: u32 = 1_000;

impl Check {
    pub(super) async fn trail(&mut self, reader: &mut dyn Reader) -> Result<(), Infrastructure> {
        let mut after = 0;
        loop {
            let page = reader.audit_entries(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.link.seq;
            for entry in page {
                // `smart-id check audit` tells of what cannot be read.
                let Some(record) = entry.record() else {
                    continue;
                };
                match record.event {
                    AuditEvent::CertificateIssued { serial, .. } => {
                        self.told(reader, &serial, |known| match known.account {
                            None => Some("it was given out, the audit trail says".to_owned()),
                            Some(_) => None,
                        })
                        .await?;
                    }
                    AuditEvent::ResponderCertified { serial, .. } => {
                        self.told(reader, &serial, |_| None).await?;
                    }
                    AuditEvent::CertificateRevoked { serial, reason, .. } => {
                        self.told(reader, &serial, |known| {
                            let said = known.revocation.map(|revocation| revocation.reason.name());
                            (said != Some(&reason)).then(|| {
                                format!("it was revoked for {reason}, the audit trail says")
                            })
                        })
                        .await?;
                    }
                    _ => {}
                }
            }
        }
    }

    async fn told(
        &mut self,
        reader: &mut dyn Reader,
        serial: &str,
        judge: impl FnOnce(&CertificateSummary) -> Option<String>,
    ) -> Result<(), Infrastructure> {
        let Some(octets) = octets(serial) else {
            return Ok(());
        };
        self.report.lines += 1;
        let serial = SerialNumber::from_bytes(octets);
        match readable(self.known(reader, &serial).await)? {
            Ok(Some(known)) => {
                if let Some(what) = judge(&known) {
                    self.find(&serial, what);
                }
            }
            Ok(None) => self.find(&serial, "the audit trail has it, and it has no record"),
            // Found with the records.
            Err(_) => {}
        }
        Ok(())
    }

    /// Below whichever authority; who has none in the database cannot be asked.
    async fn known(
        &self,
        reader: &mut dyn Reader,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateSummary>, StoreError> {
        for id in self.authorities.ids() {
            if let Some(known) = reader.certificate_summary(id, serial).await? {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }
}

fn octets(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hexadecimal
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect();
    let pairs = digits?;
    let octets = pairs.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    });
    octets.collect()
}
