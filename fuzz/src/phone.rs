//! The phone: what it reads from its disk, and what a hostile server tells it.

use super::real::{self, keystore, real};
use device::{Effect, Event, Phone, RequestView, View};
use rand_core::SeedableRng;
use splitkey::DeviceKeys;
use std::collections::VecDeque;
use tests::{PIN1, PIN2, pin};

pub(crate) mod stored_state {
    use super::*;

    /// `"SIDP" ‖ version`, then nonce and ciphertext.
    const HEADER: usize = 5;

    pub(crate) fn run(data: &[u8]) {
        // Changed: opens exactly if it is what this phone sealed.
        let disk = &real().disks[0];
        let bytes = super::super::changed(disk, data);
        let opens = Phone::restore(&bytes, &keystore()).is_ok();
        assert_eq!(opens, bytes == *disk, "a changed state opens");
        // As if somebody had the keystore: any JSON, properly sealed.
        let header = &disk[..HEADER];
        let sealed = keystore().wrap(&[1; 12], header, data);
        let sealed = [header, &[1; 12], &sealed[..]].concat();
        let Ok(mut phone) = Phone::restore(&sealed, &keystore()) else {
            return;
        };
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
        for event in [Event::AppStart, Event::Refresh, Event::Rotate] {
            let effects = phone.handle(event, &keystore(), real().world.now(), &mut rng);
            for effect in effects {
                if let Effect::Persist(bytes) = effect {
                    assert!(
                        Phone::restore(&bytes, &keystore()).is_ok(),
                        "what we write, we read"
                    );
                }
            }
        }
        let _ = (phone.account(), phone.certificates(), phone.has_account());
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for disk in &real().disks {
            let (header, rest) = disk.split_at(HEADER);
            let (nonce, ciphertext) = rest.split_first_chunk::<12>().expect("a nonce");
            let json = keystore().unwrap(nonce, header, ciphertext).expect("opens");
            seeds.push(json.to_vec());
        }
        seeds.extend([vec![0, 1], vec![255, 128], vec![100, 0]]);
        seeds.dedup();
        seeds
    }
}

pub(crate) mod hostile_server {
    use super::*;
    use serde_json::Value;
    use splitkey::{
        EncodedMessage, Hash, JointSalt, Profile, Scheme,
        message::{Operation, Submit},
        seal::Kind,
    };
    use std::sync::atomic::{AtomicUsize, Ordering};
    use wire::{
        HashAlgorithm, Interactions, SignatureAlgorithm, acsp_v2,
        device_v1::{RequestKind, SignOffer, TransactionOffer},
    };

    /// Partial signatures that were checked: without any, nothing was tried.
    pub(crate) static SIGNATURES: AtomicUsize = AtomicUsize::new(0);

    /// What the person at the phone saw and did.
    #[derive(Default)]
    struct Person {
        view: Option<View>,
        /// Confirmed, and not yet answered by a PIN or given up.
        confirmed: Option<RequestView>,
        /// The request on the PIN pad when the PIN was typed.
        typed_for: Option<RequestView>,
        /// Submissions that left before; the same may leave again.
        sent: Vec<Vec<u8>>,
    }

