use super::{CloseReason, PinCounter, Wrapped};
use jiff::Timestamp;
use splitkey::{KeyId, Profile, Purpose, TransactionId};

/// One of the two keys of an account: authentication (PIN1) or signature (PIN2).
#[derive(Clone, Debug)]
pub struct AccountKey {
    /// Chosen by the server at registration.
    pub id: KeyId,
    /// Which PIN opens it and what it may sign.
    pub purpose: Purpose,
    /// Sizes (`splitkey.md` §1).
    pub profile: Profile,
    /// The phone's modulus n1, big-endian; not published, not secret.
    pub n1: Vec<u8>,
    /// The server's modulus n2, big-endian.
    pub n2: Vec<u8>,
    /// The public modulus n = n1·n2, big-endian.
    pub n: Vec<u8>,
    /// The X.509 certificate over n, DER.
    pub certificate: Vec<u8>,
    /// Wrong-PIN counting.
    pub pin: PinCounter,
    /// Usable, or gone.
    pub state: KeyState,
    /// The evaluation under way; one at a time per key, so that parallel requests buy no guess.
    pub in_flight: Option<TransactionId>,
}

/// Whether the server still holds its parts of the key.
#[derive(Clone, Debug)]
pub enum KeyState {
    /// Both server parts are there.
    Ready {
        /// d1″, the server's share of the phone's half.
        server_share: Wrapped,
        /// The private key of n2.
        server_half: Wrapped,
    },
    /// Both parts are deleted; the certificate counts as revoked from `at` on.
    Destroyed {
        /// When.
        at: Timestamp,
        /// Why; becomes the reason in OCSP and CRL.
        reason: CloseReason,
    },
}

impl AccountKey {
    /// Deletes the server's parts for good. The first reason stands.
    pub fn destroy(&mut self, reason: CloseReason, now: Timestamp) {
        if let KeyState::Ready { .. } = self.state {
            self.state = KeyState::Destroyed { at: now, reason };
        }
        self.in_flight = None;
    }

    /// Whether a signature with this key may be asked for at `now`: it exists and is not locked.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        matches!(self.state, KeyState::Ready { .. })
            && matches!(self.pin.state(now), super::LockState::Open { .. })
    }
}

/// One value for each of an account's two keys.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PerPurpose<T> {
    /// For the authentication key, PIN1.
    pub authentication: T,
    /// For the signature key, PIN2.
    pub signature: T,
}

impl<T> PerPurpose<T> {
    /// The value for one purpose.
    pub fn of(&self, purpose: Purpose) -> &T {
        match purpose {
            Purpose::Authentication => &self.authentication,
            Purpose::Signature => &self.signature,
        }
    }

    /// The value for one purpose, to change.
    pub fn of_mut(&mut self, purpose: Purpose) -> &mut T {
        match purpose {
            Purpose::Authentication => &mut self.authentication,
            Purpose::Signature => &mut self.signature,
        }
    }

    /// Both values, authentication first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.authentication, &self.signature].into_iter()
    }

    /// Both values, authentication first, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.authentication, &mut self.signature].into_iter()
    }
}
