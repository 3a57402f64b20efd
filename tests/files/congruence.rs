//! The imprint and the mark belong together, or nothing is accepted: not by the control here, and
//! not by the Agency when the control was left out.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ceralacca::signing::{DigestAlgorithm, Trust};
use ceralacca::timestamp::Mark;
use ceralacca::xml::{
    ControlContext, Deadlines, DocumentTypes, Limits, Schema, Severity, TIPO_DOCUMENTO, control,
};
use serde_json::Value;

use crate::crafted::{Bypass, Pair, Pieces, digest, mark, token};
use crate::stage::impronta::Filing;
use crate::stage::{Served, Stage, codice_fiscale, say};

use DigestAlgorithm::{Sha256, Sha384, Sha512};

/// What is wrong with a pair, as the control and as the Agency say it.
struct Wrong {
    what: &'static str,
    finding: &'static str,
    rejection: &'static str,
    pair: Pair,
}

/// The digests disagree.
fn imprint(what: &'static str, pair: Pair) -> Wrong {
    Wrong { what, finding: "marca.other_imprint", rejection: "impronta.other_imprint", pair }
}

/// The algorithms disagree.
fn algorithm(what: &'static str, pair: Pair) -> Wrong {
    Wrong { what, finding: "marca.other_algorithm", rejection: "impronta.other_algorithm", pair }
}

/// The mark is not of the format that it is called.
fn format(what: &'static str, pair: Pair) -> Wrong {
    Wrong { what, finding: "marca.other_format", rejection: "impronta.mark_format", pair }
}

/// A mark over other data than the imprint is of: the mistakes of the seed, and some more.
fn wrong_marks(served: &Served, pieces: &Pieces, others: &Pieces) -> Vec<Wrong> {
    let signed = &pieces.signed;
    let over = |data: &[u8]| Pair::new(Sha256, signed, "TSR", &mark(served, Sha256, data));
    let longer = [signed.as_slice(), b"\n"].concat();
    let hash = digest(Sha256, signed);
    let signature = {
        let mut source = signed.as_slice();
        let content = ceralacca::signing::Content::Discard;
        let read = ceralacca::signing::signed_data::read(&mut source, content).unwrap();
        read.signers[0].signature().to_vec()
    };
    vec![
        imprint("a mark over other data", over(b"something else")),
        imprint("a mark over the unsigned index", over(&pieces.index)),
        imprint("a mark over the digest", over(&hash)),
        imprint("a mark over the digest in hexadecimal", over(hex::encode(&hash).as_bytes())),
        imprint("a mark over the signature, as in CAdES-T", over(&signature)),
        imprint("a mark over the file and a line end", over(&longer)),
        imprint("a mark over nothing", over(b"")),
        imprint("a mark over the mark", over(&pieces.tsr)),
        imprint("the mark of another file", Pair::new(Sha256, signed, "TSR", &others.tsr)),
        imprint("the token of another file", Pair::new(Sha256, signed, "TST", &others.tst)),
    ]
}

/// An imprint of something else than the mark is over.
fn wrong_imprints(pieces: &Pieces, others: &Pieces) -> Vec<Wrong> {
    let right = Pair::new(Sha256, &pieces.signed, "TSR", &pieces.tsr);
    let of = |impronta: &[u8]| Pair { impronta: hex::encode(impronta), ..right.clone() };
    let flipped = |bit: usize| {
        let mut flipped = digest(Sha256, &pieces.signed);
        flipped[bit / 8] ^= 1 << (bit % 8);
        of(&flipped)
    };
    let mut reversed = digest(Sha256, &pieces.signed);
    reversed.reverse();
    vec![
        imprint("the imprint of the unsigned index", of(&digest(Sha256, &pieces.index))),
        imprint("the imprint of another file", of(&digest(Sha256, &others.signed))),
        imprint("the first bit of the imprint is flipped", flipped(7)),
        imprint("the last bit of the imprint is flipped", flipped(31 * 8)),
        imprint("the imprint is back to front", of(&reversed)),
        imprint("half of a SHA-512", of(&digest(Sha512, &pieces.signed)[..32])),
        imprint("the digest twice over", of(&digest(Sha256, &digest(Sha256, &pieces.signed)))),
    ]
}

