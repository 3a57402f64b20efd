//! All answers at once are those that each question by itself would give.

use std::path::PathBuf;

use super::*;
use crate::tests::{at, text};
use crate::{GivenReceipt, Kind, State};
use ceralacca_submission::outbox::sha256_hex;
use ceralacca_submission::{Protocollo, ReceiptText, Rejection, Stato};

/// Small numbers in no order, the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn content(which: u64) -> String {
    sha256_hex(&[b'c', which as u8])
}

fn number(which: u64) -> Protocollo {
    Protocollo::parse(&format!("261121000000000{which:02}")).unwrap()
}

fn hand_over(dice: &mut Dice, at_run: u64) -> HandOver {
    let which = dice.throw(4);
    let keys = match dice.throw(3) {
        0 => vec![format!("KEY{}", dice.throw(3)), format!("key{}", dice.throw(3))],
        _ => Vec::new(),
    };
    let file = HandedFile {
        name: "comunicazione.ccf".to_owned(),
        tipo_documento: "IMPRONTA".to_owned(),
        sha256: content(which),
        length: 1,
        keys,
        copy: PathBuf::from(format!("da inviare/{at_run}/comunicazione.ccf")),
        subject: None,
        also_in: Vec::new(),
    };
    let key = format!("k{}-{}", dice.throw(1_000_000), dice.throw(3));
    let mut one = HandOver::new(
        &key,
        &at_run.to_string(),
        Kind::Submission(file),
        at("2026-11-21T10:00:00Z"),
    );
    let at = one.handed_over_at;
    let sent_on = "2026-11-21".parse().unwrap();
    let protocollo = (dice.throw(2) == 0).then(|| number(dice.throw(5)));
    let motivo = Rejection { code: String::new(), text: "no".to_owned() };
    one.state = match dice.throw(5) {
        0 => State::Waiting,
        1 => State::NotSent { at },
        2 => State::Rejected { at, sent_on, protocollo, motivo },
        _ => State::Confirmed { at, sent_on, protocollo },
    };
    if dice.throw(4) == 0 {
        one.receipt =
            Some(GivenReceipt { path: PathBuf::new(), sha256: file_sha256(dice.throw(6)) });
    }
    one
}

fn file_sha256(which: u64) -> String {
    sha256_hex(&[b'f', which as u8])
}

fn arrival(dice: &mut Dice, count: usize) -> Arrival {
    let names = [
        "26112100000000002.pdf",
        "ricevuta-3-comunicazione.ccf.pdf",
        "x.pdf",
        "Z 26112100000000003.rcc",
    ];
    let name = names[dice.throw(4) as usize].replace('3', &dice.throw(5).to_string());
    let path = PathBuf::from(format!("{count:03}-{name}"));
    let mut kind = match dice.throw(4) {
        0 => ArrivalKind::Sealed,
        1 => ArrivalKind::Opaque { looks_like: "PDF" },
        2 => ArrivalKind::CertifIn {
            keys: (0..3).map(|key| format!("Key{key}")).take(1 + dice.throw(3) as usize).collect(),
        },
        _ => {
            let stato = [Stato::Elaborato, Stato::Scartato][dice.throw(2) as usize];
            let mut said = ReceiptText::parse(&text(stato)).unwrap();
            said.sha256 = content(dice.throw(4)).to_uppercase();
            said.protocollo = number(dice.throw(5));
            ArrivalKind::Text { text: Box::new(said), signed: false }
        }
    };
    if dice.throw(6) == 0 {
        kind = ArrivalKind::OnItsWay { kind: Box::new(kind), until: at("2026-11-21T10:00:00Z") };
    }
    let sha256 =
        if dice.throw(9) == 0 { content(dice.throw(4)) } else { file_sha256(dice.throw(6)) };
    Arrival { name, sha256, ..Arrival::unread(&path, kind) }
}

/// As it is defined, each question by itself: every other hand-over and every other file is asked.
fn by_definition<'a>(
    one: &HandOver,
    all: &[HandOver],
    arrivals: &'a [Arrival],
) -> Option<&'a Arrival> {
    let found = |one: &HandOver| -> Vec<(Evidence, &'a Arrival)> {
        let each = arrivals.iter();
        each.filter_map(|arrival| Some((evidence(one, arrival, &arrival.kind)?, arrival))).collect()
    };
    let claim_of = |one: &HandOver, evidence: Evidence, arrival: &Arrival| {
        claim(one, evidence, arrival, &arrival.kind, || {
            let stronger = |(other, file): &(Evidence, &Arrival)| {
                *other < evidence && file.sha256 != arrival.sha256
            };
            found(one).iter().any(stronger)
        })
    };
    let is_anothers = |evidence: Evidence, arrival: &Arrival| {
        let own = claim_of(one, evidence, arrival);
        all.iter().filter(|other| is_same_content(one, other)).any(|other| {
            let copies = found(other).into_iter().filter(|(_, copy)| copy.sha256 == arrival.sha256);
            let theirs = copies.map(|(found, copy)| claim_of(other, found, copy)).min();
            theirs.is_some_and(|theirs| {
                theirs < own || theirs == own && own != Claim::Own && other.order() < one.order()
            })
        })
    };
    let own = found(one).into_iter().filter(|(evidence, arrival)| !is_anothers(*evidence, arrival));
    own.min_by_key(|(evidence, _)| *evidence).map(|(_, arrival)| arrival)
}

#[test]
fn each_answer_is_the_one_of_its_definition() {
    let mut dice = Dice(7);
    let (mut answered, mut shared) = (0, 0);
    for _ in 0..400 {
        let all: Vec<HandOver> =
            (0..1 + dice.throw(7)).map(|run| hand_over(&mut dice, run)).collect();
        let arrivals: Vec<Arrival> =
            (0..dice.throw(9) as usize).map(|count| arrival(&mut dice, count)).collect();
        let answers = Answers::new(&all, &arrivals);
        for one in &all {
            let expected = by_definition(one, &all, &arrivals);
            assert_eq!(answers.to(one), expected, "{one:#?}\n{all:#?}\n{arrivals:#?}");
            assert_eq!(super::super::answer_to(one, &all, &arrivals), expected);
            answered += usize::from(expected.is_some());
        }
        for (arrival, ones) in arrivals.iter().zip(answers.answered_by()) {
            let alone =
                |one: &&HandOver| by_definition(one, &all, std::slice::from_ref(arrival)).is_some();
            let expected: Vec<&HandOver> = all.iter().filter(alone).collect();
            assert_eq!(ones, expected, "{arrival:#?}\n{all:#?}");
            shared += usize::from(ones.len() > 1);
        }
        for (key, until) in settling(&all, &arrivals) {
            let whole: Vec<Arrival> = arrivals
                .iter()
                .map(|one| Arrival { kind: one.kind_once_whole().clone(), ..one.clone() })
                .collect();
            let one = all.iter().find(|one| one.key == key).unwrap();
            let answer = by_definition(one, &all, &whole).unwrap();
            let same = arrivals.iter().find(|arrival| arrival.path == answer.path).unwrap();
            assert_eq!(same.settles_at(), Some(until));
            assert_eq!(by_definition(one, &all, &arrivals), None);
        }
    }
    assert!(answered > 200 && shared > 20, "{answered} {shared}");
}
