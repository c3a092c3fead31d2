//! Which PINs may be chosen (R30, R109).
//!
//! PIN1 has 4 to 12 digits, PIN2 has 5 to 12, and neither contains the other. Refused as too easy to guess:
//!
//! * one digit repeated: `0000`, `77777`;
//! * digits that count up or down, also across 9 and 0: `1234`, `4321`, `7890`, `210987`;
//! * a group repeated, the last time perhaps cut short: `1212`, `12121`, `123123`;
//! * columns of the keypad, up or down, one after the other, the last perhaps cut short: `2580`, `0852`, `147258`;
//! * the most popular ones that no rule above covers: [`COMMON`];
//! * the birth date: whatever contains day, month and year, or two of them, or the four-digit year, in any
//!   order, with or without leading zeros and century: `0504`, `0405`, `050405`, `19050404`, `441905`.
//!
//! The person is not known when the PINs are chosen, so the birth date is checked when they are entered again.

use jiff::civil::Date;
use splitkey::{Pin, PinError, Purpose};
use std::fmt;
use zeroize::Zeroizing;

/// Digits as typed: a PIN, perhaps. Wiped on drop, never shown.
pub struct PinEntry(Zeroizing<String>);

impl PinEntry {
    /// Takes what was typed.
    #[must_use]
    pub fn new(digits: String) -> Self {
        Self(Zeroizing::new(digits))
    }

    /// The PIN for one of the keys.
    ///
    /// # Errors
    /// The length or a character is wrong for any PIN of this purpose; says nothing about which PIN is the right one.
    pub fn parse(&self, purpose: Purpose) -> Result<Pin, PinProblem> {
        let pin = Pin::new(&self.0).map_err(|error| match error {
            PinError::NotDigits => PinProblem::NotDigits,
            PinError::Length => PinProblem::Length,
        })?;
        if pin.len() < shortest(purpose) {
            Err(PinProblem::Length)
        } else {
            Ok(pin)
        }
    }

    fn digits(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Two PINs that keep all rules.
pub struct ChosenPins {
    /// For authentication.
    pub pin1: Pin,
    /// For signatures.
    pub pin2: Pin,
}

impl ChosenPins {
    /// Checks newly chosen PINs, against the birth date as well if it is known already.
    ///
    /// # Errors
    /// The first PIN that breaks a rule, and which rule.
    pub fn check(
        pin1: &PinEntry,
        pin2: &PinEntry,
        birth_date: Option<Date>,
    ) -> Result<Self, PinRefusal> {
        let check = |entry: &PinEntry, purpose| {
            let refusal = |problem| PinRefusal { purpose, problem };
            let pin = entry.parse(purpose).map_err(refusal)?;
            weakness(entry.digits()).map_or(Ok(()), |problem| Err(refusal(problem)))?;
            match birth_date {
                Some(date) if has_birth_date(entry, date) => Err(refusal(PinProblem::BirthDate)),
                _ => Ok(pin),
            }
        };
        let pins = Self {
            pin1: check(pin1, Purpose::Authentication)?,
            pin2: check(pin2, Purpose::Signature)?,
        };
        if contains(pin2.digits(), pin1.digits()) || contains(pin1.digits(), pin2.digits()) {
            return Err(PinRefusal {
                purpose: Purpose::Signature,
                problem: PinProblem::ContainsOther,
            });
        }
        Ok(pins)
    }
}

/// Which of two newly known PINs has the birth date in it, if any.
pub(crate) fn with_birth_date(
    pin1: &PinEntry,
    pin2: &PinEntry,
    birth_date: Date,
) -> Option<Purpose> {
    let named = [(pin1, Purpose::Authentication), (pin2, Purpose::Signature)];
    named
        .into_iter()
        .find(|(pin, _)| has_birth_date(pin, birth_date))
        .map(|(_, purpose)| purpose)
}

/// A PIN that may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinRefusal {
    /// PIN1 or PIN2.
    pub purpose: Purpose,
    /// The rule that it breaks.
    pub problem: PinProblem,
}

/// The rule that a PIN breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinProblem {
    /// PIN1: 4 to 12 digits, PIN2: 5 to 12.
    Length,
    /// Something other than 0 to 9.
    NotDigits,
    /// One digit only.
    OneDigit,
    /// Counts up or down.
    Sequence,
    /// A group of digits over and over.
    Repetition,
    /// Columns of the keypad.
    KeypadColumn,
    /// Among the most popular ones.
    Common,
    /// The person's birth date.
    BirthDate,
    /// PIN1 is PIN2, or part of it, or the other way round.
    ContainsOther,
}