    /// The input as a script: one byte says what comes next, the rest with what.
    struct Script<'a>(&'a [u8]);

    impl<'a> Script<'a> {
        fn byte(&mut self) -> Option<u8> {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            Some(*first)
        }

        fn bytes(&mut self) -> &'a [u8] {
            let length = usize::from(self.byte().unwrap_or_default());
            let (head, tail) = self.0.split_at(length.min(self.0.len()));
            self.0 = tail;
            head
        }
    }

    pub(crate) fn run(data: &[u8]) {
        let mut script = Script(data);
        let disk = real().disks.last().expect("a disk");
        let mut phone = Phone::restore(disk, &keystore()).expect("honest");
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
        let mut person = Person::default();
        let mut offer: Option<TransactionOffer> = None;
        let mut pins = 0;
        for _ in 0..24 {
            let Some(step) = script.byte() else { return };
            let event = match step % 12 {
                0 => Event::AppStart,
                1 => Event::Refresh,
                2 => Event::Open(real().waiting),
                3 | 4 => {
                    person.confirms();
                    Event::Confirm
                }
                5 | 6 if pins < 3 => {
                    pins += 1;
                    person.types();
                    Event::EnterPin(pin(if step % 12 == 5 { PIN1 } else { PIN2 }))
                }
                7 => Event::Refuse,
                8 => Event::TryAgain,
                9 => Event::Rotate,
                10 => match &person.view {
                    Some(View::ChooseCode { request, codes }) => {
                        person.confirmed = Some(request.clone());
                        Event::ChooseCode(codes[usize::from(step) % 3].clone())
                    }
                    _ => Event::Refresh,
                },
                _ => continue,
            };
            let mut events = VecDeque::from([event]);
            let mut answers = 0;
            while let Some(event) = events.pop_front() {
                let now = real().world.now();
                for effect in phone.handle(event, &keystore(), now, &mut rng) {
                    match effect {
                        Effect::Show(view) => person.sees(view),
                        Effect::Persist(bytes) => {
                            assert!(Phone::restore(&bytes, &keystore()).is_ok());
                        }
                        Effect::OpenUrl(url) => {
                            assert!(url.contains("sessionSecretDigest="), "{url}");
                        }
                        Effect::Wipe | Effect::GenerateKeys(_) => {}
                        Effect::Send(request) => {
                            person.check(&request, offer.as_ref());
                            answers += 1;
                            let id = request.id;
                            if answers > 6 {
                                events.push_back(Event::NoAnswer { id });
                                continue;
                            }
                            let (status, body) = answer(&request, &mut script);
                            if request.path == "/device/v1/transactions" && status == 201 {
                                offer = serde_json::from_slice(&body).ok();
                            }
                            events.push_back(Event::Response { id, status, body });
                        }
                    }
                }
            }
        }
    }

    impl Person {
        fn sees(&mut self, view: View) {
            assert!(!view.to_string().is_empty());
            self.view = Some(view);
        }

        fn confirms(&mut self) {
            if let Some(View::Confirm(request)) = &self.view {
                self.confirmed = Some(request.clone());
            }
        }

        fn types(&mut self) {
            self.typed_for = match &self.view {
                Some(View::EnterPin { request, .. }) => Some(request.clone()),
                _ => None,
            };
        }

        /// A partial signature leaves the phone only for what was shown on the PIN pad and confirmed before, and only
        /// over what follows from what was shown.
        fn check(&mut self, request: &device::Request, offer: Option<&TransactionOffer>) {
            if !request.path.starts_with("/device/v1/transactions/")
                || self.sent.contains(&request.body)
            {
                return;
            }
            self.sent.push(request.body.clone());
            let plaintext =
                real::opened(Kind::Submit, &request.body).expect("sealed to the server");
            let signed = Submit::decode(&plaintext).expect("well-formed");
            let Operation::Sign {
                fingerprint,
                user_challenge,
                key_id,
                ..
            } = &signed.submit.operation
            else {
                return;
            };
            let shown = self
                .typed_for
                .as_ref()
                .expect("a PIN was typed for a request");
            let offer = offer.expect("an offer");
            let sign = offer.sign.as_ref().expect("of a signature");
            assert_eq!(key_id.0, sign.key_id.0);
            assert_eq!(shown.relying_party_name, sign.relying_party_name);
            assert_eq!(shown.brokered_rp_name, sign.brokered_rp_name);
            let interactions = Interactions::parse(&sign.interactions).expect("valid");
            assert_eq!(
                Some(shown.text.as_str()),
                interactions.text(shown.interaction)
            );
            // A short text stands above the PIN pad; everything longer is confirmed first.
            if shown.interaction != wire::InteractionType::DisplayTextAndPin {
                let confirmed = self.confirmed.as_ref().expect("confirmed");
                assert_eq!(confirmed, shown, "confirmed one thing, signed another");
            }
            let challenge = std::str::from_utf8(user_challenge).expect("text");
            let message = message(offer, sign, challenge, signed.submit.c);
            assert_eq!(
                message.fingerprint(),
                *fingerprint,
                "signs something else than it shows"
            );
            SIGNATURES.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// EM as it follows from the offer.
    fn message(
        offer: &TransactionOffer,
        sign: &SignOffer,
        user_challenge: &str,
        c: [u8; 32],
    ) -> EncodedMessage {
        let hash = match sign.hash_algorithm {
            HashAlgorithm::Sha256 => Hash::Sha256,
            HashAlgorithm::Sha384 => Hash::Sha384,
            HashAlgorithm::Sha512 => Hash::Sha512,
            HashAlgorithm::Sha3_256 => Hash::Sha3_256,
            HashAlgorithm::Sha3_384 => Hash::Sha3_384,
            HashAlgorithm::Sha3_512 => Hash::Sha3_512,
        };
        let scheme = match sign.signature_algorithm {
            SignatureAlgorithm::RsassaPss => Scheme::Pss(hash),
            _ => Scheme::Pkcs1v15(hash),
        };
        let digest = match sign.kind {
            RequestKind::Signature => sign.digest.clone().expect("a digest").0,
            RequestKind::CertificateChoice => panic!("nothing is signed for a certificate choice"),
            RequestKind::Authentication if sign.digest.is_some() => {
                assert!(sign.signature_algorithm.fixed_hash().is_some());
                sign.digest.clone().expect("there").0
            }
            RequestKind::Authentication => {
                let payload = acsp_v2::payload(&acsp_v2::Fields {
                    scheme_name: &sign.scheme_name,
                    server_random: sign.server_random.as_deref().expect("there"),
                    rp_challenge: sign.rp_challenge.as_deref().expect("there"),
                    user_challenge,
                    relying_party_name: &sign.relying_party_name,
                    brokered_rp_name: &sign.brokered_rp_name,
                    interactions: &sign.interactions,
                    interaction_type_used: sign.interaction_type_used,
                    initial_callback_url: &sign.initial_callback_url,
                    flow_type: sign.flow_type,
                });
                hash.digest(&[payload.as_bytes()])
            }
        };
        let salt = JointSalt { r: offer.r.0, c };
        let profile = Profile::from_id(1).expect("the test profile");
        EncodedMessage::encode(profile, scheme, &digest, &salt).expect("fits")
    }

    /// What the hostile server says: an honest answer to the like, changed as the script has it.
    fn answer(request: &device::Request, script: &mut Script<'_>) -> (u16, Vec<u8>) {
        let mut body = honest(request, script);
        let mut status = match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/device/v1/transactions") => 201,
            _ => 200,
        };
        match script.byte().unwrap_or_default() % 8 {
            // As it is.
            0..=2 => {}
            3 => body = script.bytes().to_vec(),
            4 => {
                status = [200, 400, 401, 403, 404, 409, 423, 500]
                    [usize::from(script.byte().unwrap_or_default() % 8)]
            }
            // One value of the JSON replaced by another of it, or by the script's text.
            5 | 6 => {
                if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
                    let mut places = Vec::new();
                    collect(&value, String::new(), &mut places);
                    let place = places
                        [usize::from(script.byte().unwrap_or_default()) % places.len()]
                    .clone();
                    let text = script.bytes();
                    let new = serde_json::from_slice(text)
                        .unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned().into());
                    *value.pointer_mut(&place).expect("collected") = new;
                    body = value.to_string().into_bytes();
                }
            }
            _ => {
                let at = usize::from(script.byte().unwrap_or_default());
                let xor = script.byte().unwrap_or_default();
                let length = body.len().max(1);
                if let Some(byte) = body.get_mut(at * 7 % length) {
                    *byte ^= xor;
                }
            }
        }
        (status, body)
    }

    /// The recorded answer to a request of this kind; several are there for the same path.
    fn honest(request: &device::Request, script: &mut Script<'_>) -> Vec<u8> {
        let kind = |path: &str| path.split('/').nth(3).map(str::to_owned);
        let segments = |path: &str| path.split('/').count();
        let like: Vec<_> = real()
            .exchanges
            .iter()
            .filter(|exchange| {
                exchange.method == request.method.as_str()
                    && kind(&exchange.path) == kind(&request.path)
                    && segments(&exchange.path) == segments(&request.path)
            })
            .collect();
        if like.is_empty() {
            return b"{}".to_vec();
        }
        let which = usize::from(script.byte().unwrap_or_default()) % like.len();
        let body = like[which].answer.clone();
        // Recorded for another session: name the one that waits, so that the phone goes on.
        match serde_json::from_slice::<Value>(&body) {
            Ok(mut value) => {
                let waiting = Value::from(real().waiting.to_string());
                for pointer in ["/sign/sessionId", "/pending/0/sessionId"] {
                    if let Some(place) = value.pointer_mut(pointer) {
                        *place = waiting.clone();
                    }
                }
                value.to_string().into_bytes()
            }
            Err(_) => body,
        }
    }

    fn collect(value: &Value, pointer: String, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    collect(value, format!("{pointer}/{name}"), all);
                }
            }
            Value::Array(list) => {
                for (place, value) in list.iter().enumerate() {
                    collect(value, format!("{pointer}/{place}"), all);
                }
            }
            _ => {}
        }
        all.push(pointer);
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        // Refresh, open, confirm, PIN, each answer (which one, how changed) honest; with every recorded list and offer.
        let mut seeds = Vec::new();
        for list in 0..8 {
            for offer in 0..4 {
                for digits in [5, 6] {
                    seeds.push(vec![
                        1, list, 0, 2, offer, 0, 3, digits, 0, 0, 8, 9, 3, 0, 1, 0,
                    ]);
                }
            }
        }
        seeds.push(b"\x01\x00\x05\x08\x08\"Other\"\x02\x00\x00\x03\x05".to_vec());
        seeds
    }
}
