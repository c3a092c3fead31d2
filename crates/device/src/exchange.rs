//! Requests and their answers.

use crate::{
    Contradiction, Effect, Event, Keystore, Method, Phone, Problem, Request, RequestId, View,
};
use jiff::Timestamp;
use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use splitkey::DeviceId;
use wire::{device_v1::BASE_PATH, http_signature, problem};

/// What one event has to work with, and what comes of it.
pub(crate) struct Step<'a> {
    pub(crate) keystore: &'a dyn Keystore,
    pub(crate) now: Timestamp,
    pub(crate) rng: &'a mut dyn CryptoRng,
    pub(crate) effects: Vec<Effect>,
}

impl Step<'_> {
    pub(crate) fn show(&mut self, view: View) {
        self.effects.push(Effect::Show(view));
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.show(View::Problem(problem));
    }

    pub(crate) fn contradiction(&mut self, contradiction: Contradiction) {
        self.problem(Problem::Contradiction(contradiction));
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}

/// What the answer that the phone waits for is to.
pub(crate) enum Awaiting {
    Configuration(Next),
    RegistrationOffer,
    SharesTaken,
    RegistrationStatus,
    RegistrationCompleted,
    RegistrationAbandoned,
    PendingList(Next),
    Begun(Purpose),
    /// Of the stored pending submission.
    Verdict(Next),
    /// Of a sync; it has an exchange of its own, which need not be stored.
    SyncVerdict {
        opener: splitkey::seal::ResponseOpener,
        next: Next,
    },
    RefusalTaken(Next),
    LinkUsed,
    /// To a certificate choice.
    Consented(Box<wire::device_v1::PendingSession>),
    AccountDeleted,
}

/// What a transaction is begun for.
pub(crate) enum Purpose {
    /// For this session; the view is there if the person confirmed it before.
    Sign {
        listed: Box<wire::device_v1::PendingSession>,
        confirmed: Option<Box<crate::RequestView>>,
    },
    Rotate(Next),
    Sync(Next),
}

/// What to go on with once nothing is unsettled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the last view stays.
    Stay,
    ChoosePins,
    PollRegistration,
    /// Rotate, then the list.
    RotateThenHome,
    /// Rotate, and say so.
    Rotate,
    Home,
    Open(wire::SessionId),
    /// Use the device link that was scanned.
    Scan,
}

/// A body with its media type.
pub(crate) enum Body {
    None,
    Json(Vec<u8>),
    Sealed(Vec<u8>),
}

impl Body {
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Json(
            serde_json::to_vec(value).expect("bodies of the API are texts, numbers and lists"),
        )
    }
}

impl Phone {
    /// Sends a request; signed, if `device` is given.
    pub(crate) fn send(
        &mut self,
        step: &mut Step<'_>,
        method: Method,
        path: &str,
        body: Body,
        device: Option<DeviceId>,
        awaiting: Awaiting,
    ) {
        let id = RequestId(self.last_request);
        self.last_request += 1;
        let path = format!("{BASE_PATH}{path}");
        let mut headers = Vec::new();
        let body = match body {
            Body::None => Vec::new(),
            Body::Json(bytes) => {
                headers.push(("Content-Type", "application/json".to_owned()));
                bytes
            }
            Body::Sealed(bytes) => {
                headers.push(("Content-Type", "application/octet-stream".to_owned()));
                bytes
            }
        };
        if let Some(device) = device {
            let signer = |message: &[u8]| step.keystore.sign(message);
            let signed = http_signature::sign(
                method.as_str(),
                &path,
                &body,
                wire::DeviceId(device.0),
                signer,
                step.now,
            );
            headers.extend([
                ("Content-Digest", signed.content_digest),
                ("Signature-Input", signed.signature_input),
                ("Signature", signed.signature),
            ]);
        }
        self.awaiting = Some((id, awaiting));
        step.effects.push(Effect::Send(Request {
            id,
            method,
            path,
            headers,
            body,
        }));
    }

    /// The answer to the request that the phone waits for; late answers to others are dropped.
    pub(crate) fn answered(&mut self, event: Event) -> Option<(Awaiting, Answer)> {
        let (id, answer) = match event {
            Event::Response { id, status, body } => (id, Answer::of(status, body)),
            Event::NoAnswer { id } => (id, Answer::Missing),
            _ => return None,
        };
        match self.awaiting.take() {
            Some((awaited, awaiting)) if awaited == id => Some((awaiting, answer)),
            other => {
                self.awaiting = other;
                None
            }
        }
    }
}

/// What came back.
pub(crate) enum Answer {
    /// A status of 2xx, with the body.
    Good(Vec<u8>),
    /// Any other.
    Bad {
        status: u16,
        code: String,
        detail: String,
    },
    /// Nothing.
    Missing,
}

impl Answer {
    fn of(status: u16, body: Vec<u8>) -> Self {
        if (200..300).contains(&status) {
            return Self::Good(body);
        }
        let (code, detail) = serde_json::from_slice::<problem::Problem>(&body)
            .map(|problem| (problem.code, problem.detail.unwrap_or(problem.title)))
            .unwrap_or_default();
        // A gateway answers for a server that is down.
        if status >= 502 && code.is_empty() {
            Self::Missing
        } else {
            Self::Bad {
                status,
                code,
                detail,
            }
        }
    }

    /// The JSON body, or what to show instead.
    pub(crate) fn json<T: DeserializeOwned>(self, what: &'static str) -> Result<T, Problem> {
        serde_json::from_slice(&self.body()?)
            .map_err(|_| Problem::Contradiction(Contradiction::Malformed(what)))
    }

    /// The body, or what to show instead.
    pub(crate) fn body(self) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Good(body) => Ok(body),
            Self::Missing => Err(Problem::NoAnswer),
            Self::Bad {
                status,
                code,
                detail,
            } => Err(Problem::Server {
                status,
                code,
                detail,
            }),
        }
    }
}
