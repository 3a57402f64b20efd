//! The UNI SInCRO v2 profile: a `PIndex` from the public outline of UNI 11386.
//!
//! UNVERIFIED: the schema of UNI 11386 is not public. Names and order of the elements follow its
//! published outline; where that leaves a choice (hexadecimal digests, one `FileGroup` per lot with
//! an `ID` of its own, `TimeReference` as the time given by the caller) the choice is ours. Sizes
//! and totals have no place in the outline and are not written.

use std::io::{self, Write};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::escape::{fits_xml, markup};
use crate::form::{Document, Form};
use crate::{Algorithm, ArchiveError, MetadataMistake, Totals};

pub(crate) const NAMESPACE: &str = "http://www.uni.com/U3011/sincro-v2/";

/// What a `PIndex` says of itself; the index reads no clock and asks nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sincro {
    /// Identifier of this index; also that of its volume, and the start of those of its files.
    pub id: String,
    /// Name of the scheme of `id`; `local` when not given.
    pub scheme: Option<String>,
    /// Label of the volume.
    pub label: Option<String>,
    /// Description of the volume.
    pub description: Option<String>,
    /// Who submits the documents.
    pub submitter: Agent,
    /// Who holds them (`titolare dell'oggetto`); at least one.
    pub holders: Vec<Agent>,
    /// Who signs the index (`responsabile della conservazione`); at least one.
    pub signers: Vec<Agent>,
    /// When the index is made, RFC 3339 with zone: `2025-12-31T10:00:00Z`.
    pub time: String,
    /// Laws under which the documents are preserved.
    pub laws: Option<String>,
}

/// A person or firm of a `PIndex`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// `VATIT-` and a partita IVA, or `TINIT-` and a codice fiscale.
    pub id: String,
    /// Name.
    pub name: String,
    /// What they are: the role of a holder or signer; not used for the submitter.
    pub role: Option<String>,
}

pub(crate) struct SincroForm {
    algorithm: Algorithm,
    metadata: Sincro,
    lots: u64,
    files: u64,
}

impl SincroForm {
    pub(crate) fn new(algorithm: Algorithm, metadata: Sincro) -> Result<SincroForm, ArchiveError> {
        metadata.check()?;
        Ok(SincroForm { algorithm, metadata, lots: 0, files: 0 })
    }
}

