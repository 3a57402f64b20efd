//! What signed files are wrapped in: PEM, base64, base64 twice; taken off down to DER or BER.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A wrapping that was taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// `-----BEGIN label-----` around base64.
    Pem {
        /// `PKCS7`, `CMS`, `CERTIFICATE`.
        label: String,
    },
    /// Base64, with or without line ends.
    Base64,
}

/// Takes off what is around the bytes, at most four layers, outermost first.
///
/// Bytes that are wrapped in nothing, or in something else, come back as they are. The result is
/// never longer than `bytes`.
pub fn decode(bytes: &[u8]) -> (Vec<Layer>, Cow<'_, [u8]>) {
    let mut layers = Vec::new();
    let mut inner = Cow::Borrowed(bytes);
    while layers.len() < MAX_LAYERS {
        match unwrap_once(&inner) {
            Some((layer, decoded)) => {
                layers.push(layer);
                inner = Cow::Owned(decoded);
            }
            None => break,
        }
    }
    (layers, inner)
}

/// Whether the start of a file looks like text that [`decode`] would take off.
pub fn is_armoured(start: &[u8]) -> bool {
    let text = start.strip_prefix(BOM).unwrap_or(start).trim_ascii_start();
    !text.is_empty()
        && (text.starts_with(BEGIN)
            || text.iter().take(LOOKED_AT).all(|byte| is_base64(*byte) || is_space(*byte)))
}

fn unwrap_once(bytes: &[u8]) -> Option<(Layer, Vec<u8>)> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    if text.trim_ascii_start().starts_with(BEGIN) {
        return pem(text.trim_ascii());
    }
    if !is_armoured(text) {
        return None;
    }
    base64(text).map(|decoded| (Layer::Base64, decoded))
}

/// One PEM block and nothing around it but space (RFC 7468; headers as in RFC 1421 are refused).
fn pem(text: &[u8]) -> Option<(Layer, Vec<u8>)> {
    let after = text.strip_prefix(BEGIN)?;
    let dashes = find(after, DASHES)?;
    let label = after.get(..dashes).filter(|label| label.len() <= MAX_LABEL)?;
    let rest = &after[dashes + DASHES.len()..];
    let end = [b"-----END ", label, DASHES].concat();
    let body = rest.strip_suffix(end.as_slice())?;
    let label = String::from_utf8(label.to_vec()).ok()?;
    base64(body).map(|decoded| (Layer::Pem { label }, decoded))
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = text.iter().copied().filter(|byte| !is_space(*byte)).collect();
    if plain.is_empty() {
        return None;
    }
    STANDARD.decode(&plain).or_else(|_| UNPADDED.decode(&plain)).ok()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).take(MAX_LABEL + 1).position(|window| window == what)
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || [b'+', b'/', b'='].contains(&byte)
}

const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
const BOM: &[u8] = b"\xef\xbb\xbf";
const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const MAX_LABEL: usize = 64;
const MAX_LAYERS: usize = 4;
/// Bytes that are looked at before a whole file is taken for base64.
const LOOKED_AT: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DER: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x05];

    #[test]
    fn layers_come_off_one_by_one() {
        let once = STANDARD.encode(DER);
        let twice = STANDARD.encode(&once);
        let pem = format!("\u{feff}-----BEGIN PKCS7-----\r\n{once}\r\n-----END PKCS7-----\n");
        let label = || Layer::Pem { label: "PKCS7".to_owned() };
        for (text, layers) in [
            (once.clone().into_bytes(), vec![Layer::Base64]),
            (format!(" {}\r\n{}\n", &once[..4], &once[4..]).into_bytes(), vec![Layer::Base64]),
            (once.trim_end_matches('=').as_bytes().to_vec(), vec![Layer::Base64]),
            (twice.into_bytes(), vec![Layer::Base64, Layer::Base64]),
            (pem.clone().into_bytes(), vec![label()]),
            (STANDARD.encode(pem).into_bytes(), vec![Layer::Base64, label()]),
            (DER.to_vec(), vec![]),
        ] {
            let found = decode(&text);
            assert_eq!((found.0, &*found.1), (layers, DER), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_armour_stays() {
        for text in ["", " ", "a document", "-----BEGIN X-----", "-----BEGIN X-----\nMAA=\n", "="] {
            assert_eq!(decode(text.as_bytes()), (vec![], Cow::Borrowed(text.as_bytes())), "{text}");
        }
        let bomb = (0..9).fold(DER.to_vec(), |text, _| STANDARD.encode(text).into_bytes());
        assert_eq!(decode(&bomb).0.len(), MAX_LAYERS);
    }

    proptest! {
        #[test]
        fn any_bytes_end(input in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&input).1.len() <= input.len());
        }
    }
}
