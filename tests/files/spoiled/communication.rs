//! Communications that `controlla` is given: the XML itself, the imprint, the mark.

use std::fs;

use ceralacca::signing::DigestAlgorithm::{Sha256, Sha512};
use serde_json::json;

use super::{Case, Expect};
use crate::crafted::{Pair, Pieces, element, mark, token};
use crate::stage::{Served, Stage};
use Expect::{Clean, Error, Finding, Noted};

/// The sample of the article in Fisco Oggi: it has a `g`.
const SAMPLE: &str = "33ag16b450c7fc2e4d6ef87ac122ffebccf47abf4de5a7faed47fcc8dae398ac";

/// What is wrong, what is said, and the bytes.
type Text = (&'static str, Expect, Vec<u8>);

pub fn cases(stage: &Stage, served: &Served, pieces: &Pieces) -> Vec<Case> {
    let mut all = imprints(pieces);
    all.extend(marks(served, pieces));
    all.extend(forms(&pieces.xml));
    all.extend(floods(&pieces.xml));
    (0..)
        .zip(all)
        .map(|(number, (what, expect, bytes))| {
            let name = format!("comunicazione-{number}.xml");
            fs::write(stage.path(&name), bytes).unwrap();
            Case::new(what, expect, &["controlla", &name, "--into", "controllati", "--json"])
        })
        .collect()
}

fn imprints(pieces: &Pieces) -> Vec<Text> {
    let right = Pair::new(Sha256, &pieces.signed, "TSR", &pieces.tsr);
    let of = |impronta: &str| {
        let pair = Pair { impronta: impronta.to_owned(), ..right.clone() };
        pieces.with(&pair, 1).into_bytes()
    };
    let plain = right.impronta.as_str();
    let nothing = crate::crafted::digest(Sha256, b"");
    vec![
        ("the sample of the seed", Finding("impronta.not_hexadecimal"), of(SAMPLE)),
        ("an imprint that is too short", Finding("impronta.length"), of(&plain[..62])),
        ("an imprint of an odd length", Finding("impronta.length"), of(&plain[..63])),
        ("an imprint that is too long", Finding("impronta.length"), of(&format!("{plain}00"))),
        ("no imprint", Finding("impronta.length"), of("")),
        ("an imprint with 0x", Finding("impronta.not_hexadecimal"), of(&format!("0x{plain}"))),
        ("an imprint in colons", Finding("impronta.not_hexadecimal"), of("d1:6f:ea:21")),
        ("an imprint of nothing", Finding("impronta.of_nothing"), of(&hex::encode(nothing))),
        ("an imprint in capitals", Noted("impronta.upper_case"), of(&plain.to_uppercase())),
    ]
}

fn marks(served: &Served, pieces: &Pieces) -> Vec<Text> {
    let signed = &pieces.signed;
    let with = |marca: &[u8]| pieces.with(&Pair::new(Sha256, signed, "TSR", marca), 1).into_bytes();
    let spoiled = |fault: &str| {
        served.faults(&json!([{ "route": "*", "kind": { "tsa": fault } }]));
        with(&mark(served, Sha256, signed))
    };
    let other = |data: &[u8]| with(&mark(served, Sha256, data));
    let refused = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02];
    let invalid = || Finding("marca.invalid");
    vec![
        ("a mark over other data", Finding("marca.other_imprint"), other(b"something else")),
        ("over the unsigned index", Finding("marca.other_imprint"), other(&pieces.index)),
        ("a wrong imprint", Finding("marca.other_imprint"), spoiled("wrong_imprint")),
        (
            "with another hash",
            Finding("marca.other_algorithm"),
            with(&mark(served, Sha512, signed)),
        ),
        ("status rejected", Finding("marca.unreadable"), with(&refused)),
        ("rejected by the authority", Finding("marca.unreadable"), spoiled("rejected")),
        ("without ESS", invalid(), spoiled("no_ess")),
        ("of a future time", invalid(), spoiled("future_time")),
        ("by another certificate", invalid(), spoiled("other_certificate")),
        ("with a wrong signature", invalid(), spoiled("damaged")),
        ("without its certificate", Noted("marca.indeterminate"), spoiled("no_certificate")),
        ("with fractions of the second", Clean, spoiled("fractional_seconds")),
        ("no mark but a signed file", Finding("marca.unreadable"), with(signed)),
        ("half a mark", Finding("marca.unreadable"), with(&pieces.tsr[..pieces.tsr.len() / 2])),
        ("a mark and more", Finding("marca.unreadable"), with(&[&pieces.tsr[..], b"x"].concat())),
        ("not a mark", Finding("marca.unreadable"), with(b"Mime-Version: 1.0\r\n\r\n")),
        ("a TST that is called TSR", Finding("marca.other_format"), with(&token(&pieces.tsr))),
        (
            "not base64",
            Finding("marca.base64"),
            element(
                &pieces.xml,
                "MarcaTemporale",
                "<MarcaTemporale formato=\"TSR\">MII*</MarcaTemporale>",
            )
            .into_bytes(),
        ),
    ]
}

