//! Every question about a file: its signatures, its marks, what is inside.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;

use ceralacca_kernel::Error;
use ceralacca_keystore::Certificate;
use ceralacca_signing::{
    Answer, Check, DigestAlgorithm, Hasher, Purpose, Report, SignedData, Trust, Verdict, verify,
};
use ceralacca_timestamp::Mark;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::beside;
use crate::error::InspectError;
use crate::file_report::FileReport;
use crate::kind::Kind;
use crate::open::{Contents, Layer, OpenOptions, TimeStamped, open_section};
use crate::outline;
use crate::section::Section;

/// What belongs to the file and is not in it. What is not given is looked for beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyOptions {
    /// The document of a detached signature, or the one that a mark is over.
    #[serde(default)]
    pub document: Option<PathBuf>,
    /// A mark over the file: TSR, TST, or what holds one.
    #[serde(default)]
    pub mark: Option<PathBuf>,
}

/// Asks every question about the file at `path`, as of `at`.
///
/// A signature that a valid mark covers is asked about for the time of that mark. Without options,
/// a mark is looked for in `FILE.tsr` and `FILE.tst`, and the document of a detached signature or
/// of a mark under the name without the last extension.
///
/// # Errors
/// Only where the file cannot be read as what it is; a signature that does not hold is an answer.
pub fn verify_file(
    path: &Path,
    options: &VerifyOptions,
    trust: &Trust,
    at: Timestamp,
) -> Result<FileReport, Error> {
    let section = Section::open(path).map_err(InspectError::disk("reading", path))?;
    let beside = beside::mark(path, options)?;
    let mut algorithms = vec![DigestAlgorithm::Sha256];
    if let Some(Ok(mark)) = beside.as_ref().map(|beside| &beside.mark) {
        algorithms.push(mark.message_imprint().algorithm);
    }
    let open =
        OpenOptions { detached_content: beside::document(path, &section, options)?, keep: false };
    // The digest of the whole file is computed while its layers are read.
    let (digests, layer) = thread::scope(|scope| {
        let hashing = scope.spawn(|| digests(section.from_start(), &algorithms));
        let layer = open_section(path, section.clone(), &open);
        (hashing.join().expect("hashing does not panic"), layer)
    });
    let (digests, layer) = (digests.map_err(InspectError::disk("reading", path))?, layer?);
    let asking = Asking { path, document: open.detached_content.as_deref(), trust, at };
    let mut reports = Vec::new();
    let mut marked = Marked { valid_at: None, is_marked: false };
    if let Some(beside) = beside {
        let report = asking.mark_beside(&beside, &digests);
        marked = marked.and(beside.mark.as_ref().ok(), &report);
        reports.push(report);
    }
    reports.extend(asking.layer(&layer, marked, 1)?);
    let sha256 = &digests[&DigestAlgorithm::Sha256];
    Ok(FileReport::new(path.display().to_string(), &layer, sha256, at, reports, trust))
}

/// What is known of marks that cover a layer.
#[derive(Clone, Copy)]
struct Marked {
    /// The earliest time at which a valid mark says that the layer existed.
    valid_at: Option<Timestamp>,
    /// Whether there is a mark at all.
    is_marked: bool,
}

impl Marked {
    /// As before, and covered by one more mark.
    fn and(self, mark: Option<&Mark>, report: &Report) -> Marked {
        let valid = mark.filter(|_| report.verdict() == Verdict::Valid).map(Mark::gen_time);
        Marked { valid_at: self.valid_at.into_iter().chain(valid).min(), is_marked: true }
    }
}

struct Asking<'a> {
    path: &'a Path,
    document: Option<&'a Path>,
    trust: &'a Trust,
    at: Timestamp,
}

