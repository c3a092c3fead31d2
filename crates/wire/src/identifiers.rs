use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Text that is none of our identifiers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: expected {expected}")]
pub struct NotAnIdentifier {
    /// What it should have been.
    pub what: &'static str,
    /// How one looks.
    pub expected: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub Uuid);

        impl TryFrom<String> for $name {
            type Error = NotAnIdentifier;

            fn try_from(text: String) -> Result<Self, NotAnIdentifier> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnIdentifier;

            fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
                // Only the hyphenated form of RFC 9562: `uuid` would take three others as well.
                text.parse().ok().filter(|_| text.len() == 36).map(Self).ok_or(NotAnIdentifier {
                    what: $what,
                    expected: "a UUID like 00000000-0000-4000-8000-000000000000",
                })
            }
        }
    };
}

uuid_id!(
    /// `sessionID` of the RP API.
    SessionId,
    "session id"
);
uuid_id!(
    /// `relyingPartyUUID` of the RP API.
    RelyingPartyUuid,
    "relyingPartyUUID"
);
uuid_id!(
    /// Names a registration towards the phone.
    RegistrationId,
    "registration id"
);

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = NotAnIdentifier;

            fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
                parse_hex(text).map(Self).ok_or(NotAnIdentifier {
                    what: $what,
                    expected: "32 lower-case hexadecimal digits",
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnIdentifier;

            fn try_from(text: String) -> Result<Self, NotAnIdentifier> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

hex_id!(
    /// A phone; 32 lower-case hexadecimal digits in text.
    DeviceId,
    "device id"
);
hex_id!(
    /// A key of an account; 32 lower-case hexadecimal digits in text.
    KeyId,
    "key id"
);
hex_id!(
    /// One exchange between phone and server; 32 lower-case hexadecimal digits in text.
    TransactionId,
    "transaction id"
);

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

/// ISO 3166-1 alpha-2 code of the country whose number identifies the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// Belgium.
    pub const BE: Self = Self(*b"BE");
    /// Estonia.
    pub const EE: Self = Self(*b"EE");
    /// Latvia.
    pub const LV: Self = Self(*b"LV");
    /// Lithuania.
    pub const LT: Self = Self(*b"LT");

    /// The two upper-case letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of number identifies the person (ETSI EN 319 412-1 §5.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityType {
    /// National personal number.
    Pno,
    /// Passport number.
    Pas,
    /// Identity card number.
    Idc,
}

/// `(PNO|PAS|IDC)CC-IDENTIFIER`, for example `PNOLV-050405-10009` (ETSI EN 319 412-1 §5.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SemanticsIdentifier {
    kind: IdentityType,
    country: Country,
    identifier: String,
}

/// Longest identifier part; real ones have up to 12 characters.
const MAX_IDENTIFIER_LEN: usize = 30;

impl SemanticsIdentifier {
    /// What the parser takes, as a regular expression for documentation (ECMA-262, anchored).
    pub const PATTERN: &str = "^(PNO|PAS|IDC)[A-Z]{2}-[A-Za-z0-9]([A-Za-z0-9-]{0,28}[A-Za-z0-9])?$";
}

impl SemanticsIdentifier {
    /// What kind of number it is.
    #[must_use]
    pub fn kind(&self) -> IdentityType {
        self.kind
    }

    /// Whose number it is.
    #[must_use]
    pub fn country(&self) -> Country {
        self.country
    }

    /// The number, as issued; Latvia's with its hyphen.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }
}

impl FromStr for SemanticsIdentifier {
    type Err = NotAnIdentifier;

    fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
        parse_semantics(text).ok_or(NotAnIdentifier {
            what: "semantics identifier",
            expected: "PNO, PAS or IDC, a country of two capital letters, a hyphen and the number, like PNOEE-40504040001",
        })
    }
}

fn parse_semantics(text: &str) -> Option<SemanticsIdentifier> {
    let kind = match text.get(..3)? {
        "PNO" => IdentityType::Pno,
        "PAS" => IdentityType::Pas,
        "IDC" => IdentityType::Idc,
        _ => return None,
    };
    let country = *text.as_bytes().get(3..5)?.first_chunk::<2>()?;
    let identifier = text.get(5..)?.strip_prefix('-')?;
    let valid = country.iter().all(u8::is_ascii_uppercase)
        && (1..=MAX_IDENTIFIER_LEN).contains(&identifier.len())
        && identifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !identifier.starts_with('-')
        && !identifier.ends_with('-');
    valid.then(|| SemanticsIdentifier {
        kind,
        country: Country(country),
        identifier: identifier.to_owned(),
    })
}

