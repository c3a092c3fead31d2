//! A distinguished name as text (RFC 4514), as `X509SubjectName` wants it (XML Signature §4.5.4.1).

use std::fmt::Write;

use der::asn1::SetOfVec;
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;

use crate::oids;
use crate::x509::DistinguishedName;

/// The last attribute of the certificate first (RFC 4514 §2.1).
pub(super) fn rfc4514(name: &DistinguishedName) -> String {
    let sets = Vec::<SetOfVec<AttributeTypeAndValue>>::from_der(name.der())
        .expect("the name was decoded before");
    let sets = sets.iter().rev().map(|set| {
        let attributes: Vec<String> = set.iter().map(attribute).collect();
        attributes.join("+")
    });
    sets.collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue) -> String {
    // RFC 4514 §3: these short names are known to every reader.
    let short = match attribute.oid {
        oids::COMMON_NAME => Some("CN"),
        oids::COUNTRY => Some("C"),
        oids::ORGANIZATION => Some("O"),
        oids::ORGANIZATIONAL_UNIT => Some("OU"),
        _ => None,
    };
    let text = match attribute.value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            std::str::from_utf8(attribute.value.value()).ok()
        }
        _ => None,
    };
    match (short, text) {
        (Some(short), Some(text)) => format!("{short}={}", escaped(text)),
        // RFC 4514 §2.4: beside a dotted identifier, or if it is no string, the value is its encoding.
        (short, _) => {
            let mut out = short.map_or_else(|| attribute.oid.to_string(), str::to_owned);
            out.push_str("=#");
            let der = attribute.value.to_der().unwrap_or_default();
            for octet in der {
                let _ = write!(out, "{octet:02x}");
            }
            out
        }
    }
}

/// RFC 4514 §2.4.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        match character {
            '\0' => out.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', character]),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            '#' if index == 0 => out.push_str("\\#"),
            _ => out.push(character),
        }
    }
    out
}
