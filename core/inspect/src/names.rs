//! What files that come out of another are called: by its name, one extension less for each layer.

use std::path::Path;

use crate::kind::Kind;
use crate::open::{Contents, Layer};

/// The name of what a mark container's mark is over: `indice.xml.p7m` for `indice.xml.p7m.tsr`.
///
/// `is_p7m` says that it is a signed file, which then is called so.
pub(crate) fn covered(container: &Path, kind: Kind, is_p7m: bool) -> String {
    let name = file_name(container);
    let extension = match kind {
        Kind::M7m => ".m7m",
        Kind::TimeStampedData => ".tsd",
        Kind::TimeStampResp => ".tsr",
        _ => ".tst",
    };
    let stem = without(&name, extension).unwrap_or(name.clone());
    match is_p7m && without(&stem, ".p7m").is_none() {
        true => safe(format!("{stem}.p7m")),
        false if stem == name => safe(format!("{stem}.document")),
        false => safe(stem),
    }
}

/// The name of the document inside a file whose outermost signed layer is called `name`.
pub(crate) fn document(name: &str, layers: &[&Layer]) -> String {
    let mut stem = name.to_owned();
    for layer in layers {
        if !layer.armour.is_empty() {
            let armour = [".pem", ".b64", ".base64", ".txt"];
            stem = armour.iter().find_map(|end| without(&stem, end)).unwrap_or(stem);
        }
        if matches!(layer.contents, Contents::Signed(..)) {
            stem = without(&stem, ".p7m").unwrap_or(stem);
        }
    }
    if stem != name {
        return safe(stem);
    }
    let extension = match layers.last().map(|layer| layer.kind) {
        Some(Kind::Xml) => "xml",
        Some(Kind::Pdf) => "pdf",
        _ => "document",
    };
    safe(format!("{stem}.{extension}"))
}

/// The last part of a path as text.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `name` without `end`, in whatever case it is written.
fn without(name: &str, end: &str) -> Option<String> {
    let at = name.len().checked_sub(end.len())?;
    let (stem, found) = (name.get(..at)?, name.get(at..)?);
    found.eq_ignore_ascii_case(end).then(|| stem.to_owned())
}

/// A name that stays in its folder, whatever an extension left of it.
fn safe(name: String) -> String {
    let plain: String = name
        .chars()
        .map(|one| if one.is_control() || "/\\:".contains(one) { '_' } else { one })
        .collect();
    match plain.trim_matches(['.', ' ']).is_empty() {
        true => "document".to_owned(),
        false => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_layers() {
        for (container, kind, is_p7m, expected) in [
            ("a/indice.xml.p7m.tsr", Kind::TimeStampResp, false, "indice.xml.p7m"),
            ("indice.xml.P7M.M7M", Kind::M7m, true, "indice.xml.P7M"),
            ("indice.xml.m7m", Kind::M7m, true, "indice.xml.p7m"),
            ("indice", Kind::M7m, true, "indice.p7m"),
            ("indice.txt.tsd", Kind::TimeStampedData, false, "indice.txt"),
            ("indice", Kind::TimeStampedData, false, "indice.document"),
            ("..tsd", Kind::TimeStampedData, false, "document"),
            ("...tst", Kind::TimeStampToken, false, "document"),
            (".tsd", Kind::TimeStampedData, false, "document"),
        ] {
            assert_eq!(covered(Path::new(container), kind, is_p7m), expected, "{container}");
        }
        assert_eq!(document("x.p7m", &[]), "x.p7m.document");
        assert_eq!(without("è.p7m", ".p7m").as_deref(), Some("è"));
        assert_eq!(without("p7m", ".p7m"), None);
        assert_eq!(safe("a/../b:c\n".to_owned()), "a_.._b_c_");
    }
}
