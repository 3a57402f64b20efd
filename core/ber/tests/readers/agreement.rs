//! The same bytes get the same verdict from every reader, where they look at the same.

use std::io::Read;

use ceralacca_ber::limits::MAX_DEPTH;
use ceralacca_ber::tag::{CONSTRUCTED, OCTET_STRING, OCTET_STRING_IN_PIECES};
use ceralacca_ber::{BerError, Element, Elements, Stream, StreamError, encode, is_der, to_der};
use proptest::prelude::*;

use super::trees::{anything, well_formed};

/// How deep an element is, its tag, and its content when it is primitive.
type Seen = (usize, u8, Option<Vec<u8>>);

/// What only a stream refuses.
const HIGH_TAG: &str = "a tag number above 30";
/// What only the rewriting refuses: it joins, and it looks at sets.
const REWRITING: [&str; 3] =
    ["OCTET STRING in pieces", "a SET of more than 64", "nested too deeply"];

proptest! {
    #[test]
    fn one_element(input in anything()) {
        let memory = Elements(&input).next().map(|one| one.map(|one| one.raw.to_vec()));
        let memory = memory.and_then(|one| one.ok_or(BerError::Truncated));
        match Stream::new(Slowly(&input)).element(u64::MAX, "element") {
            Ok(raw) => prop_assert_eq!(memory, Ok(raw)),
            Err(StreamError::Truncated { at }) => {
                prop_assert_eq!(memory, Err(BerError::Truncated));
                prop_assert_eq!(at, input.len() as u64);
            }
            Err(StreamError::Malformed { reason, .. }) if reason == HIGH_TAG => {}
            Err(StreamError::Malformed { reason, .. }) => {
                prop_assert_eq!(memory.map_err(|error| error.to_string()), Err(reason));
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn everything_inside(input in anything()) {
        let memory = first(&input).and_then(|(one, _)| {
            let mut seen = Vec::new();
            in_memory(&one, 0, &mut seen).map(|()| seen)
        });
        let mut streamed = Vec::new();
        match as_it_streams(&mut Stream::new(Slowly(&input)), 0, &mut streamed) {
            Err(StreamError::Malformed { reason, .. }) if reason == HIGH_TAG => {}
            Ok(()) => prop_assert_eq!(memory.as_ref().ok(), Some(&streamed)),
            Err(error) => prop_assert!(memory.is_err(), "{:?}", error),
        }
        match (to_der(&input), memory) {
            (Err(BerError::Malformed(reason)), Ok(_)) => {
                prop_assert!(REWRITING.contains(&reason), "{}", reason);
            }
            (rewritten, memory) => prop_assert_eq!(rewritten.is_ok(), memory.is_ok()),
        }
    }

    #[test]
    fn octets(input in anything()) {
        let memory = first(&input).and_then(|(one, _)| one.octets());
        let mut streamed = Vec::new();
        let read = Stream::new(Slowly(&input)).octets(|piece| {
            streamed.extend_from_slice(piece);
            Ok::<_, StreamError>(())
        });
        prop_assert_eq!(memory.as_ref().ok(), read.as_ref().ok().map(|_| &streamed));
        if let Ok(length) = read {
            prop_assert_eq!(length, streamed.len() as u64);
            prop_assert_eq!(to_der(&input).map(|(der, _)| der), Ok(encode(OCTET_STRING, &streamed)));
        } else if matches!(input.first(), Some(&(OCTET_STRING | OCTET_STRING_IN_PIECES))) {
            prop_assert!(to_der(&input).is_err());
        }
    }

    #[test]
    fn rewriting_ends(input in anything()) {
        if let Ok((der, taken)) = to_der(&input) {
            prop_assert_eq!(taken, first(&input).unwrap().1);
            prop_assert!(der.len() <= input.len() * 2);
            prop_assert!(is_der(&der));
            prop_assert_eq!(is_der(&input), der == input);
        }
    }

    #[test]
    fn what_is_cut_short_is_cut_short(input in well_formed(), at in any::<prop::sample::Index>()) {
        let (_, length) = first(&input).unwrap();
        let cut = &input[..at.index(length)];
        prop_assert_eq!(to_der(cut), Err(BerError::Truncated));
        let streamed = Stream::new(cut).element(u64::MAX, "element");
        let high = matches!(&streamed, Err(StreamError::Malformed { reason, .. }) if reason == HIGH_TAG);
        let truncated = matches!(streamed, Err(StreamError::Truncated { .. }));
        prop_assert!(high || truncated);
    }

    #[test]
    fn what_is_written_is_read(content in prop::collection::vec(any::<u8>(), 0..70_000)) {
        let der = encode(OCTET_STRING, &content);
        prop_assert_eq!(Element::whole(&der).unwrap().content, content.as_slice());
        prop_assert!(is_der(&der));
    }
}

fn first(input: &[u8]) -> Result<(Element<'_>, usize), BerError> {
    let one = Elements(input).next()?.ok_or(BerError::Truncated)?;
    Ok((one, one.raw.len()))
}

fn in_memory(element: &Element<'_>, depth: usize, seen: &mut Vec<Seen>) -> Result<(), BerError> {
    if element.tag & CONSTRUCTED == 0 {
        seen.push((depth, element.tag, Some(element.content.to_vec())));
        return Ok(());
    }
    if depth == MAX_DEPTH {
        return Err(BerError::Malformed("nested too deeply"));
    }
    seen.push((depth, element.tag, None));
    let mut inside = element.inside();
    while let Some(one) = inside.next()? {
        in_memory(&one, depth + 1, seen)?;
    }
    Ok(())
}

fn as_it_streams<R: Read>(
    stream: &mut Stream<R>,
    depth: usize,
    seen: &mut Vec<Seen>,
) -> Result<(), StreamError> {
    let tag = stream.peek_tag()?.expect("an element");
    if tag & CONSTRUCTED == 0 {
        let content =
            stream.read(tag, u64::MAX, "primitive", |one| Ok::<_, BerError>(one.content.to_vec()));
        seen.push((depth, tag, Some(content?)));
        return Ok(());
    }
    seen.push((depth, tag, None));
    stream.enter(tag, "constructed")?;
    while stream.peek_tag()?.is_some() {
        as_it_streams(stream, depth + 1, seen)?;
    }
    stream.leave("constructed")
}

/// Gives a few bytes at a time, as a pipe does.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(7);
        self.0.read(&mut buffer[..most])
    }
}
