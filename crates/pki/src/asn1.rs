//! Writing DER around values that are DER already: lists and answers whose parts must keep their exact bytes.

use der::asn1::AnyRef;
use der::{Encode, Tag, TagNumber};

/// One value: tag, length, content.
pub(crate) fn value(tag: Tag, content: &[u8]) -> der::Result<Vec<u8>> {
    AnyRef::new(tag, content)?.to_der()
}

/// A SEQUENCE of values.
pub(crate) fn sequence(values: &[&[u8]]) -> der::Result<Vec<u8>> {
    value(Tag::Sequence, &values.concat())
}

/// `[number] EXPLICIT`.
pub(crate) fn explicit(number: u32, inner: &[u8]) -> der::Result<Vec<u8>> {
    value(context(number, true), inner)
}

/// A context-specific tag.
pub(crate) fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific {
        constructed,
        number: TagNumber(number),
    }
}
