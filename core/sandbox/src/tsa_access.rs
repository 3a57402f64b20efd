//! User and password of the timestamp authority, when it wants them.

use ceralacca_kernel::Secret;
use serde::de::Error;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::credentials::SaltedHash;

/// Whom the authority answers; of the password only a hash is kept, and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsaAccess {
    user: String,
    password: Password,
}

/// As it was given, until it is kept.
#[derive(Clone, Debug)]
enum Password {
    Given(Secret),
    Kept(SaltedHash),
}

impl Eq for Password {}

impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        match (self, other) {
            (Password::Given(one), Password::Given(other)) => one == other,
            (Password::Given(given), Password::Kept(hash))
            | (Password::Kept(hash), Password::Given(given)) => hash.matches(&[given]),
            (Password::Kept(one), Password::Kept(other)) => one == other,
        }
    }
}

impl TsaAccess {
    /// A user of 1 to 64 characters without a colon, and a password of 1 to 100.
    pub fn new(user: &str, password: Secret) -> TsaAccess {
        TsaAccess { user: user.to_owned(), password: Password::Given(password) }
    }

    /// Whether `given` is user and password joined by a colon.
    pub(crate) fn admits(&self, given: &str) -> bool {
        let Some((user, password)) = given.split_once(':') else { return false };
        // The password is compared whatever the user is, in the same time.
        (Password::Given(Secret::new(password)) == self.password) & (user == self.user)
    }

    pub(crate) fn is_usable(&self) -> bool {
        let fits = |text: &str, most| {
            (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        let password = match &self.password {
            Password::Given(password) => fits(password.expose(), 100),
            Password::Kept(_) => true,
        };
        fits(&self.user, 64) && !self.user.contains(':') && password
    }
}

impl Serialize for TsaAccess {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hash = match &self.password {
            Password::Given(password) => SaltedHash::of(&[password]),
            Password::Kept(hash) => hash.clone(),
        };
        let mut fields = serializer.serialize_struct("TsaAccess", 2)?;
        fields.serialize_field("user", &self.user)?;
        fields.serialize_field("password_hash", &hash.to_text())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for TsaAccess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TsaAccess, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            user: String,
            password: Option<String>,
            password_hash: Option<String>,
        }
        let Fields { user, password, password_hash } = Fields::deserialize(deserializer)?;
        let password = match (password, password_hash) {
            (Some(password), None) => Password::Given(Secret::new(password)),
            (None, Some(text)) => SaltedHash::from_text(&text)
                .map(Password::Kept)
                .ok_or_else(|| D::Error::custom("password_hash as it was shown"))?,
            _ => return Err(D::Error::custom("either password or password_hash")),
        };
        Ok(TsaAccess { user, password })
    }
}
