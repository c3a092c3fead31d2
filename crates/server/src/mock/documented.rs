//! The test accounts of SK's documentation, with the ends that are documented for them.
//!
//! Source: "Test accounts for automated testing" of the RP API's documentation, and the accounts that published clients'
//! tests still name (rp-api.md §11, §12).

use super::Outcome;
use engine::domain::{AccountLevel, Person};
use jiff::civil::Date;
use std::{collections::BTreeMap, sync::LazyLock};
use wire::{DocumentNumber, NationalNumber};

/// Spellings of the four characters that go round in documentation and clients; each account answers to all of them.
const SPELLINGS: [&str; 5] = ["MOCK", "DEMO", "DEM0", "DEM2", "DEME"];

/// Born on the first day of 2011, where the number does not tell.
const MINOR: Option<Date> = Some(Date::constant(2011, 1, 1));

/// A documented account.
#[derive(Clone, Debug)]
pub struct Documented {
    /// Its own document number.
    pub number: DocumentNumber,
    /// Whose it is.
    pub person: Person,
    /// How its requests end.
    pub outcome: Outcome,
}

impl Documented {
    /// Qualified or Basic, as its number says.
    #[must_use]
    pub fn level(&self) -> AccountLevel {
        match self.number.is_qualified() {
            true => AccountLevel::Qualified,
            false => AccountLevel::Advanced,
        }
    }
}

/// All of them, in the order of the documentation.
#[must_use]
pub fn accounts() -> &'static [Documented] {
    static ACCOUNTS: LazyLock<Vec<Documented>> =
        LazyLock::new(|| TABLE.iter().map(documented).collect());
    &ACCOUNTS
}

/// Other spellings, and the account's own number for each.
#[must_use]
pub fn aliases() -> BTreeMap<DocumentNumber, DocumentNumber> {
    let own: Vec<_> = accounts().iter().map(|account| &account.number).collect();
    let mut aliases = BTreeMap::new();
    for number in &own {
        for spelling in SPELLINGS {
            let suffix = spelling.parse().expect("four capital letters or digits");
            let alias = DocumentNumber::with_suffix(number.person(), suffix, number.is_qualified());
            if !own.contains(&&alias) {
                aliases.insert(alias, (*number).clone());
            }
        }
    }
    aliases
}

fn documented((number, born, outcome): &(&str, Option<Date>, Outcome)) -> Documented {
    let number: DocumentNumber = number.parse().expect("a test reads the table");
    let person = number.person();
    let date_of_birth = born
        .or_else(|| NationalNumber::check(person).ok()?.birth_date())
        .expect("a test reads the table");
    // What clients' tests have seen (rp-api.md §11).
    let surname = match person.to_string().as_str() {
        "PNOEE-40404040009" | "PNOLV-030303-10004" => "TEST",
        _ => "TESTNUMBER",
    };
    Documented {
        person: Person {
            semantics_identifier: person.clone(),
            given_name: "OK".to_owned(),
            surname: surname.to_owned(),
            date_of_birth,
        },
        number,
        outcome: *outcome,
    }
}

const OK: Outcome = Outcome::Ok;
const REFUSED: Outcome = Outcome::UserRefused;
const REFUSED_PIN: Outcome = Outcome::RefusedDisplayTextAndPin;
const REFUSED_CHOICE: Outcome = Outcome::RefusedCodeChoice;
const REFUSED_TEXT: Outcome = Outcome::RefusedConfirmationMessage;
const REFUSED_TEXT_CHOICE: Outcome = Outcome::RefusedConfirmationMessageAndCodeChoice;
const WRONG_CODE: Outcome = Outcome::WrongVerificationCode;
const TIMEOUT: Outcome = Outcome::Timeout;

