use serde_json::{Map, Value, json};

/// A JSON text in which one thing is different: where (a JSON pointer), what, and the text.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) pointer: String,
    pub(crate) what: String,
    pub(crate) text: Vec<u8>,
}

/// Stands in a value for what `serde_json` cannot write.
const PLACEHOLDER: &str = "\"@placeholder@\"";

/// JSON that no request of ours has anywhere.
const RAW: [(&str, &str); 10] = [
    ("a number out of range", "1e999"),
    (
        "a number of 40 digits",
        "1234567890123456789012345678901234567890",
    ),
    ("a lone surrogate", r#""\ud800""#),
    ("an invalid escape", r#""\x41""#),
    ("a control character", "\"\u{1}\""),
    ("no value", ""),
    ("NaN", "NaN"),
    ("a comment", "/**/1"),
    ("single quotes", "'x'"),
    ("a half string", "\"x"),
];

/// Every value of a document replaced, every member removed, repeated, renamed, and one added; and the text broken.
pub(crate) fn variants(document: &Value) -> Vec<Variant> {
    let mut all = Vec::new();
    let honest = document.to_string();
    let mut pointers = Vec::new();
    collect(document, String::new(), &mut pointers);
    for pointer in &pointers {
        let value = document.pointer(pointer).unwrap();
        for (what, other) in replacements(value) {
            push(
                &mut all,
                pointer,
                &what,
                with(document, pointer, other).to_string(),
            );
        }
        for (what, raw) in RAW {
            push(&mut all, pointer, what, raw_at(document, pointer, raw));
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        push(
            &mut all,
            pointer,
            "deep nesting",
            raw_at(document, pointer, &deep),
        );
        if let Value::Object(members) = value {
            for name in members.keys() {
                members_changed(&mut all, document, pointer, members, name);
            }
            let mut more = members.clone();
            more.insert("unknown".to_owned(), json!({ "x": [1] }));
            push(
                &mut all,
                pointer,
                "an unknown member",
                with(document, pointer, more.into()).to_string(),
            );
        }
    }
    for (what, text) in [
        ("a byte order mark", format!("\u{feff}{honest}")),
        ("a second value", format!("{honest}{honest}")),
        ("more text", format!("{honest},")),
        ("an array around", format!("[{honest}]")),
        ("a string around", Value::String(honest.clone()).to_string()),
        ("null", "null".to_owned()),
        ("an empty object", "{}".to_owned()),
        ("a comma too many", honest.replacen('}', ",}", 1)),
        ("half of it", honest[..honest.len() / 2].to_owned()),
        ("a zero byte after", format!("{honest}\0")),
    ] {
        push(&mut all, "", what, text);
    }
    let utf16 = honest.encode_utf16().flat_map(u16::to_le_bytes).collect();
    all.push(Variant {
        pointer: String::new(),
        what: "UTF-16".to_owned(),
        text: utf16,
    });
    let mut bytes = honest.clone().into_bytes();
    let quote = bytes.iter().position(|byte| *byte == b'"').unwrap();
    bytes.insert(quote + 1, 0xff);
    all.push(Variant {
        pointer: String::new(),
        what: "not UTF-8".to_owned(),
        text: bytes,
    });
    all.retain(|variant| variant.text != honest.as_bytes());
    all
}

fn members_changed(
    all: &mut Vec<Variant>,
    document: &Value,
    pointer: &str,
    members: &Map<String, Value>,
    name: &str,
) {
    let below = format!("{pointer}/{name}");
    let mut without = members.clone();
    let value = without.remove(name).unwrap();
    push(
        all,
        &below,
        "missing",
        with(document, pointer, without.clone().into()).to_string(),
    );
    for (what, other) in [
        ("capitals", name.to_uppercase()),
        ("with a space", format!("{name} ")),
        ("with a zero byte", format!("{name}\0")),
    ] {
        let mut renamed = without.clone();
        renamed.insert(other, value.clone());
        let what = format!("name: {what}");
        push(
            all,
            &below,
            &what,
            with(document, pointer, renamed.into()).to_string(),
        );
    }
    for (what, first) in [
        ("member twice", value.to_string()),
        ("member twice, the other first", "\"x\"".to_owned()),
    ] {
        let twice = format!("{first},{}:{value}", json!(name));
        push(all, &below, what, raw_at(document, &below, &twice));
    }
}

/// Other values that could stand there.
fn replacements(value: &Value) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("\0"),
        json!("<script>alert(1)</script>"),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "x": "y" }),
    ]
    .into_iter()
    .map(|other| (format!("{other}"), other))
    .collect();
    all.push(("a very long text".to_owned(), json!("x".repeat(20_000))));
    all.push(("in an array".to_owned(), json!([value])));
    match value {
        Value::String(text) => {
            for (what, other) in [
                ("capitals", text.to_uppercase()),
                ("small letters", text.to_lowercase()),
                ("a space before", format!(" {text}")),
                ("a space after", format!("{text} ")),
                (
                    "a line feed in it",
                    format!("{}\n{}", &text[..1], &text[1..]),
                ),
                ("a zero byte after", format!("{text}\0")),
                ("one character less", text[..text.len() - 1].to_owned()),
                ("one character more", format!("{text}A")),
                (
                    "base64 without padding",
                    text.trim_end_matches('=').to_owned(),
                ),
                ("base64url", text.replace('+', "-").replace('/', "_")),
                ("base64 with bits to spare", bits_to_spare(text)),
                ("twice", text.repeat(2)),
                ("braces", format!("{{{text}}}")),
                ("urn", format!("urn:uuid:{text}")),
                ("without hyphens", text.replace('-', "")),
                ("full-width", text.replace('0', "\u{ff10}")),
            ] {
                all.push((what.to_owned(), json!(other)));
            }
        }
        Value::Array(list) => {
            all.push((
                "doubled".to_owned(),
                list.iter().chain(list).cloned().collect(),
            ));
            all.push(("reversed".to_owned(), list.iter().rev().cloned().collect()));
            for place in 0..list.len() {
                let mut shorter = list.clone();
                shorter.remove(place);
                all.push((format!("without {place}"), shorter.into()));
            }
            all.push((
                "many".to_owned(),
                list.iter().cycle().take(300).cloned().collect(),
            ));
        }
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or(1);
            all.push(("one more".to_owned(), json!(number + 1)));
            all.push(("as text".to_owned(), json!(number.to_string())));
        }
        _ => {}
    }
    all
}

