//! Inputs: BER that is well formed, the same with a fault, and bytes of no meaning.

use proptest::prelude::*;
use proptest::sample::select;

/// How a length is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Minimal,
    Long,
    Indefinite,
}

/// Well-formed elements, one after the other.
pub(crate) fn well_formed() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(element(), 1..4).prop_map(|all| all.concat())
}

/// Anything: well formed, damaged, cut off, or noise that looks like headers.
pub(crate) fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => well_formed(),
        3 => damaged(),
        2 => prop::collection::vec(header_byte(), 0..120),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        1 => nested(),
    ]
}

/// Well-formed elements with some bytes exchanged, or cut off.
pub(crate) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let places = prop::collection::vec((any::<prop::sample::Index>(), header_byte()), 0..3);
    (well_formed(), places, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, places, end, cut)| {
            for (place, byte) in places {
                *place.get_mut(&mut bytes) = byte;
            }
            bytes.truncate(if cut { end.index(bytes.len()) } else { usize::MAX });
            bytes
        },
    )
}

/// Elements inside each other about as deep as they may be.
fn nested() -> impl Strategy<Value = Vec<u8>> {
    (select(vec![0x30, 0x24, 0xa0]), 1_usize..40, any::<bool>()).prop_map(|(tag, depth, closed)| {
        let mut bytes = [tag, 0x80].repeat(depth);
        bytes.extend([0x04, 0x01, 0x07]);
        bytes.extend([0, 0].repeat(if closed { depth } else { depth - 1 }));
        bytes
    })
}

fn header_byte() -> impl Strategy<Value = u8> {
    select(vec![
        0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x1f, 0x24, 0x30, 0x31, 0x3f, 0x7f, 0x80, 0x81, 0x82,
        0x84, 0x88, 0x89, 0xa0, 0xbf, 0xff,
    ])
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<i8>().prop_map(|value| written(&[0x02], &value.to_be_bytes(), Form::Minimal)),
        (any::<u8>(), select(vec![0, 1, 9, 127, 128, 300]), form())
            .prop_map(|(byte, length, form)| written(&[0x04], &vec![byte; length], form)),
        Just(vec![0x05, 0x00]),
        Just(vec![0x06, 0x03, 0x55, 0x04, 0x03]),
        Just(vec![0x80, 0x01, 0x07]),
        Just(vec![0x9f, 0x85, 0x23, 0x02, 0x07, 0x08]),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let tags = vec![vec![0x30], vec![0x31], vec![0xa0], vec![0xa1], vec![0xbf, 0x81, 0x22]];
        let octets = prop::collection::vec(any::<u8>(), 0..9)
            .prop_map(|bytes| written(&[0x04], &bytes, Form::Minimal));
        let pieces = prop::collection::vec(octets, 0..4);
        prop_oneof![
            4 => (select(tags), prop::collection::vec(inner, 0..5), form())
                .prop_map(|(tag, inside, form)| written(&tag, &inside.concat(), form)),
            1 => (pieces, form()).prop_map(|(pieces, form)| written(&[0x24], &pieces.concat(), form)),
        ]
    })
}

fn form() -> impl Strategy<Value = Form> {
    select(vec![Form::Minimal, Form::Long, Form::Indefinite])
}

fn written(tag: &[u8], content: &[u8], form: Form) -> Vec<u8> {
    let length = content.len() as u32;
    match form {
        Form::Indefinite if tag[0] & 0x20 != 0 => [tag, &[0x80], content, &[0, 0]].concat(),
        // OpenSSL reads no length of 0 in the long form at the end of a file.
        _ if length == 0 => [tag, &[0]].concat(),
        Form::Minimal if length < 0x80 => [tag, &[length as u8], content].concat(),
        _ => [tag, &[0x84], &length.to_be_bytes()[..], content].concat(),
    }
}
