//! Changed copies of a signed file, of its mark and of the sealed file: none is called valid unless
//! it says the very same.
//!
//! Structural bits are flipped, elements removed, doubled, swapped and wrapped, object identifiers
//! replaced, and parts of other genuine files put in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca::ber;
use ceralacca::inspect::{VerifyOptions, verify_file};
use ceralacca::keystore::enveloped_data;
use ceralacca::signing::{Content, Purpose, Trust, signed_data, verify};

use crate::forging::judged::{self, Judged, Said, Way, judge, way};
use crate::forging::material::{Material, Reception};
use crate::forging::mutation::{self, Mutation};
use crate::stage::{Served, say};

/// As many as the project promises, at the least, of each file.
const PROMISED: usize = 2_000;

#[test]
fn nothing_changed_is_called_valid() {
    let served = Served::start();
    let material = Material::new(&served, 90_000);
    let mut total = 0;
    total += signed_file(&material, "p7m", &material.p7m, 3, &[Way::Twice]);
    let b_t = material.b_t(&material.p7m);
    let allowed = [Way::Twice, Way::OtherName, Way::MarkGone];
    total += signed_file(&material, "p7m, B-T", &b_t, 7, &allowed);
    total += marked_file(&material);
    total += marks(&material);
    say(&format!("forgeries of signed and marked files: {total}"));
}

/// All mutations that need nothing but the file; of those of single bytes each `every`-th.
fn alone(file: &[u8], every: usize) -> Vec<Mutation> {
    let bytes = mutation::bits(file).into_iter().chain(mutation::values(file));
    let all = [
        bytes.step_by(every).collect(),
        mutation::ends(file),
        mutation::elements(file),
        mutation::identifiers(file),
        mutation::wraps(file),
    ];
    all.into_iter().flatten().filter(|one| one.bytes != file).collect()
}

fn asked(material: &Material<'_>, bytes: &[u8], path: &Path, options: &VerifyOptions) -> Said {
    fs::write(path, bytes).unwrap();
    match verify_file(path, options, &material.trust, material.at) {
        Ok(report) => report.verdict.into(),
        Err(_) => Said::Refused,
    }
}

/// Counts what is called valid by how it differs; fails for any way that is not allowed.
fn only_the_same(what: &str, genuine: &[u8], judged: &Judged, allowed: &[Way]) {
    let mut ways: BTreeMap<Way, Vec<&str>> = BTreeMap::new();
    for (name, bytes) in &judged.valid {
        ways.entry(way(genuine, bytes)).or_default().push(name);
    }
    for (way, names) in &ways {
        say(&format!("{what}: still valid, {way:?}: {} ({})", names.len(), names.join("; ")));
    }
    for (way, names) in ways {
        assert!(allowed.contains(&way), "{what}: {way:?}: {names:?}");
    }
}

