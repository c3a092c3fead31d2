//! Revocation by serial number: for what hangs on no account that could be closed.

use super::revoke;
use crate::{
    domain::{
        AccountName, CaKeyId, CertificateKind, CertificateSummary, KeyState, OPERATOR_REASONS,
    },
    ports::{Reader, StoreError, UnitOfWork},
    service::{About, OperatorError, Service, retrying},
};
use pki::{
    RevocationReason,
    x509::{Certificate, SerialNumber},
};
use splitkey::Purpose;

impl Service {
    /// An operator revokes a person's certificate whose account cannot be closed: it is not there, not the right one, or
    /// closed already. Who has an account in use has it closed ([`Service::close_account`]), so that account and OCSP never
    /// say different things.
    ///
    /// # Errors
    /// No such certificate, revoked or expired before, the key of an account in use, not a person's, not a reason that
    /// operators give ([`OPERATOR_REASONS`]), or the database cannot be used.
    pub async fn revoke_by_serial(
        &self,
        serial: &SerialNumber,
        reason: RevocationReason,
    ) -> Result<(), OperatorError> {
        if !OPERATOR_REASONS.contains(&reason) {
            return Err(OperatorError::ReasonNotAllowed(reason.name()));
        }
        retrying!(self, |uow| {
            let now = self.now();
            let found = find(&mut *uow, serial)
                .await?
                .ok_or_else(|| OperatorError::UnknownCertificate(serial.clone()))?;
            if found.kind == Some(CertificateKind::OcspResponder) {
                return Err(OperatorError::RespondersCertificate(serial.clone()));
            }
            if let Some(before) = found.revocation {
                return Err(OperatorError::AlreadyRevoked {
                    serial: serial.clone(),
                    at: before.at,
                    reason: before.reason.name(),
                });
            }
            if let Some(account) = in_use(&mut *uow, &found).await? {
                return Err(OperatorError::CertificateInUse {
                    serial: serial.clone(),
                    account: account.document_number,
                });
            }
            let about = About {
                account: found.account,
                ..About::default()
            };
            let purpose = found.purpose().map(Purpose::id);
            if !revoke(&mut *uow, about, found.issuer, serial, purpose, reason, now).await? {
                return Err(OperatorError::CertificateExpired {
                    serial: serial.clone(),
                    at: found.expires_at,
                });
            }
            uow.commit().await?;
            Ok::<_, OperatorError>(())
        })
    }
}

/// Below whichever of our authorities it is.
async fn find(
    uow: &mut dyn UnitOfWork,
    serial: &SerialNumber,
) -> Result<Option<CertificateSummary>, StoreError> {
    for published in uow.published_certificates().await? {
        let Ok(authority) = Certificate::parse(&published.certificate) else {
            continue;
        };
        let id = CaKeyId(*authority.public_key().key_identifier());
        if let Some(found) = uow.certificate_summary(id, serial).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The account whose key in use the certificate is, or may be, as far as it can be read.
async fn in_use(
    reader: &mut dyn Reader,
    certificate: &CertificateSummary,
) -> Result<Option<AccountName>, StoreError> {
    let Some(id) = certificate.account else {
        return Ok(None);
    };
    let name = reader.account_name(id).await?;
    let Some(name) = name.filter(|name| name.closed.is_none()) else {
        return Ok(None);
    };
    let used = match reader.account(id).await {
        Err(StoreError::Corrupt { .. }) => true,
        Err(error) => return Err(error),
        Ok(None) => false,
        Ok(Some(account)) => account.keys.iter().any(|key| {
            matches!(key.state, KeyState::Ready { .. })
                && Certificate::parse(&key.certificate)
                    .map_or(true, |one| *one.serial() == certificate.serial)
        }),
    };
    Ok(used.then_some(name))
}
