//! The one opener: walks the layers of a file by their content, whatever its name says.
//!
//! Armour → M7M or TSD → p7m → nested p7m → document. Every layer streams by: a file of any size is
//! opened in constant memory; content that is a file in turn goes to a nameless temporary file.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, regular_file};
use ceralacca_signing::signed_data::{self, Content};
use ceralacca_signing::{SignedData, armour};
use ceralacca_timestamp::{LARGEST_MARK, Mark};

use crate::error::InspectError;
use crate::kind::{HEAD, Kind};
use crate::section::Section;
use crate::spool::{Spool, Spooled};
use crate::{m7m, tsd};

/// How to open a file.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The document of a detached signature.
    pub detached_content: Option<PathBuf>,
    /// Keeps every document, so that it can be extracted.
    pub keep: bool,
}

/// One layer of a file, with what is in it.
#[derive(Debug)]
pub struct Layer {
    /// What it is.
    pub kind: Kind,
    /// What was taken off before: PEM, base64.
    pub armour: Vec<armour::Layer>,
    /// Bytes of the layer as it is written, with its armour.
    pub length: u64,
    /// The bytes as they are written, when they were kept.
    pub section: Option<Section>,
    /// What is in it.
    pub contents: Contents,
}

/// What is in a layer.
#[derive(Debug)]
pub enum Contents {
    /// A SignedData, with what was signed when it is inside.
    Signed(Box<SignedData>, Option<Box<Layer>>),
    /// A TSR or TST.
    Mark(Box<Mark>),
    /// A TSD.
    TimeStamped(Box<TimeStamped>),
    /// An M7M: the p7m, then its mark.
    M7m(Box<Layer>, Box<Mark>),
    /// Nothing that is looked into here; DER after the armour was taken off.
    Plain(Option<Section>),
    /// A layer that begins as its kind does, and cannot be read; the reason.
    Unreadable(Box<Error>),
}

/// What is in a TSD.
#[derive(Debug)]
pub struct TimeStamped {
    /// The document; `None` when it is elsewhere.
    pub document: Option<Layer>,
    /// The first mark.
    pub mark: Mark,
    /// MetaData in DER when the mark covers it together with the document (RFC 5544 §2.1).
    pub protected_metadata: Option<Vec<u8>>,
    /// How many marks there are; each further one covers the one before.
    pub marks: usize,
}

/// Opens the file at `path`.
///
/// # Errors
/// Where the outermost layers cannot be read: the codes of this crate, `signing.*`, `timestamp.*`.
/// Content that was signed and cannot be read is [`Contents::Unreadable`].
pub fn open(path: &Path, options: &OpenOptions) -> Result<Layer, Error> {
    let section = Section::open(path).map_err(InspectError::disk("reading", path))?;
    open_section(path, section, options)
}

/// As [`open`], for a file that is open already; `path` is for errors.
pub(crate) fn open_section(
    path: &Path,
    section: Section,
    options: &OpenOptions,
) -> Result<Layer, Error> {
    Opener { path, options }.layer(section, 1)
}

impl Layer {
    /// This layer and those inside it, outermost first.
    pub fn all(&self) -> Vec<&Layer> {
        let mut all = vec![self];
        while let Some(inner) = all.last().and_then(|layer| layer.inner()) {
            all.push(inner);
        }
        all
    }

    /// The next layer, when there is one.
    pub fn inner(&self) -> Option<&Layer> {
        match &self.contents {
            Contents::Signed(_, inner) => inner.as_deref(),
            Contents::TimeStamped(data) => data.document.as_ref(),
            Contents::M7m(p7m, _) => Some(p7m),
            Contents::Mark(_) | Contents::Plain(_) | Contents::Unreadable(_) => None,
        }
    }
}

/// The bytes under PEM or base64 (once, twice) and what was taken off; anything else as it is.
pub(crate) fn unarmour(
    path: &Path,
    section: &Section,
) -> Result<(Kind, Vec<armour::Layer>, Section), InspectError> {
    let disk = InspectError::disk("reading", path);
    let head = section.head(HEAD).map_err(&disk)?;
    let kind = Kind::recognise(&head);
    if kind != Kind::Unknown || !armour::is_armoured(&head) {
        return Ok((kind, Vec::new(), section.clone()));
    }
    // A text of letters alone may look like base64: one too long to decode is taken for a text,
    // unless its beginning decodes to something known.
    let (_, start) = armour::decode(&head[..head.len() / 64 * 64]);
    let Some(text) = section.load(MAX_ARMOURED).map_err(&disk)? else {
        if !head.starts_with(b"-----BEGIN ") && Kind::recognise(&start) == Kind::Unknown {
            return Ok((kind, Vec::new(), section.clone()));
        }
        return Err(InspectError::TooLarge {
            path: path.display().to_string(),
            part: "PEM or base64".to_owned(),
            limit: MAX_ARMOURED,
        });
    };
    let (layers, plain) = armour::decode(&text);
    let inside = Kind::recognise(&plain[..plain.len().min(HEAD)]);
    if layers.is_empty() || inside == Kind::Unknown {
        return Ok((kind, Vec::new(), section.clone()));
    }
    let plain = Section::of_bytes(&plain).map_err(InspectError::disk("unwrapping", path))?;
    Ok((inside, layers, plain))
}

