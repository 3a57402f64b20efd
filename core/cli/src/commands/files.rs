//! `ceralacca impronta`, `extract` and `convert`: what is done with signed and marked files.

use ceralacca_inspect::{Container, ConvertOptions, digest_algorithm, digest_file};
use ceralacca_kernel::{Error, Host, Progress};

use super::Context;
use crate::arguments::{Convert, Extract, Impronta, Unattended};
use crate::host::Terminal;
use crate::output;

/// Prints the digest of each file, in the form that `sha256sum -c` reads.
pub(super) fn impronta(context: &Context, impronta: &Impronta) -> Result<(), Error> {
    let algorithm = digest_algorithm(&impronta.digest)?;
    let terminal = terminal()?;
    let mut lines = Vec::new();
    for file in &impronta.files {
        let name = file.display().to_string();
        let digest = digest_file(file, algorithm, |done, total| {
            let text = format!("{name}: {} of {} MiB", done >> 20, total >> 20);
            terminal.advance(Progress { done, total: Some(total), text: &text });
        })?;
        terminal.clear();
        lines.push((name, hex::encode(digest)));
    }
    if context.json {
        let lines = lines.iter().map(|(file, digest)| {
            serde_json::json!({ "file": file, "algorithm": algorithm.name(), "impronta": digest })
        });
        output::json(&lines.collect::<Vec<_>>());
    } else {
        let lines: Vec<_> =
            lines.iter().map(|(file, digest)| format!("{digest}  {file}")).collect();
        output::text(&lines.join("\n"));
    }
    Ok(())
}

/// Separates document, signature and mark.
pub(super) fn extract(context: &Context, extract: &Extract) -> Result<(), Error> {
    let done = ceralacca_inspect::extract(&extract.file, &extract.into)?;
    if context.json {
        output::json(&done);
        return Ok(());
    }
    let parts = [("document", done.document), ("signed", done.signed), ("mark", done.mark)];
    let rows: Vec<_> = parts
        .into_iter()
        .filter_map(|(name, path)| Some(vec![name.to_owned(), path?.display().to_string()]))
        .collect();
    output::text(&with_notes(output::rows(&rows), &done.notes));
    Ok(())
}

/// Turns a mark into another form.
pub(super) fn convert(context: &Context, convert: &Convert) -> Result<(), Error> {
    let to = Container::parse(&convert.to)?;
    let options =
        ConvertOptions { document: convert.content.clone(), output: convert.output.clone() };
    let done = ceralacca_inspect::convert(&convert.file, to, &options)?;
    if context.json {
        output::json(&done);
    } else {
        let said = format!("{} ({}, from {})", done.path.display(), done.to, done.from);
        output::text(&with_notes(said, &done.notes));
    }
    Ok(())
}

fn with_notes(text: String, notes: &[String]) -> String {
    notes.iter().fold(text, |text, note| format!("{text}\nnote: {note}"))
}

fn terminal() -> Result<Terminal, Error> {
    Terminal::new(&Unattended::default())
}
