//! One row of the register: how far its receipt is, judged by what lies on disk.

use std::path::PathBuf;

use ceralacca_kernel::{Folders, document_archive};

use crate::esito::{Esito, RICEZIONE, sealed_name};
use crate::hand_over::{HandOver, State};
use crate::kept_file::{KeptFile, Look, place};
use crate::register::{Paths, Problem, ReceiptState, Row};
use crate::{AttachmentRecord, Counts, Protocollo, Stato};

/// A row, and what its state is judged by.
pub(crate) struct Draft {
    pub(crate) row: Row,
    pub(crate) sealed: Option<AttachmentRecord>,
    pub(crate) esito: Option<Esito>,
    pub(crate) hand_over: Option<HandOver>,
    /// Whether there is a row of the Agency, or an outcome.
    pub(crate) known: bool,
}

impl Draft {
    pub(crate) fn new(protocollo: Protocollo, file_name: String, sha256: String) -> Draft {
        let row = Row {
            protocollo,
            tipo_documento: String::new(),
            stato: Stato::InElaborazione,
            motivo_di_scarto: None,
            file_name,
            data_invio: jiff::Timestamp::UNIX_EPOCH,
            data_presunta: false,
            documenti: Counts::default(),
            sha256,
            key: None,
            sent: false,
            handed_over: false,
            receipt: ReceiptState::Attesa,
            by_person: false,
            not_openable: None,
            paths: Paths::default(),
        };
        Draft { row, sealed: None, esito: None, hand_over: None, known: false }
    }

    /// The row, and what of it is not as it was kept.
    pub(crate) fn finished(mut self, folders: &Folders, look: Look) -> (Row, Vec<Problem>) {
        self.said_by_hand();
        let faults = self.faults(folders, look);
        self.row.receipt = self.receipt_state(faults.is_empty());
        let closed = self.sealed.as_ref().zip(self.esito.as_ref());
        let closed = closed.and_then(|(sealed, esito)| esito.closed(sealed)).cloned();
        let read = self.row.receipt == ReceiptState::Letta;
        self.row.not_openable = closed.filter(|_| !read);
        let opaque = self.sealed.as_ref().is_some_and(|sealed| !sealed_name(&sealed.name));
        self.row.by_person = opaque && !read && self.row.handed_over;
        self.row.paths = self.paths(folders);
        (self.row, faults)
    }

    /// What a person said of it, where nothing else is known yet.
    fn said_by_hand(&mut self) {
        let Some(one) = &self.hand_over else { return };
        self.row.handed_over = true;
        self.row.data_presunta = one.day_is_guessed() && !self.dated();
        if let State::Rejected { motivo, .. } = &one.state
            && !self.known
        {
            self.row.stato = Stato::Scartato;
            self.row.motivo_di_scarto = Some(motivo.clone());
        }
    }

    /// Whether its receipt was opened, which says when it was sent.
    fn dated(&self) -> bool {
        self.esito.as_ref().is_some_and(|esito| esito.rel.is_some())
    }

    fn is_read(&self) -> bool {
        let Some(esito) = &self.esito else { return false };
        self.sealed.as_ref().map_or(esito.rcc.is_some(), |sealed| esito.has_read(sealed))
    }

    /// What was opened here and is not there any more as it was.
    fn faults(&self, folders: &Folders, look: Look) -> Vec<Problem> {
        let Some(esito) = self.esito.as_ref().filter(|_| self.is_read()) else { return Vec::new() };
        if esito.read_by_person {
            return Vec::new();
        }
        let next = "ceralacca run collect_receipts fetches and opens it again; a file that was \
                    changed is kept aside";
        let problem = |(path, reason)| Problem { path, reason, next: next.to_owned() };
        esito.faults(folders, look).into_iter().map(problem).collect()
    }

    fn receipt_state(&self, whole: bool) -> ReceiptState {
        let closed = |sealed| self.esito.as_ref().and_then(|esito| esito.closed(sealed));
        match &self.sealed {
            _ if self.is_read() && whole => ReceiptState::Letta,
            // A person reads it, and says what it says.
            Some(sealed)
                if closed(sealed)
                    .is_some_and(|why| why.code != OPAQUE || self.row.stato != Stato::DaAprire) =>
            {
                ReceiptState::NonApribile
            }
            Some(_) => ReceiptState::NonLetta,
            None if self.is_read() => ReceiptState::NonLetta,
            None if self.row.stato == Stato::InElaborazione => ReceiptState::Attesa,
            None => ReceiptState::InChiaro,
        }
    }

    fn paths(&mut self, folders: &Folders) -> Paths {
        let mut paths = std::mem::take(&mut self.row.paths);
        if let Some(sealed) = &self.sealed {
            let ricezione = document_archive::existing(&folders.documents, RICEZIONE);
            let ricezione = ricezione.unwrap_or_else(|| folders.documents.join(RICEZIONE));
            let kept = ricezione.join(self.row.protocollo.as_str()).join(&sealed.name);
            match sealed_name(&sealed.name) {
                true => paths.rcc = Some(kept),
                false => paths.opaque = Some(kept),
            }
        }
        if let Some(esito) = &self.esito {
            let kept = |file: &Option<KeptFile>| file.as_ref().map(|file| file.place(folders));
            paths.rcc = kept(&esito.rcc).or(paths.rcc);
            paths.p7m = kept(&esito.p7m);
            paths.rel = kept(&esito.rel);
            paths.opaque = kept(&esito.opaque).or(paths.opaque);
            paths.sent.get_or_insert_with(|| place(&folders.documents, &esito.sent_copy));
        }
        // Named only where it is.
        let there = |path: Option<PathBuf>| path.filter(|path| path.is_file());
        let given = self.hand_over.as_ref().and_then(|one| one.receipt.as_ref());
        let given = given.map(|given| place(&folders.documents, &given.path));
        let opaque = there(paths.opaque);
        let rcc = there(paths.rcc);
        let opaque = opaque.or_else(|| there(given).filter(|_| rcc.is_none()));
        Paths { rcc, p7m: there(paths.p7m), rel: there(paths.rel), opaque, sent: there(paths.sent) }
    }
}

/// How much a state says: what is final is not undone by an older row.
pub(crate) fn rank(stato: Stato) -> u8 {
    match stato {
        Stato::InElaborazione => 0,
        Stato::DaAprire => 1,
        Stato::Elaborato | Stato::Scartato => 2,
        Stato::Annullato => 3,
    }
}

const OPAQUE: &str = "receipt.opaque";
