//! What a control leaves on disk, and communications composed from fields.

use std::fs;
use std::path::Path;

use ceralacca_kernel::{Document, DocumentId};
use ceralacca_signing::{DigestAlgorithm, Trust};
use ceralacca_timestamp::{Mark, MarkFile};
use jiff::civil::date;

use crate::composing::compose;
use crate::controlled_file::control_file;
use crate::fixtures::*;
use crate::{
    CommunicationFields, ControlContext, ControlSettings, ControlSources, Controlled, Diagnostic,
    Limits, SchemaSource, Tipo, XmlError,
};

fn controlled_in(folder: &Path, path: &Path, trust: &Trust) -> Result<Controlled, XmlError> {
    let loaded = ControlSettings::default().load().unwrap();
    let context = ControlContext {
        schema: &loaded.schema,
        tipi: &loaded.tipi,
        scadenze: &loaded.scadenze,
        at: AT.parse().unwrap(),
        trust,
        sender: None,
        limits: Limits::default(),
    };
    control_file(path, folder, &context)
}

#[test]
fn a_checked_file_is_there_exactly_when_nothing_stands_against_it() {
    let root = tempfile::tempdir().unwrap();
    let (path, folder) = (root.path().join("comunicazione.xml"), root.path().join("controllati"));
    let bytes = clean().to_xml();
    fs::write(&path, &bytes).unwrap();
    let controlled = controlled_in(&folder, &path, &trust()).unwrap();
    assert_eq!(fs::read(controlled.dcm.unwrap()).unwrap(), bytes);
    assert_eq!(controlled.dgn, folder.join("comunicazione.dgn"));
    let json = fs::read_to_string(&controlled.json).unwrap();
    assert_eq!(serde_json::from_str::<Diagnostic>(&json).unwrap(), controlled.diagnostic);

    fs::write(&path, clean_xml().replace("bde1", "bdg1")).unwrap();
    let controlled = controlled_in(&folder, &path, &trust()).unwrap();
    assert_eq!(controlled.dcm, None);
    assert!(!folder.join("comunicazione.dcm").exists());
    assert!(fs::read_to_string(&controlled.dgn).unwrap().contains("impronta.not_hexadecimal"));
}

#[test]
fn files_that_are_not_there_or_too_large_are_named() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.xml");
    let control = || controlled_in(root.path(), &path, &trust()).unwrap_err();
    assert!(matches!(control(), XmlError::FileUnreadable { .. }));
    fs::write(&path, vec![b' '; (5 << 20) + 1]).unwrap();
    assert!(matches!(control(), XmlError::FileTooLarge { found: 5_242_881, .. }));
}

fn fields(folder: &Path, mark: &Mark) -> CommunicationFields {
    let path = folder.join("indice.xml.p7m");
    fs::write(&path, SIGNED).unwrap();
    let document = DocumentId {
        name: "indice.xml.p7m".to_owned(),
        tipo_documento: String::new(),
        path: path.clone(),
        sha256: hex::encode(DigestAlgorithm::Sha256.digest(SIGNED)),
        keys: Vec::new(),
    };
    CommunicationFields {
        tipo: Tipo::Ordinaria,
        protocollo_sostituito: None,
        dal: date(2025, 1, 1),
        al: date(2025, 12, 31),
        soggetto_interessato: azienda(),
        responsabile: Some(persona()),
        delegati: Vec::new(),
        luogo: Some(testo("Via Roma 1,   00100 Roma")),
        tipi_documento: vec!["D01".to_owned(), "D09".to_owned()],
        mark: MarkFile::new(&path, mark, &document),
        signed: Document(document),
    }
}

#[test]
fn a_communication_is_composed_from_fields() {
    let root = tempfile::tempdir().unwrap();
    let mark = Mark::from_bytes(SHA256_TSR).unwrap();
    let communication = compose(fields(root.path(), &mark), &mark).unwrap();
    assert_eq!(communication, clean());
    // The mark decides the algorithm, and a mark as PEM goes in as DER.
    let mark = Mark::from_bytes(SHA384).unwrap();
    let communication = compose(fields(root.path(), &mark), &mark).unwrap();
    assert_eq!(communication.impronta.digest, DigestAlgorithm::Sha384.digest(SIGNED));
    let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, SHA256_TST);
    let mark = Mark::from_bytes(base64.as_bytes()).unwrap();
    let communication = compose(fields(root.path(), &mark), &mark).unwrap();
    assert_eq!(communication.marca.bytes, SHA256_TST);
}

