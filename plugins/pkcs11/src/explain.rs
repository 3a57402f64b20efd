//! The wording of every error of this plugin: code, headline, expected against found, state, next.

use ceralacca_plugin_sdk::{Explain, Report};

use crate::error::{Attempts, TokenError, TokenName};

impl Explain for TokenError {
    fn explain(&self) -> Report {
        use TokenError::*;
        let report = match self {
            NoModule | Module { .. } => explain_module(self),
            Uri { .. } | Signer { .. } | Operation { .. } => explain_request(self),
            NoToken { .. } | SeveralTokens { .. } | Removed { .. } | Token { .. } => {
                explain_token(self)
            }
            PinWrong { token, attempts } => return explain_wrong_pin(token, *attempts),
            PinLocked { .. } | PinExpired { .. } | LoginNeeded { .. } => explain_pin(self),
            _ => explain_key(self),
        };
        report.state("nothing was signed by this call")
    }
}

fn explain_module(error: &TokenError) -> Report {
    match error {
        TokenError::NoModule => {
            Report::usage("pkcs11.no_module", "no PKCS#11 library is set for the token")
                .expected("module = \"PATH\" under [plugins.pkcs11.settings] in ceralacca.toml")
                .found("none")
                .next("set the path of the library that came with the card, token or HSM")
        }
        TokenError::Module { module, problem } => Report::refused(
            "pkcs11.module",
            format!("{module} cannot be used as a PKCS#11 library"),
        )
        .expected("the library that came with the card, token or HSM, for this system")
        .found(problem)
        .next("correct `module` in ceralacca.toml, and grant with `read` what it reads"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_request(error: &TokenError) -> Report {
    match error {
        TokenError::Uri { problem } => {
            Report::usage("pkcs11.uri", "the name of the key is not one that can be used")
                .expected("a PKCS#11 URI (RFC 7512): pkcs11:serial=…;id=%01")
                .found(problem)
                .next("take the `uri` that pkcs11::certificates gives")
        }
        TokenError::Signer { problem } => {
            Report::refused("pkcs11.signer", "the signer is not one that this plugin opened")
                .expected("uri, serial, key_id and certificate_sha256")
                .found(problem)
                .next("open the signer by its PKCS#11 URI")
        }
        TokenError::Operation { asked } => {
            Report::refused("pkcs11.operation", format!("a token cannot do {asked}"))
                .expected("signer/open, or signer/sign with rsa-pkcs1-sha256")
                .found(asked)
                .next("use a release of the program that fits this plugin")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_token(error: &TokenError) -> Report {
    match error {
        TokenError::NoToken { wanted, there } => {
            Report::refused("pkcs11.no_token", format!("the token {wanted} is not there"))
                .expected(wanted)
                .found(list(there, "no token at all"))
                .next("insert the token, then run ceralacca resume")
        }
        TokenError::SeveralTokens { wanted, there } => Report::refused(
            "pkcs11.several_tokens",
            format!("more than one token answers to {wanted}"),
        )
        .expected("one token")
        .found(list(there, "none"))
        .next("name the token by its serial number: pkcs11:serial=…"),
        TokenError::Removed { token, said } => {
            Report::refused("pkcs11.removed", format!("the token {token} was removed"))
                .expected("the token, until the signature is made")
                .found(said)
                .next("insert the token again, then run ceralacca resume")
        }
        TokenError::Token { token, doing, said } => {
            Report::refused("pkcs11.token", format!("the token {token} failed while {doing}"))
                .expected("CKR_OK")
                .found(said)
                .next("look the code up in the documentation of the token, then try again")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_wrong_pin(token: &TokenName, attempts: Attempts) -> Report {
    let found = match attempts {
        Attempts::NotSaid => "another one; the token does not say how many attempts are left",
        Attempts::Fewer => "another one; fewer attempts are left than before",
        Attempts::Last => "another one; one attempt is left, the next wrong PIN locks the token",
        Attempts::NotUsed => "the PIN that it refused before; it was not tried again",
    };
    let state = match attempts {
        Attempts::NotUsed => "nothing was signed; no attempt was used up",
        _ => "nothing was signed; one attempt was used up, and none is made by itself",
    };
    Report::refused("pkcs11.pin_wrong", format!("the token {token} does not accept the PIN"))
        .expected("the PIN of this token")
        .found(found)
        .state(state)
        .next("make sure of the PIN, then run ceralacca resume and give it again")
}

fn explain_pin(error: &TokenError) -> Report {
    match error {
        TokenError::PinLocked { token } => {
            Report::refused("pkcs11.pin_locked", format!("the PIN of the token {token} is locked"))
                .expected("a PIN that can still be given")
                .found("too many wrong ones")
                .next("unlock it with the PUK, in the program that came with the token")
        }
        TokenError::PinExpired { token } => Report::refused(
            "pkcs11.pin_expired",
            format!("the PIN of the token {token} has to be changed"),
        )
        .expected("a PIN in force")
        .found("one that has expired, or the one it was delivered with")
        .next("change it in the program that came with the token"),
        TokenError::LoginNeeded { token } => {
            Report::refused("pkcs11.login_needed", format!("the token {token} wants its PIN again"))
                .expected("a token that stays open after its PIN was given")
                .found("it was reset, or another program closed it")
                .next("run ceralacca resume: the PIN is given once more")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_key(error: &TokenError) -> Report {
    match error {
        TokenError::NoKey { token, id } => Report::refused(
            "pkcs11.no_key",
            format!("the token {token} does not hold the certificate's private key"),
        )
        .expected(format!("an RSA key that belongs to the certificate with id {id}"))
        .found("none")
        .next("choose another certificate of pkcs11::certificates"),
        TokenError::NoCertificate { token, wanted, there } => Report::refused(
            "pkcs11.no_certificate",
            format!("the token {token} holds no certificate for {wanted}"),
        )
        .expected(wanted)
        .found(lines(there, "no certificate at all"))
        .next("name one of the token's certificates by its id: pkcs11:serial=…;id=%01"),
        TokenError::SeveralCertificates { token, wanted, there } => Report::refused(
            "pkcs11.several_certificates",
            format!("more than one certificate of the token {token} answers to {wanted}"),
        )
        .expected("one certificate")
        .found(lines(there, "none"))
        .next("name the certificate by its id: pkcs11:serial=…;id=%01"),
        TokenError::Mechanism { token, found } => Report::refused(
            "pkcs11.mechanism",
            format!("the token {token} does not make RSA signatures with this key"),
        )
        .expected("an RSA key with CKM_SHA256_RSA_PKCS or CKM_RSA_PKCS")
        .found(found)
        .next("choose a certificate with an RSA key"),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn list(tokens: &[TokenName], none: &str) -> String {
    lines(&tokens.iter().map(ToString::to_string).collect::<Vec<_>>(), none)
}

fn lines(texts: &[String], none: &str) -> String {
    if texts.is_empty() { none.to_owned() } else { texts.join("\n") }
}
