//! What is read here, OpenSSL reads the same. Runs when `CERALACCA_JUDGES` is set.

use std::fs;
use std::process::Command;

use ceralacca_ber::tag::CONSTRUCTED;
use ceralacca_ber::{BerError, Elements, Header, to_der};
use proptest::prelude::*;

use super::trees::{damaged, well_formed};

/// Offset, depth, bytes of the header, bytes of the content, whether it is constructed.
type Line = (usize, usize, usize, Option<u64>, bool);

/// What this program refuses and OpenSSL reads.
const STRICTER: [&str; 5] = [
    "an end of contents where none belongs",
    "a tag number",
    "a length",
    "nested too deeply",
    "an element longer than what it is in",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn well_formed_elements_are_the_same(input in well_formed()) {
        if let Some(theirs) = asn1parse(&input) {
            prop_assert_eq!(ours(&input), Ok(theirs.unwrap()));
        }
    }

    #[test]
    fn verdicts_on_damage_are_the_same(input in damaged()) {
        if input.is_empty() {
            return Ok(());
        }
        match (asn1parse(&input), ours(&input)) {
            (None, _) => {}
            // OpenSSL reads no length of 0 in the long form at the end of a file.
            (Some(None), Ok(lines)) => {
                prop_assert!(lines.iter().any(|line| line.2 > 2 && line.3 == Some(0)));
            }
            (Some(theirs), Ok(lines)) => prop_assert_eq!(theirs, Some(lines)),
            (Some(None), Err(_)) => {}
            // Nor does it ask for the end of contents at the end of a file.
            (Some(Some(lines)), Err(BerError::Truncated)) => {
                prop_assert!(lines.iter().any(|line| line.3.is_none()));
            }
            (Some(Some(_)), Err(error)) => {
                let reason = error.to_string();
                prop_assert!(STRICTER.contains(&reason.as_str()), "{}", reason);
            }
        }
    }
}

/// `None` without judges, `Some(None)` when OpenSSL refuses it.
fn asn1parse(input: &[u8]) -> Option<Option<Vec<Line>>> {
    std::env::var_os("CERALACCA_JUDGES")?;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input");
    fs::write(&file, input).unwrap();
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["asn1parse", "-inform", "DER", "-in"]).arg(&file).output().unwrap();
    if !output.status.success() {
        return Some(None);
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(Some(text.lines().filter_map(line).collect()))
}

/// `    4:d=1  hl=2 l=   3 prim: OBJECT            :commonName`; ends of contents are left out.
fn line(text: &str) -> Option<Line> {
    let (offset, rest) = text.split_once(":d=")?;
    let (depth, rest) = rest.split_once("hl=")?;
    let (header, rest) = rest.split_once(" l=")?;
    let (length, kind) = rest.split_at(rest.find(['p', 'c'])?);
    let length = length.trim();
    let (constructed, what) = (kind.starts_with("cons"), kind.get(6..)?);
    (!what.starts_with("EOC")).then(|| {
        (
            offset.trim().parse().unwrap(),
            depth.trim().parse().unwrap(),
            header.trim().parse().unwrap(),
            (length != "inf").then(|| length.parse().unwrap()),
            constructed,
        )
    })
}

fn ours(input: &[u8]) -> Result<Vec<Line>, BerError> {
    let (mut lines, mut at) = (Vec::new(), 0);
    while at < input.len() {
        // Its rules about sets and pieces are not OpenSSL's.
        let taken = match to_der(&input[at..]) {
            Ok((_, taken)) => taken,
            Err(BerError::Malformed("a SET of more than 64" | "OCTET STRING in pieces")) => {
                Elements(&input[at..]).next()?.ok_or(BerError::Truncated)?.raw.len()
            }
            Err(error) => return Err(error),
        };
        walk(&input[at..at + taken], at, 0, &mut lines)?;
        at += taken;
    }
    Ok(lines)
}

fn walk(raw: &[u8], at: usize, depth: usize, lines: &mut Vec<Line>) -> Result<(), BerError> {
    let header = Header::read(raw)?;
    let constructed = header.tag & CONSTRUCTED != 0;
    lines.push((at, depth, header.size, header.length, constructed));
    if constructed {
        let end = raw.len() - if header.length.is_none() { 2 } else { 0 };
        let mut inside = Elements(&raw[header.size..end]);
        let mut place = at + header.size;
        while let Some(one) = inside.next()? {
            walk(one.raw, place, depth + 1, lines)?;
            place += one.raw.len();
        }
    }
    Ok(())
}