impl Sincro {
    fn check(&self) -> Result<(), ArchiveError> {
        let wrong =
            |field: &str, mistake| Err(ArchiveError::Metadata { field: field.to_owned(), mistake });
        for (field, agents) in [("holders", &self.holders), ("signers", &self.signers)] {
            if agents.is_empty() {
                return wrong(field, MetadataMistake::Missing);
            }
        }
        let agents = [("submitter", &self.submitter)]
            .into_iter()
            .chain(self.holders.iter().map(|agent| ("holders", agent)))
            .chain(self.signers.iter().map(|agent| ("signers", agent)));
        for (field, agent) in agents {
            if !is_agent_id(&agent.id) {
                return wrong(field, MetadataMistake::AgentId);
            }
            if !is_text(&agent.name) || !agent.role.as_deref().is_none_or(is_text) {
                return wrong(field, MetadataMistake::Text);
            }
        }
        let optional = [
            ("scheme", &self.scheme),
            ("label", &self.label),
            ("description", &self.description),
            ("laws", &self.laws),
        ];
        let given = optional.into_iter().filter_map(|(field, text)| Some((field, text.as_ref()?)));
        for (field, text) in given.chain([("id", &self.id)]) {
            if !is_text(text) {
                return wrong(field, MetadataMistake::Text);
            }
        }
        if self.time.parse::<Timestamp>().is_err() {
            return wrong("time", MetadataMistake::Time);
        }
        Ok(())
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 1000 && fits_xml(text)
}

/// The form only: `ceralacca` checks codici fiscali where it files them.
fn is_agent_id(id: &str) -> bool {
    let digits = |text: &str| text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    let letters = |text: &str| {
        text.len() == 16
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    id.strip_prefix("VATIT-").is_some_and(digits)
        || id.strip_prefix("TINIT-").is_some_and(|text| digits(text) || letters(text))
}

impl Form for SincroForm {
    fn holds(&self, name: &str) -> bool {
        fits_xml(name)
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Sincro { id, scheme, label, description, .. } = &self.metadata;
        let (id, scheme) = (markup(id), markup(scheme.as_deref().unwrap_or("local")));
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            out,
            "<!-- UNVERIFIED: from the public outline of UNI 11386, whose schema is not public -->"
        )?;
        writeln!(out, "<PIndex xmlns=\"{NAMESPACE}\" language=\"it\" sincroVersion=\"2.0\">")?;
        writeln!(out, "  <SelfDescription>\n    <ID scheme=\"{scheme}\">{id}</ID>")?;
        writeln!(out, "    <CreatingApplication>\n      <Name>ceralacca</Name>")?;
        writeln!(out, "      <Version>{}</Version>", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "      <Producer>ceralacca</Producer>\n    </CreatingApplication>")?;
        writeln!(out, "  </SelfDescription>\n  <PVolume>")?;
        writeln!(out, "    <ID scheme=\"{scheme}\">{id}/volume</ID>")?;
        for (name, text) in [("Label", label), ("Description", description)] {
            if let Some(text) = text {
                writeln!(out, "    <{name}>{}</{name}>", markup(text))?;
            }
        }
        writeln!(out, "  </PVolume>")
    }

    fn begin_lot(&mut self, out: &mut dyn Write, name: &str) -> io::Result<()> {
        self.lots += 1;
        let id = markup(&self.metadata.id);
        writeln!(out, "  <FileGroup>\n    <ID>{id}/lotto/{}</ID>", self.lots)?;
        if !name.is_empty() {
            writeln!(out, "    <Label>{}</Label>", markup(name))?;
        }
        Ok(())
    }

    fn document(&mut self, out: &mut dyn Write, document: &Document<'_>) -> io::Result<()> {
        self.files += 1;
        let id = markup(&self.metadata.id);
        writeln!(out, "    <File>\n      <ID>{id}/file/{}</ID>", self.files)?;
        writeln!(out, "      <Path>{}</Path>", markup(document.path))?;
        writeln!(
            out,
            "      <Hash hashFunction=\"{}\">{}</Hash>\n    </File>",
            self.algorithm, document.digest
        )
    }

    fn end_lot(&mut self, out: &mut dyn Write, _: &Totals) -> io::Result<()> {
        writeln!(out, "  </FileGroup>")
    }

    fn end(&mut self, out: &mut dyn Write, _: &Totals) -> io::Result<()> {
        let Sincro { submitter, holders, signers, time, laws, .. } = &self.metadata;
        writeln!(out, "  <Process>")?;
        agent(out, "Submitter", None, submitter)?;
        for holder in holders {
            agent(out, "Holder", Some(("holderRole", "titolare")), holder)?;
        }
        for signer in signers {
            let role = ("signerRole", "responsabile della conservazione");
            agent(out, "AuthorizedSigner", Some(role), signer)?;
        }
        writeln!(out, "    <TimeReference>")?;
        writeln!(
            out,
            "      <TimeInfo attachedTimeStamp=\"false\">{}</TimeInfo>\n    </TimeReference>",
            markup(time)
        )?;
        if let Some(laws) = laws {
            writeln!(out, "    <LawsAndRegulations>{}</LawsAndRegulations>", markup(laws))?;
        }
        writeln!(out, "  </Process>\n</PIndex>")
    }
}

fn agent(
    out: &mut dyn Write,
    element: &str,
    role: Option<(&str, &str)>,
    agent: &Agent,
) -> io::Result<()> {
    let role = role.map(|(name, default)| {
        format!(" {name}=\"{}\"", markup(agent.role.as_deref().unwrap_or(default)))
    });
    writeln!(out, "    <{element}{}>", role.unwrap_or_default())?;
    writeln!(out, "      <AgentID>{}</AgentID>", markup(&agent.id))?;
    writeln!(out, "      <AgentName>{}</AgentName>\n    </{element}>", markup(&agent.name))
}
