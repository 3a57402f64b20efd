//! Reading the register: what lies in the folders of the workspace, joined by protocollo.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use ceralacca_kernel::atomic_file::TEMPORARY_PREFIX;
use ceralacca_kernel::{Folders, document_archive};
use serde::de::DeserializeOwned;

use crate::esito::{ESITI, Esito, LARGEST, RICEVUTA, RICEZIONE, sealed};
use crate::hand_over;
use crate::kept_file::Look;
use crate::outbox::{ACKNOWLEDGEMENT, ATTEMPT, Attempt, OUTBOX, name_of_key, read_at_most};
use crate::register::{InDoubt, Problem, Register, Row};
use crate::register_row::{Draft, rank};
use crate::revocation::REVOCATIONS;
use crate::{Acknowledgement, Counts, Protocollo, ReceiptRecord};

/// Gathers the register.
pub(crate) struct Reader<'a> {
    folders: &'a Folders,
    /// The numbers of what went by another before, with its SHA-256: a mistyped number may be that of
    /// something else.
    numbers: BTreeMap<(Protocollo, String), Protocollo>,
    drafts: BTreeMap<Protocollo, Draft>,
    register: Register,
    look: Look,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(folders: &'a Folders, look: Look) -> Reader<'a> {
        let (numbers, drafts) = (BTreeMap::new(), BTreeMap::new());
        Reader { folders, numbers, drafts, register: Register::default(), look }
    }

    pub(crate) fn read(mut self) -> Register {
        self.hand_overs();
        let esiti = self.esiti();
        for key in self.names(&self.folders.state.join(OUTBOX)) {
            self.outbox(&key);
        }
        self.handed_over();
        for record in self.records() {
            self.record(record);
        }
        for esito in esiti {
            self.esito(esito);
        }
        self.revocations();
        let drafts = std::mem::take(&mut self.drafts);
        let mut rows: Vec<Row> = Vec::new();
        for draft in drafts.into_values() {
            let (row, problems) = draft.finished(self.folders, self.look);
            rows.push(row);
            self.register.problems.extend(problems);
        }
        self.settle(&mut rows);
        rows.sort_by(|a, b| (b.data_invio, &b.protocollo).cmp(&(a.data_invio, &a.protocollo)));
        self.register.rows = rows;
        self.register.in_doubt.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        self.register
    }

    fn hand_overs(&mut self) {
        match hand_over::list(self.folders) {
            Ok(hand_overs) => self.register.hand_overs = hand_overs,
            Err(error) => {
                let found = error.report().found.as_deref().unwrap_or_default();
                let reason = format!("{}: {found}", error.report().headline);
                self.problem(&self.folders.state.join("hand-off"), reason);
            }
        }
        for hand_over in &self.register.hand_overs {
            let Some(file) = hand_over.file() else { continue };
            let mut numbers = hand_over.numbers();
            if let Some(now) = numbers.next() {
                let before = numbers.map(|before| ((before, file.sha256.clone()), now.clone()));
                self.numbers.extend(before);
            }
        }
        // A number that was written down by mistake may be the true one of something else.
        for hand_over in &self.register.hand_overs {
            let sha256 = hand_over.file().map(|file| &file.sha256);
            self.numbers.retain(|(before, of), _| {
                hand_over.protocollo() != Some(before) || sha256 != Some(of)
            });
        }
    }

    /// What a person has uploaded is in the list at once, and not only when its run goes on.
    fn handed_over(&mut self) {
        for one in self.register.hand_overs.clone() {
            let (Some(sent), Some(file)) = (one.acknowledgement(), one.file()) else { continue };
            let number = self.number(&sent.protocollo, &sent.sha256);
            let draft = self.drafts.entry(number.clone()).or_insert_with(|| {
                let mut draft = Draft::new(number, sent.file_name, sent.sha256);
                draft.row.tipo_documento = sent.tipo_documento;
                draft.row.data_invio = sent.received_at;
                draft
            });
            draft.row.sent = true;
            draft.row.key.get_or_insert_with(|| name_of_key(&one.key));
            draft.row.paths.sent.get_or_insert_with(|| file.copy.clone());
            draft.hand_over = Some(one);
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
                        let before = (esito.protocollo.clone(), esito.sent_sha256.clone());
                        self.numbers.insert(before, number.clone());
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
            let number = self.number(&answer.protocollo, &answer.sha256);
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
        // A person has said that it was not sent, or that it was.
        if hand_over.is_some_and(|one| !one.is_waiting()) {
            return;
        }
        let (at, (name, tipo_documento, sha256)) = match attempt {
            Some(one) => (Some(one.at), (one.name, one.tipo_documento, one.sha256)),
            None => (None, Default::default()),
        };
        self.register.in_doubt.push(InDoubt {
            key: key.to_owned(),
            folder,
            file_name: name,
            tipo_documento,
            sha256,
            at,
            handed_over,
        });
    }

    /// A row that the Agency gave settles the doubt about what was sent: one row each, the oldest
    /// first, and none that another submission was acknowledged with.
    fn settle(&mut self, rows: &mut [Row]) {
        let mut doubts = std::mem::take(&mut self.register.in_doubt);
        doubts.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        rows.sort_by_key(|row| row.data_invio);
        doubts.retain(|doubt| {
            let Some(at) = doubt.at.filter(|_| !doubt.handed_over) else { return true };
            let since = at.checked_sub(CLOCKS_DIFFER).unwrap_or(at);
            let answer = rows.iter_mut().find(|row| {
                row.key.is_none()
                    && row.sha256 == doubt.sha256
                    && row.tipo_documento == doubt.tipo_documento
                    && row.data_invio >= since
            });
            answer.is_none_or(|row| {
                row.key = Some(doubt.key.clone());
                row.sent = true;
                false
            })
        });
        self.register.in_doubt = doubts;
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
        let number = self.number(&record.protocollo, &record.sha256);
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
        draft.known = true;
        row.tipo_documento = record.tipo_documento;
        row.stato = stato;
        row.motivo_di_scarto = record.motivo_di_scarto;
        row.documenti = record.documenti;
        row.data_invio = record.sent_at;
        draft.sealed = sealed.or(draft.sealed.take());
    }

    fn esito(&mut self, esito: Esito) {
        let number = self.number(&esito.protocollo, &esito.sent_sha256);
        let draft = self.drafts.entry(number.clone()).or_insert_with(|| {
            // The Agency's row is gone; what became of it is known all the same.
            let file_name = esito.file_name.clone();
            let mut draft = Draft::new(number, file_name, esito.sent_sha256.clone());
            draft.row.data_invio = esito.sent_at.unwrap_or_default();
            draft
        });
        let row = &mut draft.row;
        draft.known = true;
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

    /// The Agency's number, where it is known by now.
    fn number(&self, protocollo: &Protocollo, sha256: &str) -> Protocollo {
        let before = (protocollo.clone(), sha256.to_owned());
        self.numbers.get(&before).unwrap_or(protocollo).clone()
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
        let next = "restore the file from a backup".to_owned();
        self.register.problems.push(Problem { path: path.to_owned(), reason, next });
    }
}

fn is_number(name: &str) -> bool {
    Protocollo::try_from(name.to_owned()).is_ok()
}

/// Entries of a folder that are read.
const MOST: usize = 200_000;
/// The Agency's clock and ours.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);
