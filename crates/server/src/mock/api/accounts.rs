//! `/mock/accounts`: which accounts there are, and the ones that testers make.

use super::{object, unavailable};
use crate::{
    json_api::{self, Fields, JsonBody, Refusal},
    mock::{
        Mock, Outcome,
        account::{Account, Behaviour},
        book::{Changed, Content, TestersAccount},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::{
    domain::{AccountLevel, Person},
    service::OperatorError,
};
use jiff::civil::Date;
use rand_core::UnwrapErr;
use serde_json::{Map, Value, json};
use std::{str::FromStr, sync::Arc, time::Duration};
use wire::{DocumentNumber, DocumentSuffix, NationalNumber, SemanticsIdentifier};

/// Accounts that testers may have; each has keys, which take a second to make, and a file.
const MAX_ACCOUNTS: usize = 1000;

/// Longest time to answer, in milliseconds: sessions do not live longer.
const MAX_DELAY_MS: u64 = 600_000;

/// `GET /mock/accounts`.
pub(super) async fn list(State(mock): State<Mock>) -> Json<Value> {
    let mut accounts: Vec<_> = mock.accounts().values().cloned().collect();
    accounts.sort_by_key(|account| account.is_documented);
    let accounts: Vec<_> = accounts
        .iter()
        .map(|account| describe(&mock, account))
        .collect();
    Json(json!({ "accounts": accounts }))
}

/// `POST /mock/accounts`: 201 once the account can be used.
pub(super) async fn make(State(mock): State<Mock>, body: JsonBody) -> Result<Response, Refusal> {
    let wanted = parse(&object(&body)?).map_err(json_api::invalid)?;
    let number = wanted.document_number.clone();
    let account = Arc::new(Account::testers(wanted));
    mock.add(&account)?;
    if let Err(error) = mock.phone_of(&account).await {
        mock.accounts_mut().remove(&number);
        return Err(match error.downcast_ref() {
            Some(OperatorError::DocumentNumberTaken(_)) => taken(&number),
            Some(error @ OperatorError::InvalidPerson(_)) => json_api::problem(
                StatusCode::BAD_REQUEST,
                "invalid_person",
                Some(error.to_string()),
                Vec::new(),
            ),
            _ => unavailable(&error),
        });
    }
    mock.remember().map_err(|error| unavailable(&error))?;
    let body = Json(describe(&mock, &account));
    Ok((StatusCode::CREATED, body).into_response())
}

/// `PUT /mock/accounts/{document-number}`: how the account behaves from now on.
pub(super) async fn change(
    State(mock): State<Mock>,
    Path(number): Path<String>,
    body: JsonBody,
) -> Result<Json<Value>, Refusal> {
    let account = find(&mock, &number)?;
    let body = object(&body)?;
    let mut fields = Fields::of(&body);
    let behaviour = behaviour(&mut fields, account.behaviour());
    if !fields.errors.is_empty() {
        return Err(json_api::invalid(fields.errors));
    }
    account.behave(behaviour);
    mock.remember().map_err(|error| unavailable(&error))?;
    Ok(Json(describe(&mock, &account)))
}

/// `DELETE /mock/accounts/{document-number}`: its person deletes it.
pub(super) async fn delete(
    State(mock): State<Mock>,
    Path(number): Path<String>,
) -> Result<StatusCode, Refusal> {
    let account = find(&mock, &number)?;
    if account.is_documented {
        let why = "this account is documented and stays; PUT changes how it behaves";
        return Err(json_api::problem(
            StatusCode::CONFLICT,
            "documented_account",
            Some(why.to_owned()),
            Vec::new(),
        ));
    }
    // After a restart it may not be switched on yet.
    let deleted = match mock.phone_of(&account).await {
        Ok(phone) => phone.delete().await,
        // It is deleted, but the process died before it wrote that down.
        Err(error) if is_taken(&error) => mock.forget(&account.number),
        Err(error) => Err(error),
    };
    deleted.map_err(|error| unavailable(&error.context("a mock account is not deleted")))?;
    Ok(StatusCode::NO_CONTENT)
}

impl Mock {
    fn add(&self, account: &Arc<Account>) -> Result<(), Refusal> {
        let mut accounts = self.accounts_mut();
        let number = &account.number;
        let aliases = &self.0.service.policy().document_aliases;
        if accounts.contains_key(number) || aliases.contains_key(number) {
            return Err(taken(number));
        }
        let testers = accounts.values().filter(|account| !account.is_documented);
        if testers.count() >= MAX_ACCOUNTS {
            let why = format!("there are {MAX_ACCOUNTS} accounts already; delete some");
            return Err(json_api::problem(
                StatusCode::CONFLICT,
                "too_many_accounts",
                Some(why),
                Vec::new(),
            ));
        }
        accounts.insert(number.clone(), Arc::clone(account));
        Ok(())
    }

    /// The account is no more.
    ///
    /// # Errors
    /// It is not written down.
    pub(in crate::mock) fn forget(&self, number: &DocumentNumber) -> anyhow::Result<()> {
        let account = self.accounts_mut().remove(number);
        self.remember().inspect_err(|_| {
            let again = account.map(|account| (number.clone(), account));
            self.accounts_mut().extend(again);
        })
    }

    /// Writes down what a restart must not forget.
    fn remember(&self) -> anyhow::Result<()> {
        self.0.book.write(|| {
            let mut content = Content::default();
            for account in self.accounts().values() {
                let (document_number, behaviour) = (account.number.clone(), account.behaviour());
                if account.is_documented {
                    content.behaviours.push(Changed {
                        document_number,
                        behaviour,
                    });
                } else {
                    content.accounts.push(TestersAccount {
                        document_number,
                        person: account.person.clone(),
                        level: account.level,
                        behaviour,
                    });
                }
            }
            content
        })
    }
}

fn parse(body: &Map<String, Value>) -> Result<TestersAccount, Vec<wire::problem::FieldError>> {
    let mut fields = Fields::of(body);
    let person = fields.required::<SemanticsIdentifier>("semanticsIdentifier");
    let given_name = fields.optional("givenName");
    let surname = fields.optional("surname");
    let birth_date = fields.optional::<Date>("dateOfBirth");
    let level = fields.optional::<Level>("certificateLevel");
    let suffix = fields.optional::<DocumentSuffix>("documentSuffix");
    let behaviour = behaviour(
        &mut fields,
        Behaviour {
            outcome: Outcome::Ok,
            delay: None,
        },
    );
    let birth_date =
        birth_date.or_else(|| NationalNumber::check(person.as_ref()?).ok()?.birth_date());
    match (person, birth_date) {
        (Some(semantics_identifier), Some(date_of_birth)) if fields.errors.is_empty() => {
            let level = level.map_or(AccountLevel::Qualified, |Level(level)| level);
            let qualified = level == AccountLevel::Qualified;
            let person = &semantics_identifier;
            let document_number = match suffix {
                Some(suffix) => DocumentNumber::with_suffix(person, suffix, qualified),
                None => {
                    let mut rng = UnwrapErr(getrandom::SysRng);
                    DocumentNumber::generate(person, qualified, &mut rng)
                }
            };
            Ok(TestersAccount {
                document_number,
                person: Person {
                    semantics_identifier,
                    given_name: given_name.unwrap_or_else(|| "OK".to_owned()),
                    surname: surname.unwrap_or_else(|| "TESTNUMBER".to_owned()),
                    date_of_birth,
                },
                level,
                behaviour,
            })
        }
        (Some(_), None) if fields.errors.is_empty() => {
            fields.wrong(
                "dateOfBirth",
                "is needed: the national number does not tell it",
            );
            Err(fields.errors)
        }
        _ => Err(fields.errors),
    }
}

/// What the body says of it; the rest stays.
fn behaviour(fields: &mut Fields<'_>, now: Behaviour) -> Behaviour {
    let outcome = fields.optional::<Outcome>("outcome");
    let delay = fields.optional_number("delayMs", MAX_DELAY_MS);
    Behaviour {
        outcome: outcome.unwrap_or(now.outcome),
        delay: delay.map(Duration::from_millis).or(now.delay),
    }
}

fn find(mock: &Mock, number: &str) -> Result<Arc<Account>, Refusal> {
    let account = number.parse().ok().and_then(|number| mock.account(&number));
    account.ok_or_else(|| {
        json_api::problem(
            StatusCode::NOT_FOUND,
            "unknown_document",
            Some("no account of the mock has this document number".to_owned()),
            Vec::new(),
        )
    })
}

/// Whether there was an account with this number that its phone does not have any more.
fn is_taken(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(OperatorError::DocumentNumberTaken(_))
    )
}

fn taken(number: &DocumentNumber) -> Refusal {
    let error = OperatorError::DocumentNumberTaken(number.clone());
    json_api::problem(
        StatusCode::CONFLICT,
        "document_number_taken",
        Some(error.to_string()),
        Vec::new(),
    )
}

fn describe(mock: &Mock, account: &Account) -> Value {
    let behaviour = account.behaviour();
    let delay = behaviour.delay.unwrap_or(mock.0.settings.delay);
    json!({
        "documentNumber": account.number,
        "semanticsIdentifier": account.person.semantics_identifier,
        "givenName": account.person.given_name,
        "surname": account.person.surname,
        "dateOfBirth": account.person.date_of_birth,
        "certificateLevel": match account.level {
            AccountLevel::Qualified => "QUALIFIED",
            AccountLevel::Advanced => "ADVANCED",
        },
        "outcome": behaviour.outcome.word(),
        "delayMs": u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        "documented": account.is_documented,
        "registered": account.line().is_some() || mock.file_of(&account.number).exists(),
    })
}

/// A level in the words of the RP API.
struct Level(AccountLevel);

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "QUALIFIED" => Ok(Self(AccountLevel::Qualified)),
            "ADVANCED" => Ok(Self(AccountLevel::Advanced)),
            _ => Err("expected QUALIFIED or ADVANCED"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(body: &Value) -> Vec<String> {
        match parse(body.as_object().unwrap()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .into_iter()
                .filter_map(|error| error.pointer)
                .collect(),
        }
    }

    #[test]
    fn a_national_number_is_enough() {
        let body = json!({ "semanticsIdentifier": "PNOEE-40504040001" });
        let account = parse(body.as_object().unwrap()).unwrap_or_else(|_| panic!("refused"));
        assert_eq!(account.person.date_of_birth.to_string(), "1905-04-04");
        assert_eq!(account.level, AccountLevel::Qualified);
        assert_eq!(account.behaviour.outcome, Outcome::Ok);
        assert!(account.document_number.is_qualified());
    }

    #[test]
    fn what_is_chosen_is_taken() {
        let body = json!({
            "semanticsIdentifier": "PNOLV-329999-99901", "givenName": "MARY ÄNN", "surname": "O’CONNEŽ",
            "dateOfBirth": "1999-12-31", "certificateLevel": "ADVANCED", "outcome": "WRONG_VC", "delayMs": 5,
            "documentSuffix": "T001",
        });
        let account = parse(body.as_object().unwrap()).unwrap_or_else(|_| panic!("refused"));
        assert_eq!(
            account.document_number.to_string(),
            "PNOLV-329999-99901-T001-NQ"
        );
        assert_eq!(account.person.surname, "O’CONNEŽ");
        assert_eq!(account.behaviour.outcome, Outcome::WrongVerificationCode);
        assert_eq!(account.behaviour.delay, Some(Duration::from_millis(5)));
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(pointers(&json!({})), ["/semanticsIdentifier"]);
        let no_date = json!({ "semanticsIdentifier": "PNOLV-329999-99901" });
        assert_eq!(pointers(&no_date), ["/dateOfBirth"]);
        for (name, value) in [
            ("semanticsIdentifier", json!("40504040001")),
            ("givenName", json!(1)),
            ("dateOfBirth", json!("1905-13-01")),
            ("certificateLevel", json!("QSCD")),
            ("outcome", json!("MAYBE")),
            ("delayMs", json!(-1)),
            ("delayMs", json!(MAX_DELAY_MS + 1)),
            ("delayMs", json!("5")),
            ("documentSuffix", json!("mock")),
        ] {
            let mut body = json!({ "semanticsIdentifier": "PNOEE-40504040001" });
            body[name] = value;
            assert_eq!(pointers(&body), [format!("/{name}")], "{body}");
        }
    }

    #[test]
    fn every_outcome_has_its_word() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.word().parse(), Ok(outcome));
        }
    }
}
