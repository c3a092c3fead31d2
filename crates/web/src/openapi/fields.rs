//! Schemas of single fields, from the words and limits of `wire`.

use crate::path::PathSegment;
use engine::policy::IDEMPOTENCY_WINDOW;
use serde_json::{Value, json};
use wire::{
    CertificateLevel, DocumentNumber, HashAlgorithm, InteractionType, MAX_INTERACTIONS,
    SemanticsIdentifier, SessionId, SignatureAlgorithm,
    rp_v3::{CHALLENGE_LEN, MAX_NONCE},
};

/// RFC 9562, the hyphenated form.
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

/// Base64 (RFC 4648 §4) with padding, whose unused bits are zero.
const BASE64: &str =
    "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// The names of a list, in code marks.
pub(super) fn words<T: ToString>(list: &[T]) -> String {
    let words: Vec<_> = list
        .iter()
        .map(|word| format!("`{}`", word.to_string()))
        .collect();
    words.join(", ")
}

pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// Text out of a list.
pub(super) fn one_of<T: ToString>(list: &[T], description: &str) -> Value {
    let words: Vec<_> = list.iter().map(ToString::to_string).collect();
    json!({ "type": "string", "enum": words, "description": description })
}

pub(super) fn uuid(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "pattern": UUID, "description": description })
}

/// Base64 of a number of bytes in this range.
pub(super) fn base64_of(bytes: std::ops::RangeInclusive<usize>) -> Value {
    json!({
        "type": "string",
        "contentEncoding": "base64",
        "minLength": base64_len(*bytes.start()),
        "maxLength": base64_len(*bytes.end()),
        "pattern": base64_pattern(*bytes.start(), *bytes.end()),
    })
}

pub(super) fn base64(description: &str) -> Value {
    json!({
        "type": "string",
        "contentEncoding": "base64",
        "minLength": 4,
        "pattern": BASE64,
        "description": description,
    })
}

fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Base64 of exactly so many bytes as the bounds say: whole groups of three, and one or two more.
fn base64_pattern(least: usize, most: usize) -> String {
    let groups = |rest: usize, tail: &str| {
        let least = least.saturating_sub(rest).div_ceil(3);
        let most = most.checked_sub(rest)? / 3;
        match most {
            _ if most < least => None,
            _ if most == least => Some(format!("([A-Za-z0-9+/]{{4}}){{{most}}}{tail}")),
            _ => Some(format!("([A-Za-z0-9+/]{{4}}){{{least},{most}}}{tail}")),
        }
    };
    let forms: Vec<_> = [
        groups(0, ""),
        groups(1, "[A-Za-z0-9+/][AQgw]=="),
        groups(2, "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]="),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("^({})$", forms.join("|"))
}

/// The same, and JSON null counts as absent.
pub(super) fn optional(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(list) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        list.push(Value::Null);
    }
    schema
}

pub(super) fn relying_party_uuid() -> Value {
    uuid("Who asks. Known to the server together with the IP address that the request comes from.")
}

pub(super) fn relying_party_name() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "description": "What the person sees: one of the names agreed for this UUID, in capitals or not. It is signed as it is sent here.",
    })
}

pub(super) fn certificate_level(levels: &[CertificateLevel]) -> Value {
    let mut schema = optional(one_of(
        levels,
        "The least level of the account. `QUALIFIED` takes accounts with qualified certificates, `QSCD` those of them whose \
         key is in a qualified device, `ADVANCED` takes any and needs a right of its own.",
    ));
    schema["default"] = json!(CertificateLevel::Qualified);
    schema
}

pub(super) fn nonce() -> Value {
    let mut schema = optional(text(&format!(
        "The same notification request within {} s is answered with the session that it started; another `nonce` makes it \
         another request. Each request for a device link starts a session of its own. Counted in characters.",
        IDEMPOTENCY_WINDOW.as_secs()
    )));
    schema["minLength"] = json!(1);
    schema["maxLength"] = json!(MAX_NONCE);
    schema
}

pub(super) fn capabilities() -> Value {
    json!({
        "type": ["array", "null"],
        "items": { "type": "string" },
        "description": "Only by agreement: a relying party that has none is answered 403 `not_permitted`. An empty list asks for nothing.",
    })
}

/// `requestProperties`, of which only these are known.
pub(super) fn request_properties() -> Value {
    json!({
        "type": ["object", "null"],
        "properties": {
            "shareMdClientIpAddress": {
                "type": ["boolean", "null"],
                "default": false,
                "description": "Whether the session's status shall tell the IP address that the phone answered from \
                    (`deviceIpAddress`). Needs a right; without it 403 `not_permitted` at once.",
            },
        },
        "description": "Wishes beside the request itself. Names that the server does not know are not refused; the session's \
            status lists them in `ignoredProperties`.",
    })
}

