//! The rules beyond the schema: dates, document types, sender, and what the mark covers.

use ceralacca_kernel::Explain;
use ceralacca_signing::{Answer, Report};
use ceralacca_timestamp::{Formato, Mark};
use jiff::civil::Date;

use crate::element_reader::Found;
use crate::finding::Placed;
use crate::reading::Draft;
use crate::{ControlContext, Impronta, PeriodoImposta, Problem, Soggetto, Tipo};

/// Checks that the verdict of a mark fails on, at most so many are listed.
const LISTED: usize = 5;

const SEQUENCE: u8 = 0x30;

/// How an M7M begins.
const MIME: &[u8] = b"mime-version";

/// Applies every rule to what could be read.
pub(crate) fn apply(draft: &Draft, context: &ControlContext<'_>, problems: &mut Vec<Placed>) {
    let today = context.today();
    if let Some(periodo) = &draft.periodo {
        period(periodo, today, problems);
        let tipo = draft.tipo.as_ref().map(|tipo| tipo.value).unwrap_or_default();
        deadline(periodo, tipo, context, today, problems);
    }
    let unknown = draft.tipi_documento.iter().filter(|code| !context.tipi.contains(&code.value));
    problems.extend(
        unknown
            .take(LISTED)
            .map(|code| code.problem(Problem::TipoDocumentoUnknown { code: code.value.clone() })),
    );
    problems.extend(sender(draft, context).map(Placed::nowhere));
    if let Some(marca) = &draft.marca {
        mark(marca, draft.impronta.as_ref(), context, problems);
    }
}

fn period(periodo: &Found<PeriodoImposta>, today: Date, problems: &mut Vec<Placed>) {
    let PeriodoImposta { dal, al } = periodo.value;
    if al > today {
        let (al, today) = (al.to_string(), today.to_string());
        problems.push(periodo.problem(Problem::PeriodInFuture { al, today }));
    }
    if dal.year() != al.year() {
        let (dal, al) = (dal.to_string(), al.to_string());
        problems.push(periodo.problem(Problem::PeriodOfYears { dal, al }));
    }
}

fn deadline(
    periodo: &Found<PeriodoImposta>,
    tipo: Tipo,
    context: &ControlContext<'_>,
    today: Date,
    problems: &mut Vec<Placed>,
) {
    let anno = periodo.value.anno();
    let last = match tipo {
        Tipo::Ordinaria => context.scadenze.of_year(anno).trasmissione,
        Tipo::Sostitutiva => context.scadenze.last_replacement_day(anno),
    };
    if today <= last {
        return;
    }
    let (last, today) = (last.to_string(), today.to_string());
    problems.push(periodo.problem(match tipo {
        Tipo::Ordinaria => Problem::DeadlinePassed { trasmissione: last, today },
        Tipo::Sostitutiva => Problem::ReplacementPassed { last_day: last, today },
    }));
}

/// UNVERIFIED: that a sender who is not named is rejected is known of other transmissions only.
fn sender(draft: &Draft, context: &ControlContext<'_>) -> Option<Problem> {
    let sender = context.sender?;
    let named: Vec<&Soggetto> =
        draft.soggetto.iter().chain(&draft.responsabile).chain(&draft.delegati).collect();
    let is_named = named.iter().any(|soggetto| soggetto.codice_fiscale == *sender);
    let told = !named.is_empty() && !is_named;
    told.then(|| Problem::SenderNotNamed { sender: sender.to_string() })
}

fn mark(
    marca: &Found<(Option<Formato>, Vec<u8>)>,
    impronta: Option<&Found<Impronta>>,
    context: &ControlContext<'_>,
    problems: &mut Vec<Placed>,
) {
    let (said, bytes) = &marca.value;
    let mark = match read_mark(bytes) {
        Ok(mark) => mark,
        Err(what) => return problems.push(marca.problem(Problem::MarcaUnreadable { what })),
    };
    let found = mark.formato();
    if let Some(said) = said.filter(|said| *said != found) {
        let (said, found) = (said.label().to_owned(), found.label().to_owned());
        problems.push(marca.problem(Problem::OtherFormato { said, found }));
    }
    if let Some(impronta) = impronta {
        problems.extend(congruence(&impronta.value, &mark).map(|p| impronta.problem(p)));
    }
    let report = mark.verify(context.trust, context.at);
    problems.extend(verdict(&report).into_iter().map(|problem| marca.problem(problem)));
}

/// In a communication the mark is DER: base64 inside the base64 is not accepted.
fn read_mark(bytes: &[u8]) -> Result<Mark, String> {
    if bytes.get(..MIME.len()).is_some_and(|start| start.eq_ignore_ascii_case(MIME)) {
        return Err("it is an M7M; extract the mark from it first".to_owned());
    }
    if bytes.first() != Some(&SEQUENCE) {
        return Err("what the base64 holds is not DER".to_owned());
    }
    Mark::from_bytes(bytes).map_err(|error| {
        let report = error.explain();
        match report.found {
            Some(found) => format!("{}: {found}", report.headline),
            None => report.headline,
        }
    })
}

/// The Agency's own check on reception: the imprint is the one that the mark covers.
fn congruence(impronta: &Impronta, mark: &Mark) -> Option<Problem> {
    let covered = mark.message_imprint();
    if covered.algorithm != impronta.algoritmo {
        let (impronta, marca) = (impronta.algoritmo.to_string(), covered.algorithm.to_string());
        return Some(Problem::OtherAlgoritmo { impronta, marca });
    }
    if covered.digest != impronta.digest {
        let (impronta, marca) = (hex::encode(&impronta.digest), hex::encode(&covered.digest));
        return Some(Problem::OtherImpronta { impronta, marca });
    }
    None
}

/// Every check that failed, or else the first that could not be answered.
fn verdict(report: &Report) -> Vec<Problem> {
    let checks = report.all_checks();
    let of = |answer: Answer| {
        checks
            .iter()
            .filter(move |check| check.answer == answer)
            .map(|check| (check.question.clone(), check.detail.clone()))
    };
    let invalid: Vec<Problem> = of(Answer::No)
        .take(LISTED)
        .map(|(check, detail)| Problem::MarcaInvalid { check, detail })
        .collect();
    if !invalid.is_empty() {
        return invalid;
    }
    let unknown = of(Answer::Unknown).next();
    unknown
        .map(|(check, detail)| Problem::MarcaIndeterminate { check, detail })
        .into_iter()
        .collect()
}
