//! Reading the register: what lies in the folders of the workspace, joined by protocollo.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceralacca_kernel::atomic_file::TEMPORARY_PREFIX;
use ceralacca_kernel::{Folders, document_archive};
use serde::de::DeserializeOwned;

use crate::esito::{ESITI, Esito, LARGEST, RICEVUTA, RICEZIONE, sealed};
use crate::hand_off::{self, HandOver, State};
use crate::outbox::{ACKNOWLEDGEMENT, ATTEMPT, Attempt, OUTBOX, name_of_key, read_at_most};
use crate::register::{InDoubt, Paths, Problem, ReceiptState, Register, Row};
use crate::revocation::REVOCATIONS;
use crate::{
    Acknowledgement, AttachmentRecord, Counts, KeptFile, Protocollo, ReceiptRecord, Stato,
};

/// Gathers the register.
pub(crate) struct Reader<'a> {
    folders: &'a Folders,
    /// The Agency's numbers of what went by a stand-in before.
    numbers: BTreeMap<Protocollo, Protocollo>,
    drafts: BTreeMap<Protocollo, Draft>,
    register: Register,
}

/// A row, and what its state is judged by.
struct Draft {
    row: Row,
    sealed: Option<AttachmentRecord>,
    esito: Option<Esito>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(folders: &'a Folders) -> Reader<'a> {
        let (numbers, drafts) = (BTreeMap::new(), BTreeMap::new());
        Reader { folders, numbers, drafts, register: Register::default() }
    }

    pub(crate) fn read(mut self) -> Register {
        self.hand_overs();
        let esiti = self.esiti();
        for key in self.names(&self.folders.state.join(OUTBOX)) {
            self.outbox(&key);
        }
        for record in self.records() {
            self.record(record);
        }
        for esito in esiti {
            self.esito(esito);
        }
        self.revocations();
        let drafts = std::mem::take(&mut self.drafts);
        let mut rows: Vec<Row> = drafts.into_values().map(|draft| self.finished(draft)).collect();
        rows.sort_by(|a, b| (b.data_invio, &b.protocollo).cmp(&(a.data_invio, &a.protocollo)));
        self.register.rows = rows;
        self.register.in_doubt.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        self.register
    }

    fn hand_overs(&mut self) {
        match hand_off::list(self.folders) {
            Ok(hand_overs) => self.register.hand_overs = hand_overs,
            Err(error) => {
                let found = error.report().found.as_deref().unwrap_or_default();
                let reason = format!("{}: {found}", error.report().headline);
                self.problem(&self.folders.state.join("hand-off"), reason);
            }
        }
        for hand_over in &self.register.hand_overs {
            if let Some((stand_in, number)) = renamed(hand_over) {
                self.numbers.insert(stand_in, number);
            }
        }
    }

    fn esiti(&mut self) -> Vec<Esito> {
        let Some(folder) = document_archive::existing(&self.folders.documents, ESITI) else {
            return Vec::new();
        };
        let mut esiti = Vec::new();
        for name in self.names(&folder) {
            let path = folder.join(&name);
            // Reports of other programs may lie here too.
            let ours = name.strip_suffix(".json").is_some_and(is_number);
            match ours.then(|| Esito::read_file(&path)) {
                Some(Ok(esito)) => {
                    if let Some(number) = &esito.numero {
                        self.numbers.insert(esito.protocollo.clone(), number.clone());
                    }
                    esiti.push(esito);
                }
                Some(Err(reason)) => self.problem(&path, reason),
                None => {}
            }
        }
        esiti
    }

    fn outbox(&mut self, key: &str) {
        let folder = self.folders.state.join(OUTBOX).join(key);
        let answer: Option<Acknowledgement> = self.parsed(&folder.join(ACKNOWLEDGEMENT));
        if let Some(answer) = answer {
            let number = self.number(&answer.protocollo);
            let file_name = answer.file_name.clone();
            let draft = self.drafts.entry(number.clone()).or_insert_with(|| {
                let mut draft = Draft::new(number, answer.file_name, answer.sha256);
                draft.row.tipo_documento = answer.tipo_documento;
                draft.row.data_invio = answer.received_at;
                draft
            });
            draft.row.sent = true;
            draft.row.key.get_or_insert_with(|| key.to_owned());
            let inviati = self.folders.documents.join("inviati");
            let copy = inviati.join(format!("{}-{file_name}", answer.protocollo));
            draft.row.paths.sent.get_or_insert(copy);
            return;
        }
        let path = folder.join(ATTEMPT);
        if !path.exists() {
            return;
        }
        let attempt: Option<Attempt> = self.parsed(&path);
        let mut hand_overs = self.register.hand_overs.iter();
        let hand_over = hand_overs.find(|one| name_of_key(&one.key) == key);
        let handed_over = hand_over.is_some();
        // A person has said that it was not sent.
        if hand_over.is_some_and(|one| matches!(one.state, State::NotSent { .. })) {
            return;
        }
        let key = key.to_owned();
        self.register.in_doubt.push(match attempt {
            Some(Attempt { at, name, tipo_documento, sha256 }) => {
                let at = Some(at);
                InDoubt { key, file_name: name, tipo_documento, sha256, at, handed_over }
            }
            None => {
                let none = String::new;
                let (file_name, tipo_documento, sha256) = (none(), none(), none());
                InDoubt { key, file_name, tipo_documento, sha256, at: None, handed_over }
            }
        });
    }

    /// The Agency's own rows.
    fn records(&mut self) -> Vec<ReceiptRecord> {
        let Some(folder) = document_archive::existing(&self.folders.documents, RICEZIONE) else {
            return Vec::new();
        };
        let names = self.names(&folder);
        let names = names.into_iter().filter(|name| is_number(name));
        names.filter_map(|name| self.parsed(&folder.join(name).join(RICEVUTA))).collect()
    }

    fn record(&mut self, record: ReceiptRecord) {
        let number = self.number(&record.protocollo);
        let sealed = sealed(&record).cloned();
        let ReceiptRecord { file_name, sha256, stato, .. } = record;
        let draft = self
            .drafts
            .entry(number.clone())
            .or_insert_with(|| Draft::new(number, file_name, sha256));
        // Of two rows, under the stand-in and under the number, the one that knows more.
        if rank(stato) < rank(draft.row.stato) {
            return;
        }
        let row = &mut draft.row;
        row.tipo_documento = record.tipo_documento;
        row.stato = stato;
        row.motivo_di_scarto = record.motivo_di_scarto;
        row.documenti = record.documenti;
        row.data_invio = record.sent_at;
        draft.sealed = sealed.or(draft.sealed.take());
    }

    fn esito(&mut self, esito: Esito) {
        let number = self.number(&esito.protocollo);
        let draft = self.drafts.entry(number.clone()).or_insert_with(|| {
            // The Agency's row is gone; what became of it is known all the same.
            let file_name = esito.file_name.clone();
            let mut draft = Draft::new(number, file_name, esito.sent_sha256.clone());
            draft.row.data_invio = esito.sent_at.unwrap_or_default();
            draft
        });
        let row = &mut draft.row;
        row.tipo_documento.clone_from(&esito.tipo_documento);
        if rank(esito.stato) >= rank(row.stato) {
            row.stato = esito.stato;
            row.motivo_di_scarto.clone_from(&esito.motivo_di_scarto);
        }
        if esito.documenti != Counts::default() {
            row.documenti = esito.documenti;
        }
        draft.esito = Some(esito);
    }

    fn revocations(&mut self) {
        let folder = self.folders.state.join(REVOCATIONS);
        for name in self.names(&folder) {
            if let Some(mark) = self.parsed(&folder.join(name)) {
                self.register.revocations.push(mark);
            }
        }
        self.register.revocations.sort_by_key(|mark| mark.at);
    }

    fn finished(&self, draft: Draft) -> Row {
        let Draft { mut row, sealed, esito } = draft;
        let read =
            |sealed: &AttachmentRecord| esito.as_ref().is_some_and(|esito| esito.has_read(sealed));
        let opened = esito.as_ref().is_some_and(|esito| esito.rcc.is_some());
        row.receipt = match &sealed {
            Some(sealed) if read(sealed) => ReceiptState::Letta,
            Some(_) => ReceiptState::NonLetta,
            None if opened => ReceiptState::Letta,
            None if row.stato == Stato::InElaborazione => ReceiptState::Attesa,
            None => ReceiptState::InChiaro,
        };
        if let Some(sealed) = sealed {
            let kept = self.folders.documents.join(RICEZIONE).join(row.protocollo.as_str());
            row.paths.rcc = Some(kept.join(sealed.name));
        }
        if let Some(esito) = esito {
            let path = |file: Option<KeptFile>| file.map(|file| file.path);
            row.paths.rcc = path(esito.rcc).or(row.paths.rcc);
            row.paths.p7m = path(esito.p7m);
            row.paths.rel = path(esito.rel);
            row.paths.opaque = path(esito.opaque);
            row.paths.sent.get_or_insert(esito.sent_copy);
        }
        // Named only where it is.
        let there = |path: Option<PathBuf>| path.filter(|path| path.is_file());
        let Paths { rcc, p7m, rel, opaque, sent } = row.paths;
        row.paths = Paths {
            rcc: there(rcc),
            p7m: there(p7m),
            rel: there(rel),
            opaque: there(opaque),
            sent: there(sent),
        };
        row
    }

    /// The Agency's number, where it is known by now.
    fn number(&self, protocollo: &Protocollo) -> Protocollo {
        self.numbers.get(protocollo).unwrap_or(protocollo).clone()
    }

    /// What is in a folder, sorted; nothing when there is no such folder.
    fn names(&mut self, folder: &Path) -> Vec<String> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problem(folder, error.to_string());
                return Vec::new();
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter(|name| !name.starts_with(TEMPORARY_PREFIX)).take(MOST + 1).collect();
        if names.len() > MOST {
            names.truncate(MOST);
            self.problem(folder, format!("more than {MOST} entries: the others were not read"));
        }
        names.sort();
        names
    }

