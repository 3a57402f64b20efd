//! What is said of changed files, counted; and whether a changed file still says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use ceralacca::signing::{Content, SignedData, SignerInfo, Verdict, signed_data};
use tempfile::TempDir;

use super::mutation::Mutation;
use crate::stage::{processor, say};

/// What was said of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Valid,
    Indeterminate,
    Invalid,
    Refused,
}

impl From<Verdict> for Said {
    fn from(verdict: Verdict) -> Said {
        match verdict {
            Verdict::Valid => Said::Valid,
            Verdict::Indeterminate => Said::Indeterminate,
            Verdict::Invalid => Said::Invalid,
        }
    }
}

/// Everything that was said of the copies of one file.
#[derive(Default)]
pub struct Judged {
    pub counts: BTreeMap<Said, usize>,
    /// What was changed in those that are called valid, and the bytes.
    pub valid: Vec<(String, Vec<u8>)>,
    pub panicked: Vec<String>,
    /// The most processor time that one took.
    pub slowest: Duration,
}

impl Judged {
    pub fn all(&self) -> usize {
        self.counts.values().sum()
    }

    /// Prints the counts, and fails for a panic or for one that took too long.
    pub fn report(&self, what: &str) {
        let count = |said| self.counts.get(&said).copied().unwrap_or_default();
        say(&format!(
            "{what}: {} mutations: {} refused, {} invalid, {} indeterminate, {} valid; at most {} ms",
            self.all(),
            count(Said::Refused),
            count(Said::Invalid),
            count(Said::Indeterminate),
            count(Said::Valid),
            self.slowest.as_millis(),
        ));
        assert!(self.panicked.is_empty(), "{what}: panics: {:?}", self.panicked);
        assert!(self.slowest < Duration::from_secs(5), "{what}: {:?}", self.slowest);
    }
}

/// Asks about every copy, on all cores. `ask` gets the bytes and a file name that is its own.
pub fn judge(mutations: Vec<Mutation>, ask: impl Fn(&[u8], &PathBuf) -> Said + Sync) -> Judged {
    let folder = TempDir::new().unwrap();
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let shares: Vec<&[Mutation]> = mutations.chunks(mutations.len().div_ceil(cores)).collect();
    let one = |number: usize, share: &[Mutation]| {
        let path = folder.path().join(format!("{number}.der"));
        let mut judged = Judged::default();
        for mutation in share {
            let begun = processor::of_this_thread();
            match catch_unwind(AssertUnwindSafe(|| ask(&mutation.bytes, &path))) {
                Ok(said) => {
                    *judged.counts.entry(said).or_default() += 1;
                    if said == Said::Valid {
                        judged.valid.push((mutation.name.clone(), mutation.bytes.clone()));
                    }
                }
                Err(_) => judged.panicked.push(mutation.name.clone()),
            }
            judged.slowest = judged.slowest.max(processor::of_this_thread() - begun);
        }
        judged
    };
    let one = &one;
    thread::scope(|scope| {
        let shares = shares.into_iter().enumerate();
        let running: Vec<_> =
            shares.map(|(number, share)| scope.spawn(move || one(number, share))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).fold(Judged::default(), together)
    })
}

fn together(mut all: Judged, more: Judged) -> Judged {
    for (said, count) in more.counts {
        *all.counts.entry(said).or_default() += count;
    }
    all.valid.extend(more.valid);
    all.panicked.extend(more.panicked);
    all.slowest = all.slowest.max(more.slowest);
    all
}

/// All that a signed file says, however it is written down.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Meaning {
    /// Content, its kind, and every signature with what it is over.
    pub signed: (Vec<u8>, String, BTreeSet<String>),
    /// What each signature's marks say.
    pub marks: BTreeSet<Meaning>,
    /// Whatever else was added afterwards.
    pub unsigned: BTreeSet<String>,
    pub certificates: BTreeSet<Vec<u8>>,
    pub crls: BTreeSet<Vec<u8>>,
    /// The algorithms as they are written down.
    pub algorithms: BTreeSet<String>,
}

/// What a SignedData in BER says.
pub fn meaning(bytes: &[u8]) -> Option<Meaning> {
    let mut content = Vec::new();
    let read = signed_data::read(&mut &*bytes, Content::Into(&mut content)).ok()?;
    let SignedData { content_type, signers, certificates, other_certificates, crls, .. } = read;
    let signatures = signers.iter().map(|one| {
        let attributes: BTreeSet<String> =
            one.signed_attributes.iter().map(|attribute| format!("{attribute:?}")).collect();
        let digest = &one.digest_algorithm.oid;
        format!("{:?} {digest} {attributes:?} {:?}", one.identifier, one.signature())
    });
    let marks = signers.iter().flat_map(SignerInfo::signature_timestamps);
    let unsigned = signers.iter().flat_map(|one| &one.unsigned_attributes);
    let others = unsigned.filter(|one| one.oid.to_string() != MARK);
    let own = certificates.iter().map(|one| one.as_der().to_vec());
    let algorithms = signers.iter().map(|one| format!("{:?}", one.signature_algorithm));
    Some(Meaning {
        signed: (content, content_type.to_string(), signatures.collect()),
        marks: marks.map(meaning).collect::<Option<_>>()?,
        unsigned: others.map(|attribute| format!("{attribute:?}")).collect(),
        certificates: own.chain(other_certificates).collect(),
        crls: crls.into_iter().collect(),
        algorithms: algorithms.collect(),
    })
}

/// id-aa-signatureTimeStampToken.
const MARK: &str = "1.2.840.113549.1.9.16.2.14";

/// How a file that is called valid differs from the genuine one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A certificate, a digest algorithm or a mark is in a SET twice.
    Twice,
    /// The signature algorithm of a mark under its other name: `rsaEncryption` for
    /// `sha256WithRSAEncryption`, or without the NULL behind it (RFC 8017 appendix A.2.4).
    OtherName,
    /// An unsigned attribute, which anybody can take away, is gone or has a name that is not read.
    MarkGone,
    /// Something else: a forgery.
    Forged,
}

pub fn way(genuine: &[u8], changed: &[u8]) -> Way {
    let (Some(before), Some(mut after)) = (meaning(genuine), meaning(changed)) else {
        return Way::Forged;
    };
    if before == after {
        return Way::Twice;
    }
    if after.marks.is_empty() && !before.marks.is_empty() {
        after.marks = meaning(genuine).into_iter().flat_map(|one| one.marks).collect();
        after.unsigned.clear();
        return if before == after { Way::MarkGone } else { Way::Forged };
    }
    let plain = |mut one: Meaning| {
        one.algorithms.clear();
        one.marks = one
            .marks
            .into_iter()
            .map(|mark| Meaning { algorithms: BTreeSet::new(), ..mark })
            .collect();
        one
    };
    if plain(before) == plain(after) { Way::OtherName } else { Way::Forged }
}