/// A mark of at most 1 MiB.
pub(crate) fn read_mark(path: &Path, section: &Section) -> Result<Mark, Error> {
    let bytes = section.head(LARGEST_MARK + 1).map_err(InspectError::disk("reading", path))?;
    Ok(Mark::from_bytes(&bytes)?)
}

struct Opener<'a> {
    path: &'a Path,
    options: &'a OpenOptions,
}

impl Opener<'_> {
    fn layer(&self, section: Section, depth: usize) -> Result<Layer, Error> {
        if depth > MAX_LAYERS {
            let path = self.path.display().to_string();
            return Err(InspectError::TooDeep { path, limit: MAX_LAYERS }.into());
        }
        let (kind, armour, plain) = unarmour(self.path, &section)?;
        let contents = match kind {
            Kind::SignedData | Kind::DetachedSignature | Kind::CertsOnly => {
                self.signed(&plain, kind, depth)?
            }
            Kind::TimeStampResp | Kind::TimeStampToken => {
                Contents::Mark(Box::new(read_mark(self.path, &plain)?))
            }
            Kind::TimeStampedData => self.timestamped(&plain, depth)?,
            Kind::M7m => {
                let parts = m7m::read(&plain).map_err(|e| InspectError::m7m(self.path, e))?;
                let mark = Mark::from_bytes(&parts.mark)?;
                let p7m = self.layer(parts.p7m, depth + 1)?;
                Contents::M7m(Box::new(p7m), Box::new(mark))
            }
            Kind::EnvelopedData
            | Kind::Pkcs12
            | Kind::Certificate
            | Kind::Xml
            | Kind::Pdf
            | Kind::Unknown => Contents::Plain(Some(plain)),
        };
        // Only the end of the file tells a list of certificates from a detached signature.
        let kind = match &contents {
            Contents::Signed(signed, _) => kind_of_signed(signed),
            _ => kind,
        };
        Ok(Layer { kind, armour, length: section.length(), section: Some(section), contents })
    }

    fn signed(&self, plain: &Section, kind: Kind, depth: usize) -> Result<Contents, Error> {
        let mut source = BufReader::with_capacity(PIECE, plain.from_start());
        let named = |error: ceralacca_signing::SigningError| error.about(self.path);
        let detached = self.options.detached_content.as_deref().filter(|_| depth == 1);
        if let Some(document) = detached.filter(|_| kind != Kind::CertsOnly) {
            let mut file =
                regular_file::open(document).map_err(InspectError::disk("reading", document))?;
            let content = Content::Detached(&mut file);
            let signed = signed_data::read(&mut source, content).map_err(named)?;
            return Ok(Contents::Signed(Box::new(signed), None));
        }
        let mut spool = Spool::new(self.options.keep);
        let signed = signed_data::read(&mut source, Content::Into(&mut spool)).map_err(named)?;
        let inner = match signed.attached {
            true => Some(Box::new(self.inside(spool.finish(), depth)?)),
            false => None,
        };
        Ok(Contents::Signed(Box::new(signed), inner))
    }

    fn timestamped(&self, plain: &Section, depth: usize) -> Result<Contents, Error> {
        // Kept in any case: which digest the mark is over is said after the document.
        let mut spool = Spool::new(true);
        let data = tsd::read(plain, &mut spool)
            .map_err(|error| InspectError::element(self.path, Kind::TimeStampedData, error))?;
        let mark = Mark::from_bytes(&data.token)?;
        let document = match data.content_length {
            Some(_) => Some(self.inside(spool.finish(), depth)?),
            None => None,
        };
        let protected = data.metadata.filter(|metadata| metadata.hash_protected);
        Ok(Contents::TimeStamped(Box::new(TimeStamped {
            document,
            mark,
            protected_metadata: protected.map(|metadata| metadata.der),
            marks: data.tokens,
        })))
    }

    /// The layer made of content that streamed by. What is wrong in it is no error of the file.
    fn inside(&self, spooled: io::Result<Spooled>, depth: usize) -> Result<Layer, Error> {
        let spooled = spooled.map_err(InspectError::disk("unwrapping", self.path))?;
        let Spooled { kind, section, length } = spooled;
        let Some(section) = section else {
            let (armour, contents) = (Vec::new(), Contents::Plain(None));
            return Ok(Layer { kind, armour, length, section: None, contents });
        };
        match self.layer(section.clone(), depth + 1) {
            Err(error) if error.code() == "inspect.disk" => Err(error),
            Err(error) => Ok(Layer {
                kind,
                armour: Vec::new(),
                length,
                section: Some(section),
                contents: Contents::Unreadable(Box::new(error)),
            }),
            layer => layer,
        }
    }
}

