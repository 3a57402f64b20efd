//! Names of keys: the PKCS#11 URI (RFC 7512), as far as it names a token and a certificate on it.
//!
//! A PIN has no place in a name that is written into journals and scripts: `pin-value` and
//! `pin-source` are refused, and no error repeats the text.

use std::fmt;

use crate::error::TokenError;

/// Longer names are refused.
const LONGEST: usize = 4096;

/// A key by its token and its certificate there. What is absent fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUri {
    /// `token`: the token's label.
    pub token: Option<String>,
    /// `manufacturer` of the token.
    pub manufacturer: Option<String>,
    /// `model` of the token.
    pub model: Option<String>,
    /// `serial` number of the token.
    pub serial: Option<String>,
    /// `id`: `CKA_ID` of certificate and key.
    pub id: Option<Vec<u8>>,
    /// `object`: `CKA_LABEL` of the certificate.
    pub object: Option<String>,
}

impl KeyUri {
    /// Reads a name.
    ///
    /// # Errors
    /// `pkcs11.uri`.
    pub fn parse(text: &str) -> Result<KeyUri, TokenError> {
        if text.len() > LONGEST {
            return Err(wrong(format!("more than {LONGEST} characters")));
        }
        let Some(rest) = text.strip_prefix("pkcs11:") else {
            return Err(wrong("it does not begin with pkcs11:"));
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !query.is_empty() {
            return Err(refused_in_query(query));
        }
        let mut uri = KeyUri::default();
        for part in path.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| wrong("a part of it is not of the form name=value"))?;
            uri.take(name, decoded(name, value)?)?;
        }
        Ok(uri)
    }

    fn take(&mut self, name: &str, value: Vec<u8>) -> Result<(), TokenError> {
        if name == "id" {
            return set(&mut self.id, name, value);
        }
        let field = match name {
            "token" => &mut self.token,
            "manufacturer" => &mut self.manufacturer,
            "model" => &mut self.model,
            "serial" => &mut self.serial,
            "object" => &mut self.object,
            "type" if value == b"private" || value == b"cert" => return Ok(()),
            "type" => return Err(wrong("its type is neither private nor cert")),
            "pin-value" | "pin-source" => return Err(refused_in_query(name)),
            _ => return Err(unknown(name)),
        };
        let value = String::from_utf8(value).map_err(|_| wrong(format!("{name} is not UTF-8")))?;
        set(field, name, value)
    }

    /// The token that it names, for people.
    pub fn token_text(&self) -> String {
        let parts = [
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("serial", &self.serial),
        ];
        described(parts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))))
    }

    /// The certificate that it names, for people.
    pub fn certificate_text(&self) -> String {
        let id = self.id.as_ref().map(|id| ("id", hex::encode(id)));
        let object = self.object.clone().map(|object| ("object", object));
        described(id.into_iter().chain(object))
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("token", self.token.as_deref()),
            ("manufacturer", self.manufacturer.as_deref()),
            ("model", self.model.as_deref()),
            ("serial", self.serial.as_deref()),
            ("object", self.object.as_deref()),
        ];
        f.write_str("pkcs11:")?;
        let mut separator = "";
        for (name, value) in parts.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            write!(f, "{separator}{name}=")?;
            value.bytes().try_for_each(|byte| write_encoded(f, byte))?;
            separator = ";";
        }
        if let Some(id) = &self.id {
            write!(f, "{separator}id=")?;
            id.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))?;
        }
        Ok(())
    }
}

fn write_encoded(f: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            write!(f, "{}", char::from(byte))
        }
        _ => write!(f, "%{byte:02X}"),
    }
}

fn described(parts: impl Iterator<Item = (&'static str, String)>) -> String {
    let parts: Vec<String> = parts.map(|(name, value)| format!("{name} {value:?}")).collect();
    if parts.is_empty() { "any".to_owned() } else { parts.join(", ") }
}

fn set<T>(field: &mut Option<T>, name: &str, value: T) -> Result<(), TokenError> {
    if field.replace(value).is_some() {
        return Err(wrong(format!("{name} is there twice")));
    }
    Ok(())
}

fn decoded(name: &str, value: &str) -> Result<Vec<u8>, TokenError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let pair = rest.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair
            .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let known = NAMES.iter().find(|known| **known == name).unwrap_or(&"a part");
        bytes.push(byte.ok_or_else(|| wrong(format!("% without two digits in {known}")))?);
        rest = &rest[2..];
    }
    Ok(bytes)
}

