//! Names in an index: escaped so that no name can be taken for another, or for a part of the index.

use std::borrow::Cow;
use std::fmt::Write;

/// As `sha256sum` writes names: `\\`, `\n` and `\r`, and whether there was any of them.
pub(crate) fn in_text(name: &str) -> (bool, Cow<'_, str>) {
    if !name.contains(['\\', '\n', '\r']) {
        return (false, name.into());
    }
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    (true, escaped.into())
}

/// The opposite of [`in_text`]; `None` when an escape is not one of the three.
pub(crate) fn from_text(escaped: &str) -> Option<String> {
    let mut name = String::with_capacity(escaped.len());
    let mut rest = escaped.chars();
    while let Some(next) = rest.next() {
        name.push(match next {
            '\\' => match rest.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(name)
}

/// Whether XML 1.0 can hold a name and gives it back as it was.
pub(crate) fn fits_xml(name: &str) -> bool {
    !name.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// The value of an attribute: its name (`percorso`, or `percorso-escape` where XML cannot hold the
/// value as it is) and its text, markup escaped.
pub(crate) fn attribute(name: &str, value: &str) -> String {
    if fits_xml(value) {
        return format!("{name}=\"{}\"", markup(value));
    }
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                write!(escaped, "\\u{{{:x}}}", u32::from(c)).expect("writing to a String");
            }
            c => escaped.push(c),
        }
    }
    format!("{name}-escape=\"{}\"", markup(&escaped))
}

/// The opposite of the escapes of [`attribute`]; `None` when one is malformed.
pub(crate) fn from_attribute(escaped: &str) -> Option<String> {
    let mut name = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find('\\') {
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            name.push('\\');
            rest = after;
        } else {
            let (digits, after) = rest.strip_prefix("u{")?.split_once('}')?;
            let plain = digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
            name.push(char::from_u32(number)?);
            rest = after;
        }
    }
    name.push_str(rest);
    Some(name)
}

/// Text with the characters of markup escaped.
pub(crate) fn markup(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"']) {
        return text.into();
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;").into()
}

/// A name in an error or report: control characters are shown, not sent to the screen.
pub(crate) fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control() || turns_text(c) {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// Characters that change the direction of what follows (Unicode TR 36, 2.3).
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_as_documented() {
        assert_eq!(in_text("a b"), (false, "a b".into()));
        assert_eq!(in_text("a\nb\\"), (true, "a\\nb\\\\".into()));
        assert_eq!(attribute("percorso", "a<&\">"), "percorso=\"a&lt;&amp;&quot;&gt;\"");
        assert_eq!(attribute("percorso", "a\n\\"), "percorso-escape=\"a\\u{a}\\\\\"");
        for wrong in ["\\", "\\x", "\\u", "\\u{", "\\u{}", "\\u{d800}", "\\u{+a}", "\\u{1234567}"] {
            assert_eq!(from_attribute(wrong), None, "{wrong}");
        }
        assert_eq!(from_text("a\\t"), None);
        assert_eq!(shown("a\u{1b}[2J\u{202e}è"), "a\\u{1b}[2J\\u{202e}è");
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            prop_assert_eq!(from_text(&in_text(&name).1), Some(name.clone()));
            let attribute = attribute("n", &name);
            let (key, value) = attribute.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap();
            let plain = value.replace("&quot;", "\"").replace("&gt;", ">");
            let plain = plain.replace("&lt;", "<").replace("&amp;", "&");
            if key == "n" {
                prop_assert_eq!(&plain, &name);
                prop_assert!(fits_xml(&name));
            } else {
                prop_assert_eq!(from_attribute(&plain), Some(name));
            }
        }
    }
}