fn kind_of_signed(signed: &SignedData) -> Kind {
    match (signed.attached, signed.signers.is_empty()) {
        (true, _) => Kind::SignedData,
        (false, true) => Kind::CertsOnly,
        (false, false) => Kind::DetachedSignature,
    }
}

/// Layers that are followed; an honest file has four.
pub(crate) const MAX_LAYERS: usize = 8;
/// PEM and base64 are decoded in memory.
const MAX_ARMOURED: u64 = 64 << 20;
const PIECE: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use ceralacca_signing::DigestAlgorithm;
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::*;

    fn code_of(bytes: &[u8]) -> String {
        let section = Section::of_bytes(bytes).unwrap();
        let options = OpenOptions { keep: true, ..OpenOptions::default() };
        match open_section(Path::new("a file"), section, &options) {
            Ok(layer) => format!("{:?}", layer.kind),
            Err(error) => error.code().to_owned(),
        }
    }

    /// A ContentInfo of this type around an element that has begun.
    fn begun(content_type: &str) -> Vec<u8> {
        ::hex::decode(format!("3080{content_type}a0803080")).unwrap()
    }

    #[test]
    fn bombs_are_refused() {
        let signed = "06092a864886f70d010702";
        let data = "06092a864886f70d010701";
        let deep = [0x30, 0x80].repeat(1_000_000);
        assert_eq!(code_of(&deep), "Unknown");
        let head = [
            begun(signed),
            ::hex::decode(format!("0201013100 3080{data}a080").replace(' ', "")).unwrap(),
        ];
        let pieces = [head.concat(), [0x24, 0x80].repeat(1_000_000)].concat();
        assert_eq!(code_of(&pieces), "signing.malformed");
        let sealed = [begun("06092a864886f70d010703"), deep.clone()].concat();
        assert_eq!(code_of(&sealed), "EnvelopedData");
        let marked = begun("060b2a864886f70d010910011f");
        let marked = [marked, ::hex::decode("020101").unwrap(), deep].concat();
        assert_eq!(code_of(&marked), "inspect.malformed");
        let text = "QUJD".repeat(20 << 20);
        assert_eq!(code_of(text.as_bytes()), "Unknown");
        let long = ["-----BEGIN PKCS7-----\n", &text].concat();
        assert_eq!(code_of(long.as_bytes()), "inspect.too_large");
        let header = [b"Mime-Version: 1.0\nX: ".to_vec(), vec![b'a'; 8 << 20]].concat();
        assert_eq!(code_of(&header), "inspect.m7m_malformed");
        let mark = [token(b"x", DigestAlgorithm::Sha256), vec![0; 2 << 20]].concat();
        assert_eq!(code_of(&mark), "timestamp.too_large");
    }

    #[test]
    fn content_is_opened_whatever_its_length() {
        for length in [0, 1, HEAD - 1, HEAD, HEAD + 1, 5 * HEAD] {
            let p7m = signed(&vec![b'.'; length], &signer(), false);
            let section = Section::of_bytes(&p7m).unwrap();
            let options = OpenOptions { keep: true, ..OpenOptions::default() };
            let layer = open_section(Path::new("a file"), section, &options).unwrap();
            let inner = layer.inner().unwrap();
            let content = inner.section.as_ref().unwrap().load(1 << 20).unwrap().unwrap();
            assert!(content == vec![b'.'; length], "{length}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_damage_ends(
            which in 0usize..3,
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = match which {
                0 => signed(&signed(b"x", &signer(), false), &signer(), false),
                1 => tsr(b"x"),
                _ => ceralacca_keystore::enveloped_data::seal(b"x", &root()).unwrap(),
            };
            let at = at.index(bytes.len());
            bytes[at] = byte;
            code_of(&bytes);
        }
    }
}