fn signed_file(
    material: &Material<'_>,
    what: &str,
    file: &[u8],
    every: usize,
    allowed: &[Way],
) -> usize {
    let options = VerifyOptions::default();
    let ask = |bytes: &[u8], path: &PathBuf| asked(material, bytes, path, &options);
    let mut mutations = alone(file, every);
    let content = judged::meaning(&material.p7m).unwrap().signed.0;
    let of_same = material.sign(b"something else", &material.signer);
    let by_other = material.sign(&content, &material.other_signer);
    let by_stranger = material.sign(&content, &material.environment.firma);
    mutations.extend(mutation::transplants(file, &of_same, "another file by the same signer"));
    mutations.extend(mutation::transplants(file, &by_other, "the same, signed by another"));
    mutations.extend(mutation::transplants(file, &by_stranger, "the same, signed by a stranger"));
    // A forgery inside a file that somebody really signed.
    let inside: Vec<Mutation> = mutations
        .iter()
        .step_by(97)
        .map(|one| Mutation {
            name: format!("{}, signed by another", one.name),
            bytes: material.sign(&one.bytes, &material.other_signer),
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genuine.p7m");
    assert_eq!(ask(file, &path), Said::Valid, "{what}: the genuine file");
    // Where the inside is no longer called a signed file, what is valid is the signature over it.
    let asked_inside = |bytes: &[u8], path: &PathBuf| {
        fs::write(path, bytes).unwrap();
        let report = verify_file(path, &options, &material.trust, material.at);
        let Ok(report) = report else { return Said::Refused };
        match report.layers.get(1).is_some_and(|layer| layer.kind.is_container()) {
            true => report.verdict.into(),
            false => Said::Refused,
        }
    };
    let nested = judge(inside, asked_inside);
    nested.report(&format!("{what}, changed inside what somebody else signed"));
    assert_eq!(nested.valid.len(), 0, "{what}: {:?}", nested.valid.first().map(|one| &one.0));
    let judged = judge(mutations, ask);
    judged.report(what);
    only_the_same(what, file, &judged, allowed);
    assert!(judged.all() >= PROMISED, "{}", judged.all());
    judged.all() + nested.all()
}

fn marked_file(material: &Material<'_>) -> usize {
    let options = VerifyOptions { mark: Some(material.tsr_path.clone()), ..Default::default() };
    let ask = |bytes: &[u8], path: &PathBuf| asked(material, bytes, path, &options);
    assert_eq!(ask(&material.p7m, &material.stage.path("genuine.p7m")), Said::Valid);
    // The mark covers every byte: there is nothing that may be changed.
    let judged = judge(alone(&material.p7m, 15), ask);
    judged.report("p7m with its mark beside");
    only_the_same("p7m with its mark beside", &material.p7m, &judged, &[]);
    judged.all()
}

fn marks(material: &Material<'_>) -> usize {
    let token = ceralacca::timestamp::Mark::from_bytes(&material.tsr).unwrap();
    let other = material.mark(b"something else");
    let other_token = ceralacca::timestamp::Mark::from_bytes(&other).unwrap();
    let tst = token.token_der();
    let files =
        [("tsr", material.tsr.as_slice(), other.as_slice()), ("tst", tst, other_token.token_der())];
    let mut total = 0;
    for (what, file, other) in files {
        let options =
            VerifyOptions { document: Some(material.p7m_path.clone()), ..Default::default() };
        let ask = |bytes: &[u8], path: &PathBuf| asked(material, bytes, path, &options);
        assert_eq!(ask(file, &material.stage.path("genuine")), Said::Valid, "{what}");
        let mut mutations = alone(file, 5);
        mutations.extend(mutation::transplants(file, other, "a mark over something else"));
        let judged = judge(mutations, ask);
        judged.report(what);
        let tokens: Vec<(String, Vec<u8>)> = judged
            .valid
            .iter()
            .map(|(name, bytes)| {
                let mark = ceralacca::timestamp::Mark::from_bytes(bytes).unwrap();
                (name.clone(), mark.token_der().to_vec())
            })
            .collect();
        let judged = Judged { valid: tokens, ..judged };
        only_the_same(what, tst, &judged, &[Way::Twice, Way::OtherName]);
        assert!(judged.all() >= PROMISED, "{}", judged.all());
        total += judged.all();
    }
    total
}

#[test]
fn no_changed_sealed_file_opens() {
    let served = Served::start();
    let material = Material::new(&served, 90_001);
    let sealed = material.seal(&material.communication(1));
    let p7m = enveloped_data::open(&sealed, &material.ca, &material.ca_key).unwrap();
    let mut trust = Trust::default();
    trust.add_anchor(material.ca.clone(), "the sandbox");
    let ask = |bytes: &[u8], _: &PathBuf| opened(&material, &trust, bytes);
    assert_eq!(ask(&sealed, &Default::default()), Said::Valid);
    let other = material.seal(b"something else");
    let mut mutations = alone(&sealed, 1);
    mutations.extend(mutation::transplants(&sealed, &other, "another sealed file"));
    // And what a recipient's public key lets anybody do: seal a changed signed file.
    let inside = mutation::bits(&p7m).into_iter().chain(mutation::elements(&p7m));
    let inside = inside.filter(|one| one.bytes != *p7m).step_by(11);
    mutations.extend(inside.map(|one| Mutation {
        name: format!("{}, inside", one.name),
        bytes: enveloped_data::seal(&one.bytes, &material.ca).unwrap(),
    }));
    let judged = judge(mutations, ask);
    judged.report("ccf");
    only_the_same("ccf", &sealed, &judged, &[]);
    assert!(judged.all() >= PROMISED, "{}", judged.all());
    submitted(&material, &sealed, &p7m);
}

/// A sample, really sent.
fn submitted(material: &Material<'_>, sealed: &[u8], p7m: &[u8]) {
    let other = material.seal(b"something else");
    let mut mutations: Vec<Mutation> = alone(sealed, 1).into_iter().step_by(199).collect();
    let parts = mutation::transplants(sealed, &other, "another sealed file");
    mutations.extend(parts.into_iter().step_by(4));
    let inside = mutation::bits(p7m).into_iter().chain(mutation::elements(p7m));
    let inside = inside.filter(|one| one.bytes != p7m).step_by(401);
    mutations.extend(inside.map(|one| Mutation {
        name: format!("{}, inside", one.name),
        bytes: enveloped_data::seal(&one.bytes, &material.ca).unwrap(),
    }));
    let agency = Reception::new(material);
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for (number, mutation) in mutations.iter().enumerate() {
        let end = agency.end(&format!("forgery-{number}"), &mutation.bytes);
        assert!(end != "ELABORATO", "{}", mutation.name);
        *ends.entry(end).or_default() += 1;
    }
    // Nothing of this has filed it, and nothing stands in its way.
    assert_eq!(agency.end("genuine", sealed), "ELABORATO");
    let count = mutations.len();
    say(&format!("forgeries sent to the sandbox: {count}: {ends:?}; the genuine one is accepted"));
    assert!(count >= 40, "{count}");
}

/// As the sandbox does at reception.
fn opened(material: &Material<'_>, trust: &Trust, bytes: &[u8]) -> Said {
    let Ok((der, taken)) = ber::to_der(bytes) else { return Said::Refused };
    if taken != bytes.len() {
        return Said::Refused;
    }
    let Some(p7m) = enveloped_data::open(&der, &material.ca, &material.ca_key) else {
        return Said::Refused;
    };
    match signed_data::read(&mut &**p7m, Content::Discard) {
        Ok(signed) if signed.attached && signed.signers.len() == 1 => {
            verify(&signed, trust, material.at, Purpose::Authority)[0].verdict().into()
        }
        _ => Said::Refused,
    }
}