impl Asking<'_> {
    /// The reports on a layer and on what is inside it; `depth` 1 is the file itself.
    fn layer(&self, layer: &Layer, marked: Marked, depth: usize) -> Result<Vec<Report>, Error> {
        let reports = match &layer.contents {
            Contents::Signed(signed, _) if layer.kind == Kind::CertsOnly => {
                self.certificates(signed)
            }
            Contents::Signed(signed, inner) => {
                let mut reports = self.signatures(signed, marked);
                reports.extend(self.inside(inner.as_deref(), marked, depth)?);
                reports
            }
            Contents::Mark(mark) => vec![self.mark_alone(mark)?],
            Contents::TimeStamped(data) => {
                let report = self.mark_of_timestamped(data)?;
                let marked = marked.and(Some(&data.mark), &report);
                let mut reports = vec![report];
                reports.extend(self.inside(data.document.as_ref(), marked, depth)?);
                reports
            }
            Contents::M7m(p7m, mark) => {
                let report = self.mark_over(mark, "the p7m", self.digest_of(p7m, mark)?);
                let marked = marked.and(Some(mark), &report);
                let mut reports = vec![report];
                reports.extend(self.layer(p7m, marked, depth)?);
                reports
            }
            // A mark alone is enough to ask about.
            Contents::Plain(_) if marked.is_marked && !layer.kind.is_container() => Vec::new(),
            Contents::Plain(plain) => vec![self.plain(layer.kind, plain.as_ref())?],
            Contents::Unreadable(error) => vec![unreadable(layer.kind, error)],
        };
        Ok(reports)
    }

    fn plain(&self, kind: Kind, plain: Option<&Section>) -> Result<Report, InspectError> {
        let Some(plain) = plain.filter(|_| kind == Kind::Certificate) else {
            return outline::of(self.path, kind, plain);
        };
        let der = plain.head(MAX_CERTIFICATE).map_err(InspectError::disk("reading", self.path))?;
        match Certificate::from_der(&der) {
            Ok(certificate) => Ok(outline::certificate(&certificate, &[], self.trust, self.at)),
            Err(error) => Ok(unreadable(kind, &error.into())),
        }
    }

    /// What is inside a signed or marked layer, as one report, when there is something to ask.
    fn inside(
        &self,
        inner: Option<&Layer>,
        marked: Marked,
        depth: usize,
    ) -> Result<Option<Report>, Error> {
        let Some(inner) = inner else { return Ok(None) };
        if matches!(inner.contents, Contents::Plain(_)) {
            return Ok(None);
        }
        let mut report = Report::on(format!("inside: {}", inner.kind));
        report.parts = self.layer(inner, Marked { is_marked: true, ..marked }, depth + 1)?;
        Ok(Some(report))
    }

    /// One report for each signature, asked about for the time of the earliest valid mark over it.
    fn signatures(&self, signed: &SignedData, marked: Marked) -> Vec<Report> {
        let mut by_time: BTreeMap<Timestamp, Vec<Report>> = BTreeMap::new();
        let mut ask = |at: Timestamp| {
            let fresh = || verify(signed, self.trust, at, Purpose::Signing);
            by_time.entry(at).or_insert_with(fresh).clone()
        };
        if signed.signers.is_empty() {
            return ask(self.at);
        }
        let mut reports = Vec::new();
        for (index, signer) in signed.signers.iter().enumerate() {
            let tokens = signer.signature_timestamps();
            let (marks, valid_at) = self.signature_marks(&tokens, signer.signature());
            let earliest = marked.valid_at.into_iter().chain(valid_at).min();
            let Some(mut report) = ask(earliest.unwrap_or(self.at)).into_iter().nth(index) else {
                continue;
            };
            if let Some(earliest) = earliest {
                report.push(Check::new(
                    "signature.marked",
                    "Does a mark show when it was there?",
                    Answer::Note,
                    format!("yes: the certificate was asked about for {earliest}"),
                ));
            }
            report.parts.extend(marks);
            reports.push(report);
        }
        reports
    }

    /// Marks inside a signature: CAdES-T (EN 319 122-1 §5.3).
    fn signature_marks(
        &self,
        tokens: &[&[u8]],
        signature: &[u8],
    ) -> (Vec<Report>, Option<Timestamp>) {
        let (mut reports, mut earliest) = (Vec::new(), None);
        for token in tokens.iter().take(MAX_SIGNATURE_MARKS) {
            let mark = match Mark::from_bytes(token) {
                Ok(mark) => mark,
                Err(error) => {
                    reports.push(unreadable(Kind::TimeStampToken, &error.into()));
                    continue;
                }
            };
            let digest = mark.message_imprint().algorithm.digest(signature);
            let report = self.mark_over(&mark, "the signature value", Some(digest));
            if report.verdict() == Verdict::Valid {
                earliest = earliest.into_iter().chain([mark.gen_time()]).min();
            }
            reports.push(report);
        }
        if tokens.len() > MAX_SIGNATURE_MARKS {
            let mut report = Report::on("further marks");
            report.push(Check::new(
                "mark.further",
                "Were all marks of the signature looked at?",
                Answer::Unknown,
                format!("{} marks, {MAX_SIGNATURE_MARKS} looked at", tokens.len()),
            ));
            reports.push(report);
        }
        (reports, earliest)
    }

    fn mark_alone(&self, mark: &Mark) -> Result<Report, Error> {
        let Some(document) = self.document else {
            return Ok(self.mark_over(mark, "a document", None));
        };
        let algorithm = mark.message_imprint().algorithm;
        let digest = Section::open(document)
            .and_then(|section| algorithm.digest_reader(section))
            .map_err(InspectError::disk("reading", document))?;
        Ok(self.mark_over(mark, &name(document), Some(digest)))
    }

    fn mark_beside(
        &self,
        beside: &beside::Beside,
        digests: &BTreeMap<DigestAlgorithm, Vec<u8>>,
    ) -> Report {
        match &beside.mark {
            Ok(mark) => {
                let digest = digests.get(&mark.message_imprint().algorithm).cloned();
                let mut report = self.mark_over(mark, &name(self.path), digest);
                report.subject = format!("{} ({})", report.subject, name(&beside.path));
                report
            }
            Err(error) => {
                let mut report = unreadable(Kind::TimeStampResp, error);
                report.subject = name(&beside.path);
                report
            }
        }
    }

    fn mark_of_timestamped(&self, data: &TimeStamped) -> Result<Report, Error> {
        let disk = InspectError::disk("reading", self.path);
        let algorithm = data.mark.message_imprint().algorithm;
        let document = match (&data.document, self.document) {
            (Some(layer), _) => layer.section.clone(),
            (None, Some(beside)) => {
                Some(Section::open(beside).map_err(InspectError::disk("reading", beside))?)
            }
            (None, None) => None,
        };
        let metadata = data.protected_metadata.as_deref().unwrap_or_default();
        let digest = document
            .map(|document| algorithm.digest_reader(metadata.chain(document)))
            .transpose()
            .map_err(disk)?;
        let what = match data.protected_metadata {
            Some(_) => "the document together with its metadata",
            None => "the document",
        };
        let mut report = self.mark_over(&data.mark, what, digest);
        if data.marks > 1 {
            report.push(Check::new(
                "mark.further",
                "Are there marks over this mark?",
                Answer::Note,
                format!("{}, which are not looked at", data.marks - 1),
            ));
        }
        Ok(report)
    }

    /// The mark's own report, and first of all whether it is over what it should be over.
    fn mark_over(&self, mark: &Mark, what: &str, digest: Option<Vec<u8>>) -> Report {
        let mut report = mark.verify(self.trust, self.at);
        let imprint = mark.message_imprint();
        let (answer, detail) = match digest {
            Some(digest) if digest == imprint.digest => {
                (Answer::Yes, format!("{} of {what}", imprint.in_words()))
            }
            Some(digest) => {
                let found = hex::encode(digest);
                (Answer::No, format!("the mark has {}, {what} has {found}", imprint.in_words()))
            }
            None => {
                let detail = format!("it is over {}; the file was not given", imprint.in_words());
                (Answer::Unknown, detail)
            }
        };
        let question = "Is the mark over what it should be over?";
        report.checks.insert(0, Check::new("mark.covers", question, answer, detail));
        report
    }

    fn digest_of(&self, layer: &Layer, mark: &Mark) -> Result<Option<Vec<u8>>, InspectError> {
        let algorithm = mark.message_imprint().algorithm;
        let section = layer.section.as_ref();
        section
            .map(|section| algorithm.digest_reader(section.from_start()))
            .transpose()
            .map_err(InspectError::disk("reading", self.path))
    }

    /// A list of certificates has no signature of its own: what counts is who issued them.
    fn certificates(&self, signed: &SignedData) -> Vec<Report> {
        let all = &signed.certificates;
        let mut reports: Vec<Report> =
            all.iter().map(|one| outline::certificate(one, all, self.trust, self.at)).collect();
        if !signed.other_certificates.is_empty() {
            let mut report = Report::on("other certificates");
            report.push(Check::new(
                "certificate.readable",
                "Can every certificate be read?",
                Answer::Unknown,
                format!("{} of another kind than RSA", signed.other_certificates.len()),
            ));
            reports.push(report);
        }
        reports
    }
}