/// The XML is not what it should be, whatever it says.
fn forms(xml: &str) -> Vec<Text> {
    let body = xml.split_once("?>").unwrap().1;
    let with = |head: &str| format!("{head}{body}").into_bytes();
    let declared = |encoding: &str| {
        format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{body}").into_bytes()
    };
    let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(xml.encode_utf16()).flat_map(order).collect()
    };
    let latin = declared("UTF-8").into_iter().chain(*b"<!-- citt\xe0 -->").collect();
    let external = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    let unknown = element(xml, "Tipo", "<Tipo>&a;</Tipo>").into_bytes();
    let malformed = || Finding("xml.not_well_formed");
    vec![
        ("a DTD", Finding("xml.doctype"), with("<!DOCTYPE ComunicazioneImpronta>")),
        ("an external entity", Finding("xml.doctype"), with(external)),
        ("entities of entities", Finding("xml.doctype"), with(laughs)),
        ("an entity nobody declared", malformed(), unknown),
        ("ISO-8859-1 by its own word", Finding("xml.encoding"), declared("ISO-8859-1")),
        ("UTF-16, big end first", Finding("xml.encoding"), wide(u16::to_be_bytes)),
        ("UTF-16, little end first", Finding("xml.encoding"), wide(u16::to_le_bytes)),
        ("bytes that are not UTF-8", malformed(), latin),
        (
            "a byte-order mark",
            Noted("xml.byte_order_mark"),
            [b"\xef\xbb\xbf", xml.as_bytes()].concat(),
        ),
        ("XML 1.1", Finding("xml.version"), with("<?xml version=\"1.1\" encoding=\"UTF-8\"?>")),
        ("half of it", malformed(), xml.as_bytes()[..xml.len() / 2].to_vec()),
        ("nothing", malformed(), Vec::new()),
        ("zeros", malformed(), vec![0; 4096]),
        ("no XML", malformed(), b"33ag16b450c7fc2e".to_vec()),
        ("twice", malformed(), [xml.as_bytes(), xml.as_bytes()].concat()),
    ]
}

/// More of something than any communication has.
fn floods(xml: &str) -> Vec<Text> {
    let million = 1_000_000;
    let inside = |text: &str| xml.replace("<Tipo>", &format!("{text}<Tipo>")).into_bytes();
    let attributes: String = (0..100_000).map(|number| format!(" a{number}=\"\"")).collect();
    let limit = || Finding("xml.beyond_limit");
    vec![
        ("a million nested elements", limit(), "<a>".repeat(million).into_bytes()),
        ("a million elements", Finding("controllo.more"), inside(&"<a/>".repeat(million))),
        ("100,000 attributes", limit(), inside(&format!("<a{attributes}/>"))),
        ("a name of a megabyte", limit(), inside(&format!("<{}/>", "a".repeat(million)))),
        ("ten megabytes", Error("impronta.file_too_large"), vec![b' '; 10 << 20]),
    ]
}
