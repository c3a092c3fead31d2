use crate::{
    AccountView, Effect, Event, KeyView, Keystore, Method, RequestId, RequestView, RestoreError,
    View,
    enrolment::Draft,
    exchange::{Answer, Awaiting, Body, Next, Step},
    server::TrustedServer,
    state::State,
    transaction::{Chosen, Doubt},
    view::RegistrationEnd,
};
use jiff::Timestamp;
use rand_core::CryptoRng;
use wire::device_v1::{Configuration, PendingSession};

/// A phone: what it keeps, and what it is doing just now.
///
/// One request is under way at a time; until its answer is there, what the person does has no effect.
pub struct Phone {
    pub(crate) state: State,
    pub(crate) flow: Flow,
    pub(crate) awaiting: Option<(RequestId, Awaiting)>,
    pub(crate) last_request: u64,
    /// The root key that the person's deployment is known to have, if the shell knows it.
    pinned_root_key: Option<[u8; 65]>,
    /// What the server listed last.
    pub(crate) listed: Vec<PendingSession>,
    /// How the server saw the keys last.
    pub(crate) keys: Vec<KeyView>,
    /// The server could not open what was sealed to the key of the day that we know: fetch the present one.
    pub(crate) stale_key: bool,
    /// The device link that was scanned and is not used yet.
    pub(crate) scanned: Option<String>,
    /// After a certificate choice by device link: its signature is to come next.
    pub(crate) expected: Option<ExpectedLink>,
    /// Sending the pending submission again will not do; the server has to be asked.
    pub(crate) doubt: Option<Doubt>,
}

/// What the phone is doing; nothing of it survives a restart.
pub(crate) enum Flow {
    Idle,
    /// Before the keys of a new account are handed over.
    Enrolling(Draft),
    /// On which device? (R96)
    ConfirmingDevice(Box<PendingSession>),
    /// Is this account's certificate to be given?
    ChoosingCertificate(Box<PendingSession>),
    /// Confirmation or code choice is due. No PIN is taken.
    Deciding(Box<Chosen>),
    /// Confirmed; the PIN is due.
    AskingPin(Box<Chosen>),
    /// A wrong PIN was entered and there are attempts left.
    MayRetry(Box<RequestView>),
}

/// The signature that continues this certificate choice is awaited.
pub(crate) struct ExpectedLink {
    pub(crate) session: wire::SessionId,
    pub(crate) until: Timestamp,
}

impl Phone {
    /// A phone with nothing on it.
    ///
    /// `root_key` is the deployment's, SEC1 uncompressed, if known; otherwise the first one met is trusted from then on,
    /// and [`View::TrustOnFirstUse`] says so.
    #[must_use]
    pub fn new(root_key: Option<[u8; 65]>) -> Self {
        Self::with(State::default(), root_key)
    }

    /// The phone from what [`Effect::Persist`] stored last. Begin with [`Event::AppStart`].
    ///
    /// # Errors
    /// See [`RestoreError`]. Nothing is wrong with the account: what is stored is not this phone's, or was changed.
    pub fn restore(bytes: &[u8], keystore: &dyn Keystore) -> Result<Self, RestoreError> {
        Ok(Self::with(State::open(bytes, keystore)?, None))
    }

    /// Takes an event and says what is to be done about it, in this order.
    pub fn handle<R: CryptoRng + ?Sized>(
        &mut self,
        event: Event,
        keystore: &dyn Keystore,
        now: Timestamp,
        rng: &mut R,
    ) -> Vec<Effect> {
        let mut rng = rng;
        let mut step = Step {
            keystore,
            now,
            rng: &mut rng,
            effects: Vec::new(),
        };
        match event {
            Event::Response { .. } | Event::NoAnswer { .. } => {
                if let Some((awaiting, answer)) = self.answered(event) {
                    self.go_on(awaiting, answer, &mut step);
                }
            }
            // One request at a time: the person waits for its answer.
            _ if self.awaiting.is_some() => {}
            other => self.act(other, &mut step),
        }
        step.effects
    }

