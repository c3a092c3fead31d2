//! What travels in JSON, in headers and in paths.

use super::real;
use base64ct::{Base64, Encoding};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::{fmt::Display, str::FromStr};
use wire::{
    DeviceId, Interaction, InteractionType, Interactions, device_v1, http_signature,
    http_signature::SignedRequest, rp_v3, rp_v3::Channel, server_key::SignedStatement,
};

pub(crate) mod device_bodies {
    use super::*;

    /// What is read and written again reads the same.
    fn again<T: DeserializeOwned + Serialize + PartialEq>(data: &[u8]) {
        if let Ok(first) = serde_json::from_slice::<T>(data) {
            let text = serde_json::to_vec(&first).expect("bodies can be written");
            let second: T = serde_json::from_slice(&text).expect("what we write, we read");
            assert!(first == second, "{}", String::from_utf8_lossy(&text));
        }
    }

    pub(crate) fn run(data: &[u8]) {
        again::<device_v1::Configuration>(data);
        again::<device_v1::RegistrationRequest>(data);
        again::<device_v1::RegistrationOffer>(data);
        again::<device_v1::RegistrationStatus>(data);
        again::<device_v1::RegistrationCompleted>(data);
        again::<device_v1::DeviceLinkUse>(data);
        again::<device_v1::Consented>(data);
        again::<device_v1::PendingTransactions>(data);
        again::<device_v1::AccountStatus>(data);
        again::<device_v1::Begin>(data);
        again::<device_v1::TransactionOffer>(data);
        again::<device_v1::Verdict>(data);
        again::<device_v1::Refusal>(data);
        again::<SignedStatement>(data);
        if let Ok(signed) = serde_json::from_slice::<SignedStatement>(data) {
            let at = signed.statement.not_before;
            assert!(signed.verify(&[4; 65], at).is_err(), "signed by no key");
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        real::bodies()
    }
}

pub(crate) mod rp_requests {
    use super::*;

    pub(crate) fn run(data: &[u8]) {
        for channel in [Channel::Notification, Channel::DeviceLink] {
            run_in(data, channel);
        }
        if let Ok(request) = rp_v3::CertificateByDocumentRequest::parse(data) {
            common(&request.common);
        }
        if let Ok(request) = rp_v3::LinkedSignatureRequest::parse(data) {
            let shown = request.signature.interactions.list();
            assert!(shown.iter().all(|shown| !shown.kind.has_code_choice()));
        }
        if let Ok(text) = std::str::from_utf8(data) {
            let _ = Interactions::parse(text).map(|parsed| interactions(&parsed));
        }
        let _ =
            Interactions::parse(&Base64::encode_string(data)).map(|parsed| interactions(&parsed));
    }

    fn run_in(data: &[u8], channel: Channel) {
        if let Ok(request) = rp_v3::AuthenticationRequest::parse(data, channel) {
            common(&request.common);
            callback(&request.initial_callback_url, channel);
            interactions(&request.interactions);
            assert!((32..=64).contains(&request.rp_challenge.bytes().len()));
            let text = Base64::encode_string(request.rp_challenge.bytes());
            assert_eq!(
                text,
                request.rp_challenge.text(),
                "one challenge has one text"
            );
        }
        if let Ok(request) = rp_v3::SignatureRequest::parse(data, channel) {
            common(&request.common);
            callback(&request.initial_callback_url, channel);
            interactions(&request.interactions);
            assert_eq!(
                request.digest.bytes().len(),
                request.signature.hash.digest_len()
            );
        }
        if let Ok(request) = rp_v3::CertificateChoiceRequest::parse(data, channel) {
            common(&request.common);
            callback(&request.initial_callback_url, channel);
        }
    }

    /// Whatever goes into signed and MACed text must not have its separator in it.
    fn callback(url: &str, channel: Channel) {
        assert!(url.is_empty() || (channel == Channel::DeviceLink && url.starts_with("https://")));
        assert!(!url.contains(['|', '#']));
    }

    fn common(common: &rp_v3::Common) {
        assert!(!common.relying_party_name.is_empty());
    }

    fn interactions(parsed: &Interactions) {
        assert!((1..=4).contains(&parsed.list().len()));
        for interaction in parsed.list() {
            let (_, limit) = interaction.kind.text_field();
            assert!((1..=limit).contains(&interaction.text.chars().count()));
            assert_eq!(
                parsed.text(interaction.kind),
                Some(interaction.text.as_str())
            );
        }
        // The text itself is what is hashed: the same text, the same list.
        assert_eq!(Interactions::parse(parsed.base64()).as_ref(), Ok(parsed));
        let written = Interactions::encode(parsed.list()).expect("valid before, valid again");
        assert_eq!(written.list(), parsed.list());
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        let list = [
            (
                InteractionType::ConfirmationMessageAndVerificationCodeChoice,
                "Transfer 5 €?",
            ),
            (InteractionType::ConfirmationMessage, "Log in to the bank?"),
            (InteractionType::DisplayTextAndPin, "Log in?"),
        ]
        .map(|(kind, text)| Interaction {
            kind,
            text: text.to_owned(),
        });
        let interactions = Interactions::encode(&list).expect("valid");
        let json = Base64::decode_vec(interactions.base64()).expect("base64");
        let certificate = json!({
            "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
            "relyingPartyName": "DEMO",
            "certificateLevel": "QSCD",
        });
        let mut with_all = tests::signature_request();
        with_all["requestProperties"] = json!({ "shareMdClientIpAddress": true, "x": 1 });
        with_all["capabilities"] = json!(["a"]);
        with_all["interactions"] = json!(interactions.base64());
        let mut pkcs1 = tests::signature_request();
        pkcs1["signatureProtocolParameters"] = json!({
            "digest": Base64::encode_string(&[9; 64]),
            "signatureAlgorithm": "sha512WithRSAEncryption",
        });
        let mut seeds: Vec<Vec<u8>> = [
            tests::authentication_request(),
            tests::signature_request(),
            certificate,
            with_all,
            pkcs1,
        ]
        .iter()
        .map(|value| value.to_string().into_bytes())
        .collect();
        seeds.extend([interactions.base64().as_bytes().to_vec(), json]);
        seeds
    }
}

pub(crate) mod device_link {
    use wire::device_link::{DeviceLink, UnprotectedLink};

