use crate::{NewKeys, PinEntry, RequestId};
use jiff::civil::Date;
use wire::{SessionId, VerificationCode, device_v1::Refusal};

/// Something that happened. What makes no sense at the moment has no effect.
pub enum Event {
    /// The app was started, or brought back after a long while.
    AppStart,
    /// The person wants an account on this phone.
    Register {
        /// An account that is on the phone is to be replaced (R91).
        replace: bool,
        /// If the shell happens to know it; otherwise checked once the server tells the person.
        birth_date: Option<Date>,
    },
    /// The person chose PINs, the first time.
    ChoosePins {
        /// For authentication.
        pin1: PinEntry,
        /// For signatures.
        pin2: PinEntry,
    },
    /// The keys asked for by [`Effect::GenerateKeys`](crate::Effect::GenerateKeys).
    KeysGenerated(Box<NewKeys>),
    /// The person confirmed who she is by typing both PINs again.
    RepeatPins {
        /// For authentication.
        pin1: PinEntry,
        /// For signatures.
        pin2: PinEntry,
    },
    /// Look again: at what waits, at the registration, or for the answer that did not come (R69).
    Refresh,
    /// The person opens a waiting request.
    Open(SessionId),
    /// The person scanned a device link inside the app, or opened one on this phone; its text, verbatim.
    Scan(String),
    /// The person refuses a listed request without opening it, or answers it in another way than by its PIN.
    Decline {
        /// Which.
        session: SessionId,
        /// How.
        refusal: Refusal,
    },
    /// Yes, to what is shown: this device, this text, this certificate.
    Confirm,
    /// One of the three codes.
    ChooseCode(VerificationCode),
    /// The PIN for what is shown.
    EnterPin(PinEntry),
    /// Once more after a wrong PIN.
    TryAgain,
    /// No, to what is shown.
    Refuse,
    /// Spend the freshness token, so that a copy of this phone is found out.
    Rotate,
    /// Delete the account, for good.
    Delete,
    /// The server's answer.
    Response {
        /// Which request it answers.
        id: RequestId,
        /// HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// No answer came; whether the request arrived is unknown.
    NoAnswer {
        /// To which request.
        id: RequestId,
    },
}
