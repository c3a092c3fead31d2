//! Who a phone's request comes from: ECDSA P-256 over method, path, body and time.

use super::{DeviceError, Service};
use crate::domain::AccountId;
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use splitkey::DeviceId;
use wire::http_signature::SignedRequest;

/// A phone whose request signature was checked. Only [`Service::authenticate`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticatedDevice {
    account: AccountId,
    device: DeviceId,
}

impl AuthenticatedDevice {
    /// The account on the phone.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The phone.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }
}

impl Service {
    /// Checks the signature of a phone's request (`architecture.md` §6, device authentication).
    ///
    /// # Errors
    /// Unknown device, wrong signature, or signed too long ago. A closed account is no error here: its
    /// phone may still ask what became of it.
    pub async fn authenticate(
        &self,
        request: &SignedRequest<'_>,
    ) -> Result<AuthenticatedDevice, DeviceError> {
        let device = DeviceId(request.device_id().0);
        let account = self
            .store
            .read()
            .await?
            .account_by_device(device)
            .await?
            .ok_or(DeviceError::NotAuthenticated(
                "no account has this device identifier",
            ))?;
        request
            .verify(&account.device.public_key, self.now())
            .map_err(|error| DeviceError::NotAuthenticated(error.reason()))?;
        Ok(AuthenticatedDevice {
            account: account.id,
            device,
        })
    }
}

/// Checks a device signature (raw r‖s) inside a message.
pub(super) fn verify_device_signature(
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), ()> {
    let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| ())?;
    let signature = Signature::from_slice(signature).map_err(|_| ())?;
    key.verify(message, &signature).map_err(|_| ())
}