/// Own number, date of birth where the national number does not tell it, end.
const TABLE: &[(&str, Option<Date>, Outcome)] = &[
    // Device-link flows: adults.
    ("PNOEE-40404040009-MOCK-Q", None, OK),
    ("PNOLT-40404040009-MOCK-Q", None, OK),
    ("PNOLV-040404-10003-DEMO-Q", None, OK),
    ("PNOBE-04040400287-MOCK-Q", None, OK),
    // Minors.
    ("PNOEE-61101019999-MOCK-Q", None, OK),
    ("PNOLT-61101019999-MOCK-Q", None, OK),
    ("PNOLV-010111-22341-MOCK-Q", None, OK),
    ("PNOLV-320000-00008-DEMO-Q", MINOR, OK),
    ("PNOBE-11010199815-MOCK-Q", None, OK),
    ("PNOLT-61101019988-MOCK-NQ", None, OK),
    // The digit that tells the century says 1911.
    (
        "PNOLV-020211-12351-MOCK-NQ",
        Some(Date::constant(2011, 2, 2)),
        OK,
    ),
    // Notification flows: adults. Clients' tests want DEMO of the first, the documentation has DEM0.
    ("PNOEE-40504040001-DEMO-Q", None, OK),
    ("PNOLT-40504040001-MOCK-Q", None, OK),
    ("PNOLV-050405-10009-DEM0-Q", None, OK),
    (
        "PNOLV-320000-10003-DEMO-Q",
        Some(Date::constant(1905, 4, 5)),
        OK,
    ),
    // A wrong check digit.
    (
        "PNOBE-05040400032-DEMO-Q",
        Some(Date::constant(1905, 4, 4)),
        OK,
    ),
    ("PNOLT-40504049999-MOCK-NQ", None, OK),
    ("PNOLV-050404-19993-DEMO-NQ", None, OK),
    ("PNOEE-50001029996-DEMO-Q", None, OK),
    ("PNOLT-50001029996-DEMO-Q", None, OK),
    ("PNOLV-020100-29990-MOCK-Q", None, OK),
    ("PNOBE-00010299944-MOCK-Q", None, OK),
    ("PNOLT-30303039914-MOCK-Q", None, OK),
    ("PNOEE-39901012239-MOCK-Q", None, OK),
    ("PNOLT-39901012239-DEMO-Q", None, OK),
    ("PNOLV-030303-10215-MOCK-Q", None, OK),
    ("PNOBE-99010199987-DEMO-Q", None, OK),
    ("PNOEE-61101012257-MOCK-Q", None, OK),
    ("PNOLT-61101012257-MOCK-Q", None, OK),
    ("PNOLV-010111-23474-DEME-Q", None, OK),
    ("PNOLV-320000-00032-DEMO-Q", MINOR, OK),
    ("PNOLV-030303-10004-MOCK-Q", None, OK),
    ("PNOLV-040404-19999-MOCK-Q", None, OK),
    ("PNOLV-040404-19980-MOCK-Q", None, OK),
    ("PNOLV-311299-19993-MOCK-Q", None, OK),
    (
        "PNOLV-329999-99901-MOCK-Q",
        Some(Date::constant(1999, 12, 31)),
        OK,
    ),
    (
        "PNOLV-329999-99709-MOCK-Q",
        Some(Date::constant(1999, 12, 31)),
        OK,
    ),
    ("PNOLT-49912318881-MOCK-NQ", None, OK),
    ("PNOLV-311299-18886-MOCK-NQ", None, OK),
    // Other ends.
    ("PNOEE-30403039917-MOCK-Q", None, REFUSED),
    ("PNOLT-30403039917-MOCK-Q", None, REFUSED),
    ("PNOLV-030403-10016-MOCK-Q", None, REFUSED),
    ("PNOBE-00010238349-MOCK-Q", None, REFUSED),
    ("PNOEE-30403039928-MOCK-Q", None, REFUSED_PIN),
    ("PNOLT-30403039928-MOCK-Q", None, REFUSED_PIN),
    ("PNOLV-030403-10024-MOCK-Q", None, REFUSED_PIN),
    ("PNOBE-00010267350-MOCK-Q", None, REFUSED_PIN),
    ("PNOEE-30403039939-MOCK-Q", None, REFUSED_CHOICE),
    ("PNOLT-30403039939-MOCK-Q", None, REFUSED_CHOICE),
    ("PNOLV-030403-10032-MOCK-Q", None, REFUSED_CHOICE),
    ("PNOBE-00010266756-MOCK-Q", None, REFUSED_CHOICE),
    ("PNOEE-30403039946-MOCK-Q", None, REFUSED_TEXT),
    ("PNOLT-30403039946-MOCK-Q", None, REFUSED_TEXT),
    ("PNOLV-030403-10040-MOCK-Q", None, REFUSED_TEXT),
    ("PNOBE-00010232708-MOCK-Q", None, REFUSED_TEXT),
    ("PNOEE-30403039950-MOCK-Q", None, REFUSED_TEXT_CHOICE),
    ("PNOLT-30403039950-MOCK-Q", None, REFUSED_TEXT_CHOICE),
    ("PNOLV-030403-10059-MOCK-Q", None, REFUSED_TEXT_CHOICE),
    ("PNOBE-00010211724-MOCK-Q", None, REFUSED_TEXT_CHOICE),
    ("PNOEE-30403039972-MOCK-Q", None, WRONG_CODE),
    ("PNOLT-30403039972-MOCK-Q", None, WRONG_CODE),
    ("PNOLV-030403-10075-MOCK-Q", None, WRONG_CODE),
    ("PNOBE-00010216276-MOCK-Q", None, WRONG_CODE),
    ("PNOEE-30403039983-MOCK-Q", None, TIMEOUT),
    ("PNOLT-30403039983-MOCK-Q", None, TIMEOUT),
    ("PNOLV-030403-10083-MOCK-Q", None, TIMEOUT),
    ("PNOBE-00010220335-MOCK-Q", None, TIMEOUT),
    // No longer documented, but named by tests of published clients.
    ("PNOLT-30303039903-MOCK-Q", None, OK),
    ("PNOEE-30303039903-MOCK-Q", None, OK),
    ("PNOLV-030303-10012-MOCK-Q", None, OK),
    ("PNOEE-40404049996-MOCK-Q", None, OK),
    ("PNOLT-30303039816-MOCK-Q", None, OK),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn born(number: &str) -> String {
        let account = accounts()
            .iter()
            .find(|account| account.number.to_string() == number)
            .expect(number);
        account.person.date_of_birth.to_string()
    }

    #[test]
    fn every_row_is_read_and_no_person_is_in_two() {
        let people: BTreeSet<_> = accounts()
            .iter()
            .map(|account| account.number.person().to_string())
            .collect();
        assert_eq!((accounts().len(), people.len()), (72, 72));
    }

    #[test]
    fn dates_of_birth_are_those_that_clients_expect() {
        for (number, date) in [
            ("PNOEE-40404049996-MOCK-Q", "1904-04-04"),
            ("PNOLT-30303039816-MOCK-Q", "1903-03-03"),
            ("PNOLV-329999-99901-MOCK-Q", "1999-12-31"),
            ("PNOLV-030303-10215-MOCK-Q", "1903-03-03"),
            ("PNOBE-04040400287-MOCK-Q", "1904-04-04"),
            ("PNOBE-00010299944-MOCK-Q", "2000-01-02"),
        ] {
            assert_eq!(born(number), date, "{number}");
        }
    }

    #[test]
    fn minors_are_minors() {
        for account in accounts() {
            let text = account.number.to_string();
            let minor = text.contains("-61101")
                || text.contains("-010111-")
                || text.contains("-320000-000")
                || text.contains("-020211-")
                || text.contains("-110101");
            assert_eq!(
                account.person.date_of_birth > jiff::civil::date(2010, 1, 1),
                minor,
                "{text}"
            );
        }
    }

    #[test]
    fn every_spelling_leads_to_one_account() {
        let aliases = aliases();
        let own = |text: &str| aliases[&text.parse().unwrap()].to_string();
        for spelling in ["MOCK", "DEM0", "DEM2", "DEME"] {
            assert_eq!(
                own(&format!("PNOEE-40504040001-{spelling}-Q")),
                "PNOEE-40504040001-DEMO-Q"
            );
        }
        assert_eq!(
            own("PNOLT-61101019988-DEMO-NQ"),
            "PNOLT-61101019988-MOCK-NQ"
        );
        assert!(
            accounts()
                .iter()
                .all(|account| !aliases.contains_key(&account.number))
        );
        // All but its own.
        assert_eq!(aliases.len(), accounts().len() * (SPELLINGS.len() - 1));
    }
}