impl fmt::Display for SemanticsIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            IdentityType::Pno => "PNO",
            IdentityType::Pas => "PAS",
            IdentityType::Idc => "IDC",
        };
        write!(f, "{kind}{}-{}", self.country, self.identifier)
    }
}

impl TryFrom<String> for SemanticsIdentifier {
    type Error = NotAnIdentifier;

    fn try_from(text: String) -> Result<Self, NotAnIdentifier> {
        text.parse()
    }
}

impl From<SemanticsIdentifier> for String {
    fn from(id: SemanticsIdentifier) -> Self {
        id.to_string()
    }
}

/// The public name of an account, `PNOEE-40504040001-MOCK-Q`: semantics identifier, four characters, level.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentNumber {
    person: SemanticsIdentifier,
    suffix: [u8; 4],
    qualified: bool,
}

impl DocumentNumber {
    /// A number with four random characters, for a new account.
    pub fn generate<R: CryptoRng + ?Sized>(
        person: &SemanticsIdentifier,
        qualified: bool,
        rng: &mut R,
    ) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRTUVWXY";
        let mut random = [0; 4];
        rng.fill_bytes(&mut random);
        let suffix = random.map(|byte| ALPHABET[usize::from(byte % 32)]);
        Self {
            person: person.clone(),
            suffix,
            qualified,
        }
    }

    /// A number with chosen characters, for an account of a test lab.
    #[must_use]
    pub fn with_suffix(
        person: &SemanticsIdentifier,
        suffix: DocumentSuffix,
        qualified: bool,
    ) -> Self {
        Self {
            person: person.clone(),
            suffix: suffix.0,
            qualified,
        }
    }

    /// Whose account it is.
    #[must_use]
    pub fn person(&self) -> &SemanticsIdentifier {
        &self.person
    }

    /// The four characters.
    #[must_use]
    pub fn suffix(&self) -> DocumentSuffix {
        DocumentSuffix(self.suffix)
    }

    /// `Q` rather than `NQ`.
    #[must_use]
    pub fn is_qualified(&self) -> bool {
        self.qualified
    }
}

impl DocumentNumber {
    /// What the parser takes, as a regular expression for documentation (ECMA-262, anchored).
    pub const PATTERN: &str =
        "^(PNO|PAS|IDC)[A-Z]{2}-[A-Za-z0-9]([A-Za-z0-9-]{0,28}[A-Za-z0-9])?-[A-Z0-9]{4}-(Q|NQ)$";
}

impl FromStr for DocumentNumber {
    type Err = NotAnIdentifier;

    fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
        parse_document(text).ok_or(NotAnIdentifier {
            what: "document number",
            expected: "a semantics identifier, four characters and Q or NQ, like PNOEE-40504040001-MOCK-Q",
        })
    }
}

fn parse_document(text: &str) -> Option<DocumentNumber> {
    let (rest, level) = text.rsplit_once('-')?;
    let qualified = match level {
        "Q" => true,
        "NQ" => false,
        _ => return None,
    };
    let (person, suffix) = rest.rsplit_once('-')?;
    let DocumentSuffix(suffix) = suffix.parse().ok()?;
    Some(DocumentNumber {
        person: person.parse().ok()?,
        suffix,
        qualified,
    })
}

impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = std::str::from_utf8(&self.suffix).expect("four ASCII characters");
        write!(
            f,
            "{}-{suffix}-{}",
            self.person,
            if self.qualified { "Q" } else { "NQ" }
        )
    }
}

impl TryFrom<String> for DocumentNumber {
    type Error = NotAnIdentifier;

    fn try_from(text: String) -> Result<Self, NotAnIdentifier> {
        text.parse()
    }
}

impl From<DocumentNumber> for String {
    fn from(number: DocumentNumber) -> Self {
        number.to_string()
    }
}

/// The four characters of a document number that tell a person's accounts apart, like `MOCK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentSuffix([u8; 4]);

impl FromStr for DocumentSuffix {
    type Err = NotAnIdentifier;

    fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
        let suffix: Option<[u8; 4]> = text.as_bytes().try_into().ok();
        suffix
            .filter(|suffix| {
                suffix
                    .iter()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            })
            .map(Self)
            .ok_or(NotAnIdentifier {
                what: "document suffix",
                expected: "four capital letters or digits, like MOCK",
            })
    }
}

impl fmt::Display for DocumentSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).expect("four ASCII characters"))
    }
}

impl TryFrom<String> for DocumentSuffix {
    type Error = NotAnIdentifier;

    fn try_from(text: String) -> Result<Self, NotAnIdentifier> {
        text.parse()
    }
}

impl From<DocumentSuffix> for String {
    fn from(suffix: DocumentSuffix) -> Self {
        suffix.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_survive_the_way_through_text() {
        for text in [
            "PNOEE-40504040001",
            "PNOLV-050405-10009",
            "PASKZ-987654321012",
            "IDCEE-AA3456789",
        ] {
            assert_eq!(
                text.parse::<SemanticsIdentifier>().unwrap().to_string(),
                text
            );
        }
        for text in ["PNOEE-40504040001-MOCK-Q", "PNOLV-050405-10009-DEM0-NQ"] {
            assert_eq!(text.parse::<DocumentNumber>().unwrap().to_string(), text);
        }
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(id.parse::<DeviceId>().unwrap().to_string(), id);
    }

    #[test]
    fn text_that_is_no_semantics_identifier_is_refused() {
        for text in [
            "",
            "PNO",
            "PNOEE",
            "PNOEE-",
            "PNOee-1",
            "pnoEE-1",
            "XXXEE-1",
            "PNOEE_1",
            "PNOEE-1 ",
            "PNOEE--1",
            "PNOEE-1-",
            "PNOÉE-1",
            "PNOEE-ä",
            "PNOEE-1234567890123456789012345678901",
        ] {
            assert!(text.parse::<SemanticsIdentifier>().is_err(), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_document_number_is_refused() {
        for text in [
            "",
            "PNOEE-1",
            "PNOEE-1-MOCK",
            "PNOEE-1-MOCK-X",
            "PNOEE-1-mock-Q",
            "PNOEE-1-MOC-Q",
            "PNOEE-1-MOCK1-Q",
        ] {
            assert!(text.parse::<DocumentNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_documented_patterns_have_the_parsers_lengths() {
        let document = DocumentNumber::PATTERN;
        assert!(
            SemanticsIdentifier::PATTERN.contains(&format!("{{0,{}}}", MAX_IDENTIFIER_LEN - 2))
        );
        assert!(document.starts_with(SemanticsIdentifier::PATTERN.trim_end_matches('$')));
    }

    #[test]
    fn a_chosen_suffix_makes_the_same_number_as_its_text() {
        let number: DocumentNumber = "PNOLV-050405-10009-DEM0-NQ".parse().unwrap();
        let suffix = "DEM0".parse().unwrap();
        assert_eq!(
            DocumentNumber::with_suffix(number.person(), suffix, false),
            number
        );
        assert_eq!(number.suffix(), suffix);
        for text in ["", "DEM", "DEMO0", "dem0", "DE-0", "DÉM", "DE 0"] {
            assert!(text.parse::<DocumentSuffix>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_of_a_uuid_is_taken() {
        assert!(
            "00000000-0000-4000-8000-000000000000"
                .parse::<SessionId>()
                .is_ok()
        );
        for text in [
            "",
            "00000000000040008000000000000000",
            "{00000000-0000-4000-8000-000000000000}",
            "x",
        ] {
            assert!(text.parse::<SessionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn hexadecimal_ids_are_lower_case_and_of_full_length() {
        for text in [
            "",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123",
            "0123456789abcdef0123456789abcdeg",
        ] {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_uuid_has_one_form_in_json_as_in_a_path() {
        let id = "00000000-0000-4000-8000-00000000000a";
        let json = format!("\"{id}\"");
        let read: SessionId = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        for other in [
            id.replace('-', ""),
            format!("{{{id}}}"),
            format!("urn:uuid:{id}"),
            format!(" {id}"),
        ] {
            assert!(
                serde_json::from_str::<SessionId>(&format!("\"{other}\"")).is_err(),
                "{other}"
            );
        }
    }
}
