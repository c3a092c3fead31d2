//! The commands that the demo proposes, as one types them into a shell.

use super::relying_parties::DEMO;

/// The person of SK's public demo; PINs that break no rule of ours.
const PERSON: &str = "PNOEE-40504040001";
const TEST_ACCOUNT: &str = "PNOEE-50001029996";
const PIN1: &str = "4826";
const PIN2: &str = "73915";

/// base64 of `[{"type":"confirmationMessage","displayText200":"Log in to the demo?"}]`
const LOG_IN_TEXT: &str = "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvZyBpbiB0byB0aGUgZGVtbz8ifV0=";
/// base64 of `[{"type":"confirmationMessage","displayText200":"Sign the demo document?"}]`
const SIGN_TEXT: &str = "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IlNpZ24gdGhlIGRlbW8gZG9jdW1lbnQ/In1d";
/// SHA-512 of `Open Smart-ID` and a line feed; serves as challenge, too.
const DIGEST: &str =
    "Z+Mh+xLIl5qnMNOi3vohTZp3qW8wMShq+3W459n1ezIhau4rxO5m54qkPvVfKBLR9+yUlHkTapy1mF6WTQ3kDg==";

pub(crate) fn register(url: &str) -> String {
    format!(
        "smart-id device register --url {url} --pin1 {PIN1} --pin2 {PIN2} --person {PERSON} \
         --given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04"
    )
}

pub(crate) fn log_in(url: &str) -> String {
    log_in_of(url, PERSON)
}

/// A grown-up of the documented test accounts who says yes to everything.
pub(crate) fn ask_test_account(url: &str) -> String {
    log_in_of(url, TEST_ACCOUNT)
}

fn log_in_of(url: &str, person: &str) -> String {
    let parameters = format!(r#""rpChallenge":"{DIGEST}",{PSS}"#);
    let more = format!(
        r#""signatureProtocol":"ACSP_V2","interactions":"{LOG_IN_TEXT}","vcType":"numeric4""#
    );
    request(url, person, "authentication", &parameters, &more)
}

pub(crate) fn sign(url: &str) -> String {
    let parameters = format!(r#""digest":"{DIGEST}",{PSS}"#);
    let more =
        format!(r#""signatureProtocol":"RAW_DIGEST_SIGNATURE","interactions":"{SIGN_TEXT}""#);
    request(url, PERSON, "signature", &parameters, &more)
}

pub(crate) fn approve_log_in() -> String {
    format!("smart-id device approve --pin1 {PIN1}")
}

pub(crate) fn approve_signature() -> String {
    format!("smart-id device approve --pin2 {PIN2}")
}

pub(crate) fn result(url: &str) -> String {
    format!("curl -s '{url}/smart-id-rp/v3/session/SESSION-ID?timeoutMs=10000'")
}

pub(crate) fn tour(url: &str) -> String {
    format!("smart-id tour --url {url}")
}

const PSS: &str = r#""signatureAlgorithm":"rsassa-pss","signatureAlgorithmParameters":{"hashAlgorithm":"SHA-512"}"#;

fn request(url: &str, person: &str, kind: &str, parameters: &str, more: &str) -> String {
    format!(
        "curl -s {url}/smart-id-rp/v3/{kind}/notification/etsi/{person} -H 'content-type: application/json' \
         -d '{{\"relyingPartyUUID\":\"{DEMO}\",\"relyingPartyName\":\"DEMO\",{more},\
         \"signatureProtocolParameters\":{{{parameters}}}}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodies_are_what_the_relying_party_api_takes() {
        let body = |command: String| {
            let (_, body) = command.split_once("-d '").unwrap();
            body.strip_suffix('\'').unwrap().to_owned()
        };
        let channel = wire::rp_v3::Channel::Notification;
        let log_in = body(log_in("http://a"));
        wire::rp_v3::AuthenticationRequest::parse(log_in.as_bytes(), channel).unwrap();
        let sign = body(sign("http://a"));
        wire::rp_v3::SignatureRequest::parse(sign.as_bytes(), channel).unwrap();
    }
}