fn wrong_algorithms(served: &Served, pieces: &Pieces) -> Vec<Wrong> {
    let signed = &pieces.signed;
    let under =
        |marked, impronta| Pair::new(impronta, signed, "TSR", &mark(served, marked, signed));
    vec![
        algorithm("a mark with SHA-512, an imprint with SHA-256", under(Sha512, Sha256)),
        algorithm("a mark with SHA-384, an imprint with SHA-256", under(Sha384, Sha256)),
        algorithm("a mark with SHA-256, an imprint with SHA-512", under(Sha256, Sha512)),
        algorithm("a mark with SHA-512, an imprint with SHA-384", under(Sha512, Sha384)),
    ]
}

fn wrong_formats(pieces: &Pieces) -> Vec<Wrong> {
    let pair = |formato, marca: &[u8]| Pair::new(Sha256, &pieces.signed, formato, marca);
    vec![
        format("a TST that is called TSR", pair("TSR", &pieces.tst)),
        format("a TSR that is called TST", pair("TST", &pieces.tsr)),
    ]
}

#[test]
fn a_wrong_pair_passes_neither_the_control_nor_the_agency() {
    let (served, start) = (Served::start(), Instant::now());
    let filing = Filing::new(&served, &codice_fiscale(70_000));
    let (stage, other) = (filing.stage(), filing.stage());
    let pieces = Pieces::of(&filing, &stage, 0);
    // RSA signs the same attributes the same way: the signing time, in seconds, makes the difference.
    thread::sleep(Duration::from_millis(1100));
    let others = Pieces::of(&filing, &other, 1);
    assert!(pieces.signed != others.signed, "two signatures differ");
    let bypass = Bypass::new(&filing, &stage);

    let mut wrong = wrong_marks(&served, &pieces, &others);
    wrong.extend(wrong_imprints(&pieces, &others));
    wrong.extend(wrong_algorithms(&served, &pieces));
    wrong.extend(wrong_formats(&pieces));
    let accepted = served.communications();
    for (period, wrong) in (10..).zip(&wrong) {
        let xml = pieces.with(&wrong.pair, period);
        local_control_says(&stage, wrong, &xml);
        agency_says(&bypass, wrong, &xml);
    }
    let kept = served.communications() - accepted;
    assert_eq!(kept, wrong.len() as u64, "each was sent, and each has its receipt");

    // The same way with a pair that is right is open: nothing but the pair was the reason.
    let right = right_pairs(&served, &pieces);
    for (period, (what, pair)) in (60..).zip(&right) {
        let xml = pieces.with(pair, period);
        let (code, found) = controlla(&stage, &xml);
        assert_eq!(code, Some(0), "{what}: {found}");
        let told = bypass.send(xml.as_bytes());
        assert_eq!((told.stato.as_str(), told.code.as_str()), ("ELABORATO", ""), "{what}");
    }
    say(&format!(
        "congruence: {} wrong pairs, each stopped by `controlla` and, sent past it, rejected with a \
         receipt; {} right pairs accepted the same way; {:.1} s",
        wrong.len(),
        right.len(),
        start.elapsed().as_secs_f64()
    ));
}

/// Pairs that belong together, in each algorithm and format.
fn right_pairs(served: &Served, pieces: &Pieces) -> Vec<(&'static str, Pair)> {
    let signed = &pieces.signed;
    let of = |algorithm| mark(served, algorithm, signed);
    let mut upper = Pair::new(Sha256, signed, "TSR", &pieces.tsr);
    upper.impronta.make_ascii_uppercase();
    vec![
        ("TSR with SHA-256", Pair::new(Sha256, signed, "TSR", &pieces.tsr)),
        ("TST with SHA-256", Pair::new(Sha256, signed, "TST", &pieces.tst)),
        ("TSR with SHA-384", Pair::new(Sha384, signed, "TSR", &of(Sha384))),
        ("TST with SHA-512", Pair::new(Sha512, signed, "TST", &token(&of(Sha512)))),
        ("capital letters", upper),
    ]
}

