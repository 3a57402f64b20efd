//! Tokens: what is in the slots, and which of them a name means.

use ceralacca_plugin_sdk::schemars::JsonSchema;
use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use cryptoki::slot::{Slot, TokenInfo};

use crate::error::{TokenError, TokenName};
use crate::uri::KeyUri;

/// A token, as scripts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub struct TokenDetails {
    /// Its label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// Which model it is.
    pub model: String,
    /// Whether its PIN can be given.
    pub state: TokenState,
}

/// Whether a token's PIN can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
#[serde(crate = "ceralacca_plugin_sdk::serde", rename_all = "snake_case")]
pub enum TokenState {
    /// It can.
    Ready,
    /// It has none yet.
    PinNotSet,
    /// A wrong PIN was typed since the last right one.
    PinCountLow,
    /// The next wrong PIN locks it.
    PinFinalTry,
    /// It is locked.
    PinLocked,
    /// It has to be changed first.
    PinToBeChanged,
}

/// A token in its slot.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) slot: Slot,
    pub(crate) details: TokenDetails,
    /// Private keys are only there for whoever gave the PIN.
    pub(crate) login_required: bool,
    /// The PIN is typed on the device itself.
    pub(crate) has_keypad: bool,
}

impl Token {
    pub(crate) fn new(slot: Slot, info: &TokenInfo) -> Token {
        Token {
            slot,
            details: TokenDetails {
                label: info.label().to_owned(),
                serial: info.serial_number().to_owned(),
                manufacturer: info.manufacturer_id().to_owned(),
                model: info.model().to_owned(),
                state: state(info),
            },
            login_required: info.login_required(),
            has_keypad: info.protected_authentication_path(),
        }
    }

    pub(crate) fn name(&self) -> TokenName {
        TokenName { label: self.details.label.clone(), serial: self.details.serial.clone() }
    }

    /// What tells it from every other token.
    pub(crate) fn identity(&self) -> Identity {
        let TokenDetails { manufacturer, model, serial, .. } = &self.details;
        Identity(manufacturer.clone(), model.clone(), serial.clone())
    }

    /// The name of this token alone.
    pub(crate) fn uri(&self) -> KeyUri {
        let TokenDetails { manufacturer, model, serial, .. } = &self.details;
        KeyUri {
            manufacturer: Some(manufacturer.clone()),
            model: Some(model.clone()),
            serial: Some(serial.clone()),
            ..KeyUri::default()
        }
    }

    fn answers_to(&self, uri: &KeyUri) -> bool {
        let TokenDetails { label, serial, manufacturer, model, .. } = &self.details;
        [
            (&uri.token, label),
            (&uri.serial, serial),
            (&uri.manufacturer, manufacturer),
            (&uri.model, model),
        ]
        .into_iter()
        .all(|(wanted, is)| wanted.as_ref().is_none_or(|wanted| wanted == is))
    }
}

/// Serial numbers are unique for one maker and model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity(String, String, String);

/// The one token that `uri` means.
pub(crate) fn choose(tokens: Vec<Token>, uri: &KeyUri) -> Result<Token, TokenError> {
    let there: Vec<TokenName> = tokens.iter().map(Token::name).collect();
    let mut fitting: Vec<Token> =
        tokens.into_iter().filter(|token| token.answers_to(uri)).collect();
    let wanted = uri.token_text();
    match (fitting.pop(), fitting.is_empty()) {
        (None, _) => Err(TokenError::NoToken { wanted, there }),
        (Some(token), true) => Ok(token),
        (Some(last), false) => {
            fitting.push(last);
            let there = fitting.iter().map(Token::name).collect();
            Err(TokenError::SeveralTokens { wanted, there })
        }
    }
}

fn state(info: &TokenInfo) -> TokenState {
    if !info.user_pin_initialized() {
        TokenState::PinNotSet
    } else if info.user_pin_locked() {
        TokenState::PinLocked
    } else if info.user_pin_to_be_changed() {
        TokenState::PinToBeChanged
    } else if info.user_pin_final_try() {
        TokenState::PinFinalTry
    } else if info.user_pin_count_low() {
        TokenState::PinCountLow
    } else {
        TokenState::Ready
    }
}