const NAMES: [&str; 7] = ["token", "manufacturer", "model", "serial", "object", "id", "type"];

/// Nothing that may stand in the query has a place here: the first that is known is named.
fn refused_in_query(query: &str) -> TokenError {
    let names = || query.split('&').map(|part| part.split('=').next().unwrap_or_default());
    let known = ["pin-value", "pin-source", "module-path", "module-name"];
    match known.into_iter().find(|known| names().any(|name| name == *known)).unwrap_or_default() {
        name @ ("pin-value" | "pin-source") => {
            wrong(format!("{name}: a PIN is asked for, and never part of a name"))
        }
        name @ ("module-path" | "module-name") => {
            wrong(format!("{name}: the library is in the settings"))
        }
        _ => names().next().map_or_else(|| unknown(""), unknown),
    }
}

/// An unknown name could be anything, a PIN as well: it is told only when it looks like a name.
fn unknown(name: &str) -> TokenError {
    let plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let shown = if plain { name } else { "a part" };
    wrong(format!("{shown} is not known; the names are {}", NAMES.join(", ")))
}

fn wrong(problem: impl Into<String>) -> TokenError {
    TokenError::Uri { problem: problem.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        let text =
            "pkcs11:token=Carta%20n.%201;manufacturer=A%3BB;serial=00ff;object=firma;id=%01%FF";
        let uri = KeyUri::parse(text).unwrap();
        assert_eq!(uri.token.as_deref(), Some("Carta n. 1"));
        assert_eq!(uri.manufacturer.as_deref(), Some("A;B"));
        assert_eq!(uri.id, Some(vec![1, 255]));
        assert_eq!(uri.to_string(), text);
        assert_eq!(KeyUri::parse("pkcs11:").unwrap(), KeyUri::default());
        let private = KeyUri::parse("pkcs11:serial=1;type=private;id=A%42").unwrap();
        assert_eq!(private.id, Some(b"AB".to_vec()));
        assert_eq!(private.token_text(), "serial \"1\"");
    }

    #[test]
    fn pins_and_what_is_unknown_are_refused_without_repeating_them() {
        let cases = [
            ("pkcs11:serial=1?pin-value=Zeta4711", "pin-value: a PIN is asked for"),
            ("pkcs11:serial=1?pin-source=file:/Zeta4711", "pin-source: a PIN is asked for"),
            ("pkcs11:serial=1;pin-value=Zeta4711", "pin-value: a PIN is asked for"),
            ("pkcs11:?module-path=/Zeta4711.so", "the library is in the settings"),
            ("pkcs11:?x=1&pin-value=Zeta4711", "pin-value: a PIN is asked for"),
            ("pkcs11:?Zeta4711", "a part is not known"),
            ("pkcs11:slot-id=Zeta4711", "slot-id is not known"),
            ("pkcs11:Zeta4711=1", "a part is not known"),
            ("pkcs11:serial=%4", "% without two digits in serial"),
            ("pkcs11:Zeta4711=%+1", "% without two digits in a part"),
            ("pkcs11:serial=%C3", "serial is not UTF-8"),
            ("pkcs11:serial=1;serial=Zeta4711", "serial is there twice"),
            ("pkcs11:Zeta4711", "not of the form name=value"),
            ("pkcs11:type=public", "neither private nor cert"),
            ("Zeta4711", "does not begin with pkcs11:"),
        ];
        for (text, expected) in cases {
            let error = KeyUri::parse(text).unwrap_err();
            let TokenError::Uri { problem } = &error else { panic!("{error:?}") };
            assert!(problem.contains(expected), "{text}: {problem}");
            assert!(!format!("{error:?}").contains("Zeta4711"), "{error:?}");
        }
        KeyUri::parse(&format!("pkcs11:object={}", "a".repeat(LONGEST))).unwrap_err();
    }
}
