//! An account with the Agency: a codice fiscale and a sede.

use std::fmt;

use ceralacca_kernel::{Error, InputType, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CodiceFiscale, IdentityError};

/// Who an environment, a request or a session is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Of the person or company.
    pub codice_fiscale: CodiceFiscale,
    /// Its seat.
    pub sede: Sede,
}

impl Account {
    /// Checks both parts.
    ///
    /// # Errors
    /// What [`CodiceFiscale::parse`] and [`Sede::parse`] say.
    pub fn parse(codice_fiscale: &str, sede: &str) -> Result<Account, IdentityError> {
        let codice_fiscale = CodiceFiscale::parse(codice_fiscale)?;
        Ok(Account { codice_fiscale, sede: Sede::parse(sede)? })
    }

    /// Reads `RSSMRA85M01H501Q/000` or `RSSMRA85M01H501Q-000`.
    ///
    /// # Errors
    /// [`IdentityError::AccountForm`] without a separator, else what [`Account::parse`] says.
    pub fn parse_joined(text: &str) -> Result<Account, IdentityError> {
        let (codice_fiscale, sede) =
            text.split_once(['/', '-']).ok_or(IdentityError::AccountForm)?;
        Account::parse(codice_fiscale, sede)
    }

    /// The common name of its certificates: `RSSMRA85M01H501Q-000`.
    pub fn common_name(&self) -> String {
        format!("{}-{}", self.codice_fiscale, self.sede)
    }
}

/// The progressive number of a seat: three digits, 000 for the main one.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Sede(String);

impl Sede {
    /// Reads three digits.
    ///
    /// # Errors
    /// [`IdentityError::Sede`].
    pub fn parse(text: &str) -> Result<Sede, IdentityError> {
        let text = text.trim();
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Sede(text.to_owned()))
        } else {
            Err(IdentityError::Sede { length: text.chars().count() })
        }
    }

    /// The three digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The input types of this crate: `codice_fiscale`, `sede`, `account`.
pub fn input_types() -> Vec<InputType> {
    vec![
        InputType {
            name: "codice_fiscale",
            rule: "codice fiscale: 16 characters, or 11 digits for a company",
            check: |text| Ok(Value::Str(CodiceFiscale::parse(text)?.into())),
        },
        InputType {
            name: "sede",
            rule: "progressivo sede: 3 digits, 000 for the main one",
            check: |text| Ok(Value::Str(Sede::parse(text)?.into())),
        },
        InputType {
            name: "account",
            rule: "codice fiscale and sede: RSSMRA85M01H501Q/000",
            check: account_value,
        },
    ]
}

fn account_value(text: &str) -> Result<Value, Error> {
    let account = Account::parse_joined(text)?;
    Ok(Value::from([
        ("codice_fiscale", Value::Str(account.codice_fiscale.into())),
        ("sede", Value::Str(account.sede.into())),
    ]))
}

impl TryFrom<String> for Sede {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Sede, IdentityError> {
        Sede::parse(&text)
    }
}

impl From<Sede> for String {
    fn from(sede: Sede) -> String {
        sede.0
    }
}

impl fmt::Display for Sede {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.codice_fiscale, self.sede)
    }
}

#[cfg(test)]
mod tests {
    use ceralacca_kernel::typed;

    use super::*;

    #[test]
    fn accounts_are_read_in_both_forms() {
        let slash = Account::parse_joined("rssmra85m01h501q/000").unwrap();
        assert_eq!(slash, Account::parse_joined("RSSMRA85M01H501Q-000").unwrap());
        assert_eq!(slash.common_name(), "RSSMRA85M01H501Q-000");
        assert_eq!(slash.to_string(), "RSSMRA85M01H501Q/000");
        assert_eq!(Account::parse_joined("RSSMRA85M01H501Q"), Err(IdentityError::AccountForm));
        let one_digit = Account::parse_joined("RSSMRA85M01H501Q/0");
        assert_eq!(one_digit, Err(IdentityError::Sede { length: 1 }));
    }

    #[test]
    fn the_input_type_gives_what_a_typed_argument_takes() {
        let account = input_types().into_iter().find(|kind| kind.name == "account").unwrap();
        let value = (account.check)("02876990587/001").unwrap();
        let typed: Account = typed::from_value(value.clone()).unwrap();
        assert_eq!(typed.common_name(), "02876990587-001");
        assert_eq!(typed::to_value(&typed).unwrap(), value);
    }

    #[test]
    fn a_wrong_account_in_a_script_names_the_field() {
        let value =
            Value::from([("codice_fiscale", "12345678901".into()), ("sede", Value::from("000"))]);
        let mismatch = typed::from_value::<Account>(value).unwrap_err().to_string();
        assert!(mismatch.starts_with("in `codice_fiscale`: "), "{mismatch}");
    }
}
