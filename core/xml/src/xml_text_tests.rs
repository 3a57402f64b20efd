//! Hostile XML is refused with a typed finding, quickly and in little memory.

use proptest::prelude::*;

use crate::fixtures::*;
use crate::xml_text::{self, Keep, Limits};
use crate::{Communication, Finding, Schema, XmlError};

fn codes(bytes: &[u8]) -> Vec<String> {
    match Communication::from_xml(bytes) {
        Ok(_) => Vec::new(),
        Err(XmlError::NotACommunication { findings }) => {
            findings.into_iter().map(|finding| finding.code).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_read_again() {
    let communication = clean();
    let bytes = communication.to_xml();
    assert_eq!(bytes, communication.to_xml());
    assert_eq!(Communication::from_xml(&bytes).unwrap(), communication);
    assert_eq!(Schema::embedded().validate(&bytes), Vec::<Finding>::new());
    // A byte-order mark is worth a note, not a refusal.
    let marked = [b"\xef\xbb\xbf".as_slice(), &bytes].concat();
    assert_eq!(Communication::from_xml(&marked).unwrap(), communication);
}

/// Lines of 76 columns, spaces around, comments between: all of that is base64 in XML.
#[test]
fn a_mark_may_be_folded() {
    let xml = clean_xml();
    let start = xml.find("MII").unwrap();
    let end = xml.find("</MarcaTemporale>").unwrap();
    let lines: Vec<&[u8]> = xml.as_bytes()[start..end].chunks(76).collect();
    let folded = String::from_utf8(lines.join(&b"\r\n    "[..])).unwrap();
    for mark in [format!("\n{folded}\n"), folded.replace("\r\n    ", "<!-- -->\t")] {
        let xml = format!("{}{mark}{}", &xml[..start], &xml[end..]);
        assert_eq!(lines_of(&xml), Vec::<String>::new());
        assert_eq!(Communication::from_xml(xml.as_bytes()).unwrap(), clean());
        let wrong = xml.replacen("MII", "M!I", 1);
        assert_eq!(lines_of(&wrong).len(), 1);
        let short = xml.replacen("MII", "MI", 1);
        assert_eq!(lines_of(&short).len(), 1);
        assert_eq!(Schema::embedded().validate(short.as_bytes()).len(), 1);
    }
}

fn lines_of(xml: &str) -> Vec<String> {
    lines(&controlled(xml.as_bytes()))
}

#[test]
fn document_types_and_entities_are_refused() {
    let laughs = "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><l>&b;</l>";
    let outside = "<!DOCTYPE l SYSTEM 'file:///etc/passwd'><l/>";
    let entity = "<!DOCTYPE l [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><l>&x;</l>";
    for text in [laughs, outside, entity, "<?xml version='1.0'?><!DOCTYPE l><l/>"] {
        assert_eq!(codes(text.as_bytes()), ["xml.doctype"], "{text}");
    }
}

#[test]
fn other_encodings_are_refused() {
    let utf16: Vec<u8> = clean_xml().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf32: Vec<u8> = "<a/>".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let marked = [b"\xff\xfe".as_slice(), &utf16].concat();
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe8</a>";
    for bytes in [&utf16, &utf32, &marked, &latin.to_vec(), &b"\x4c\x6f\xa7\x94\x93".to_vec()] {
        assert_eq!(codes(bytes), ["xml.encoding"]);
    }
    // Without a declaration it is UTF-8, which this is not.
    assert_eq!(codes(b"<a>\xe8</a>"), ["xml.not_well_formed"]);
}

#[test]
fn a_million_elements_in_each_other_are_refused() {
    let deep = "<a>".repeat(1_000_000);
    assert_eq!(codes(deep.as_bytes()), ["xml.beyond_limit"]);
    let wide = format!("<a>{}</a>", "<b/>".repeat(1_000_000));
    assert_eq!(codes(wide.as_bytes()), ["xml.beyond_limit"]);
    let attributes: String = (0..100_000).map(|number| format!(" a{number}='1'")).collect();
    assert_eq!(codes(format!("<a{attributes}/>").as_bytes()), ["xml.beyond_limit"]);
    let namespaces: String = (0..100_000).map(|n| format!(" xmlns:a{n}='urn:{n}'")).collect();
    assert_eq!(codes(format!("<a{namespaces}/>").as_bytes()), ["xml.beyond_limit"]);
    let name = "a".repeat(1_000_000);
    assert_eq!(codes(format!("<{name}/>").as_bytes()), ["xml.beyond_limit"]);
}

#[test]
fn a_file_that_is_too_large_is_not_parsed() {
    let limits = Limits { bytes: 10, ..Limits::default() };
    let pass = xml_text::read(b"<aaaaaaaaa/>", None, Keep::Elements, &limits);
    assert_eq!(pass.problems[0].problem.code(), "xml.too_large");
    assert_eq!(codes(&vec![b' '; (5 << 20) + 1]), ["xml.too_large"]);
}

#[test]
fn findings_are_counted_and_their_number_is_limited() {
    let types = "<TipoDocumento>x</TipoDocumento>".repeat(5_000);
    let xml = clean_xml().replace("<TipoDocumento>D09</TipoDocumento>", &types);
    let findings = controlled(xml.as_bytes());
    assert_eq!(findings.len(), 201);
    assert_eq!(findings[200].code, "controllo.more");
}

#[test]
fn a_long_value_is_not_quoted_whole() {
    let xml = clean_xml().replace("Via Roma 1", &"Via Roma ".repeat(100_000));
    let findings = controlled(xml.as_bytes());
    assert!(findings.iter().all(|finding| finding.text.len() < 1_000));
    let xml = clean_xml().replace("</MarcaTemporale>", &"?".repeat(1 << 20));
    assert!(controlled(xml.as_bytes()).iter().all(|finding| finding.text.len() < 1_000));
}

#[test]
fn nothing_but_a_whole_file_is_read() {
    let bytes = clean().to_xml();
    // The last byte is a line feed.
    for length in 0..bytes.len() - 1 {
        assert!(Communication::from_xml(&bytes[..length]).is_err(), "{length} bytes");
    }
    for hostile in ["", " ", "\0", "<", "<a", "]]>", "<a/><a/>", "testo", "<a xmlns:x='x' x:y=''/>"]
    {
        assert!(Communication::from_xml(hostile.as_bytes()).is_err(), "{hostile:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Communication::from_xml(&bytes);
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(index in 0_usize..3_000, byte in any::<u8>()) {
        let mut bytes = clean().to_xml();
        let index = index % bytes.len();
        bytes[index] = byte;
        if let Ok(read) = Communication::from_xml(&bytes) {
            prop_assert_eq!(Communication::from_xml(&read.to_xml()).unwrap(), read);
        }
        let _ = controlled(&bytes);
    }

    #[test]
    fn any_text_is_escaped(text in "\\PC{1,60}") {
        let Ok(luogo) = crate::Testo::parse(&text) else { return Ok(()) };
        let mut communication = clean();
        communication.luogo = Some(luogo);
        let bytes = communication.to_xml();
        prop_assert_eq!(Communication::from_xml(&bytes).unwrap(), communication);
        prop_assert_eq!(Schema::embedded().validate(&bytes), Vec::<Finding>::new());
    }
}