    /// A record; `None` when there is none, or when it is damaged, which is listed.
    fn parsed<T: DeserializeOwned>(&mut self, path: &Path) -> Option<T> {
        let bytes = match read_at_most(path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) => {
                let absent = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
                if !absent.contains(&error.kind()) {
                    self.problem(path, error.to_string());
                }
                return None;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(record) => Some(record),
            Err(error) => {
                self.problem(path, error.to_string());
                None
            }
        }
    }

    fn problem(&mut self, path: &Path, reason: String) {
        self.register.problems.push(Problem { path: path.to_owned(), reason });
    }
}

impl Draft {
    fn new(protocollo: Protocollo, file_name: String, sha256: String) -> Draft {
        let row = Row {
            protocollo,
            tipo_documento: String::new(),
            stato: Stato::InElaborazione,
            motivo_di_scarto: None,
            file_name,
            data_invio: jiff::Timestamp::UNIX_EPOCH,
            documenti: Counts::default(),
            sha256,
            key: None,
            sent: false,
            receipt: ReceiptState::Attesa,
            paths: Paths::default(),
        };
        Draft { row, sealed: None, esito: None }
    }
}

/// How much a state says: what is final is not undone by an older row.
fn rank(stato: Stato) -> u8 {
    match stato {
        Stato::InElaborazione => 0,
        Stato::DaAprire => 1,
        Stato::Elaborato | Stato::Scartato => 2,
        Stato::Annullato => 3,
    }
}

/// The stand-in that a hand-over went by, and the number that was written down since.
fn renamed(hand_over: &HandOver) -> Option<(Protocollo, Protocollo)> {
    let (State::Confirmed { sent_on, .. } | State::Rejected { sent_on, .. }) = &hand_over.state
    else {
        return None;
    };
    let stand_in = Protocollo::not_written_down(*sent_on, &hand_over.file()?.sha256);
    Some((stand_in, hand_over.protocollo()?.clone()))
}

fn is_number(name: &str) -> bool {
    Protocollo::try_from(name.to_owned()).is_ok()
}

/// Entries of a folder that are read.
const MOST: usize = 200_000;
