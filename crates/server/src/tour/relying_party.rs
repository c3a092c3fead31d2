//! A relying party as its developer would write one: RP API v3 over HTTP, and verification by the `rsa` crate.

use super::evidence::{Evidence, Signed};
use crate::{demo::DEMO, headless::transport::Transport};
use anyhow::{Context, Result, bail, ensure};
use base64ct::{Base64, Encoding};
use pki::x509::Certificate;
use rsa::{PublicKey, pkcs1v15, pkcs8::DecodePublicKey, pss, signature::Verifier};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use wire::{FlowType, Interaction, InteractionType, Interactions, acsp_v2, verification_code};

/// First field of the signed payload of a demo.
const SCHEME: &str = "smart-id-demo";
const NAME: &str = "DEMO";

pub(super) struct RelyingParty {
    pub(super) transport: Transport,
    pub(super) root: Certificate,
}

/// What the relying party remembers of a request.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) verification_code: String,
    challenge: String,
    interactions: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    Pss,
    Pkcs1,
}

impl RelyingParty {
    /// Fetches the root certificate: this is the one thing that the tour takes on trust.
    pub(super) fn new(url: &str) -> Result<Self> {
        let transport = Transport::new(url)?;
        let reply = transport.get("/certs/root.crt")?;
        ensure!(reply.status == 200, "{url} publishes no root certificate");
        let root = Certificate::parse(&reply.body)?;
        Ok(Self { transport, root })
    }

    pub(super) fn root(&self) -> &Certificate {
        &self.root
    }

    pub(super) fn root_name(&self) -> String {
        self.root
            .subject()
            .common_name()
            .unwrap_or("a root without name")
            .to_owned()
    }

    pub(super) fn start_authentication(&self, person: &str, text: &str) -> Result<Session> {
        let mut challenge = [0; 64];
        getrandom::fill(&mut challenge)?;
        let interactions = interactions(text)?;
        let body = json!({
            "relyingPartyUUID": DEMO,
            "relyingPartyName": NAME,
            "certificateLevel": "QUALIFIED",
            "signatureProtocol": "ACSP_V2",
            "signatureProtocolParameters": {
                "rpChallenge": Base64::encode_string(&challenge),
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-512" },
            },
            "interactions": interactions,
            "vcType": "numeric4",
        });
        let answer = self.post(&format!("authentication/notification/etsi/{person}"), &body)?;
        Ok(Session {
            id: text_of(&answer, "/sessionID")?.to_owned(),
            verification_code: verification_code(&challenge).to_string(),
            challenge: Base64::encode_string(&challenge),
            interactions,
        })
    }

    pub(super) fn start_signature(
        &self,
        person: &str,
        text: &str,
        document: &[u8],
        padding: Padding,
    ) -> Result<Session> {
        let interactions = interactions(text)?;
        let mut parameters = json!({ "digest": Base64::encode_string(&Sha512::digest(document)) });
        match padding {
            Padding::Pss => {
                parameters["signatureAlgorithm"] = json!("rsassa-pss");
                parameters["signatureAlgorithmParameters"] = json!({ "hashAlgorithm": "SHA-512" });
            }
            Padding::Pkcs1 => parameters["signatureAlgorithm"] = json!("sha512WithRSAEncryption"),
        }
        let body = json!({
            "relyingPartyUUID": DEMO,
            "relyingPartyName": NAME,
            "certificateLevel": "QUALIFIED",
            "signatureProtocol": "RAW_DIGEST_SIGNATURE",
            "signatureProtocolParameters": parameters,
            "interactions": interactions,
        });
        let answer = self.post(&format!("signature/notification/etsi/{person}"), &body)?;
        Ok(Session {
            id: text_of(&answer, "/sessionID")?.to_owned(),
            verification_code: text_of(&answer, "/vc/value")?.to_owned(),
            challenge: String::new(),
            interactions,
        })
    }

