//! Which files answer which hand-overs, for all of them at once: each file is looked at once, however
//! many hand-overs there are.
//!
//! What a file could answer is found by what it says (keys, SHA-256, numbers, its name) in an index of
//! the hand-overs; whether it does is said by `answer.rs`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::answer::{
    Claim, Evidence, certifies, claim, evidence, instructed_name, is_same_content, numbers_in,
};
use super::arrivals::{Arrival, ArrivalKind};
use ceralacca_submission::hand_over::{HandOver, HandedFile};

/// The answers to a set of hand-overs among what has arrived.
pub struct Answers<'h, 'a> {
    hand_overs: Vec<&'h HandOver>,
    arrivals: &'a [Arrival],
    by_key: HashMap<&'h str, usize>,
    contents: Contents<'h>,
    /// Of each hand-over the files that might answer it if there were no others, in their order.
    candidates: Vec<Vec<(Evidence, usize)>>,
    /// Of each hand-over the file that answers it.
    answer: Vec<Option<usize>>,
}

/// When the files that would answer hand-overs count as whole, by the key of the hand-over. One is
/// missing when its answer is there, or none is on its way. `all` is every hand-over of the workspace.
pub fn settling(all: &[HandOver], arrivals: &[Arrival]) -> BTreeMap<String, Timestamp> {
    if arrivals.iter().all(|arrival| arrival.settles_at().is_none()) {
        return BTreeMap::new();
    }
    let now = Answers::new(all, arrivals);
    let once_whole = Answers::among(all.iter().collect(), arrivals, Arrival::kind_once_whole);
    let open = all.iter().filter(|one| now.to(one).is_none());
    open.filter_map(|one| Some((one.key.clone(), once_whole.to(one)?.settles_at()?))).collect()
}

impl<'h, 'a> Answers<'h, 'a> {
    /// `all` is every hand-over of the workspace.
    pub fn new(all: &'h [HandOver], arrivals: &'a [Arrival]) -> Answers<'h, 'a> {
        Answers::among(all.iter().collect(), arrivals, |arrival| &arrival.kind)
    }

    /// The answers to `one` and to those that others of `all` may claim as well; `one` may be newer
    /// than what `all` has of it.
    pub(super) fn of_one(
        one: &'h HandOver,
        all: &'h [HandOver],
        arrivals: &'a [Arrival],
    ) -> Answers<'h, 'a> {
        let others = all.iter().filter(|other| is_same_content(one, other));
        Answers::among([one].into_iter().chain(others).collect(), arrivals, |arrival| &arrival.kind)
    }

    fn among(
        hand_overs: Vec<&'h HandOver>,
        arrivals: &'a [Arrival],
        kind: fn(&Arrival) -> &ArrivalKind,
    ) -> Answers<'h, 'a> {
        let index = Index::of(&hand_overs);
        let mut candidates = vec![Vec::new(); hand_overs.len()];
        for (at, arrival) in arrivals.iter().enumerate() {
            for one in index.meant_by(arrival, kind(arrival)) {
                if let Some(found) = evidence(hand_overs[one], arrival, kind(arrival)) {
                    candidates[one].push((found, at));
                }
            }
        }
        let by_key =
            hand_overs.iter().enumerate().map(|(at, one)| (one.key.as_str(), at)).collect();
        let contents = Contents::of(&hand_overs);
        let mut answers = Answers {
            answer: vec![None; hand_overs.len()],
            hand_overs,
            arrivals,
            by_key,
            contents,
            candidates,
        };
        answers.share_out(kind);
        answers
    }

