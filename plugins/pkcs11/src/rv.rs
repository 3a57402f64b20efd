//! What a PKCS#11 library answers (`CKR_…`), as errors of this plugin.

use cryptoki::error::{Error, RvError};

use crate::error::{TokenError, TokenName};

/// The error of a failed call. What is about the PIN is told apart by whoever gave it.
pub(crate) fn translated(token: &TokenName, doing: &str, error: &Error) -> TokenError {
    let token = token.clone();
    let said = said(error);
    let Error::Pkcs11(code, _) = error else {
        return TokenError::Token { token, doing: doing.to_owned(), said };
    };
    match code {
        RvError::DeviceRemoved | RvError::TokenNotPresent | RvError::SlotIdInvalid => {
            TokenError::Removed { token, said }
        }
        RvError::PinLocked => TokenError::PinLocked { token },
        RvError::PinExpired => TokenError::PinExpired { token },
        RvError::UserNotLoggedIn => TokenError::LoginNeeded { token },
        RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::KeyTypeInconsistent
        | RvError::KeyFunctionNotPermitted => TokenError::Mechanism { token, found: said },
        _ => TokenError::Token { token, doing: doing.to_owned(), said },
    }
}

/// Whether the PIN itself was refused.
pub(crate) fn refuses_pin(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)
    )
}

/// Whether what was opened before is no longer: a new session may well do.
pub(crate) fn is_stale(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::ObjectHandleInvalid
                | RvError::KeyHandleInvalid,
            _
        )
    )
}

/// The answer by its name in the standard.
pub(crate) fn said(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, function) => {
            format!("{} from C_{function:?}", name(&format!("{code:?}")))
        }
        other => other.to_string(),
    }
}

/// `PinLenRange` as `CKR_PIN_LEN_RANGE`.
fn name(variant: &str) -> String {
    let mut name = "CKR".to_owned();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    /// SoftHSM neither locks its PIN nor lets it expire, and is never pulled out.
    #[test]
    fn answers_that_softhsm_never_gives() {
        let token = TokenName { label: "Carta".to_owned(), serial: "1".to_owned() };
        let of = |code| translated(&token, "signing", &Error::Pkcs11(code, Function::Sign));
        let removed = |name: &str| TokenError::Removed {
            token: token.clone(),
            said: format!("CKR_{name} from C_Sign"),
        };
        assert_eq!(of(RvError::DeviceRemoved), removed("DEVICE_REMOVED"));
        assert_eq!(of(RvError::TokenNotPresent), removed("TOKEN_NOT_PRESENT"));
        assert_eq!(of(RvError::PinLocked), TokenError::PinLocked { token: token.clone() });
        assert_eq!(of(RvError::PinExpired), TokenError::PinExpired { token: token.clone() });
        assert_eq!(of(RvError::UserNotLoggedIn), TokenError::LoginNeeded { token: token.clone() });
        let TokenError::Token { said, .. } = of(RvError::DeviceMemory) else { panic!() };
        assert_eq!(said, "CKR_DEVICE_MEMORY from C_Sign");
    }
}