/// `interactions`, with these types.
pub(super) fn interactions(types: &[InteractionType]) -> Value {
    let mut schema = base64(
        "What the person is shown: base64 of a JSON array, the preferred way first. The first that the phone can show is \
         taken; if there is none, the session ends `REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP`. No type may come twice; texts \
         are counted in characters (Unicode code points), not bytes. The base64 text is hashed and MACed as it was sent.",
    );
    schema["maxLength"] = json!(MAX_INTERACTIONS);
    schema["contentMediaType"] = json!("application/json");
    schema["contentSchema"] = interaction_list(types);
    schema
}

/// The array itself.
pub(super) fn interaction_list(types: &[InteractionType]) -> Value {
    let items: Vec<_> = types
        .iter()
        .map(|kind| {
            let (field, limit) = kind.text_field();
            json!({
                "type": "object",
                "required": ["type", field],
                "properties": {
                    "type": { "const": kind },
                    field: { "type": "string", "minLength": 1, "maxLength": limit },
                },
            })
        })
        .collect();
    json!({ "type": "array", "minItems": 1, "items": { "oneOf": items } })
}

/// `signatureProtocolParameters` with the field that is signed.
pub(super) fn signature_parameters(data: &str, description: &str, fits_hash: bool) -> Value {
    let object = |algorithm: Value, hash: Option<Value>, length: Option<usize>| {
        let mut schema = json!({ "properties": { "signatureAlgorithm": algorithm } });
        match hash {
            Some(hash) => {
                schema["required"] = json!(["signatureAlgorithmParameters"]);
                schema["properties"]["signatureAlgorithmParameters"] = json!({
                    "type": "object",
                    "required": ["hashAlgorithm"],
                    "properties": { "hashAlgorithm": hash },
                });
            }
            None => {
                schema["properties"]["signatureAlgorithmParameters"] = json!({ "type": "null" })
            }
        }
        if let Some(length) = length {
            schema["properties"][data] = base64_of(length..=length);
        }
        schema
    };
    let mut alternatives = Vec::new();
    for algorithm in SignatureAlgorithm::ALL {
        let word = json!({ "const": algorithm });
        match algorithm.fixed_hash() {
            Some(hash) => {
                alternatives.push(object(word, None, fits_hash.then(|| hash.digest_len())));
            }
            None if fits_hash => alternatives.extend(HashAlgorithm::ALL.iter().map(|hash| {
                object(
                    word.clone(),
                    Some(json!({ "const": hash })),
                    Some(hash.digest_len()),
                )
            })),
            None => alternatives.push(object(
                word,
                Some(one_of(HashAlgorithm::ALL, "The hash.")),
                None,
            )),
        }
    }
    let mut signed = base64_of(CHALLENGE_LEN);
    signed["description"] = json!(description);
    json!({
        "type": "object",
        "required": [data, "signatureAlgorithm"],
        "properties": {
            data: signed,
            "signatureAlgorithm": one_of(SignatureAlgorithm::ALL,
                "`rsassa-pss` (RFC 8017 §8.1, salt as long as the hash, MGF1 with the same hash) is what new software uses. The \
                 others are RSASSA-PKCS1-v1_5 and fix the hash by their name; some clients do not know them."),
            "signatureAlgorithmParameters": {
                "type": ["object", "null"],
                "description": "Needed with `rsassa-pss`, refused with the others.",
                "properties": { "hashAlgorithm": one_of(HashAlgorithm::ALL, "The hash under the signature.") },
            },
        },
        "oneOf": alternatives,
    })
}

/// Parameters of paths, by the names that errors call them.
pub(super) fn path_parameters() -> Vec<(&'static str, Value)> {
    let parameter = |name: &str, description: &str, schema: Value, example: &str| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": description,
            "schema": schema,
            "example": example,
        })
    };
    vec![
        (
            SemanticsIdentifier::NAME,
            parameter(
                SemanticsIdentifier::NAME,
                "The person: kind of number (`PNO` national number, `PAS` passport, `IDC` identity card), country (ISO 3166-1, \
                 capital letters), hyphen, number as issued (ETSI EN 319 412-1 §5.1.3). Check digits are not verified.",
                json!({ "type": "string", "pattern": SemanticsIdentifier::PATTERN }),
                "PNOEE-40504040001",
            ),
        ),
        (
            DocumentNumber::NAME,
            parameter(
                DocumentNumber::NAME,
                "One account of a person, as `result.documentNumber` of an earlier session told it; `Q` at the end is \
                 qualified, `NQ` is not.",
                json!({ "type": "string", "pattern": DocumentNumber::PATTERN }),
                "PNOEE-40504040001-DEMO-Q",
            ),
        ),
        (
            SessionId::NAME,
            parameter(
                SessionId::NAME,
                "`sessionID` of the answer that started the session.",
                json!({ "type": "string", "format": "uuid", "pattern": UUID }),
                "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            ),
        ),
    ]
}

/// An object with more members.
pub(super) fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

/// The schema of a request.
pub(super) fn object(required: &[&str], properties: Value, description: &str) -> Value {
    json!({ "type": "object", "description": description, "required": required, "properties": properties })
}
