use axum::{body::Body, http::Request};
use proptest::prelude::*;

/// A request, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A message in which one thing is different, and what.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) what: String,
    pub(crate) message: Message,
}

/// One random change: where, what kind, with which byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random {
    place: prop::sample::Index,
    kind: u8,
    byte: u8,
}

pub(crate) fn random() -> impl Strategy<Value = Random> {
    (any::<prop::sample::Index>(), 0_u8..5, any::<u8>()).prop_map(|(place, kind, byte)| Random {
        place,
        kind,
        byte,
    })
}

impl From<&device::Request> for Message {
    fn from(request: &device::Request) -> Self {
        Self {
            method: request.method.as_str().to_owned(),
            path: request.path.clone(),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_lowercase(), value.clone().into_bytes()))
                .collect(),
            body: request.body.clone(),
        }
    }
}

impl Message {
    /// The request; `None` if HTTP knows no such thing, so that it would never reach a router.
    pub(crate) fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method.as_bytes())
            .uri(self.path.as_str());
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        request.body(Body::from(self.body.clone())).ok()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.headers.iter().filter(|(of, _)| of == name);
        all.next().map(|(_, value)| value.as_slice())
    }

    /// Everything of it that can be changed one at a time, each but once.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.other_methods(&mut changes);
        self.other_paths(&mut changes);
        self.other_headers(&mut changes);
        self.other_bodies(&mut changes);
        changes.retain(|change| change.message != *self);
        changes
    }

    /// The message with one random change; the same message if that changes nothing.
    pub(crate) fn changed(&self, random: Random) -> Change {
        let mut message = self.clone();
        let parts = 2 + message.headers.len();
        // The signed parts are short beside a body: each part has the same share of the cases.
        let part = usize::from(random.byte) % parts;
        let (what, bytes) = match part {
            0 => ("path".to_owned(), message.path.clone().into_bytes()),
            1 => ("body".to_owned(), message.body.clone()),
            n => message.headers[n - 2].clone(),
        };
        let changed = change_bytes(&bytes, random);
        match part {
            0 => match String::from_utf8(changed) {
                Ok(path) => message.path = path,
                Err(_) => return self.unchanged(),
            },
            1 => message.body = changed,
            n => message.headers[n - 2].1 = changed,
        }
        let what = format!("{random:?} in {what}");
        Change { what, message }
    }

    fn unchanged(&self) -> Change {
        Change {
            what: "nothing".to_owned(),
            message: self.clone(),
        }
    }

    fn other_methods(&self, changes: &mut Vec<Change>) {
        for method in [
            "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "BREW", "post",
        ] {
            let message = Self {
                method: method.to_owned(),
                ..self.clone()
            };
            let what = format!("method {method}");
            changes.push(Change { what, message });
        }
    }

    fn other_paths(&self, changes: &mut Vec<Change>) {
        let mut other = |what: &str, path: String| {
            changes.push(Change {
                what: format!("path: {what}: {path}"),
                message: Self {
                    path,
                    ..self.clone()
                },
            });
        };
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        let join = |segments: &[String]| format!("/{}", segments.join("/"));
        for place in 0..segments.len() {
            let mut with = |what: &str, new: Vec<String>| {
                let mut all: Vec<String> = segments.iter().map(|text| (*text).to_owned()).collect();
                all.splice(place..=place, new);
                other(what, join(&all));
            };
            let segment = segments[place];
            let encoded = format!("%{:02X}{}", segment.as_bytes()[0], &segment[1..]);
            with("without", vec![]);
            with("twice", vec![segment.to_owned(), segment.to_owned()]);
            with("capitals", vec![segment.to_uppercase()]);
            with("longer", vec![format!("{segment}x")]);
            with("shorter", vec![segment[1..].to_owned()]);
            with("percent-encoded", vec![encoded]);
            with(
                "another character",
                vec![format!("{}_", &segment[..segment.len() - 1])],
            );
            with("another digit", vec![other_last_digit(segment)]);
            with(
                "through a folder",
                vec!["x".into(), "..".into(), segment.into()],
            );
            with("through itself", vec![".".into(), segment.into()]);
            with("an empty segment", vec![String::new(), segment.into()]);
            with("very long", vec!["x".repeat(8000)]);
            with("a zero byte", vec![format!("{segment}%00")]);
        }
        for suffix in ["/", "?", "?x=1", "?x=%ff", ";x=1", "%2f", "%20"] {
            other("suffix", format!("{}{suffix}", self.path));
        }
        other(
            "with origin",
            format!("http://elsewhere.example{}?x", self.path),
        );
    }

    fn other_headers(&self, changes: &mut Vec<Change>) {
        for place in 0..self.headers.len() {
            let (name, value) = self.headers[place].clone();
            let mut other = |what: &str, new: Vec<Vec<u8>>| {
                let mut message = self.clone();
                let new = new.into_iter().map(|value| (name.clone(), value));
                message.headers.splice(place..=place, new);
                let what = format!("header {name}: {what}");
                changes.push(Change { what, message });
            };
            let text = String::from_utf8(value.clone()).unwrap();
            other("missing", vec![]);
            other("twice", vec![value.clone(), value.clone()]);
            other("twice, the other first", vec![b"x".to_vec(), value.clone()]);
            other("twice, the other last", vec![value.clone(), b"x".to_vec()]);
            other("empty", vec![vec![]]);
            other("another", vec![b"x".to_vec()]);
            other("as a list", vec![format!("{text}, {text}").into_bytes()]);
            other("capitals", vec![text.to_uppercase().into_bytes()]);
            other("small letters", vec![text.to_lowercase().into_bytes()]);
            other("with a parameter", vec![format!("{text};x=1").into_bytes()]);
            other("quoted", vec![format!("\"{text}\"").into_bytes()]);
            other(
                "with a byte that is no text",
                vec![[&value[..], b"\xff"].concat()],
            );
            other("very long", vec![value.repeat(100)]);
            for at in [
                0,
                value.len() / 3,
                value.len() / 2,
                value.len() - 2,
                value.len() - 1,
            ] {
                let mut changed = value.clone();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                other(&format!("byte {at}"), vec![changed]);
                let mut shorter = value.clone();
                shorter.remove(at);
                other(&format!("without byte {at}"), vec![shorter]);
            }
        }
    }

    fn other_bodies(&self, changes: &mut Vec<Change>) {
        let body = &self.body;
        let mut other = |what: &str, body: Vec<u8>| {
            let message = Self {
                body,
                ..self.clone()
            };
            let what = format!("body: {what}");
            changes.push(Change { what, message });
        };
        other("empty", vec![]);
        other("one more byte", [&body[..], b"\n"].concat());
        other("one byte before", [b" ", &body[..]].concat());
        other("twice", body.repeat(2));
        other("too large", vec![b' '; 70_000]);
        for at in [
            0,
            body.len() / 4,
            body.len() / 2,
            body.len().saturating_sub(1),
        ] {
            if at < body.len() {
                for bit in [0, 5, 7] {
                    let mut changed = body.clone();
                    changed[at] ^= 1 << bit;
                    other(&format!("bit {bit} of byte {at}"), changed);
                }
                other(&format!("cut at {at}"), body[..at].to_vec());
                let mut shorter = body.clone();
                shorter.remove(at);
                other(&format!("without byte {at}"), shorter);
            }
        }
    }
}

/// Flips, replaces, deletes, inserts or swaps one byte.
pub(crate) fn change_bytes(bytes: &[u8], random: Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return vec![random.byte];
    }
    let at = random.place.index(bytes.len());
    match random.kind {
        0 => bytes[at] ^= 1 << (random.byte & 7),
        1 => bytes[at] = random.byte,
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, random.byte),
        _ => {
            let next = (at + 1) % bytes.len();
            bytes.swap(at, next);
        }
    }
    bytes
}

fn other_last_digit(segment: &str) -> String {
    let (head, last) = segment.split_at(segment.len() - 1);
    format!("{head}{}", if last == "0" { "1" } else { "0" })
}
