//! The matrix as it is printed: requests down, faults across, how each case ended in the cells.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Kind;
use crate::stage;

/// How one case went.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Exit code of the program that met the fault; `None` when it was killed.
    pub exit: Option<i32>,
    /// Commands that it took to come to the end after it.
    pub commands: u32,
    /// Whether the first of them was killed.
    pub killed_again: bool,
}

/// The cases of one workflow.
pub struct Table {
    title: String,
    rows: Vec<(String, Vec<Option<Cell>>)>,
    cases: u32,
    failed: u32,
}

impl Table {
    pub fn new(title: &str) -> Table {
        Table { title: title.to_owned(), rows: Vec::new(), cases: 0, failed: 0 }
    }

    /// Goes through a case, whose number it is given, and keeps how it went. One that fails says
    /// why and does not stop the others.
    pub fn put(&mut self, row: &str, kind: Kind, case: impl FnOnce(u32) -> Cell) {
        self.cases += 1;
        let number = self.cases;
        let Ok(cell) = catch_unwind(AssertUnwindSafe(|| case(number))) else {
            self.failed += 1;
            return;
        };
        let column = Kind::ALL.iter().position(|known| *known == kind).unwrap();
        self.row(row)[column] = Some(cell);
    }

    /// The cells of a request, which is shown also when no case meets it.
    pub fn row(&mut self, name: &str) -> &mut Vec<Option<Cell>> {
        let row = self.rows.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.rows.push((name.to_owned(), vec![None; Kind::ALL.len()]));
            self.rows.len() - 1
        });
        &mut self.rows[row].1
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|(_, cells)| cells.iter().flatten())
    }

    /// Prints it, and what all of it comes to.
    ///
    /// # Panics
    /// When any case failed.
    pub fn say(&self, remark: &str) {
        let mut text = format!("\n{}\n", self.title);
        text.push_str(&format!("{:54}", "request"));
        for kind in Kind::ALL {
            text.push_str(&format!("{:>7}", kind.short()));
        }
        text.push('\n');
        for (name, cells) in &self.rows {
            text.push_str(&format!("{name:54}"));
            for cell in cells {
                let shown = cell.as_ref().map_or("·".to_owned(), |cell| {
                    let exit = cell.exit.map_or("k".to_owned(), |exit| exit.to_string());
                    format!("{exit}+{}", cell.commands)
                });
                text.push_str(&format!("{shown:>7}"));
            }
            text.push('\n');
        }
        let exits = [Some(0), Some(1), Some(3), Some(4), None]
            .map(|exit| self.cells().filter(|cell| cell.exit == exit).count());
        let went_on = self.cells().filter(|cell| cell.commands > 0).count();
        let again = self.cells().filter(|cell| cell.killed_again).count();
        text.push_str(&format!(
            "{} cases: went on by itself {}, refused {}, in doubt {}, waiting {}, killed {}; of {went_on} \
             that needed a command {again} were killed again; {remark}",
            self.cells().count(),
            exits[0],
            exits[1],
            exits[2],
            exits[3],
            exits[4],
        ));
        stage::say(&text);
        assert_eq!(self.failed, 0, "{}: so many cases failed; each says why above", self.title);
        assert!(again * 2 >= went_on, "{}: too few were killed again", self.title);
    }
}

/// What the columns and cells mean; said once.
pub fn legend() -> String {
    let columns: Vec<String> =
        Kind::ALL.iter().map(|kind| format!("{}: {}", kind.short(), kind.name())).collect();
    format!(
        "\ncolumns: {}\ncells: exit code of the program that met the fault (k: it was killed) + \
         commands until the end, the first of which is killed, too, at one of twelve places",
        columns.join("; ")
    )
}
