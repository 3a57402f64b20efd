//! What belongs to a file and lies beside it: a mark over it, the document it is about.

use std::path::{Path, PathBuf};

use ceralacca_kernel::Error;
use ceralacca_timestamp::{Formato, Mark};

use crate::error::InspectError;
use crate::kind::Kind;
use crate::marks::mark_of;
use crate::open::unarmour;
use crate::section::Section;
use crate::verify::VerifyOptions;

/// A mark over a file, in a file of its own.
pub(crate) struct Beside {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The mark; an error when what lies beside the file by chance is none.
    pub(crate) mark: Result<Mark, Error>,
}

/// The mark that was named, or else the one in `FILE.tsr` or `FILE.tst`.
pub(crate) fn mark(path: &Path, options: &VerifyOptions) -> Result<Option<Beside>, Error> {
    if let Some(named) = &options.mark {
        return Ok(Some(Beside { path: named.clone(), mark: Ok(mark_of(named)?) }));
    }
    let names = [Formato::Tsr, Formato::Tst].map(|formato| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(formato.extension());
        PathBuf::from(name)
    });
    let found = names.into_iter().find(|path| path.is_file());
    Ok(found.map(|path| Beside { mark: mark_of(&path), path }))
}

/// The document that was named, or else, for what does not hold its own, the file whose name is
/// this one's without its last extension: `indice.xml.p7m` for `indice.xml.p7m.tsr`.
pub(crate) fn document(
    path: &Path,
    section: &Section,
    options: &VerifyOptions,
) -> Result<Option<PathBuf>, InspectError> {
    if options.document.is_some() {
        return Ok(options.document.clone());
    }
    let (kind, _, _) = unarmour(path, section)?;
    let elsewhere =
        matches!(kind, Kind::DetachedSignature | Kind::TimeStampResp | Kind::TimeStampToken);
    let stem = path.extension().map(|_| path.with_extension(""));
    Ok(stem.filter(|stem| elsewhere && stem.is_file()))
}
