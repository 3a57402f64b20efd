//! The ways in which a file is changed.

use std::collections::BTreeSet;

use super::element::{self, Body, Element};

/// A changed copy, and what was changed.
pub struct Mutation {
    pub name: String,
    pub bytes: Vec<u8>,
}

fn mutation(name: impl Into<String>, bytes: Vec<u8>) -> Mutation {
    Mutation { name: name.into(), bytes }
}

/// Every bit of what is structure or a short value; of long values one bit of each byte, and of
/// very long ones of every seventh byte.
pub fn bits(file: &[u8]) -> Vec<Mutation> {
    let long = element::read(file).long_values();
    let mut all = Vec::new();
    for at in 0..file.len() {
        let within = long.iter().find(|range| range.contains(&at));
        let bits: Vec<usize> = match within {
            None => (0..8).collect(),
            Some(range) if range.len() > 1024 && (at - range.start) % 7 != 0 => Vec::new(),
            Some(_) => vec![at % 8],
        };
        all.extend(bits.into_iter().map(|bit| {
            let mut bytes = file.to_vec();
            bytes[at] ^= 1 << bit;
            mutation(format!("bit {bit} of byte {at}"), bytes)
        }));
    }
    all
}

/// Bytes set to values that mean something in DER.
pub fn values(file: &[u8]) -> Vec<Mutation> {
    let long = element::read(file).long_values();
    let structural = (0..file.len()).filter(|at| !long.iter().any(|range| range.contains(at)));
    let mut all = Vec::new();
    for at in structural {
        for value in [0x00, 0x80, 0xff].into_iter().filter(|value| *value != file[at]) {
            let mut bytes = file.to_vec();
            bytes[at] = value;
            all.push(mutation(format!("byte {at} set to {value:02x}"), bytes));
        }
    }
    all
}

/// Cut short, made longer, begun late.
pub fn ends(file: &[u8]) -> Vec<Mutation> {
    let length = file.len();
    let mut cuts: BTreeSet<usize> = (0..length).step_by(length / 60).collect();
    cuts.extend(length.saturating_sub(20)..length);
    let mut all: Vec<Mutation> = cuts
        .into_iter()
        .map(|cut| mutation(format!("cut at {cut}"), file[..cut].to_vec()))
        .collect();
    let after: [&[u8]; 6] = [&[0], &[0; 2], &[0; 512], b"\n", &[0x30, 0], file];
    for more in after {
        all.push(mutation(format!("{} bytes behind", more.len()), [file, more].concat()));
        all.push(mutation(format!("{} bytes before", more.len()), [more, file].concat()));
    }
    all
}

/// Elements removed, doubled, swapped, emptied, wrapped.
pub fn elements(file: &[u8]) -> Vec<Mutation> {
    let tree = element::read(file);
    let mut all = Vec::new();
    let mut add = |what: &str, path: &[usize], change: &dyn Fn(&mut Vec<Element>, usize)| {
        let (place, parent) = path.split_last().expect("the outermost is left out");
        let mut changed = tree.clone();
        change(changed.at_mut(parent).inside_mut(), *place);
        all.push(mutation(format!("{what} {path:?}"), changed.der()));
    };
    for path in tree.paths().into_iter().filter(|path| !path.is_empty()) {
        add("removed", &path, &|among, place| drop(among.remove(place)));
        add("doubled", &path, &|among, place| among.insert(place, among[place].clone()));
        add("in a SEQUENCE", &path, &|among, place| {
            among[place] = Element::of(0x30, vec![among[place].clone()]);
        });
        add("in a SET", &path, &|among, place| {
            among[place] = Element::of(0x31, vec![among[place].clone()]);
        });
        add("as an OCTET STRING", &path, &|among, place| {
            among[place] = Element::bytes(0x04, &among[place].der());
        });
        add("emptied", &path, &|among, place| {
            among[place].body = Body::Bytes(Vec::new());
        });
        let (place, parent) = path.split_last().expect("not the outermost");
        let after = tree.at(parent).inside().get(place + 1);
        if after.is_some_and(|after| after != tree.at(&path)) {
            add("swapped with the next", &path, &|among, place| among.swap(place, place + 1));
        }
    }
    all
}

