//! How a mock account's phone comes to its account: as any phone does, over the device API. All of it blocks.

use super::{PIN1, PIN2};
use crate::headless::handset::Handset;
use anyhow::{Context, Result, bail};
use device::{Event, PinEntry, PublishedPrimes, View};
use engine::domain::PerPurpose;
use jiff::civil::Date;
use std::path::Path;
use wire::{DocumentNumber, RegistrationCode};

/// What a phone needs to come to its account.
pub(super) struct Registration<'a> {
    /// The phone's file.
    pub(super) file: &'a Path,
    /// Origin of the server.
    pub(super) server: &'a str,
    /// The only server that it trusts.
    pub(super) root_key: [u8; 65],
    /// Published keys; new ones if there are none.
    pub(super) keys: Option<PerPurpose<PublishedPrimes>>,
    /// For the rule that a PIN must not have it.
    pub(super) birth_date: Date,
    /// The account that it is to have.
    pub(super) number: &'a DocumentNumber,
}

impl Registration<'_> {
    /// Switches the phone on and has it register, unless it has its account already.
    ///
    /// # Errors
    /// The phone's file cannot be used, or the server refuses; says why.
    pub(super) fn run(
        mut self,
        vouch: impl Fn(&RegistrationCode) -> Result<()>,
    ) -> Result<Handset> {
        let mut handset = open(&self)?;
        let mut shown = handset.act(Event::AppStart)?;
        if handset.phone().is_registering() {
            // A crash between the steps: the keys are in nobody's way.
            handset.act(Event::Refuse)?;
        }
        if !handset.phone().has_account() {
            if let Some(closed @ View::AccountClosed { .. }) = shown.pop() {
                bail!("{closed}");
            }
            self.register(&mut handset, vouch)?;
        }
        let account = handset
            .phone()
            .account()
            .context("a phone without account")?;
        if account.document_number != *self.number {
            bail!("the phone has the account {}", account.document_number);
        }
        Ok(handset)
    }

    fn register(
        &mut self,
        handset: &mut Handset,
        vouch: impl Fn(&RegistrationCode) -> Result<()>,
    ) -> Result<()> {
        if let Some(keys) = self.keys.take() {
            handset.dangerous_use_published_keys(keys);
        }
        let register = Event::Register {
            replace: false,
            birth_date: Some(self.birth_date),
        };
        expect(handset.act_to(register)?, |view| {
            matches!(view, View::ChoosePins { refusal: None })
        })?;
        let (pin1, pin2) = pins();
        let View::AwaitingIdentity { code, .. } =
            expect(handset.act_to(Event::ChoosePins { pin1, pin2 })?, |view| {
                matches!(view, View::AwaitingIdentity { .. })
            })?
        else {
            bail!("the phone has no code");
        };
        vouch(&code)?;
        expect(handset.act_to(Event::Refresh)?, |view| {
            matches!(view, View::RepeatPins { .. })
        })?;
        let (pin1, pin2) = pins();
        expect(handset.act_to(Event::RepeatPins { pin1, pin2 })?, |view| {
            matches!(view, View::Registered(_))
        })?;
        Ok(())
    }
}

fn open(registration: &Registration<'_>) -> Result<Handset> {
    let &Registration {
        file,
        server,
        root_key,
        ..
    } = registration;
    if !file.exists() {
        return Handset::open(file, Some(server), Some(root_key));
    }
    let mut handset = Handset::open(file, None, None)?;
    // The port may be another one than last time.
    handset.move_to(server)?;
    Ok(handset)
}

fn pins() -> (PinEntry, PinEntry) {
    (
        PinEntry::new(PIN1.to_owned()),
        PinEntry::new(PIN2.to_owned()),
    )
}

fn expect(view: View, expected: impl Fn(&View) -> bool) -> Result<View> {
    if !expected(&view) {
        bail!("the phone shows: {view}");
    }
    Ok(view)
}
