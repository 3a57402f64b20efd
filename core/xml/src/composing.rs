//! From what a script gives to a [`Communication`]: the imprint is computed, the mark is put in.

use std::io::{self, Read};
use std::path::Path;

use ceralacca_kernel::{DocumentId, regular_file};
use ceralacca_signing::{DigestAlgorithm, Hasher};
use ceralacca_timestamp::{Formato, Mark};

use crate::{
    Communication, CommunicationFields, Impronta, Marca, PeriodoImposta, Problem, Tipo, XmlError,
};

/// The communication of these fields. The imprint is the digest of the signed index as it is on
/// disk, with the mark's algorithm; whether the mark covers it is for the control to say.
///
/// # Errors
/// `impronta.fields`, `impronta.mark_algorithm`, `impronta.file_unreadable`,
/// `impronta.file_changed`.
pub(crate) fn compose(fields: CommunicationFields, mark: &Mark) -> Result<Communication, XmlError> {
    let algoritmo = mark.message_imprint().algorithm;
    if !algoritmo.is_accepted() {
        return Err(XmlError::MarkAlgorithm { found: algoritmo.name().to_owned() });
    }
    check(&fields)?;
    let digest = digest_of(&fields.signed.0, algoritmo)?;
    let formato = mark.formato();
    let bytes = match formato {
        Formato::Tsr => mark.tsr(),
        Formato::Tst => mark.token_der().to_vec(),
    };
    Ok(Communication {
        tipo: fields.tipo,
        protocollo_sostituito: fields.protocollo_sostituito,
        periodo_imposta: PeriodoImposta { dal: fields.dal, al: fields.al },
        soggetto_interessato: fields.soggetto_interessato,
        responsabile: fields.responsabile,
        delegati: fields.delegati,
        luogo: fields.luogo,
        tipi_documento: fields.tipi_documento,
        impronta: Impronta { algoritmo, digest },
        marca: Marca { formato, bytes },
    })
}

fn check(fields: &CommunicationFields) -> Result<(), XmlError> {
    let wrong = |field: &str, problem: Problem| {
        Err(XmlError::Fields { field: field.to_owned(), what: problem.to_string() })
    };
    match (fields.tipo, &fields.protocollo_sostituito) {
        (Tipo::Sostitutiva, None) => {
            return wrong("protocollo_sostituito", Problem::NoProtocollo);
        }
        (Tipo::Ordinaria, Some(_)) => {
            return wrong("protocollo_sostituito", Problem::ProtocolloNotMeant);
        }
        _ => {}
    }
    if fields.al < fields.dal {
        let (dal, al) = (fields.dal.to_string(), fields.al.to_string());
        return wrong("al", Problem::PeriodReversed { dal, al });
    }
    if fields.tipi_documento.is_empty() {
        return wrong("tipi_documento", Problem::NoTipoDocumento);
    }
    for (index, code) in fields.tipi_documento.iter().enumerate() {
        if fields.tipi_documento[..index].contains(code) {
            let code = code.clone();
            return wrong("tipi_documento", Problem::TipoDocumentoTwice { code });
        }
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let code = code.clone();
            return wrong("tipi_documento", Problem::TipoDocumentoUnknown { code });
        }
    }
    Ok(())
}

/// The digest of the file, which must be the one that was made; one pass.
fn digest_of(document: &DocumentId, algorithm: DigestAlgorithm) -> Result<Vec<u8>, XmlError> {
    let path = document.path.display().to_string();
    let unreadable = |error: io::Error| {
        let (path, system) = (path.clone(), error.to_string());
        XmlError::FileUnreadable { path, system }
    };
    let [sha256, digest] =
        digests(&document.path, [DigestAlgorithm::Sha256, algorithm]).map_err(unreadable)?;
    let found = hex::encode(sha256);
    if found != document.sha256 {
        return Err(XmlError::FileChanged { path, expected: document.sha256.clone(), found });
    }
    Ok(digest)
}

fn digests(path: &Path, algorithms: [DigestAlgorithm; 2]) -> io::Result<[Vec<u8>; 2]> {
    let mut file = regular_file::open(path)?;
    let mut hashers = algorithms.map(Hasher::new);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hashers.map(Hasher::finish)),
            Ok(length) => {
                for hasher in &mut hashers {
                    hasher.update(&buffer[..length]);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
