//! The wording of every error of this crate: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::error::SigningError;

impl Explain for SigningError {
    fn explain(&self) -> Report {
        use SigningError as E;
        match self {
            E::Signer(error) => error.report().clone(),
            _ => explain_reading(self),
        }
    }
}

fn explain_reading(error: &SigningError) -> Report {
    use SigningError as E;
    let report = match error {
        E::Malformed { file, at, reason } => {
            Report::refused("signing.malformed", format!("{file} is not a signed file"))
                .expected("a CMS SignedData in DER or BER")
                .found(format!("{reason}, at byte {at}"))
                .next("ask for the file again, or look at it with ceralacca verify")
        }
        E::Truncated { file, at } => {
            Report::refused("signing.truncated", format!("{file} is not whole"))
                .expected("a CMS SignedData to its end")
                .found(format!("the file ends after {at} bytes"))
                .next("copy or download the file again")
        }
        E::TrailingBytes { file, at } => {
            Report::refused("signing.trailing_bytes", format!("{file} has bytes after its end"))
                .expected(format!("a file of {at} bytes"))
                .found("more bytes, which no signature covers")
                .next(format!("keep the first {at} bytes if nothing else is known of the rest"))
        }
        E::TooLarge { file, part, limit } => {
            Report::refused("signing.too_large", format!("{file} has too much of something"))
                .expected(format!("{part}: at most {limit}"))
                .found("more")
                .next("ask who made the file")
        }
        E::NotSignedData { file, content_type } => {
            Report::refused("signing.not_signed_data", format!("{file} is not a signed file"))
                .expected("a CMS SignedData (1.2.840.113549.1.7.2)")
                .found(content_type)
                .next("look at what it is with ceralacca verify")
        }
        E::ContentInside { file } => {
            Report::refused("signing.content_inside", format!("{file} holds its own content"))
                .expected("a detached signature, when a document is given beside it")
                .found("a signature with its content inside")
                .next("verify the file without a second document")
        }
        _ => return explain_signing(error),
    };
    report.state("nothing was changed")
}

fn explain_signing(error: &SigningError) -> Report {
    use SigningError as E;
    match error {
        E::ContentLength { expected, found } => Report::refused(
            "signing.content_length",
            "the document changed while it was being signed",
        )
        .expected(format!("{expected} bytes"))
        .found(format!("{found} bytes, or more"))
        .state("no signed file was made")
        .next("close the program that writes the document, then ceralacca resume"),
        E::DocumentChanged { path, expected, found } => {
            Report::refused("signing.document_changed", format!("{path} has changed"))
                .expected(format!("SHA-256 {expected}"))
                .found(format!("SHA-256 {found}"))
                .state("nothing was signed")
                .next("put the document back as it was, or start a new run")
        }
        E::SameName { path } => {
            Report::refused("signing.same_name", format!("{path} would be written twice"))
                .expected("documents with different names")
                .found("two of the same name")
                .state("nothing was signed")
                .next("sign them in two calls, or rename one")
        }
        E::SignerUsage { subject, key_usage } => {
            Report::refused("signing.signer_usage", format!("{subject} may not sign documents"))
                .expected("key usage digitalSignature or nonRepudiation")
                .found(key_usage)
                .state("nothing was signed")
                .next("open the PKCS#12 file of a signature certificate")
        }
        E::MarkOfOtherSignature { file, imprint, signatures } => Report::refused(
            "signing.mark_of_other_signature",
            format!("the mark is not over a signature of {file}"),
        )
        .expected(signatures.join(" or "))
        .found(imprint)
        .state("the file is as it was; no mark was added")
        .next("ask for a mark over the signature, not over the file"),
        E::Disk { doing, path, system } => {
            Report::refused("signing.disk", format!("{path} could not be used while {doing} it"))
                .expected("a disk that works, with free space")
                .found(system)
                .state("no signed file was made under its final name")
                .next("check the file and the disk, then ceralacca resume")
        }
        _ => {
            let what = if let E::Encoding { what } = error { what } else { "a structure" };
            Report::refused(
                "signing.encoding",
                format!("{what} could not be encoded: this is a bug of ceralacca"),
            )
            .state("nothing was signed")
            .next("report it with the journal: ceralacca journal export")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_error_answers_the_four_questions() {
        let text = |text: &str| text.to_owned();
        let trailing = SigningError::TrailingBytes { file: text(crate::error::UNNAMED), at: 7 };
        let (path, subject) = (|| text("indice.xml"), text("CN=Rossi Mario"));
        let errors = [
            SigningError::malformed(7, "no version"),
            SigningError::Truncated { file: text(crate::error::UNNAMED), at: 7 },
            trailing.about(Path::new("indice.xml.p7m")),
            SigningError::too_large("signerInfos", 64),
            SigningError::NotSignedData { file: path(), content_type: text("1.2.3") },
            SigningError::ContentInside { file: path() },
            SigningError::ContentLength { expected: 1, found: 2 },
            SigningError::DocumentChanged { path: path(), expected: text("aa"), found: text("bb") },
            SigningError::SameName { path: path() },
            SigningError::SignerUsage { subject, key_usage: text("keyEncipherment") },
            SigningError::MarkOfOtherSignature {
                file: path(),
                imprint: text("aa"),
                signatures: vec![text("bb")],
            },
            SigningError::writing(&std::io::Error::other("no space")),
            SigningError::Encoding { what: text("a name") },
        ];
        let mut codes = Vec::new();
        for error in &errors {
            let report = error.explain();
            assert!(report.code.starts_with("signing."), "{report:?}");
            assert!(!report.state.is_empty() && !report.next.is_empty(), "{report:?}");
            assert!(!report.headline.ends_with('.'), "{report:?}");
            codes.push(report.code);
        }
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), errors.len());
        assert_eq!(errors[2].explain().headline, "indice.xml.p7m has bytes after its end");
        let signer = SigningError::Signer(errors[0].clone().into());
        assert_eq!(signer.explain().code, "signing.malformed");
    }
}