    pub(super) fn authentication_result(
        &self,
        session: &Session,
        evidence: &Evidence,
    ) -> Result<Signed> {
        let status = self.result(session)?;
        same_certificate(&status, &evidence.authentication)?;
        ensure!(
            text_of(&status, "/signatureProtocol")? == "ACSP_V2",
            "another signature protocol"
        );
        let interaction = text_of(&status, "/interactionTypeUsed")?;
        let payload = acsp_v2::payload(&acsp_v2::Fields {
            scheme_name: SCHEME,
            server_random: text_of(&status, "/signature/serverRandom")?,
            rp_challenge: &session.challenge,
            user_challenge: text_of(&status, "/signature/userChallenge")?,
            relying_party_name: NAME,
            brokered_rp_name: "",
            interactions: &session.interactions,
            interaction_type_used: InteractionType::from_word(interaction)
                .context("an unknown interaction")?,
            initial_callback_url: "",
            flow_type: FlowType::from_word(text_of(&status, "/signature/flowType")?)
                .context("an unknown flow")?,
        });
        let signature = signature_of(&status)?;
        verify(
            &evidence.authentication,
            Padding::Pss,
            payload.as_bytes(),
            &signature,
        )?;
        Ok(Signed {
            data: payload.into_bytes(),
            signature,
        })
    }

    pub(super) fn signature_result(
        &self,
        session: &Session,
        document: &[u8],
        padding: Padding,
        evidence: &Evidence,
    ) -> Result<Signed> {
        let status = self.result(session)?;
        same_certificate(&status, &evidence.signature)?;
        ensure!(
            text_of(&status, "/signatureProtocol")? == "RAW_DIGEST_SIGNATURE",
            "another signature protocol"
        );
        let signature = signature_of(&status)?;
        verify(&evidence.signature, padding, document, &signature)?;
        Ok(Signed {
            data: document.to_vec(),
            signature,
        })
    }

    /// Whether an account with this document number is active.
    pub(super) fn finds_account(&self, number: &str) -> Result<bool> {
        let body = json!({ "relyingPartyUUID": DEMO, "relyingPartyName": NAME });
        let path = format!("/smart-id-rp/v3/signature/certificate/{number}");
        match self.transport.post(&path, &body)?.status {
            200 => Ok(true),
            404 => Ok(false),
            status => bail!("the server answered {status} to the question for an account"),
        }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.transport
            .post(&format!("/smart-id-rp/v3/{path}"), body)?
            .json()
    }

    fn result(&self, session: &Session) -> Result<Value> {
        let path = format!("/smart-id-rp/v3/session/{}?timeoutMs=30000", session.id);
        let status = self.transport.get(&path)?.json()?;
        ensure!(
            text_of(&status, "/state")? == "COMPLETE",
            "the session still runs"
        );
        let result = text_of(&status, "/result/endResult")?;
        ensure!(result == "OK", "the session ended {result}");
        Ok(status)
    }
}

fn interactions(text: &str) -> Result<String> {
    let interaction = Interaction {
        kind: InteractionType::ConfirmationMessage,
        text: text.to_owned(),
    };
    Ok(Interactions::encode(&[interaction])?.base64().to_owned())
}

fn text_of<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer has no {pointer}"))
}

fn signature_of(status: &Value) -> Result<Vec<u8>> {
    Base64::decode_vec(text_of(status, "/signature/value")?).context("the signature is not base64")
}

fn same_certificate(status: &Value, certificate: &Certificate) -> Result<()> {
    let sent = Base64::decode_vec(text_of(status, "/cert/value")?)
        .context("the certificate is not base64")?;
    ensure!(
        sent == certificate.der(),
        "another certificate than the phone's"
    );
    Ok(())
}

fn verify(
    certificate: &Certificate,
    padding: Padding,
    data: &[u8],
    signature: &[u8],
) -> Result<()> {
    let key = PublicKey::from_public_key_der(certificate.public_key().spki_der())
        .context("the certificate's key is no RSA key")?;
    let verified = match padding {
        Padding::Pss => pss::VerifyingKey::<Sha512>::new(key)
            .verify(data, &pss::Signature::try_from(signature)?),
        Padding::Pkcs1 => pkcs1v15::VerifyingKey::<Sha512>::new(key)
            .verify(data, &pkcs1v15::Signature::try_from(signature)?),
    };
    verified.context("the signature does not verify")
}
