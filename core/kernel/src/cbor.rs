//! Deterministic CBOR (RFC 8949 §4.2.1) of a [`Value`]: one value, one sequence of bytes.
//!
//! Integers and lengths are minimal, lengths definite, map keys in bytewise order of their encoding,
//! floats 64 bits. A handle is tag 27 (RFC 8949 §3.4, "serialised object") around `[kind, id]`.

use cbor4ii::core::dec::{self, Decode};
use cbor4ii::core::enc::{self, Encode};
use cbor4ii::core::{types, utils};

use crate::{Handle, Limits, Value};

const HANDLE_TAG: u64 = 27;

/// The canonical bytes of a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut writer = utils::BufWriter::new(Vec::new());
    write(value, &mut writer).expect("writing to memory does not fail");
    writer.into_inner()
}

/// Reads a value; `None` when the bytes are not CBOR of this kind, or beyond [`Limits::DEFAULT`].
pub fn decode(bytes: &[u8]) -> Option<Value> {
    decode_within(bytes, Limits::DEFAULT.nodes)
}

/// Reads what this program wrote itself: an entry of a journal holds several arguments and a result,
/// each up to [`Limits::DEFAULT`]. There are never more values than bytes.
pub fn decode_own(bytes: &[u8]) -> Option<Value> {
    decode_within(bytes, bytes.len())
}

fn decode_within(bytes: &[u8], mut nodes: usize) -> Option<Value> {
    let mut reader = utils::SliceReader::new(bytes);
    let value = read(&mut reader, Limits::DEFAULT.depth * 2, &mut nodes)?;
    let rest = dec::Read::fill(&mut reader, 1).ok()?;
    rest.as_ref().is_empty().then_some(value)
}

type Writer = utils::BufWriter;
type Written = Result<(), enc::Error<<Writer as enc::Write>::Error>>;

fn write(value: &Value, writer: &mut Writer) -> Written {
    match value {
        Value::Null => types::Null.encode(writer),
        Value::Bool(value) => value.encode(writer),
        Value::Int(value) => value.encode(writer),
        Value::Float(value) => value.encode(writer),
        Value::Str(text) => text.as_str().encode(writer),
        Value::Bytes(bytes) => types::Bytes(bytes.as_slice()).encode(writer),
        Value::List(items) => {
            types::Array::bounded(items.len(), writer)?;
            items.iter().try_for_each(|item| write(item, writer))
        }
        Value::Map(map) => {
            types::Map::bounded(map.len(), writer)?;
            let mut entries: Vec<_> = map.iter().collect();
            // A shorter key has a smaller length prefix, so it sorts first.
            entries.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
            entries.into_iter().try_for_each(|(key, item)| {
                key.as_str().encode(writer)?;
                write(item, writer)
            })
        }
        Value::Handle(handle) => types::Tag(HANDLE_TAG, Pair(handle)).encode(writer),
    }
}

struct Pair<'a>(&'a Handle);

impl Encode for Pair<'_> {
    fn encode<W: enc::Write>(&self, writer: &mut W) -> Result<(), enc::Error<W::Error>> {
        types::Array::bounded(2, writer)?;
        self.0.kind.as_str().encode(writer)?;
        // The id is embedded as a byte string of its own canonical encoding.
        types::Bytes(encode(&self.0.id).as_slice()).encode(writer)
    }
}

type Reader<'a> = utils::SliceReader<'a>;

fn read(reader: &mut Reader<'_>, depth: usize, nodes: &mut usize) -> Option<Value> {
    *nodes = nodes.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    let first = *dec::Read::fill(reader, 1).ok()?.as_ref().first()?;
    Some(match first >> 5 {
        0 | 1 => Value::Int(i64::decode(reader).ok()?),
        2 => Value::Bytes(<types::Bytes<&[u8]>>::decode(reader).ok()?.0.to_vec()),
        3 => Value::Str(<&str>::decode(reader).ok()?.to_owned()),
        4 => {
            let length = types::Array::len(reader).ok()??;
            (0..length).map(|_| read(reader, depth, nodes)).collect::<Option<Vec<_>>>()?.into()
        }
        5 => {
            let length = types::Map::len(reader).ok()??;
            let entry = |_| {
                let key = <&str>::decode(reader).ok()?.to_owned();
                Some((key, read(reader, depth, nodes)?))
            };
            Value::Map((0..length).map(entry).collect::<Option<_>>()?)
        }
        6 => {
            let tag = types::Tag::tag(reader).ok()?;
            let pair = types::Array::len(reader).ok()??;
            if (tag, pair) != (HANDLE_TAG, 2) {
                return None;
            }
            let kind = <&str>::decode(reader).ok()?.to_owned();
            let id = decode_inner(<types::Bytes<&[u8]>>::decode(reader).ok()?.0, depth, nodes)?;
            Value::Handle(Handle { kind, id: Box::new(id) })
        }
        _ => match first {
            0xf4 | 0xf5 => Value::Bool(bool::decode(reader).ok()?),
            0xf6 => {
                dec::Read::advance(reader, 1);
                Value::Null
            }
            0xfb => Value::Float(f64::decode(reader).ok()?),
            _ => return None,
        },
    })
}

fn decode_inner(bytes: &[u8], depth: usize, nodes: &mut usize) -> Option<Value> {
    let mut reader = utils::SliceReader::new(bytes);
    let value = read(&mut reader, depth, nodes)?;
    dec::Read::fill(&mut reader, 1).ok()?.as_ref().is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_filter("comparable", |f| !f.is_nan()).prop_map(Value::Float),
            ".*".prop_map(Value::Str),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                proptest::collection::btree_map(".*", inner.clone(), 0..8).prop_map(Value::Map),
                ("[a-z]+", inner)
                    .prop_map(|(kind, id)| { Value::Handle(Handle { kind, id: Box::new(id) }) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in any_value()) {
            prop_assert_eq!(decode(&encode(&value)), Some(value));
        }

        #[test]
        fn hostile_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn keys_are_in_order_of_their_encoding() {
        let map = Value::from([("aa", Value::Int(1)), ("b", Value::Int(2))]);
        assert_eq!(hex::encode(encode(&map)), "a2616202626161".to_owned() + "01");
    }

    #[test]
    fn the_largest_value_is_read_inside_an_entry() {
        let largest = Value::List(vec![Value::Null; Limits::DEFAULT.nodes - 1]);
        largest.check(&Limits::DEFAULT).unwrap();
        let all = Value::List(vec![largest.clone(), largest.clone(), largest.clone()]);
        let entry = Value::from([("arguments", all), ("outcome", largest)]);
        assert_eq!(decode_own(&encode(&entry)).as_ref(), Some(&entry));
        assert_eq!(decode(&encode(&entry)), None);
    }

    #[test]
    fn a_long_length_allocates_nothing() {
        assert_eq!(decode(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(decode(&[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
