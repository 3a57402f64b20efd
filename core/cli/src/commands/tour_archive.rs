//! The archive that the tour files: `examples/archive/`, 24 fortnightly lots, kept in the program.

use std::fs;
use std::io;
use std::path::Path;

/// Writes the lots into `folder`, one sub-folder each.
pub(super) fn write(folder: &Path) -> io::Result<()> {
    for (lot, documents) in LOTS {
        let lot = folder.join(lot);
        fs::create_dir_all(&lot)?;
        for (name, text) in documents {
            fs::write(lot.join(name), text)?;
        }
    }
    Ok(())
}

type Lot = (&'static str, [(&'static str, &'static str); 2]);

macro_rules! lot {
    ($lot:literal, $($name:literal),*) => {
        ($lot, [$(($name, include_str!(concat!("../../../../examples/archive/", $lot, "/", $name)))),*])
    };
}

const LOTS: [Lot; 24] = [
    lot!("2025-01-1", "fattura-001.xml", "fattura-002.xml"),
    lot!("2025-01-2", "fattura-003.xml", "fattura-004.xml"),
    lot!("2025-02-1", "fattura-005.xml", "fattura-006.xml"),
    lot!("2025-02-2", "fattura-007.xml", "fattura-008.xml"),
    lot!("2025-03-1", "fattura-009.xml", "fattura-010.xml"),
    lot!("2025-03-2", "fattura-011.xml", "fattura-012.xml"),
    lot!("2025-04-1", "fattura-013.xml", "fattura-014.xml"),
    lot!("2025-04-2", "fattura-015.xml", "fattura-016.xml"),
    lot!("2025-05-1", "fattura-017.xml", "fattura-018.xml"),
    lot!("2025-05-2", "fattura-019.xml", "fattura-020.xml"),
    lot!("2025-06-1", "fattura-021.xml", "fattura-022.xml"),
    lot!("2025-06-2", "fattura-023.xml", "fattura-024.xml"),
    lot!("2025-07-1", "fattura-025.xml", "fattura-026.xml"),
    lot!("2025-07-2", "fattura-027.xml", "fattura-028.xml"),
    lot!("2025-08-1", "fattura-029.xml", "fattura-030.xml"),
    lot!("2025-08-2", "fattura-031.xml", "fattura-032.xml"),
    lot!("2025-09-1", "fattura-033.xml", "fattura-034.xml"),
    lot!("2025-09-2", "fattura-035.xml", "fattura-036.xml"),
    lot!("2025-10-1", "fattura-037.xml", "fattura-038.xml"),
    lot!("2025-10-2", "fattura-039.xml", "fattura-040.xml"),
    lot!("2025-11-1", "fattura-041.xml", "fattura-042.xml"),
    lot!("2025-11-2", "fattura-043.xml", "fattura-044.xml"),
    lot!("2025-12-1", "fattura-045.xml", "fattura-046.xml"),
    lot!("2025-12-2", "fattura-047.xml", "fattura-048.xml"),
];