impl PinProblem {
    /// Stable snake_case code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::NotDigits => "not_digits",
            Self::OneDigit => "one_digit",
            Self::Sequence => "sequence",
            Self::Repetition => "repetition",
            Self::KeypadColumn => "keypad_column",
            Self::Common => "common",
            Self::BirthDate => "birth_date",
            Self::ContainsOther => "contains_other",
        }
    }
}

impl fmt::Display for PinRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pin = pin_name(self.purpose);
        match self.problem {
            PinProblem::Length => {
                write!(f, "{pin} must have {} to 12 digits", shortest(self.purpose))
            }
            PinProblem::NotDigits => write!(f, "{pin} must have digits only"),
            PinProblem::OneDigit => write!(f, "{pin} is one digit over and over"),
            PinProblem::Sequence => write!(f, "{pin} only counts up or down"),
            PinProblem::Repetition => write!(f, "{pin} repeats a group of digits"),
            PinProblem::KeypadColumn => write!(f, "{pin} follows the columns of the keypad"),
            PinProblem::Common => write!(f, "{pin} is among the first that a thief tries"),
            PinProblem::BirthDate => write!(f, "{pin} contains your birth date"),
            PinProblem::ContainsOther => write!(
                f,
                "PIN1 and PIN2 must differ, and neither may contain the other"
            ),
        }
    }
}

/// `PIN1` or `PIN2`.
#[must_use]
pub fn pin_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Authentication => "PIN1",
        Purpose::Signature => "PIN2",
    }
}

fn shortest(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Authentication => 4,
        Purpose::Signature => 5,
    }
}

/// Popular in published counts of leaked PINs and not covered by a rule.
pub const COMMON: [&str; 12] = [
    "0007", "1004", "1122", "1379", "1397", "2000", "2001", "2468", "1357", "13579", "24680",
    "112233",
];

fn weakness(digits: &[u8]) -> Option<PinProblem> {
    if repeats(digits, 1) {
        Some(PinProblem::OneDigit)
    } else if counts(digits, 1) || counts(digits, 9) {
        Some(PinProblem::Sequence)
    } else if (2..=digits.len() / 2).any(|period| repeats(digits, period)) {
        Some(PinProblem::Repetition)
    } else if follows_columns(digits) {
        Some(PinProblem::KeypadColumn)
    } else if COMMON.iter().any(|common| common.as_bytes() == digits) {
        Some(PinProblem::Common)
    } else {
        None
    }
}

/// Whether each digit is the one `period` places before it.
fn repeats(digits: &[u8], period: usize) -> bool {
    digits
        .iter()
        .zip(digits.iter().skip(period))
        .all(|(before, after)| before == after)
}

/// Whether each digit is the one before it plus `step`, modulo 10.
fn counts(digits: &[u8], step: u8) -> bool {
    digits
        .iter()
        .zip(digits.iter().skip(1))
        .all(|(before, after)| (before - b'0' + step) % 10 == after - b'0')
}

/// Whether the digits are whole columns, the last perhaps unfinished.
fn follows_columns(digits: &[u8]) -> bool {
    const COLUMNS: [&[u8]; 8] = [
        b"147", b"258", b"2580", b"369", b"741", b"852", b"0852", b"963",
    ];
    fn rest_follows(digits: &[u8]) -> bool {
        COLUMNS.iter().any(|column| {
            column.starts_with(digits) || digits.strip_prefix(*column).is_some_and(rest_follows)
        })
    }
    COLUMNS
        .iter()
        .any(|column| digits.strip_prefix(*column).is_some_and(rest_follows))
}

fn has_birth_date(pin: &PinEntry, date: Date) -> bool {
    let (day, month, year) = (date.day(), date.month(), date.year());
    let four_digits = format!("{year:04}");
    let days = [format!("{day:02}"), day.to_string()];
    let months = [format!("{month:02}"), month.to_string()];
    let years = [four_digits.clone(), format!("{:02}", year.rem_euclid(100))];
    let mut forms = Zeroizing::new(vec![four_digits]);
    for (d, m, y) in combinations(&days, &months, &years) {
        for (one, two) in [(d, m), (d, y), (m, y)] {
            forms.extend([format!("{one}{two}"), format!("{two}{one}")]);
        }
        forms.extend(
            [
                [d, m, y],
                [d, y, m],
                [m, d, y],
                [m, y, d],
                [y, d, m],
                [y, m, d],
            ]
            .map(|parts| parts.concat()),
        );
    }
    // Shorter ones, like day and month of 4 May, would match by chance.
    forms
        .iter()
        .any(|form| form.len() >= 4 && contains(pin.digits(), form.as_bytes()))
}

