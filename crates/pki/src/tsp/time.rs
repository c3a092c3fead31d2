//! genTime (RFC 3161 §2.4.2): a GeneralizedTime in UTC, with a fraction of a second perhaps.

use der::asn1::Any;
use der::{Tag, Tagged};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Whole seconds, the fraction dropped: an OCSP answer that is asked for right after has no fraction either, and must not
/// seem to be older than the time-stamp (`pki.md` §2.1).
pub(super) fn encode(instant: Timestamp) -> Option<Any> {
    let time = Offset::UTC.to_datetime(instant);
    let text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        u16::try_from(time.year()).ok()?,
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    Any::new(Tag::GeneralizedTime, text.into_bytes()).ok()
}

pub(super) fn decode(time: &Any) -> Option<Timestamp> {
    if time.tag() != Tag::GeneralizedTime {
        return None;
    }
    let text = std::str::from_utf8(time.value()).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = match text.split_once('.') {
        // RFC 3161 §2.4.2: no trailing zeros, and no point without a digit.
        Some((_, fraction)) if fraction.is_empty() || fraction.ends_with('0') => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let only_digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.len() != 14 || !only_digits(whole) || fraction.len() > 9 || !only_digits(fraction) {
        return None;
    }
    let field = |at: usize| whole.get(at..at + 2)?.parse::<i8>().ok();
    let civil = DateTime::new(
        whole.get(..4)?.parse().ok()?,
        field(4)?,
        field(6)?,
        field(8)?,
        field(10)?,
        field(12)?,
        format!("{fraction:0<9}").parse().ok()?,
    );
    Offset::UTC.to_timestamp(civil.ok()?).ok()
}