    pub(crate) fn run(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let Ok(link) = DeviceLink::parse(text) else {
            return;
        };
        // A link has one spelling: what is read out of it makes the same text again.
        let rebuilt = UnprotectedLink {
            base: link.base(),
            link_type: link.link_type(),
            session_token: link.session_token(),
            session_type: link.session_type(),
            language: link.language(),
        };
        assert_eq!(link.text(), text);
        assert_eq!(rebuilt.text(), link.unprotected());
        let (_, code) = text.rsplit_once("&authCode=").expect("the last parameter");
        assert!(link.has_auth_code(code));
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        [
            "https://smart-id.com/device-link?deviceLinkType=QR&elapsedSeconds=22&sessionToken=wGIrqveE6AuGDATZKmR1mtAZ\
             &sessionType=auth&version=1.0&lang=eng&authCode=OY1eHaD4UYedrBwtqUbSkpa0w7ttm4FllPkCD_3wlE0",
            "https://smart-id.com/device-link?deviceLinkType=App2App&sessionToken=wGIrqveE6AuGDATZKmR1mtAZ\
             &sessionType=sign&version=1.0&lang=eng&authCode=8QZ16rkBW_ffkq6osT7UH1DbUlF9gEOZevgj-A0VNbM",
        ]
        .map(|link| link.as_bytes().to_vec())
        .to_vec()
    }
}

pub(crate) mod request_signature {
    use super::*;
    use p256::ecdsa::{Signature, SigningKey, signature::Signer};

    const BODY: &[u8] = b"{}";
    const PATH: &str = "/device/v1/transactions";

    fn key() -> SigningKey {
        SigningKey::from_slice(&[9; 32]).expect("a scalar")
    }

    fn now() -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_764_000_000).expect("a time")
    }

    fn honest() -> [String; 3] {
        let signer = |bytes: &[u8]| -> [u8; 64] {
            let signature: Signature = key().sign(bytes);
            signature.to_bytes().into()
        };
        let headers = http_signature::sign("POST", PATH, BODY, DeviceId([3; 16]), signer, now());
        [
            headers.content_digest,
            headers.signature_input,
            headers.signature,
        ]
    }

    pub(crate) fn run(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let lines: Vec<&str> = text.split('\n').collect();
        let [digest, input, signature, ..] = lines.as_slice() else {
            return;
        };
        let parsed = SignedRequest::parse(
            "POST",
            PATH,
            BODY,
            Some(digest),
            Some(input),
            Some(signature),
        );
        if let Ok(request) = parsed {
            let public = key().verifying_key().to_sec1_point(false);
            let verified = request.verify(public.as_bytes(), now()).is_ok();
            let honest = honest();
            let same = [*digest, *input, *signature] == honest.each_ref().map(String::as_str);
            assert_eq!(
                verified, same,
                "changed headers verify, or honest ones do not"
            );
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        vec![honest().join("\n").into_bytes()]
    }
}

pub(crate) mod identifiers {
    use super::*;

    /// What is read is written as it was.
    fn canonical<T: FromStr + Display>(text: &str) {
        if let Ok(value) = text.parse::<T>() {
            assert_eq!(value.to_string(), text, "one identifier has one text");
        }
    }

    /// What is read and written reads the same.
    fn stable<T: FromStr + Display + PartialEq>(text: &str) {
        if let Ok(value) = text.parse::<T>() {
            let again = value.to_string().parse::<T>().ok();
            assert!(again.is_some_and(|again| again == value), "{value}");
        }
    }

    pub(crate) fn run(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        canonical::<wire::SemanticsIdentifier>(text);
        canonical::<wire::DocumentNumber>(text);
        canonical::<DeviceId>(text);
        canonical::<wire::TransactionId>(text);
        canonical::<wire::VerificationCode>(text);
        canonical::<wire::ControlCode>(text);
        // People type these, and libraries write UUIDs in more than one way.
        stable::<wire::SessionId>(text);
        stable::<wire::RelyingPartyUuid>(text);
        stable::<wire::RegistrationCode>(text);
        if let Ok(identifier) = text.parse::<wire::SemanticsIdentifier>()
            && let Ok(number) = wire::NationalNumber::check(&identifier)
        {
            let _ = (number.birth_date(), number.check_digit_holds());
        }
        if let Ok(number) = text.parse::<wire::DocumentNumber>() {
            assert!(text.starts_with(&number.person().to_string()));
        }
    }

    pub(crate) fn seeds() -> Vec<Vec<u8>> {
        [
            "PNOEE-40504040001",
            "PNOLV-020100-29990",
            "PNOLT-49912318881",
            "PNOBE-05040400032",
            "PASKZ-987654321012",
            "IDCPL-ABC123",
            "PNOEE-40504040001-MOCK-Q",
            "PNOEE-40504040001-DEM0-NQ",
            "00000000-0000-4000-8000-000000000000",
            "03030303030303030303030303030303",
            "7K3M-9QXA",
            "4711",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    }
}