    /// Whether an answer is waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.awaiting.is_some()
    }

    /// Whether there is an account in use on this phone.
    #[must_use]
    pub fn has_account(&self) -> bool {
        self.state.account.is_some()
    }

    /// Whether a registration waits for the person's identity or the PINs.
    #[must_use]
    pub fn is_registering(&self) -> bool {
        self.state.enrolment.is_some()
    }

    /// Certificates of the account, DER: authentication, signature, issuing CA.
    #[must_use]
    pub fn certificates(&self) -> Option<[&[u8]; 3]> {
        let account = self.state.account.as_ref()?;
        let [authentication, signature] = &account.keys;
        Some([
            authentication.certificate.as_ref(),
            signature.certificate.as_ref(),
            account.issuing_ca.as_ref(),
        ])
    }

    /// The account as it is known without asking the server.
    #[must_use]
    pub fn account(&self) -> Option<AccountView> {
        let account = self.state.account.as_ref()?;
        Some(AccountView {
            document_number: account.document_number.clone(),
            given_name: account.given_name.clone(),
            surname: account.surname.clone(),
            expires_at: account.expires_at,
            keys: self.keys.clone(),
        })
    }

    fn with(state: State, pinned_root_key: Option<[u8; 65]>) -> Self {
        Self {
            state,
            flow: Flow::Idle,
            awaiting: None,
            last_request: 0,
            pinned_root_key,
            listed: Vec::new(),
            keys: Vec::new(),
            stale_key: false,
            scanned: None,
            expected: None,
            doubt: None,
        }
    }

    /// What the person does.
    fn act(&mut self, event: Event, step: &mut Step<'_>) {
        match event {
            Event::AppStart => self.start(step),
            Event::Register {
                replace,
                birth_date,
            } => self.start_registration(replace, birth_date, step),
            Event::ChoosePins { pin1, pin2 } => self.choose_pins(&pin1, &pin2, step),
            Event::KeysGenerated(keys) => self.offer_moduli(*keys, step),
            Event::RepeatPins { pin1, pin2 } => self.repeat_pins(&pin1, &pin2, step),
            Event::Refresh => self.refresh(step),
            Event::Open(session) => self.proceed(Next::Open(session), step),
            Event::Scan(link) => self.scan(link, step),
            Event::Decline { session, refusal } => self.decline(session, refusal, step),
            Event::Confirm => self.confirm(step),
            Event::ChooseCode(code) => self.choose_code(&code, step),
            Event::EnterPin(pin) => self.enter_pin(&pin, step),
            Event::TryAgain => self.try_again(step),
            Event::Refuse => self.refuse(step),
            Event::Rotate => self.proceed(Next::Rotate, step),
            Event::Delete => self.delete(step),
            // Not the person's.
            Event::Response { .. } | Event::NoAnswer { .. } => {}
        }
    }

    fn go_on(&mut self, awaiting: Awaiting, answer: Answer, step: &mut Step<'_>) {
        match awaiting {
            Awaiting::Configuration(next) => self.configured(answer, next, step),
            Awaiting::RegistrationOffer => self.offered(answer, step),
            Awaiting::SharesTaken => self.shares_taken(answer, step),
            Awaiting::RegistrationStatus => self.registration_status(answer, step),
            Awaiting::RegistrationCompleted => self.registration_completed(answer, step),
            // Whatever the answer: the phone has forgotten the registration already.
            Awaiting::RegistrationAbandoned => {}
            Awaiting::PendingList(next) => self.listed(answer, next, step),
            Awaiting::Begun(purpose) => self.begun(purpose, answer, step),
            Awaiting::Verdict(next) => self.judged(answer, next, step),
            Awaiting::SyncVerdict { opener, next } => self.synced(&opener, answer, next, step),
            Awaiting::LinkUsed => self.link_used(answer, step),
            Awaiting::Consented(listed) => self.consented(&listed, answer, step),
            Awaiting::RefusalTaken(next) => self.refusal_taken(answer, next, step),
            Awaiting::AccountDeleted => self.deleted(answer, step),
        }
    }

    fn start(&mut self, step: &mut Step<'_>) {
        self.flow = Flow::Idle;
        if let Some(enrolment) = &self.state.enrolment {
            if step.now < enrolment.expires_at || enrolment.proofs.is_some() {
                return self.proceed(Next::PollRegistration, step);
            }
            self.forget_enrolment(RegistrationEnd::Expired, step);
        }
        if self.state.account.is_some() {
            self.proceed(Next::RotateThenHome, step);
        } else if let Some(closed) = &self.state.closed {
            step.show(View::AccountClosed {
                document_number: closed.document_number.clone(),
            });
        } else {
            step.show(View::Welcome);
        }
    }

    pub(crate) fn refresh(&mut self, step: &mut Step<'_>) {
        if matches!(self.flow, Flow::Enrolling(_)) {
            self.resend_enrolment(step);
        } else if self.state.enrolment.is_some() {
            self.proceed(Next::PollRegistration, step);
        } else if self.state.account.is_some() {
            self.flow = Flow::Idle;
            self.proceed(Next::Home, step);
        } else {
            self.start(step);
        }
    }

    /// Does what is next, after what must come before it: the server's key of the day, an unsent refusal, an unsettled
    /// submission.
    pub(crate) fn proceed(&mut self, next: Next, step: &mut Step<'_>) {
        let current = !self.stale_key
            && self
                .state
                .server
                .as_ref()
                .is_some_and(|server| server.sealing_key(step.now).is_some());
        // A new registration starts from the server's present parameters.
        if !current || next == Next::ChoosePins {
            let awaiting = Awaiting::Configuration(next);
            return self.send(
                step,
                Method::Get,
                "/configuration",
                Body::None,
                None,
                awaiting,
            );
        }
        match next {
            Next::PollRegistration => self.poll_registration(step),
            _ if self.state.account.is_none() => self.start(step),
            _ if self.send_refusal(next, step) || self.settle(next, step) => {}
            Next::RotateThenHome | Next::Rotate => self.begin_rotation(next, step),
            Next::Home => self.list(Next::Stay, step),
            Next::Open(session) => self.open(session, step),
            Next::Scan => self.use_link(step),
            Next::Stay | Next::ChoosePins => {}
        }
    }

    fn configured(&mut self, answer: Answer, next: Next, step: &mut Step<'_>) {
        let known = self.state.server.as_ref().map(|server| server.root_key.0);
        let pinned = known.or(self.pinned_root_key);
        let trusted = answer
            .json::<Configuration>("the configuration")
            .and_then(|configuration| {
                TrustedServer::trust(&configuration, pinned.as_ref(), step.now)
            });
        let server = match trusted {
            Ok(server) => server,
            Err(problem) => return step.problem(problem),
        };
        if pinned.is_none() {
            let (scheme_name, root_key) = (server.scheme_name.clone(), server.root_key.0);
            step.show(View::TrustOnFirstUse {
                scheme_name,
                root_key,
            });
        }
        self.state.server = Some(server);
        self.stale_key = false;
        self.persist(step);
        if next == Next::ChoosePins {
            step.show(View::ChoosePins { refusal: None });
        } else {
            self.proceed(next, step);
        }
    }

    /// Stores the state before whatever effect comes next.
    pub(crate) fn persist(&self, step: &mut Step<'_>) {
        let bytes = self.state.seal(step.keystore, step.rng);
        step.effects.push(Effect::Persist(bytes));
    }
}
