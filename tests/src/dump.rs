//! What a thief has who reads a phone's storage and its keystore, and may then do as he likes: the freshness token, the
//! device's key, and messages that no honest phone sends.

use crate::{Answer, World};
use base64ct::{Base64, Encoding};
use device::{Keystore, SoftwareKeystore};
use rand_core::UnwrapErr;
use serde_json::Value;
use splitkey::{
    DeviceId, DeviceKeys, EncodedMessage, FreshnessToken, Hash, JointSalt, KeyRecord, Pin, Profile,
    Scheme, TokenHash, TransactionId,
    message::{Operation, Submit},
    partial_signature,
    seal::{Kind, SealedRequest, SealingPublicKey},
};
use wire::{device_v1, http_signature};

/// Magic and version of a phone's stored state.
const HEADER: &[u8] = b"SIDP\x01";

/// A phone's storage, opened.
pub struct Dump {
    keystore: SoftwareKeystore,
    state: Value,
}

impl Dump {
    /// Opens what [`SimulatedPhone`](crate::SimulatedPhone) stored.
    ///
    /// # Panics
    /// These bytes are not of a phone with an account under this keystore.
    #[must_use]
    pub fn open(disk: &[u8], keystore_secret: &[u8; 32]) -> Self {
        let keystore = SoftwareKeystore::from_secret(keystore_secret);
        let rest = disk.strip_prefix(HEADER).expect("the state of a phone");
        let (nonce, ciphertext) = rest.split_first_chunk::<12>().expect("a nonce");
        let json = keystore
            .unwrap(nonce, HEADER, ciphertext)
            .expect("the keystore's own");
        let state: Value = serde_json::from_slice(&json).expect("JSON");
        assert!(state["account"].is_object(), "an account");
        Self { keystore, state }
    }

    /// T_i.
    ///
    /// # Panics
    /// Never: every account has one.
    #[must_use]
    pub fn token(&self) -> FreshnessToken {
        let text = self.state["account"]["token"].as_str().expect("a token");
        let bytes = Base64::decode_vec(text).expect("base64");
        FreshnessToken::from_bytes(bytes.try_into().expect("32 bytes"))
    }

    /// T_{i+1} of a submission that is not settled.
    ///
    /// # Panics
    /// It is stored in another form.
    #[must_use]
    pub fn pending_token(&self) -> Option<FreshnessToken> {
        let text = self.state["account"]["pending"]["next_token"].as_str()?;
        let bytes = Base64::decode_vec(text).expect("base64");
        Some(FreshnessToken::from_bytes(
            bytes.try_into().expect("32 bytes"),
        ))
    }

    /// The transaction of a submission that is not settled.
    #[must_use]
    pub fn pending_transaction(&self) -> Option<String> {
        self.state["account"]["pending"]["transaction"]
            .as_str()
            .map(str::to_owned)
    }