    /// The file that answers a hand-over: the one that speaks for itself most clearly.
    pub fn to(&self, one: &HandOver) -> Option<&'a Arrival> {
        self.answer[*self.by_key.get(one.key.as_str())?].map(|at| &self.arrivals[at])
    }

    /// Of each file the hand-overs that it answers by itself; another file may answer them better.
    pub(super) fn answered_by(&self) -> Vec<Vec<&'h HandOver>> {
        let mut meant: Vec<Vec<(usize, Claim)>> = vec![Vec::new(); self.arrivals.len()];
        for (one, candidates) in self.candidates.iter().enumerate() {
            for (found, at) in candidates {
                let arrival = &self.arrivals[*at];
                // Nothing but this file is looked at.
                let own = claim(self.hand_overs[one], *found, arrival, &arrival.kind, || false);
                meant[*at].push((one, own));
            }
        }
        let answered = |meant: &Vec<(usize, Claim)>| {
            let mut best: BTreeMap<usize, Best<'h>> = BTreeMap::new();
            let has = |(one, own): &&(usize, Claim)| {
                let content = self.contents.of_each[one];
                let best = best.entry(content).or_insert_with(|| {
                    let same = self.contents.members(content);
                    let claims = meant.iter().filter(|(other, _)| same.contains(other));
                    claims.map(|(other, theirs)| self.bid(*other, *theirs)).collect()
                });
                !best.takes_from(self.bid(*one, *own))
            };
            meant.iter().filter(has).map(|(one, _)| self.hand_overs[*one]).collect()
        };
        meant.iter().map(answered).collect()
    }

    /// Where the same content was handed over more than once, an answer belongs to one of them.
    fn share_out(&mut self, kind: fn(&Arrival) -> &ArrivalKind) {
        let strongest: Vec<Strongest<'a>> =
            self.candidates.iter().map(|found| Strongest::of(found, self.arrivals)).collect();
        let claim_of = |one: usize, found: Evidence, at: usize| {
            let arrival = &self.arrivals[at];
            let stronger = || strongest[one].is_stronger(found, arrival);
            claim(self.hand_overs[one], found, arrival, kind(arrival), stronger)
        };
        let mut answer = vec![None; self.hand_overs.len()];
        for (content, ones) in self.contents.ones.iter().enumerate() {
            if ones.iter().all(|one| self.candidates[*one].is_empty()) {
                continue;
            }
            let members = self.contents.members(content);
            // The same bytes may lie there under another name.
            let mut best: HashMap<&str, Best<'h>> = HashMap::new();
            if members.len() > 1 {
                for one in members {
                    for (found, at) in &self.candidates[one] {
                        let bid = self.bid(one, claim_of(one, *found, *at));
                        best.entry(&self.arrivals[*at].sha256).or_default().add(bid);
                    }
                }
            }
            for one in ones {
                let own = self.candidates[*one].iter().filter(|(found, at)| {
                    let own = || self.bid(*one, claim_of(*one, *found, *at));
                    let best = best.get(self.arrivals[*at].sha256.as_str());
                    !best.is_some_and(|best| best.takes_from(own()))
                });
                answer[*one] = own.min_by_key(|(found, _)| *found).map(|(_, at)| *at);
            }
        }
        self.answer = answer;
    }

    fn bid(&self, one: usize, claim: Claim) -> Bid<'h> {
        Bid { claim, order: self.hand_overs[one].order(), one }
    }
}

/// A hand-over's claim to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bid<'h> {
    claim: Claim,
    order: (u64, u64, &'h str),
    one: usize,
}

impl Bid<'_> {
    fn cmp(&self, other: &Bid<'_>) -> Ordering {
        (self.claim, self.order).cmp(&(other.claim, other.order))
    }
}

/// The best claim to a file, and the best of the others.
#[derive(Debug, Default)]
struct Best<'h> {
    first: Option<Bid<'h>>,
    second: Option<Bid<'h>>,
}

impl<'h> Best<'h> {
    fn add(&mut self, bid: Bid<'h>) {
        match self.first {
            Some(first) if bid.cmp(&first).is_ge() => {
                if bid.one != first.one && self.second.is_none_or(|other| bid.cmp(&other).is_lt()) {
                    self.second = Some(bid);
                }
            }
            first => {
                self.second = first.filter(|first| first.one != bid.one).or(self.second);
                self.first = Some(bid);
            }
        }
    }

    /// Whether the file belongs to another than the one who claims it. Two may have the same number.
    fn takes_from(&self, own: Bid<'_>) -> bool {
        let other = match self.first {
            Some(first) if first.one == own.one => self.second,
            first => first,
        };
        own.claim != Claim::Own && other.is_some_and(|other| other.cmp(&own).is_lt())
    }
}

impl<'h> FromIterator<Bid<'h>> for Best<'h> {
    fn from_iter<I: IntoIterator<Item = Bid<'h>>>(bids: I) -> Best<'h> {
        let mut best = Best::default();
        bids.into_iter().for_each(|bid| best.add(bid));
        best
    }
}

/// The strongest evidence of a hand-over, and the strongest in a file of other content.
struct Strongest<'a> {
    first: Option<(Evidence, &'a str)>,
    other: Option<Evidence>,
}

impl<'a> Strongest<'a> {
    fn of(candidates: &[(Evidence, usize)], arrivals: &'a [Arrival]) -> Strongest<'a> {
        let sha256 = |at: usize| arrivals[at].sha256.as_str();
        let first = candidates.iter().min_by_key(|(found, _)| *found);
        let first = first.map(|(found, at)| (*found, sha256(*at)));
        let others = candidates.iter().filter(|(_, at)| Some(sha256(*at)) != first.map(|it| it.1));
        Strongest { first, other: others.map(|(found, _)| *found).min() }
    }

    /// Whether a file of other content has stronger evidence.
    fn is_stronger(&self, than: Evidence, arrival: &Arrival) -> bool {
        match self.first {
            Some((found, sha256)) if sha256 != arrival.sha256 => found < than,
            _ => self.other.is_some_and(|found| found < than),
        }
    }
}

/// Which hand-overs have the same content.
struct Contents<'h> {
    /// Of each hand-over that has any.
    of_each: HashMap<usize, usize>,
    /// The hand-overs of each content.
    ones: Vec<Vec<usize>>,
    files: HashMap<usize, &'h HandedFile>,
    by_sha256: HashMap<&'h str, Vec<usize>>,
    by_key: HashMap<String, Vec<usize>>,
}

