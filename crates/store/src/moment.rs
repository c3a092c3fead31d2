use jiff::Timestamp;

/// A moment as the database keeps it: nanoseconds since 1970-01-01 UTC, exact for the years 1678 to 2261.
///
/// Moments beyond become the nearest that there is, so that a bound like "ever" stays a bound.
pub(crate) fn to_column(at: Timestamp) -> i64 {
    let nearest = if at < Timestamp::UNIX_EPOCH {
        i64::MIN
    } else {
        i64::MAX
    };
    i64::try_from(at.as_nanosecond()).unwrap_or(nearest)
}

/// The moment again.
pub(crate) fn from_column(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .expect("64 bits of nanoseconds end in the year 2262")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_to_the_nanosecond() {
        for nanoseconds in [i64::MIN, -1, 0, 1, 1_800_000_000_123_456_789, i64::MAX] {
            assert_eq!(to_column(from_column(nanoseconds)), nanoseconds);
        }
        let text = "2026-02-03T04:05:06.789012345Z";
        let at: Timestamp = text.parse().expect("timestamp");
        assert_eq!(from_column(to_column(at)), at);
    }

    #[test]
    fn bounds_outside_the_range_stay_bounds() {
        assert_eq!(to_column(Timestamp::MIN), i64::MIN);
        assert_eq!(to_column(Timestamp::MAX), i64::MAX);
    }
}