    /// i.
    ///
    /// # Panics
    /// Never: every account has one.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.state["account"]["seq"].as_u64().expect("a number")
    }

    /// Begins a transaction as this phone; to sign, with the request that is to be signed.
    ///
    /// # Panics
    /// The server refuses.
    pub async fn begin(
        &self,
        world: &World,
        operation: device_v1::Operation,
        session: Option<&str>,
    ) -> device_v1::TransactionOffer {
        let answer = self.ask_to_begin(world, operation, session).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        serde_json::from_slice(&answer.body).expect("an offer")
    }

    /// The same, whatever the server answers.
    ///
    /// # Panics
    /// `session` is no session id.
    pub async fn ask_to_begin(
        &self,
        world: &World,
        operation: device_v1::Operation,
        session: Option<&str>,
    ) -> Answer {
        let begin = device_v1::Begin {
            operation,
            seq: self.seq(),
            session_id: session.map(|id| id.parse().expect("an id")),
            interaction_types: device::INTERACTIONS.to_vec(),
        };
        let body = serde_json::to_vec(&begin).expect("JSON");
        self.post(world, "/transactions", "application/json", body)
            .await
    }

    /// The operation that answers the offer of a digest to be signed with PIN2.
    ///
    /// # Panics
    /// The offer is of something else.
    #[must_use]
    pub fn signature(
        &self,
        offer: &device_v1::TransactionOffer,
        c: [u8; 32],
        digits: &str,
    ) -> Operation {
        let text = &self.state["account"]["keys"][1]["record"];
        let record: wire::Bytes = serde_json::from_value(text.clone()).expect("bytes");
        let record = KeyRecord::from_bytes(record.as_ref()).expect("a record");
        let context = record.context();
        let digest = offer
            .sign
            .as_ref()
            .and_then(|sign| sign.digest.as_ref())
            .expect("a digest");
        let salt = JointSalt { r: offer.r.0, c };
        let scheme = Scheme::Pss(Hash::Sha256);
        let message = EncodedMessage::encode(context.profile(), scheme, digest.as_ref(), &salt)
            .expect("it fits");
        let pin = Pin::new(digits).expect("digits");
        let share = record.unmask(&pin, &self.keystore).expect("unmasked");
        Operation::Sign {
            purpose: context.purpose,
            key_id: context.key_id,
            fingerprint: message.fingerprint(),
            partial_signature: partial_signature(&message, &share, &context.n1).into(),
            user_challenge: Vec::new(),
        }
    }

    /// Submits whatever operation with whatever tokens, and returns the verdict.
    ///
    /// # Panics
    /// The server does not answer with one.
    pub async fn submit(
        &self,
        world: &World,
        offer: &device_v1::TransactionOffer,
        c: [u8; 32],
        (token, next): (FreshnessToken, TokenHash),
        operation: Operation,
    ) -> device_v1::Verdict {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let configuration = world.service().configuration().await.expect("vault");
        let statement = configuration
            .server_key
            .verify(&configuration.root_key.0, world.now())
            .expect("the root's signature");
        let key = SealingPublicKey::from_bytes(&statement.public_key.0).expect("a point");
        let submit = Submit {
            profile: Profile::from_id(configuration.profile).expect("known"),
            device_id: self.device(),
            transaction_id: TransactionId(offer.transaction_id.0),
            seq: self.seq(),
            r: offer.r.0,
            token,
            next,
            c,
            operation,
        };
        let signature = self.keystore.sign(&submit.encode());
        let plaintext = submit.encode_signed(&signature);
        let (sealed, opener) =
            SealedRequest::seal(Kind::Submit, &key, &plaintext, &mut rng).expect("sealed");
        let path = format!("/transactions/{}", offer.transaction_id);
        let body = sealed.as_bytes().to_vec();
        let answer = self
            .post(world, &path, "application/octet-stream", body)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let verdict = opener.open(&answer.body).expect("an answer to this");
        serde_json::from_slice(&verdict).expect("a verdict")
    }

    /// The token that an honest phone would have next.
    #[must_use]
    pub fn honest_next(&self, offer: &device_v1::TransactionOffer, c: &[u8; 32]) -> FreshnessToken {
        self.next_of(&self.token(), offer, c)
    }

    /// The token that follows from this one.
    #[must_use]
    pub fn next_of(
        &self,
        token: &FreshnessToken,
        offer: &device_v1::TransactionOffer,
        c: &[u8; 32],
    ) -> FreshnessToken {
        token.next(self.device(), self.seq() + 1, &offer.r.0, c)
    }

    fn device(&self) -> DeviceId {
        let id: wire::DeviceId =
            serde_json::from_value(self.state["account"]["device"].clone()).expect("an identifier");
        DeviceId(id.0)
    }

    async fn post(&self, world: &World, path: &str, media_type: &str, body: Vec<u8>) -> Answer {
        let path = format!("{}{path}", device_v1::BASE_PATH);
        let signed = http_signature::sign(
            "POST",
            &path,
            &body,
            wire::DeviceId(self.device().0),
            |message| self.keystore.sign(message),
            world.now(),
        );
        let headers = [
            ("Content-Type", media_type.to_owned()),
            ("Content-Digest", signed.content_digest),
            ("Signature-Input", signed.signature_input),
            ("Signature", signed.signature),
        ];
        world.send("POST", &path, &headers, body).await
    }
}