/// A layer that cannot be looked into: damage speaks against it, mere depth does not.
fn unreadable(kind: Kind, error: &Error) -> Report {
    let answer = match error.code() {
        "inspect.too_deep" | "inspect.too_large" => Answer::Unknown,
        _ => Answer::No,
    };
    let found = error.report().found.as_deref().unwrap_or_default();
    let mut report = Report::on(kind.name());
    report.push(Check::new(
        "file.readable",
        "Can it be read to its end?",
        answer,
        format!("{}: {found} [{}]", error.report().headline, error.code()),
    ));
    report
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Digests by several algorithms in one pass.
fn digests(
    mut source: impl Read,
    algorithms: &[DigestAlgorithm],
) -> io::Result<BTreeMap<DigestAlgorithm, Vec<u8>>> {
    let mut hashers: BTreeMap<_, _> =
        algorithms.iter().map(|algorithm| (*algorithm, Hasher::new(*algorithm))).collect();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hashers.values_mut().for_each(|hasher| hasher.update(&buffer[..length]));
    }
    Ok(hashers.into_iter().map(|(algorithm, hasher)| (algorithm, hasher.finish())).collect())
}

const MAX_SIGNATURE_MARKS: usize = 8;
const MAX_CERTIFICATE: usize = 64 << 10;

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
