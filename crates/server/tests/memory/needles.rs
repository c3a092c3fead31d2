//! What must not be found, in every form in which software holds bytes, and the search for it.

use aho_corasick::{AhoCorasick, MatchKind};
use base64ct::{Base64, Base64Url, Encoding};
use std::{fmt, ops::Range};

/// Secrets, ready to be searched for.
pub(crate) struct Needles {
    forms: Vec<Form>,
    /// Pieces of the forms, so short that whatever is forbidden has one in it.
    pieces: AhoCorasick,
    /// Where each piece stands: form and offset.
    places: Vec<(usize, usize)>,
}

/// One way to write a secret.
struct Form {
    secret: String,
    encoding: &'static str,
    bytes: Vec<u8>,
    /// So many consecutive bytes of it are a find.
    run: usize,
}

/// A find.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) secret: String,
    pub(crate) encoding: &'static str,
    /// Which bytes of the form.
    pub(crate) part: Range<usize>,
    /// Where in what was searched.
    pub(crate) offset: usize,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            secret,
            encoding,
            part,
            ..
        } = self;
        write!(f, "{secret} {encoding} {}..{}", part.start, part.end)
    }
}

impl Needles {
    /// The forms of PINs and of numbers, each with its name.
    pub(crate) fn new<'a>(
        pins: impl IntoIterator<Item = (&'a str, &'a str)>,
        numbers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Self {
        let pins = pins
            .into_iter()
            .flat_map(|(name, digits)| forms_of_pin(name, digits));
        let numbers = numbers
            .into_iter()
            .flat_map(|(name, bytes)| forms_of_number(name, bytes));
        Self::of(pins.chain(numbers).collect())
    }

    fn of(forms: Vec<Form>) -> Self {
        let (mut pieces, mut places) = (Vec::new(), Vec::new());
        for (index, form) in forms.iter().enumerate() {
            // A run of 2l − 1 bytes has a piece of length l at a multiple of l in it.
            let length = form.run.div_ceil(2).min(16);
            for offset in (0..=form.bytes.len() - length).step_by(length) {
                pieces.push(&form.bytes[offset..offset + length]);
                places.push((index, offset));
            }
        }
        let pieces = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&pieces)
            .expect("some thousand short patterns");
        Self {
            forms,
            pieces,
            places,
        }
    }

    /// Every forbidden run in `haystack`.
    pub(crate) fn search(&self, haystack: &[u8]) -> Vec<Found> {
        let mut finds: Vec<Found> = self
            .pieces
            .find_overlapping_iter(haystack)
            .filter_map(|piece| {
                let (index, place) = self.places[piece.pattern().as_usize()];
                self.forms[index].around(haystack, piece.start(), place)
            })
            .collect();
        finds.sort_by(|a, b| (a.offset, &a.secret).cmp(&(b.offset, &b.secret)));
        finds.dedup();
        finds
    }

    /// Every form of everything, for planting.
    pub(crate) fn forms(&self) -> impl Iterator<Item = (&str, &'static str, &[u8])> {
        self.forms
            .iter()
            .map(|form| (form.secret.as_str(), form.encoding, form.bytes.as_slice()))
    }

    /// The shortest find of a form, for planting.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&str, &'static str, &[u8])> {
        self.forms.iter().flat_map(|form| {
            form.bytes
                .windows(form.run)
                .map(|run| (form.secret.as_str(), form.encoding, run))
        })
    }
}

impl Form {
    /// The longest common run around a piece, if it is long enough.
    fn around(&self, haystack: &[u8], at: usize, place: usize) -> Option<Found> {
        let same = |(a, b): &(&u8, &u8)| a == b;
        let before = haystack[..at]
            .iter()
            .rev()
            .zip(self.bytes[..place].iter().rev())
            .take_while(same)
            .count();
        let after = haystack[at..]
            .iter()
            .zip(&self.bytes[place..])
            .take_while(same)
            .count();
        (before + after >= self.run).then(|| Found {
            secret: self.secret.clone(),
            encoding: self.encoding,
            part: place - before..place + after,
            offset: at - before,
        })
    }
}

/// Bytes of a number that are a find: 16, as issue 3 says, however they are written.
const WINDOW: usize = 16;