/// The last character before the padding with its unused bits set.
fn bits_to_spare(text: &str) -> String {
    let trimmed = text.trim_end_matches('=');
    let padding = &text[trimmed.len()..];
    match trimmed.char_indices().last() {
        Some((at, 'A')) if !padding.is_empty() => format!("{}B{padding}", &trimmed[..at]),
        Some((at, 'Q')) if !padding.is_empty() => format!("{}R{padding}", &trimmed[..at]),
        Some((at, 'g')) if !padding.is_empty() => format!("{}h{padding}", &trimmed[..at]),
        Some((at, 'w')) if !padding.is_empty() => format!("{}x{padding}", &trimmed[..at]),
        Some((at, last)) if !padding.is_empty() => {
            let next = char::from_u32(u32::from(last) + 1).unwrap_or('x');
            format!("{}{next}{padding}", &trimmed[..at])
        }
        _ => text.to_owned(),
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

fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut document = document.clone();
    *document.pointer_mut(pointer).unwrap() = value;
    document
}

fn raw_at(document: &Value, pointer: &str, raw: &str) -> String {
    with(document, pointer, json!("@placeholder@"))
        .to_string()
        .replace(PLACEHOLDER, raw)
}

fn push(all: &mut Vec<Variant>, pointer: &str, what: &str, text: String) {
    all.push(Variant {
        pointer: pointer.to_owned(),
        what: what.to_owned(),
        text: text.into_bytes(),
    });
}
