//! The phone's brain: registration, waiting requests, PINs, partial signatures, the freshness token.
//!
//! [`Phone`] is a state machine without input or output. A shell (the command line, the browser app) feeds it
//! [`Event`]s and carries out the [`Effect`]s that come back, in their order: store these bytes, send this request,
//! show this view, make keys. The protocol is `docs/protocol/splitkey.md`, cited as "splitkey.md §n".
//!
//! What the crate refuses to do: it does no I/O, reads no clock and has no randomness of its own. It never tells whether
//! a PIN is right, because nothing on the phone can. It signs nothing but what it computed itself from what it shows,
//! and takes no PIN before the person has confirmed. While the outcome of one submission is unknown it begins nothing
//! but the inquiry after it.
//!
//! ```
//! use device::{Effect, Event, Phone, SoftwareKeystore, View};
//! # struct Zeros;
//! # impl rand_core::TryRng for Zeros {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(0) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(0) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.fill(0); Ok(()) }
//! # }
//! # impl rand_core::TryCryptoRng for Zeros {}
//! # let (mut rng, now) = (Zeros, jiff::Timestamp::UNIX_EPOCH);
//! let keystore = SoftwareKeystore::from_secret(&[7; 32]);
//! let mut phone = Phone::new(None);
//! let effects = phone.handle(Event::AppStart, &keystore, now, &mut rng);
//! assert!(matches!(effects.as_slice(), [Effect::Show(View::Welcome)]));
//! ```

mod certificate;
mod code_choice;
mod effect;
mod enrolment;
mod event;
mod exchange;
mod keystore;
mod new_keys;
mod phone;
pub mod pin_rules;
mod problem;
mod server;
mod state;
mod transaction;
mod view;

#[cfg(test)]
mod tests;

pub use certificate::CertificateFault;
pub use effect::{Effect, Method, Request, RequestId};
pub use event::Event;
pub use keystore::{Keystore, SoftwareKeystore};
pub use new_keys::{KeyProgress, NewKeys};
pub use phone::Phone;
pub use pin_rules::{ChosenPins, PinEntry, PinProblem, PinRefusal};
pub use problem::{Contradiction, Problem};
pub use splitkey::PublishedPrimes;
pub use state::RestoreError;
pub use view::{AccountView, KeyView, KeyViewState, PendingView, RequestView, View};

/// The interactions that this phone can show.
pub const INTERACTIONS: &[wire::InteractionType] = wire::InteractionType::ALL;

/// The version of the device API that this phone speaks, compared with the server's `minimumVersion`.
pub const API_VERSION: u32 = 1;