#[test]
fn fields_that_do_not_make_a_communication_are_named() {
    let root = tempfile::tempdir().unwrap();
    let mark = Mark::from_bytes(SHA256_TSR).unwrap();
    let field = |change: fn(&mut CommunicationFields)| {
        let mut fields = fields(root.path(), &mark);
        change(&mut fields);
        match compose(fields, &mark).unwrap_err() {
            XmlError::Fields { field, .. } => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(field(|fields| fields.tipo = Tipo::Sostitutiva), "protocollo_sostituito");
    assert_eq!(
        field(|fields| {
            let protocollo = "12345678901234567".to_owned();
            fields.protocollo_sostituito = Some(protocollo.try_into().unwrap());
        }),
        "protocollo_sostituito"
    );
    assert_eq!(field(|fields| fields.al = date(2024, 1, 1)), "al");
    assert_eq!(field(|fields| fields.tipi_documento.clear()), "tipi_documento");
    assert_eq!(field(|fields| fields.tipi_documento.push("D01".to_owned())), "tipi_documento");
    assert_eq!(field(|fields| fields.tipi_documento[0] = "<".to_owned()), "tipi_documento");
}

#[test]
fn a_signed_index_that_changed_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let mark = Mark::from_bytes(SHA256_TSR).unwrap();
    let fields = fields(root.path(), &mark);
    fs::write(&fields.signed.0.path, b"changed").unwrap();
    assert!(matches!(compose(fields, &mark).unwrap_err(), XmlError::FileChanged { .. }));
    let mark = Mark::from_bytes(SHA1).unwrap();
    let refused = compose(self::fields(root.path(), &mark), &mark).unwrap_err();
    assert!(matches!(refused, XmlError::MarkAlgorithm { .. }));
}

#[test]
fn another_schema_takes_the_place_of_ours() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("schema_impronte.xsd");
    let settings = |schema: &str| {
        fs::write(&path, schema).unwrap();
        let schema = SchemaSource::File(path.clone());
        ControlSettings::new(ControlSources { schema, ..ControlSources::default() }).load()
    };
    let same = settings(&crate::SCHEMA.replace("urn:ceralacca:impronta:1", "urn:altra")).unwrap();
    assert_eq!(same.schema.target_namespace(), "urn:altra");
    assert!(same.schema.validate(&clean().to_xml_in("urn:altra")).is_empty());
    assert_eq!(same.schema.validate(&clean().to_xml())[0].code, "schema.cvc-elt.1");

    let own = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:b'>\
               <xs:element name='Altra' type='xs:string'/></xs:schema>";
    let own = settings(own).unwrap();
    let context = ControlContext {
        schema: &own.schema,
        tipi: &own.tipi,
        scadenze: &own.scadenze,
        at: AT.parse().unwrap(),
        trust: &trust(),
        sender: None,
        limits: Limits::default(),
    };
    let found = crate::control(b"<Altra xmlns='urn:b'>x</Altra>", &context);
    assert_eq!(lines(&found), ["* controllo.rules_not_applied 1:1"]);

    for wrong in [
        "",
        "<a/>",
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element \
                   name='a' typo='b'/></xs:schema>",
    ] {
        assert!(matches!(settings(wrong), Err(XmlError::SchemaInvalid { .. })), "{wrong}");
    }
    let including = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\
                     <xs:include schemaLocation='tipi.xsd'/></xs:schema>";
    assert!(matches!(settings(including), Err(XmlError::SchemaInvalid { .. })));
    let types = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\
                 <xs:element name='a' type='xs:int'/></xs:schema>";
    fs::write(root.path().join("tipi.xsd"), types).unwrap();
    assert!(settings(including).unwrap().schema.validate(b"<a>1</a>").is_empty());
}

/// The schema is part of what files mean: a change of it is a new version, made on purpose.
#[test]
fn the_embedded_schema_is_the_one_that_was_reviewed() {
    assert_eq!(hex::encode(DigestAlgorithm::Sha256.digest(crate::SCHEMA.as_bytes())), PINNED);
}

const PINNED: &str = "99c29572d97c931f23d0e4bedafc39c6038c55a497ee7901d888ae4df4e799ba";

/// What a script writes becomes fields: handles inside a map, texts as dates, names checked.
#[test]
fn fields_come_from_a_script() {
    use ceralacca_kernel::Value;
    use ceralacca_kernel::typed::{from_value, to_value};

    let root = tempfile::tempdir().unwrap();
    let mark = Mark::from_bytes(SHA256_TSR).unwrap();
    let given = fields(root.path(), &mark);
    let soggetto = Value::from([
        ("codice_fiscale", Value::from("02876990587")),
        ("denominazione", Value::from("Alfa & Figli SpA")),
    ]);
    let map = |soggetto: Value| {
        Value::from([
            ("dal", Value::from("2025-01-01")),
            ("al", Value::from("2025-12-31")),
            ("soggetto_interessato", soggetto),
            ("tipi_documento", Value::List(vec![Value::from("D01")])),
            ("signed", to_value(&given.signed).unwrap()),
            ("mark", to_value(&given.mark).unwrap()),
        ])
    };
    let read: CommunicationFields = from_value(map(soggetto)).unwrap();
    assert_eq!(read.signed, given.signed);
    assert_eq!(read.mark, given.mark);
    assert_eq!(read.soggetto_interessato, azienda());
    let nameless = Value::from([("codice_fiscale", Value::from("02876990587"))]);
    let mismatch = from_value::<CommunicationFields>(map(nameless)).unwrap_err().to_string();
    assert_eq!(
        mismatch,
        "in `soggetto_interessato`: a subject has either Denominazione, or Cognome and Nome"
    );
}