fn forms_of_number(name: &str, bytes: &[u8]) -> Vec<Form> {
    let form = |encoding, bytes: Vec<u8>, run| Form {
        secret: name.to_owned(),
        encoding,
        bytes,
        run,
    };
    let words = |size: usize| -> Vec<u8> {
        // Most significant word first, each as this machine holds it.
        bytes
            .rchunks(size)
            .rev()
            .flat_map(|word| word.iter().rev().copied())
            .collect()
    };
    let text = |separator: &str, of: &dyn Fn(&u8) -> String| {
        let words: Vec<_> = bytes.iter().map(of).collect();
        words.join(separator).into_bytes()
    };
    let mut forms = vec![
        form("big-endian", bytes.to_vec(), WINDOW),
        form(
            "little-endian",
            bytes.iter().rev().copied().collect(),
            WINDOW,
        ),
        form("64-bit words", words(8), WINDOW),
        form("32-bit words", words(4), WINDOW),
        form("hex", text("", &|byte| format!("{byte:02x}")), 2 * WINDOW),
        form("HEX", text("", &|byte| format!("{byte:02X}")), 2 * WINDOW),
        // Sixteen numbers with what is between them; the shortest that they can be.
        form("decimal", text(",", &u8::to_string), 2 * WINDOW - 1),
        form("spaced decimal", text(", ", &u8::to_string), 3 * WINDOW - 2),
    ];
    for skipped in 0..3 {
        // The three ways in which bytes and groups of base64 can meet. 16 bytes have 20 whole digits, whatever the way.
        let bytes = &bytes[skipped..];
        let bytes = &bytes[..bytes.len() / 3 * 3];
        forms.push(form("base64", Base64::encode_string(bytes).into(), 20));
        forms.push(form(
            "base64url",
            Base64Url::encode_string(bytes).into(),
            20,
        ));
    }
    forms
}

/// All of a PIN but two digits: memory that was freed lost some bytes to the allocator.
const PIN_RUN: usize = 10;

fn forms_of_pin(name: &str, digits: &str) -> Vec<Form> {
    assert_eq!(digits.len(), 12, "a shorter PIN may be anywhere by chance");
    let form = |encoding, bytes: Vec<u8>, run| Form {
        secret: name.to_owned(),
        encoding,
        bytes,
        run,
    };
    let ascii = digits.as_bytes();
    let wide = |units: &dyn Fn(u8) -> Vec<u8>| ascii.iter().copied().flat_map(units).collect();
    let mut forms = vec![
        form("ASCII", ascii.to_vec(), PIN_RUN),
        form("UTF-16LE", wide(&|digit| vec![digit, 0]), 2 * PIN_RUN),
        form("UTF-16BE", wide(&|digit| vec![0, digit]), 2 * PIN_RUN),
        form("UTF-32", wide(&|digit| vec![digit, 0, 0, 0]), 4 * PIN_RUN),
        form("digits", wide(&|digit| vec![digit - b'0']), PIN_RUN),
        form("hex", hex::encode(ascii).into(), 2 * PIN_RUN),
    ];
    for skipped in 0..3 {
        let ascii = &ascii[skipped..];
        let ascii = &ascii[..ascii.len() / 3 * 3];
        forms.push(form("base64", Base64::encode_string(ascii).into(), 12));
    }
    forms
}

/// As long as a share and without repetitions.
pub(crate) fn invented_number() -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        // Knuth's MMIX generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..400).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles() -> Needles {
        let number = invented_number();
        Needles::new([("PIN", "730481952637")], [("number", &*number)])
    }

    #[test]
    fn every_run_of_every_form_is_found_at_every_place() {
        let needles = needles();
        for (place, (secret, encoding, run)) in needles.runs().enumerate() {
            let mut haystack = vec![0x55; 64 + place % 16];
            haystack.extend_from_slice(run);
            haystack.resize(haystack.len() + 40, 0xaa);
            let found = needles.search(&haystack);
            assert!(
                found.iter().any(|found| found.secret == secret),
                "{secret} {encoding} {run:?}"
            );
        }
    }

    #[test]
    fn one_byte_less_is_not_found() {
        let needles = needles();
        let number = invented_number();
        let other = (0..=u8::MAX).find(|byte| !number.contains(byte));
        let around = [other.expect("400 bytes do not have all values"); 20];
        for (_, encoding, run) in needles.runs() {
            if encoding == "big-endian" || encoding == "ASCII" {
                let haystack = [&around[..], &run[1..], &around].concat();
                assert!(needles.search(&haystack).is_empty(), "{run:?}");
            }
        }
    }
}
