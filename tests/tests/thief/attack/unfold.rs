//! Whatever is written in another alphabet, read back: an attacker finds a value in every form.

use base64ct::{Base64, Base64Unpadded, Base64UrlUnpadded, Encoding};
use std::collections::BTreeSet;

/// The bytes themselves, and every run in them that is base64, hexadecimal or a list of numbers.
pub(crate) fn unfold(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut fields = BTreeSet::from([bytes.to_vec()]);
    let mut todo = vec![bytes.to_vec()];
    while let Some(text) = todo.pop() {
        for found in runs(&text) {
            if fields.insert(found.clone()) {
                todo.push(found);
            }
        }
    }
    fields
}

fn runs(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    for run in text.split(|byte| !alphabet(byte)) {
        // A key is found in "key=AAAA" as well.
        for run in [
            run,
            run.rsplit(|byte| *byte == b'=')
                .find(|part| !part.is_empty())
                .unwrap_or(run),
        ] {
            if run.len() < MIN_RUN {
                continue;
            }
            let Ok(run) = std::str::from_utf8(run) else {
                continue;
            };
            let bare = run.trim_end_matches('=');
            found.extend(Base64::decode_vec(run));
            found.extend(Base64Unpadded::decode_vec(bare));
            found.extend(Base64UrlUnpadded::decode_vec(bare));
            found.extend(from_hex(run));
        }
    }
    found.extend(number_lists(text));
    found
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|char| Some(u8::try_from(char.to_digit(16)?).unwrap()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// `[1, 2, 255]`, as JSON and `Debug` write byte strings.
fn number_lists(text: &[u8]) -> Vec<Vec<u8>> {
    let listed = |byte: &u8| byte.is_ascii_digit() || b", \n".contains(byte);
    text.split(|byte| !listed(byte))
        .filter(|run| run.len() >= 2 * MIN_RUN)
        .filter_map(|run| {
            let text = std::str::from_utf8(run).ok()?;
            text.split(',')
                .map(|number| number.trim().parse::<u8>().ok())
                .collect::<Option<Vec<u8>>>()
        })
        .filter(|list| list.len() >= 8)
        .collect()
}

/// Of characters; shorter than any value looked for.
const MIN_RUN: usize = 11;

#[test]
fn every_form_of_a_value_is_read() {
    let value: Vec<u8> = (200..232).collect();
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    for text in [
        hex.clone(),
        hex.to_uppercase(),
        Base64::encode_string(&value),
        format!("field={}", Base64::encode_string(&value)),
        format!("sha-256=:{}:", Base64::encode_string(&value)),
        Base64UrlUnpadded::encode_string(&value),
        format!("Wrapped({value:?})"),
        Base64::encode_string(format!(r#"{{"key":"{hex}"}}"#).as_bytes()),
    ] {
        let text = format!(r#"{{"a":"{text}","b":1}}"#);
        assert!(unfold(text.as_bytes()).contains(&value), "{text}");
    }
}