/// Every object identifier by others: algorithms, attributes, kinds of content.
pub fn identifiers(file: &[u8]) -> Vec<Mutation> {
    let tree = element::read(file);
    let mut all = Vec::new();
    for path in tree.paths().into_iter().filter(|path| tree.at(path).tag == 0x06) {
        for (name, hex) in OTHERS {
            let other = Element::bytes(0x06, &hex::decode(hex).unwrap());
            let mut changed = tree.clone();
            *changed.at_mut(&path) = other;
            let bytes = changed.der();
            if bytes != file {
                all.push(mutation(format!("{name} at {path:?}"), bytes));
            }
        }
    }
    all
}

const OTHERS: [(&str, &str); 14] = [
    ("SHA-1", "2b0e03021a"),
    ("SHA-256", "608648016503040201"),
    ("SHA-384", "608648016503040202"),
    ("SHA-512", "608648016503040203"),
    ("MD5", "2a864886f70d0205"),
    ("rsaEncryption", "2a864886f70d010101"),
    ("sha512WithRSA", "2a864886f70d01010d"),
    ("RSASSA-PSS", "2a864886f70d01010a"),
    ("id-data", "2a864886f70d010701"),
    ("id-signedData", "2a864886f70d010702"),
    ("id-ct-TSTInfo", "2a864886f70d0109100104"),
    ("messageDigest", "2a864886f70d010904"),
    ("signatureTimeStampToken", "2a864886f70d010910020e"),
    ("archive time-stamp", "2a864886f70d0109100230"),
];

/// Every part of `other`, a genuine file of the same kind, put where this one has its own.
pub fn transplants(file: &[u8], other: &[u8], what: &str) -> Vec<Mutation> {
    let (tree, donor) = (element::read(file), element::read(other));
    let mut all = Vec::new();
    for path in tree.paths() {
        let Some(part) = get(&donor, &path).filter(|part| part.tag == tree.at(&path).tag) else {
            continue;
        };
        let mut changed = tree.clone();
        *changed.at_mut(&path) = part.clone();
        let bytes = changed.der();
        if bytes != file && bytes != other {
            all.push(mutation(format!("{path:?} of {what}"), bytes));
        }
    }
    all
}

fn get<'a>(tree: &'a Element, path: &[usize]) -> Option<&'a Element> {
    path.iter().try_fold(tree, |element, place| element.inside().get(*place))
}

/// The file inside others that nobody signed, or that are no signature at all.
pub fn wraps(file: &[u8]) -> Vec<Mutation> {
    let oid = |hex: &str| Element::bytes(0x06, &hex::decode(hex).unwrap());
    let data = |content: Element| Element::of(0x30, vec![oid("2a864886f70d010701"), content]);
    let explicit = |inside: Element| Element::of(0xa0, vec![inside]);
    let unsigned = |algorithms: Vec<Element>, content: &[u8]| {
        let signed = vec![
            Element::bytes(0x02, &[1]),
            Element::of(0x31, algorithms),
            data(explicit(Element::bytes(0x04, content))),
            Element::of(0x31, Vec::new()),
        ];
        let signed = explicit(Element::of(0x30, signed));
        Element::of(0x30, vec![oid("2a864886f70d010702"), signed]).der()
    };
    let sha256 = || vec![Element::of(0x30, vec![oid("608648016503040201")])];
    let mut deep = file.to_vec();
    for _ in 0..12 {
        deep = unsigned(sha256(), &deep);
    }
    vec![
        mutation("in a SignedData without signers", unsigned(sha256(), file)),
        mutation("in a SignedData without algorithms", unsigned(Vec::new(), file)),
        mutation("in twelve of them", deep),
        mutation("as plain data", data(explicit(Element::bytes(0x04, file))).der()),
        mutation("in a SEQUENCE", Element::of(0x30, vec![element::read(file)]).der()),
        mutation("in an OCTET STRING", Element::bytes(0x04, file).der()),
    ]
}
