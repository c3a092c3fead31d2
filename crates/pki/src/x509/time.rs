//! `Time` of RFC 5280 §4.1.2.5 and the lengths of validity.

use der::Tag;
use der::asn1::Any;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// An end-entity certificate is valid for 1095 days less a second (SK 2024 profile), not for three calendar years.
pub const END_ENTITY_LIFETIME: SignedDuration = SignedDuration::from_secs(1095 * 86_400 - 1);

/// The first year that `GeneralizedTime` is used for (RFC 5280 §4.1.2.5).
const FIRST_GENERALIZED_YEAR: i16 = 2050;

/// Encodes an instant, truncated to the second: UTCTime through 2049, GeneralizedTime after. Years outside 1950..=9999
/// have no encoding.
pub(crate) fn encode(instant: Timestamp) -> der::Result<Any> {
    let time = Offset::UTC.to_datetime(instant);
    if time.year() < FIRST_GENERALIZED_YEAR {
        if time.year() < 1950 {
            return Err(Tag::UtcTime.value_error().into());
        }
        Any::new(Tag::UtcTime, digits(time, 2))
    } else {
        Any::new(Tag::GeneralizedTime, digits(time, 4))
    }
}

/// Reads a UTCTime or GeneralizedTime in the one form DER and RFC 5280 allow.
pub(crate) fn decode(time: &Any) -> der::Result<Timestamp> {
    let tag = der::Tagged::tag(time);
    let civil = match tag {
        Tag::UtcTime => {
            let two_digits = number(time.value(), 0, 2);
            // RFC 5280 §4.1.2.5.1: 50 and above is 19YY.
            let year = two_digits.map(|year| if year >= 50 { 1900 + year } else { 2000 + year });
            civil_time(year, time.value(), 2)
        }
        Tag::GeneralizedTime => civil_time(number(time.value(), 0, 4), time.value(), 4),
        _ => None,
    };
    civil
        .and_then(|civil| Offset::UTC.to_timestamp(civil).ok())
        .ok_or_else(|| tag.value_error().into())
}

/// Encodes an instant, truncated to the second, as GeneralizedTime whatever its year: OCSP, and dates inside extensions.
pub(crate) fn encode_generalized(instant: Timestamp) -> der::Result<Any> {
    let time = Offset::UTC.to_datetime(instant);
    if time.year() < 0 {
        return Err(Tag::GeneralizedTime.value_error().into());
    }
    Any::new(Tag::GeneralizedTime, digits(time, 4))
}

/// Reads a GeneralizedTime with seconds, without fraction, in UTC (RFC 5280 §4.1.2.5.2).
pub(crate) fn decode_generalized(time: &Any) -> der::Result<Timestamp> {
    match der::Tagged::tag(time) {
        Tag::GeneralizedTime => decode(time),
        other => Err(other.value_error().into()),
    }
}

/// Whether an instant carries the tag its year demands.
pub(crate) fn has_proper_tag(time: &Any, instant: Timestamp) -> bool {
    let late = Offset::UTC.to_datetime(instant).year() >= FIRST_GENERALIZED_YEAR;
    der::Tagged::tag(time)
        == if late {
            Tag::GeneralizedTime
        } else {
            Tag::UtcTime
        }
}

/// A date of birth as GeneralizedTime at noon UTC (RFC 3739 §3.2.2: so that no time zone moves it to another day).
pub(crate) fn encode_date_of_birth(date: Date) -> der::Result<Any> {
    Any::new(Tag::GeneralizedTime, digits(date.at(12, 0, 0, 0), 4))
}

/// Reads a date of birth; the time of day must be a valid one and is not looked at further.
pub(crate) fn decode_date_of_birth(time: &Any) -> der::Result<Date> {
    if der::Tagged::tag(time) != Tag::GeneralizedTime {
        return Err(der::Tagged::tag(time).value_error().into());
    }
    civil_time(number(time.value(), 0, 4), time.value(), 4)
        .map(DateTime::date)
        .ok_or_else(|| Tag::GeneralizedTime.value_error().into())
}

fn digits(time: DateTime, year_digits: usize) -> Vec<u8> {
    let year = if year_digits == 2 {
        time.year() % 100
    } else {
        time.year()
    };
    format!(
        "{year:0year_digits$}{:02}{:02}{:02}{:02}{:02}Z",
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
    .into_bytes()
}

/// Reads `MMDDHHMMSSZ` from `start` to the end. Fractions, offsets and missing seconds are refused.
fn civil_time(year: Option<i16>, text: &[u8], start: usize) -> Option<DateTime> {
    if text.len() != start + 11 || text.last() != Some(&b'Z') {
        return None;
    }
    let field = |index: usize| {
        number(text, start + 2 * index, 2).and_then(|value| i8::try_from(value).ok())
    };
    DateTime::new(
        year?,
        field(0)?,
        field(1)?,
        field(2)?,
        field(3)?,
        field(4)?,
        0,
    )
    .ok()
}

fn number(text: &[u8], start: usize, length: usize) -> Option<i16> {
    let digits = text.get(start..start + length)?;
    digits.iter().try_fold(0_i16, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + i16::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str, tag: Tag, encoded: &str) {
        let instant: Timestamp = text.parse().unwrap();
        let time = encode(instant).unwrap();
        assert_eq!(
            (der::Tagged::tag(&time), time.value()),
            (tag, encoded.as_bytes())
        );
        assert_eq!(decode(&time), Ok(instant));
        assert!(has_proper_tag(&time, instant));
    }

    #[test]
    fn the_type_changes_with_the_year_2050() {
        round_trip("1950-01-01T00:00:00Z", Tag::UtcTime, "500101000000Z");
        round_trip("1999-12-31T23:59:59Z", Tag::UtcTime, "991231235959Z");
        round_trip("2049-12-31T23:59:59Z", Tag::UtcTime, "491231235959Z");
        round_trip(
            "2050-01-01T00:00:00Z",
            Tag::GeneralizedTime,
            "20500101000000Z",
        );
        assert!(encode("1949-12-31T23:59:59Z".parse().unwrap()).is_err());
    }

    #[test]
    fn other_forms_of_time_are_refused() {
        let utc = [
            "2601061425Z",
            "260106142501+0000",
            "260106142501",
            "261306142501Z",
            "260230142501Z",
            "260106142560Z",
            "",
        ];
        for text in utc.into_iter().chain(["2601061425 1Z", "-60106142501Z"]) {
            assert!(
                decode(&Any::new(Tag::UtcTime, text.as_bytes()).unwrap()).is_err(),
                "{text}"
            );
        }
        for text in ["20260106142501.5Z", "202601061425Z", "20260106142501"] {
            assert!(
                decode(&Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap()).is_err(),
                "{text}"
            );
        }
        assert!(decode(&Any::new(Tag::Utf8String, b"260106142501Z".as_slice()).unwrap()).is_err());
    }

    #[test]
    fn a_date_of_birth_is_at_noon() {
        let born = jiff::civil::date(1905, 4, 4);
        let time = encode_date_of_birth(born).unwrap();
        assert_eq!(time.value(), b"19050404120000Z");
        assert_eq!(decode_date_of_birth(&time), Ok(born));
        assert!(
            decode_date_of_birth(&Any::new(Tag::UtcTime, b"050404120000Z".as_slice()).unwrap())
                .is_err()
        );
    }
}
