//! Distinguished names: exact bytes, and the attributes in them.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::asn1::{Any, SetOfVec};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;

use crate::oids;

/// A distinguished name with its exact DER bytes. Two names are equal when their bytes are (RFC 5280 §7.1 would allow more;
/// an authority that copies its own name needs no more).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
    /// How many sets the attributes are spread over.
    sets: usize,
}

/// One attribute of a name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Attribute {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) tag: Tag,
    value: Vec<u8>,
}

impl DistinguishedName {
    /// Reads a DER `Name`.
    ///
    /// # Errors
    /// [`der::Error`] if it is not one.
    pub fn from_der(der: &[u8]) -> der::Result<Self> {
        let rdns = Vec::<SetOfVec<AttributeTypeAndValue>>::from_der(der)?;
        let attributes = rdns
            .iter()
            .flat_map(|rdn| rdn.iter())
            .map(|attribute| Attribute {
                oid: attribute.oid,
                tag: attribute.value.tag(),
                value: attribute.value.value().to_vec(),
            });
        Ok(Self {
            der: der.to_vec(),
            attributes: attributes.collect(),
            sets: rdns.len(),
        })
    }

    /// Builds a name of single-valued attributes in this order: C and serialNumber as PrintableString, the rest UTF8String.
    pub(crate) fn build(attributes: &[(ObjectIdentifier, &str)]) -> der::Result<Self> {
        let rdns = attributes.iter().map(|(oid, text)| {
            let mut rdn = SetOfVec::new();
            rdn.insert(AttributeTypeAndValue {
                oid: *oid,
                value: Any::new(string_tag(oid), text.as_bytes())?,
            })?;
            Ok(rdn)
        });
        let rdns: Vec<SetOfVec<AttributeTypeAndValue>> = rdns.collect::<der::Result<_>>()?;
        Self::from_der(&rdns.to_der()?)
    }

    /// The exact DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// countryName.
    pub fn country(&self) -> Option<&str> {
        self.text(&oids::COUNTRY)
    }

    /// commonName.
    pub fn common_name(&self) -> Option<&str> {
        self.text(&oids::COMMON_NAME)
    }

    /// surname.
    pub fn surname(&self) -> Option<&str> {
        self.text(&oids::SURNAME)
    }

    /// givenName.
    pub fn given_name(&self) -> Option<&str> {
        self.text(&oids::GIVEN_NAME)
    }

    /// serialNumber: in a Smart-ID certificate the semantics identifier (ETSI EN 319 412-1 §5.1.3), `PNOEE-…`.
    pub fn serial_number(&self) -> Option<&str> {
        self.text(&oids::SERIAL_NUMBER)
    }

    /// organizationName.
    pub fn organization(&self) -> Option<&str> {
        self.text(&oids::ORGANIZATION)
    }

    /// organizationIdentifier, for instance `NTREE-10747013`.
    pub fn organization_identifier(&self) -> Option<&str> {
        self.text(&oids::ORGANIZATION_IDENTIFIER)
    }

    /// The first attribute of this type, if its string type is one we read (UTF8, Printable, IA5).
    pub fn text(&self, oid: &ObjectIdentifier) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.oid == *oid)
            .and_then(Attribute::text)
    }

    /// Whether each attribute stands in a set of its own.
    pub(crate) fn is_single_valued(&self) -> bool {
        self.sets == self.attributes.len()
    }

    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }
}

impl Attribute {
    pub(crate) fn text(&self) -> Option<&str> {
        match self.tag {
            Tag::Utf8String => std::str::from_utf8(&self.value).ok(),
            Tag::PrintableString => std::str::from_utf8(&self.value)
                .ok()
                .filter(|text| is_printable(text)),
            Tag::Ia5String => std::str::from_utf8(&self.value)
                .ok()
                .filter(|text| text.is_ascii()),
            _ => None,
        }
    }
}

/// The string type an attribute has in our profiles (read off SK 2024 certificates).
pub(crate) fn string_tag(oid: &ObjectIdentifier) -> Tag {
    match *oid {
        oids::COUNTRY | oids::SERIAL_NUMBER => Tag::PrintableString,
        _ => Tag::Utf8String,
    }
}

/// The characters of an X.680 §41.4 PrintableString.
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet))
}

impl fmt::Display for DistinguishedName {
    /// `C=EE, CN=TEST\,OK, …` in the order of the certificate, special characters escaped as in RFC 4514 §2.4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.attributes.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match short_name(&attribute.oid) {
                Some(name) => write!(f, "{name}=")?,
                None => write!(f, "{}=", attribute.oid)?,
            }
            match attribute.text() {
                Some(text) => escape(f, text)?,
                None => {
                    f.write_str("#")?;
                    attribute
                        .value
                        .iter()
                        .try_for_each(|octet| write!(f, "{octet:02X}"))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A person's name must not reach a log by way of somebody's Debug.
        write!(f, "DistinguishedName({} attributes)", self.attributes.len())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write;
    for character in text.chars() {
        if ",+\"\\<>;=".contains(character) {
            f.write_char('\\')?;
            f.write_char(character)?;
        } else if character.is_control() {
            // A line feed in a name must not start a new line of whatever prints it.
            let mut octets = [0; 4];
            character
                .encode_utf8(&mut octets)
                .bytes()
                .try_for_each(|octet| write!(f, "\\{octet:02X}"))?;
        } else {
            f.write_char(character)?;
        }
    }
    Ok(())
}

fn short_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    Some(match *oid {
        oids::COUNTRY => "C",
        oids::COMMON_NAME => "CN",
        oids::SURNAME => "SN",
        oids::GIVEN_NAME => "GN",
        oids::SERIAL_NUMBER => "serialNumber",
        oids::ORGANIZATION => "O",
        oids::ORGANIZATIONAL_UNIT => "OU",
        oids::ORGANIZATION_IDENTIFIER => "organizationIdentifier",
        _ => return None,
    })
}