/// `ceralacca controlla`: exit code 1, a finding `***` that names both sides, and no checked file.
fn local_control_says(stage: &Stage, wrong: &Wrong, xml: &str) {
    let what = wrong.what;
    let (code, said) = controlla(stage, xml);
    assert_eq!(code, Some(1), "{what}: {said}");
    let findings = said["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == wrong.finding);
    let finding = finding.unwrap_or_else(|| panic!("{what}: no {}: {said}", wrong.finding));
    assert_eq!(finding["severity"], "***", "{what}");
    assert!(finding["line"].is_u64() && finding["path"].is_string(), "{what}: {finding}");
    let text = finding["text"].as_str().unwrap();
    for side in sides(wrong) {
        assert!(text.contains(&side), "{what}: {side} is not named: {text}");
    }
    assert!(said["dcm"].is_null() && !stage.path("controllati/crafted.dcm").exists(), "{what}");
}

/// The Agency: a rejection whose sealed receipt names both sides, and both digests wherever the
/// mark is one that it reads.
fn agency_says(bypass: &Bypass, wrong: &Wrong, xml: &str) {
    let (what, told) = (wrong.what, bypass.send(xml.as_bytes()));
    assert_eq!((told.stato.as_str(), told.code.as_str()), ("SCARTATO", wrong.rejection), "{what}");
    let motivo = told.receipt.motivo_di_scarto.as_ref().unwrap();
    assert_eq!(motivo.code, wrong.rejection, "{what}: the sealed receipt");
    for side in sides(wrong) {
        assert!(motivo.text.contains(&side), "{what}: {side} is not named: {}", motivo.text);
    }
    let (impronta, marked) = (&wrong.pair.impronta, wrong.pair.marked());
    assert_eq!(told.receipt.detail("Impronta"), Some(impronta.as_str()), "{what}");
    assert_eq!(told.receipt.detail("Impronta nella marca"), Some(marked.as_str()), "{what}");
    assert!(told.rel.contains("SANDBOX"), "{what}");
}

/// The two facts that disagree.
fn sides(wrong: &Wrong) -> [String; 2] {
    let mark = Mark::from_bytes(&wrong.pair.marca).unwrap();
    match wrong.finding {
        "marca.other_imprint" => [wrong.pair.impronta.clone(), wrong.pair.marked()],
        "marca.other_algorithm" => {
            let marked = mark.message_imprint().algorithm;
            [wrong.pair.algoritmo.name().to_owned(), marked.name().to_owned()]
        }
        _ => [wrong.pair.formato.to_owned(), mark.formato().label().to_owned()],
    }
}

/// Runs the command on a file; its exit code and what it printed.
fn controlla(stage: &Stage, xml: &str) -> (Option<i32>, Value) {
    fs::write(stage.path("crafted.xml"), xml).unwrap();
    let finished = stage.run(&["controlla", "crafted.xml", "--into", "controllati", "--json"]);
    let said = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|_| panic!("{}{}", finished.stdout, finished.stderr));
    (finished.code, said)
}

#[test]
fn no_imprint_but_the_one_in_the_mark_is_clean() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(70_001));
    let pieces = Pieces::of(&filing, &filing.stage(), 0);
    let (schema, trust) = (Schema::embedded(), Trust::default());
    let (tipi, scadenze) = (DocumentTypes::embedded(), Deadlines::embedded());
    let context = ControlContext {
        schema: &schema,
        tipi: &tipi,
        scadenze: &scadenze,
        at: jiff::Timestamp::now(),
        trust: &trust,
        sender: None,
        limits: Limits::default(),
    };
    let right = Pair::new(Sha256, &pieces.signed, "TSR", &pieces.tsr);
    let blocking = |pair: &Pair| -> Vec<String> {
        let findings = control(pieces.with(pair, 2).as_bytes(), &context);
        let worst = findings.iter().filter(|finding| finding.severity > Severity::Segnalazione);
        worst.map(|finding| finding.code.clone()).collect()
    };
    assert_eq!(blocking(&right), Vec::<String>::new(), "{TIPO_DOCUMENTO}");
    for bit in 0..256 {
        let mut flipped = digest(Sha256, &pieces.signed);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let pair = Pair { impronta: hex::encode(flipped), ..right.clone() };
        assert_eq!(blocking(&pair), ["marca.other_imprint"], "bit {bit}");
    }
    say("congruence: each of the 256 bits of an imprint, flipped, is a finding ***");
}
