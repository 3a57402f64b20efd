//! The table against the disk: in step, behind, damaged, from elsewhere.

use super::*;
use crate::outbox::json;
use crate::{Acknowledgement, Protocollo};

struct Disk {
    root: tempfile::TempDir,
    folders: Folders,
}

impl Disk {
    /// With so many submissions.
    fn with(many: u32) -> Disk {
        let root = tempfile::tempdir().unwrap();
        let folders =
            Folders { documents: root.path().join("Documenti"), state: root.path().join("state") };
        let disk = Disk { root, folders };
        (0..many).for_each(|number| disk.send(number));
        disk
    }

    fn send(&self, number: u32) {
        let answer = Acknowledgement {
            protocollo: Protocollo::parse(&format!("{number:017}")).unwrap(),
            sha256: "aa".into(),
            file_name: format!("{}.{}", number % 50, if number < 50 { "ccf" } else { "CCF" }),
            tipo_documento: "IVA26".into(),
            received_at: jiff::Timestamp::from_second(i64::from(number)).unwrap(),
        };
        let folder = self.folders.state.join(format!("outbox/k-{number}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("acknowledgement.json"), json(&answer)).unwrap();
    }

    fn table(&self) -> PathBuf {
        self.folders.state.join(NAME)
    }

    /// What the table gives by itself.
    fn in_table(&self) -> Result<Option<(Register, usize)>, Problem> {
        let facts = FolderFacts::of(&self.folders).unwrap();
        Table::of(&self.folders).read(&self.folders, Some(&facts), Rows::All)
    }

    /// What is known is what the files say, and so is the table once it was kept.
    fn check(&self, case: &str) {
        let truth = Register::read(&self.folders);
        assert_eq!(Register::known(&self.folders, Rows::All).register, truth, "{case}");
        keep(&self.folders);
        let table = self.in_table().unwrap().unwrap();
        assert_eq!(table, (truth.clone(), truth.rows.len()), "{case}");
    }
}

/// More than a table is made for.
const MANY: u32 = FEWEST as u32;

#[test]
fn a_small_workspace_has_none() {
    let disk = Disk::with(20);
    keep(&disk.folders);
    assert!(make_again(&disk.folders).is_none());
    assert!(!disk.table().exists());
    assert_eq!(Register::known(&disk.folders, Rows::Open).register.rows.len(), 20);
}

#[test]
fn whatever_changes_is_seen() {
    let disk = Disk::with(MANY);
    disk.check("made");
    disk.send(MANY);
    disk.check("one more, as after a crash before the table was made again");
    fs::remove_dir_all(disk.folders.state.join("outbox/k-7")).unwrap();
    disk.check("one that somebody removed");
    fs::remove_file(disk.folders.state.join("outbox/k-8/acknowledgement.json")).unwrap();
    disk.check("a file that somebody removed");
    fs::create_dir_all(disk.folders.documents.join("esiti")).unwrap();
    let esito = disk.folders.documents.join("esiti/00000000000000009.json");
    fs::write(&esito, b"{").unwrap();
    disk.check("a file that cannot be read");
    fs::write(&esito, b"{}").unwrap();
    disk.check("the same, in place");
    let older = fs::read(disk.table()).unwrap();
    disk.send(8);
    disk.check("one more");
    fs::write(disk.table(), older).unwrap();
    assert_eq!(disk.in_table(), Ok(None), "an older table that was restored");
    disk.check("restored");
    fs::remove_file(disk.table()).unwrap();
    disk.check("removed");
}

#[test]
fn a_damaged_table_is_said_and_made_again() {
    let disk = Disk::with(MANY);
    keep(&disk.folders);
    let (whole, truth) = (fs::read(disk.table()).unwrap(), Register::read(&disk.folders));
    let lines: Vec<usize> = (0..whole.len()).filter(|place| whole[*place] == b'\n').collect();
    let flipped = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        bytes
    };
    let mut damaged = vec![Vec::new(), b"x".repeat(5000), whole[..whole.len() - 1].to_vec()];
    damaged.extend([0, 30, lines[0] + 20, lines[1] + 30, whole.len() - 30].map(flipped));
    damaged.extend([lines[0], lines[1], lines[5] + 1].map(|end| whole[..end].to_vec()));
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(disk.table(), bytes).unwrap();
        let known = Register::known(&disk.folders, Rows::Open);
        assert!(known.damaged.is_some(), "{number}");
        assert_eq!((known.register, known.rows), (truth.clone(), truth.rows.len()), "{number}");
        disk.check(&format!("damaged, {number}"));
        assert_eq!(fs::read(disk.table()).unwrap(), whole, "{number}");
    }
    fs::write(disk.table(), &damaged[4]).unwrap();
    assert!(make_again(&disk.folders).is_some(), "said once");
    assert!(make_again(&disk.folders).is_none());
    // Of a later release: nothing is wrong with it.
    fs::write(disk.table(), [b"ceralacca register 2 ", &whole[FORM.len()..]].concat()).unwrap();
    assert_eq!(disk.in_table(), Ok(None));
    fs::remove_file(disk.table()).unwrap();
    fs::create_dir(disk.table()).unwrap();
    let known = Register::known_and_kept(&disk.folders);
    assert!(known.damaged.is_some() && known.register == truth, "a folder in its place");
}

