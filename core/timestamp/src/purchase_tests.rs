//! One mark for a file, whatever happens in between.

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, Exit};
use ceralacca_signing::{DigestAlgorithm, Trust};

use crate::fixtures::{TestAuthority, moment, response, trust};
use crate::{Mark, MessageImprint, Purchase, TimestampRequest};

struct Stage {
    folder: tempfile::TempDir,
    trust: Trust,
}

impl Stage {
    fn new() -> Stage {
        let stage = Stage { folder: tempfile::tempdir().unwrap(), trust: trust() };
        fs::write(stage.path(""), b"indice").unwrap();
        stage
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("indice.xml.p7m{ending}"))
    }

    fn buy(&self, authority: &TestAuthority) -> Result<(Mark, PathBuf), Error> {
        let document = self.path("");
        self.buy_for(&document, authority, DigestAlgorithm::Sha256)
    }

    fn buy_for(
        &self,
        document: &Path,
        authority: &TestAuthority,
        algorithm: DigestAlgorithm,
    ) -> Result<(Mark, PathBuf), Error> {
        let imprint = MessageImprint::of(algorithm, &fs::read(document).unwrap());
        let (trust, at) = (&self.trust, moment());
        Purchase { document, imprint, policy: None, trust, at }.mark(authority)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const WHOLE: [&str; 3] = ["indice.xml.p7m", "indice.xml.p7m.tsr", "indice.xml.p7m.tst"];

#[test]
fn a_mark_on_disk_is_used_again() {
    let (stage, authority) = (Stage::new(), TestAuthority::new());
    let (first, path) = stage.buy(&authority).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first.bytes());
    assert_eq!(fs::read(stage.path(".tst")).unwrap(), first.token_der());
    fs::remove_file(stage.path(".tst")).unwrap();
    let (again, _) = stage.buy(&authority).unwrap();
    assert_eq!((again.bytes(), authority.made.get()), (first.bytes(), 1));
    assert_eq!(stage.names(), WHOLE);
}

#[test]
fn an_answer_that_was_kept_and_not_checked_is_taken_up() {
    let (stage, authority) = (Stage::new(), TestAuthority::new());
    // As after a crash behind the answer: the question and the answer are there.
    let imprint = MessageImprint::of(DigestAlgorithm::Sha256, b"indice");
    let request = TimestampRequest::new(imprint, None);
    fs::write(stage.path(".tsq"), request.to_der()).unwrap();
    fs::write(stage.path(".tsr.part"), response(&request, |_| {})).unwrap();
    stage.buy(&authority).unwrap();
    assert_eq!((authority.made.get(), stage.names()), (0, WHOLE.map(str::to_owned).to_vec()));
}

#[test]
fn half_an_answer_is_asked_for_again_with_the_same_question() {
    let (stage, authority) = (Stage::new(), TestAuthority::new());
    let imprint = MessageImprint::of(DigestAlgorithm::Sha256, b"indice");
    let request = TimestampRequest::new(imprint, None);
    let answer = response(&request, |_| {});
    fs::write(stage.path(".tsq"), request.to_der()).unwrap();
    fs::write(stage.path(".tsr.part"), &answer[..answer.len() / 2]).unwrap();
    stage.buy(&authority).unwrap();
    assert_eq!(authority.asked.borrow().as_slice(), [request.to_der()]);
}

#[test]
fn a_lost_answer_leaves_the_question_and_is_in_doubt() {
    let stage = Stage::new();
    let lossy = TestAuthority { way: |_| None, ..TestAuthority::new() };
    let error = stage.buy(&lossy).unwrap_err();
    assert_eq!(error.exit(), Exit::Unknown);
    assert_eq!(stage.names(), ["indice.xml.p7m", "indice.xml.p7m.tsq"]);
    let authority = TestAuthority::new();
    stage.buy(&authority).unwrap();
    assert_eq!(*authority.asked.borrow(), *lossy.asked.borrow());
}

#[test]
fn a_refused_answer_is_kept_aside() {
    let stage = Stage::new();
    let wrong = TestAuthority::changing(|info| info.nonce = None);
    let error = stage.buy(&wrong).unwrap_err();
    assert_eq!(error.code(), "timestamp.other_nonce");
    let state = &error.report().state;
    assert!(state.contains(".tsr.refused") && state.contains("counted"), "{state}");
    let names = ["indice.xml.p7m", "indice.xml.p7m.tsq", "indice.xml.p7m.tsr.refused"];
    assert_eq!(stage.names(), names);
    stage.buy(&TestAuthority::new()).unwrap();
    let cut = TestAuthority { way: |a| Some(a[..9].to_vec()), ..TestAuthority::new() };
    let stage = Stage::new();
    assert_eq!(stage.buy(&cut).unwrap_err().code(), "timestamp.malformed");
}

#[test]
fn what_lies_in_the_way_is_not_overwritten() {
    let (stage, authority) = (Stage::new(), TestAuthority::new());
    stage.buy(&authority).unwrap();
    let mark = fs::read(stage.path(".tsr")).unwrap();
    fs::write(stage.path(""), b"un altro indice").unwrap();
    let error = stage.buy(&authority).unwrap_err();
    assert_eq!(error.code(), "timestamp.in_the_way");
    assert!(error.report().found.as_ref().unwrap().contains("timestamp.other_imprint"));
    assert_eq!(fs::read(stage.path(".tsr")).unwrap(), mark);
    fs::write(stage.path(""), b"indice").unwrap();
    let document = stage.path("");
    let error = stage.buy_for(&document, &authority, DigestAlgorithm::Sha512).unwrap_err();
    assert_eq!((error.code(), authority.made.get()), ("timestamp.in_the_way", 1));
    fs::write(stage.path(".tsr"), vec![0; crate::LARGEST_MARK * 2]).unwrap();
    assert_eq!(stage.buy(&authority).unwrap_err().code(), "timestamp.in_the_way");
}
