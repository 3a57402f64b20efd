//! Accounts of the pretend Agency: who they are, for whom they act, and their credentials.

use ceralacca_identity::Account;
use ceralacca_kernel::Secret;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::credentials::{DIGITS, LETTERS_AND_DIGITS, SaltedHash, pincode_sha256, random_text};
use crate::error::SandboxError;

/// An account to be created. What is `None` is generated.
#[derive(Debug)]
pub struct NewAccount {
    /// Codice fiscale and sede.
    pub account: Account,
    /// The accounts for which this one acts as incaricato; they need not exist yet.
    pub incaricato_di: Vec<Account>,
    /// 10 digits.
    pub numero_busta: Option<String>,
    /// 20 letters and digits: the field of 16, then the field of 4.
    pub pincode: Option<Secret>,
    /// User name on the portal, 1 to 64 characters.
    pub utente: Option<String>,
    /// Password on the portal, 1 to 100 characters.
    pub password: Option<Secret>,
    /// Codice PIN on the portal, 1 to 20 characters.
    pub codice_pin: Option<Secret>,
}

impl NewAccount {
    /// An account that acts for itself, with generated credentials.
    pub fn of(account: Account) -> NewAccount {
        NewAccount {
            account,
            incaricato_di: Vec::new(),
            numero_busta: None,
            pincode: None,
            utente: None,
            password: None,
            codice_pin: None,
        }
    }
}

/// What the Agency hands to the holder of an account; the sandbox shows it once.
#[derive(Debug)]
pub struct Credentials {
    /// Codice fiscale and sede.
    pub account: Account,
    /// Number of the sealed busta.
    pub numero_busta: String,
    /// 20 characters: the field of 16, then the field of 4.
    pub pincode: Secret,
    /// User name on the portal.
    pub utente: String,
    /// Password on the portal.
    pub password: Secret,
    /// Codice PIN on the portal.
    pub codice_pin: Secret,
}

/// The type of busta of every account here.
pub(crate) const TIPO_BUSTA: &str = "A";

/// An account as the state has it.
pub(crate) struct AccountRow {
    pub(crate) id: i64,
    pub(crate) codice_fiscale: String,
    pub(crate) sede: String,
    pub(crate) numero_busta: String,
    pub(crate) pincode_sha256: [u8; 32],
    pub(crate) access: SaltedHash,
}

impl AccountRow {
    /// The common name of its certificates.
    pub(crate) fn common_name(&self) -> String {
        format!("{}-{}", self.codice_fiscale, self.sede)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
        Ok(AccountRow {
            id: row.get("id")?,
            codice_fiscale: row.get("codice_fiscale")?,
            sede: row.get("sede")?,
            numero_busta: row.get("numero_busta")?,
            pincode_sha256: row.get("pincode_sha256")?,
            access: SaltedHash { salt: row.get("access_salt")?, hash: row.get("access_hash")? },
        })
    }
}

/// Creates an account, hashes its credentials and returns them in clear, this once.
pub(crate) fn create(
    transaction: &Transaction<'_>,
    new: NewAccount,
    at: Timestamp,
) -> Result<Credentials, SandboxError> {
    if new.incaricato_di.len() > MOST_SUBJECTS {
        return invalid("incaricato_di", "at most 1000 accounts");
    }
    let credentials = Credentials {
        numero_busta: new.numero_busta.unwrap_or_else(|| random_text(DIGITS, 10)),
        pincode: new.pincode.unwrap_or_else(|| generated(LETTERS_AND_DIGITS, 20)),
        utente: new.utente.unwrap_or_else(|| new.account.common_name()),
        password: new.password.unwrap_or_else(|| generated(LETTERS_AND_DIGITS, 12)),
        codice_pin: new.codice_pin.unwrap_or_else(|| generated(DIGITS, 10)),
        account: new.account,
    };
    check(&credentials)?;
    insert(transaction, &credentials, at)?;
    let id = transaction.last_insert_rowid();
    for subject in &new.incaricato_di {
        transaction.execute(
            "INSERT OR IGNORE INTO incaricati VALUES (?1, ?2, ?3)",
            params![id, subject.codice_fiscale.as_str(), subject.sede.as_str()],
        )?;
    }
    Ok(credentials)
}

/// The account with this codice fiscale and sede.
pub(crate) fn find(
    transaction: &Transaction<'_>,
    codice_fiscale: &str,
    sede: &str,
) -> Result<Option<AccountRow>, SandboxError> {
    let query = "SELECT * FROM accounts WHERE codice_fiscale = ?1 AND sede = ?2";
    Ok(transaction.query_row(query, [codice_fiscale, sede], AccountRow::read).optional()?)
}