impl<'h> Contents<'h> {
    fn of(hand_overs: &[&'h HandOver]) -> Contents<'h> {
        let mut contents = Contents {
            of_each: HashMap::new(),
            ones: Vec::new(),
            files: HashMap::new(),
            by_sha256: HashMap::new(),
            by_key: HashMap::new(),
        };
        let mut known: HashMap<(&str, Vec<String>), usize> = HashMap::new();
        for (one, file) in with_file(hand_overs) {
            let keys: BTreeSet<String> = file.keys.iter().map(|key| lower(key)).collect();
            for key in &keys {
                contents.by_key.entry(key.clone()).or_default().push(one);
            }
            contents.by_sha256.entry(&file.sha256).or_default().push(one);
            let next = known.len();
            let name = (file.sha256.as_str(), keys.into_iter().collect());
            let content = *known.entry(name).or_insert(next);
            if content == next {
                contents.ones.push(Vec::new());
            }
            contents.ones[content].push(one);
            contents.of_each.insert(one, content);
            contents.files.insert(one, file);
        }
        contents
    }

    /// All that have this content, or ask for the same certificates and more.
    fn members(&self, content: usize) -> BTreeSet<usize> {
        let file = self.files[&self.ones[content][0]];
        let same = self.by_sha256.get(file.sha256.as_str()).into_iter().flatten();
        let of_key = file.keys.first().and_then(|key| self.by_key.get(&lower(key)));
        let more = of_key.into_iter().flatten();
        let more = more.filter(|other| certifies(&self.files[other].keys, file));
        same.chain(more).copied().collect()
    }
}

/// By what a file can be known to be meant for a hand-over.
#[derive(Default)]
struct Index<'h> {
    /// The first of the keys of a request.
    key: HashMap<String, Vec<usize>>,
    /// SHA-256 of the receipt that a person named.
    receipt: HashMap<&'h str, Vec<usize>>,
    /// SHA-256 of what was sent.
    sha256: HashMap<String, Vec<usize>>,
    number: Beginnings,
    name: Beginnings,
}

/// Texts with which a file name may begin.
#[derive(Default)]
struct Beginnings {
    texts: HashMap<String, Vec<usize>>,
    lengths: BTreeSet<usize>,
}

impl Beginnings {
    fn add(&mut self, text: String, one: usize) {
        self.lengths.insert(text.len());
        self.texts.entry(text).or_default().push(one);
    }

    fn of<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b usize> {
        let beginnings = self.lengths.iter().filter_map(|length| name.get(..*length));
        beginnings.filter_map(|text| self.texts.get(text)).flatten()
    }
}

impl<'h> Index<'h> {
    fn of(hand_overs: &[&'h HandOver]) -> Index<'h> {
        let mut index = Index::default();
        for (one, file) in with_file(hand_overs) {
            let hand_over = hand_overs[one];
            index.sha256.entry(lower(&file.sha256)).or_default().push(one);
            if let Some(receipt) = &hand_over.receipt {
                index.receipt.entry(&receipt.sha256).or_default().push(one);
            }
            if let Some(key) = file.keys.first() {
                index.key.entry(lower(key)).or_default().push(one);
                continue;
            }
            if let Some(number) = hand_over.protocollo() {
                index.number.add(number.as_str().to_owned(), one);
            }
            index.name.add(instructed_name(hand_over, file), one);
        }
        index
    }

    /// The hand-overs that a file may answer, each once.
    fn meant_by(&self, arrival: &Arrival, kind: &ArrivalKind) -> BTreeSet<usize> {
        let mut meant = BTreeSet::new();
        meant.extend(self.receipt.get(arrival.sha256.as_str()).into_iter().flatten());
        match kind {
            ArrivalKind::CertifIn { keys } => {
                meant.extend(keys.iter().filter_map(|key| self.key.get(&lower(key))).flatten());
            }
            ArrivalKind::Text { text, .. } => {
                meant.extend(self.sha256.get(&lower(&text.sha256)).into_iter().flatten());
            }
            ArrivalKind::Sealed | ArrivalKind::Opaque { .. } => {
                let numbers = numbers_in(&arrival.name);
                meant.extend(numbers.filter_map(|found| self.number.texts.get(found)).flatten());
                meant.extend(self.number.of(&arrival.name));
                meant.extend(self.name.of(&arrival.name.to_lowercase()));
            }
            _ => {}
        }
        meant
    }
}

fn with_file<'h>(hand_overs: &[&'h HandOver]) -> impl Iterator<Item = (usize, &'h HandedFile)> {
    let ones = hand_overs.iter().enumerate();
    ones.filter_map(|(at, one)| Some((at, one.file()?)))
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