fn combinations<'a>(
    days: &'a [String],
    months: &'a [String],
    years: &'a [String],
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    days.iter().flat_map(move |day| {
        months
            .iter()
            .flat_map(move |month| years.iter().map(move |year| (&**day, &**month, &**year)))
    })
}

fn contains(outer: &[u8], inner: &[u8]) -> bool {
    !inner.is_empty() && outer.windows(inner.len()).any(|window| window == inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn entry(digits: &str) -> PinEntry {
        PinEntry::new(digits.to_owned())
    }

    fn refusal(pin1: &str, pin2: &str) -> Option<(Purpose, PinProblem)> {
        let born = Some(date(1905, 4, 14));
        ChosenPins::check(&entry(pin1), &entry(pin2), born)
            .err()
            .map(|refusal| (refusal.purpose, refusal.problem))
    }

    fn problem_of_pin1(pin: &str) -> Option<PinProblem> {
        refusal(pin, "59271480").map(|(_, problem)| problem)
    }

    #[test]
    fn ordinary_pins_may_be_chosen() {
        for pin in [
            "8306",
            "1947",
            "0028",
            "904715",
            "770284910356",
            "1258",
            "1223",
            "9911",
        ] {
            assert_eq!(problem_of_pin1(pin), None, "{pin}");
        }
    }

    #[test]
    fn pins_have_their_length_and_digits_only() {
        assert_eq!(
            refusal("830", "83062"),
            Some((Purpose::Authentication, PinProblem::Length))
        );
        assert_eq!(
            refusal("8306291740385", "83062"),
            Some((Purpose::Authentication, PinProblem::Length))
        );
        assert_eq!(
            refusal("9471", "8306"),
            Some((Purpose::Signature, PinProblem::Length))
        );
        assert_eq!(
            refusal("94a1", "83062"),
            Some((Purpose::Authentication, PinProblem::NotDigits))
        );
        assert_eq!(
            refusal("9471", "8306²"),
            Some((Purpose::Signature, PinProblem::NotDigits))
        );
    }

    #[test]
    fn easy_pins_are_refused() {
        for (pin, problem) in [
            ("0000", PinProblem::OneDigit),
            ("1111", PinProblem::OneDigit),
            ("777777777777", PinProblem::OneDigit),
            ("1234", PinProblem::Sequence),
            ("4321", PinProblem::Sequence),
            ("7890", PinProblem::Sequence),
            ("210987", PinProblem::Sequence),
            ("1212", PinProblem::Repetition),
            ("12121", PinProblem::Repetition),
            ("805805", PinProblem::Repetition),
            ("80578057", PinProblem::Repetition),
            ("2580", PinProblem::KeypadColumn),
            ("0852", PinProblem::KeypadColumn),
            ("1472", PinProblem::KeypadColumn),
            ("147258369", PinProblem::KeypadColumn),
            ("963852", PinProblem::KeypadColumn),
            ("1004", PinProblem::Common),
            ("24680", PinProblem::Common),
        ] {
            assert_eq!(problem_of_pin1(pin), Some(problem), "{pin}");
        }
    }

    #[test]
    fn the_birth_date_is_refused_in_every_order() {
        for pin in [
            "1404", "0414", "1905", "0504", "0405", "1405", "0514", "140405", "041405", "050414",
            "051404", "140519", "14041905", "19050414", "19051404", "04141905", "1441905", "19054",
            "90514047", "41905",
        ] {
            assert_eq!(problem_of_pin1(pin), Some(PinProblem::BirthDate), "{pin}");
        }
    }

    #[test]
    fn without_a_birth_date_nothing_is_refused_for_it() {
        assert!(ChosenPins::check(&entry("1404"), &entry("83062"), None).is_ok());
    }

    #[test]
    fn neither_pin_contains_the_other() {
        let expected = Some((Purpose::Signature, PinProblem::ContainsOther));
        assert_eq!(refusal("83062", "83062"), expected);
        assert_eq!(refusal("8306", "83062"), expected);
        assert_eq!(refusal("3062", "83062"), expected);
        assert_eq!(refusal("783062", "83062"), expected);
        assert_eq!(refusal("8305", "83062"), None);
    }

    #[test]
    fn at_most_one_short_pin_in_ten_is_refused() {
        let refused = (0..10_000)
            .filter(|pin| weakness(format!("{pin:04}").as_bytes()).is_some())
            .count();
        assert!(refused < 200, "{refused}");
        let with_date = (0..10_000)
            .filter(|pin| problem_of_pin1(&format!("{pin:04}")).is_some())
            .count();
        assert!(with_date < 250, "{with_date}");
    }
}