/// The account whose certificates have this common name, `<codice fiscale>-<sede>`.
pub(crate) fn find_common_name(
    transaction: &Transaction<'_>,
    common_name: &str,
) -> Result<Option<AccountRow>, SandboxError> {
    match common_name.rsplit_once('-') {
        Some((codice_fiscale, sede)) => find(transaction, codice_fiscale, sede),
        None => Ok(None),
    }
}

/// The account with this user name on the portal.
pub(crate) fn find_utente(
    transaction: &Transaction<'_>,
    utente: &str,
) -> Result<Option<AccountRow>, SandboxError> {
    let query = "SELECT * FROM accounts WHERE utente = ?1";
    Ok(transaction.query_row(query, [utente], AccountRow::read).optional()?)
}

/// The account with this number in the state.
pub(crate) fn load(transaction: &Transaction<'_>, id: i64) -> Result<AccountRow, SandboxError> {
    let query = "SELECT * FROM accounts WHERE id = ?1";
    Ok(transaction.query_row(query, [id], AccountRow::read)?)
}

/// Whether account `id` acts as incaricato for `subject`.
pub(crate) fn is_incaricato(
    transaction: &Transaction<'_>,
    id: i64,
    subject: &AccountRow,
) -> Result<bool, SandboxError> {
    let query = "SELECT EXISTS (SELECT 1 FROM incaricati \
                 WHERE account_id = ?1 AND codice_fiscale = ?2 AND sede = ?3)";
    let found =
        transaction.query_row(query, params![id, subject.codice_fiscale, subject.sede], |row| {
            row.get(0)
        })?;
    Ok(found)
}

/// Whether account `id` acts as incaricato for a subject with this codice fiscale, of any sede.
pub(crate) fn acts_for(
    transaction: &Transaction<'_>,
    id: i64,
    codice_fiscale: &str,
) -> Result<bool, SandboxError> {
    let query = "SELECT EXISTS (SELECT 1 FROM incaricati \
                 WHERE account_id = ?1 AND codice_fiscale = ?2)";
    Ok(transaction.query_row(query, params![id, codice_fiscale], |row| row.get(0))?)
}

fn check(credentials: &Credentials) -> Result<(), SandboxError> {
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let printable = |text: &str, most| {
        (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    let pincode = credentials.pincode.expose();
    if !digits(&credentials.numero_busta, 10) {
        return invalid("numero_busta", "10 digits");
    }
    if pincode.len() != 20 || !pincode.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return invalid("pincode", "20 letters and digits, the field of 16 then the field of 4");
    }
    if !printable(&credentials.utente, 64) {
        return invalid("utente", "1 to 64 characters, no control characters");
    }
    if !printable(credentials.password.expose(), 100) {
        return invalid("password", "1 to 100 characters, no control characters");
    }
    if !printable(credentials.codice_pin.expose(), 20) {
        return invalid("codice_pin", "1 to 20 characters, no control characters");
    }
    Ok(())
}

fn insert(
    transaction: &Transaction<'_>,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<(), SandboxError> {
    let account = &credentials.account;
    let access = access_hash(&credentials.password, &credentials.codice_pin);
    let inserted = transaction.execute(
        "INSERT INTO accounts (codice_fiscale, sede, numero_busta, utente, pincode_sha256, \
         access_salt, access_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT DO NOTHING",
        params![
            account.codice_fiscale.as_str(),
            account.sede.as_str(),
            credentials.numero_busta,
            credentials.utente,
            pincode_sha256(&credentials.pincode),
            access.salt,
            access.hash,
            at.as_second(),
        ],
    )?;
    match inserted {
        1 => Ok(()),
        _ => Err(SandboxError::AccountExists { account: account.common_name() }),
    }
}

/// The two portal secrets are hashed together: an answer cannot tell which of them was wrong.
fn access_hash(password: &Secret, codice_pin: &Secret) -> SaltedHash {
    SaltedHash::of(&[password, codice_pin])
}

fn generated(alphabet: &[u8], length: usize) -> Secret {
    Secret::new(random_text(alphabet, length))
}

fn invalid<T>(field: &str, rule: &str) -> Result<T, SandboxError> {
    Err(SandboxError::AccountInvalid { field: field.to_owned(), rule: rule.to_owned() })
}

const MOST_SUBJECTS: usize = 1000;