/// The one change that is not seen is found when somebody asks for it.
#[test]
fn a_change_that_kept_its_name_is_found_by_looking() {
    let disk = Disk::with(MANY);
    keep(&disk.folders);
    assert_eq!(make_again(&disk.folders), None);
    let path = disk.folders.state.join("outbox/k-3/acknowledgement.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("3.ccf", "b.ccf")).unwrap();
    let found = make_again(&disk.folders).unwrap();
    assert!(found.reason.contains("kept its name"), "{found:?}");
    assert_eq!(make_again(&disk.folders), None);
    let known = Register::known(&disk.folders, Rows::All).register;
    assert_eq!(known.rows.iter().filter(|row| row.file_name == "b.ccf").count(), 1);
}

#[test]
fn a_copy_of_the_workspace_does_not_name_the_files_of_the_original() {
    let disk = Disk::with(MANY);
    keep(&disk.folders);
    let copied = disk.root.path().join("copied");
    fs::create_dir(&copied).unwrap();
    fs::rename(&disk.folders.state, copied.join("state")).unwrap();
    let folders = Folders { documents: copied.join("Documenti"), state: copied.join("state") };
    let facts = FolderFacts::of(&folders).unwrap();
    assert_eq!(Table::of(&folders).read(&folders, Some(&facts), Rows::All), Ok(None));
    assert_eq!(Register::known(&folders, Rows::All).register.rows.len(), MANY as usize);
}

/// What is left to do comes first; the rest need not be read for it.
#[test]
fn rows_that_are_done_with_are_left_out_when_nobody_asks_for_them() {
    let disk = Disk::with(MANY);
    let ricezione = disk.folders.documents.join("ricezione");
    for number in 1..MANY {
        let protocollo = Protocollo::parse(&format!("{number:017}")).unwrap();
        let row = crate::ReceiptRecord {
            protocollo: protocollo.clone(),
            tipo_documento: "IVA26".into(),
            stato: if number == 5 { Stato::Scartato } else { Stato::Elaborato },
            motivo_di_scarto: None,
            annullato_da: None,
            file_name: String::new(),
            sent_at: jiff::Timestamp::from_second(i64::from(number)).unwrap(),
            processed_at: None,
            documenti: crate::Counts::default(),
            sha256: "aa".into(),
            attachments: Vec::new(),
            notice: None,
        };
        let folder = ricezione.join(protocollo.as_str());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("ricevuta.json"), json(&row)).unwrap();
    }
    disk.check("with answers");
    let open = Register::known(&disk.folders, Rows::Open);
    assert_eq!(open.rows, MANY as usize);
    // The one without an answer, the rejected one, and those that may stand in its place.
    let mut all = Register::read(&disk.folders).rows;
    all.retain(|row| {
        let number: u32 = row.protocollo.as_str().parse().unwrap();
        number == 0 || number % 50 == 5
    });
    assert_eq!(open.register.rows, all);
}
