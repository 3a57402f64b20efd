//! The words of every problem that the control can find.

use std::fmt;

use ceralacca_kernel::Explain;

use crate::Problem;

/// Longest piece of a file that is quoted.
const QUOTED: usize = 80;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Problem::*;
        match self {
            NotWellFormed { .. }
            | Doctype
            | Encoding { .. }
            | XmlVersion { .. }
            | ByteOrderMark
            | TooLarge { .. }
            | BeyondLimit { .. }
            | Schema { .. }
            | More { .. }
            | NotACommunication { .. }
            | RulesNotApplied { .. }
            | Missing { .. }
            | Unexpected { .. } => form(self, f),
            Algoritmo { .. }
            | ImprontaCharacter { .. }
            | ImprontaLength { .. }
            | ImprontaUpperCase
            | ImprontaOfNothing
            | MarcaBase64
            | MarcaUnreadable { .. }
            | Formato { .. }
            | OtherFormato { .. }
            | OtherAlgoritmo { .. }
            | OtherImpronta { .. }
            | MarcaInvalid { .. }
            | MarcaIndeterminate { .. } => impronta(self, f),
            _ => content(self, f),
        }
    }
}

fn form(problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use Problem::*;
    match problem {
        NotWellFormed { rule, what } => {
            write!(f, "not well-formed XML: {} ({rule})", quoted(what, 3 * QUOTED))
        }
        Doctype => f.write_str("a DOCTYPE is not accepted: entities could be hidden in it"),
        Encoding { found } => {
            write!(f, "the encoding must be UTF-8, the file says {}", quoted(found, QUOTED))
        }
        XmlVersion { found } => {
            write!(f, "the version of XML must be 1.0, the file says {}", quoted(found, QUOTED))
        }
        ByteOrderMark => {
            f.write_str("the file begins with a byte-order mark, which UTF-8 needs not")
        }
        TooLarge { limit, found } => {
            write!(f, "the file has {found} bytes; at most {limit} are read")
        }
        BeyondLimit { what, limit } => write!(f, "too much in one file: {what}, at most {limit}"),
        Schema { what, .. } => write!(f, "against the schema: {}", quoted(what, 3 * QUOTED)),
        More { limit } => write!(f, "there is more; only the first {limit} findings are listed"),
        NotACommunication { found } => write!(
            f,
            "the root element is {}, not the ComunicazioneImpronta of the schema",
            quoted(found, QUOTED)
        ),
        RulesNotApplied { found } => write!(
            f,
            "the root element {} is the schema's own: only the schema was checked, not the rules",
            quoted(found, QUOTED)
        ),
        Missing { name } => write!(f, "{name} is missing"),
        Unexpected { name } => {
            write!(f, "{} does not belong here, or is there twice", quoted(name, QUOTED))
        }
        _ => Ok(()),
    }
}

fn content(problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use Problem::*;
    match problem {
        Nominativo => f.write_str("a subject has either Denominazione, or Cognome and Nome"),
        TestoLength { length } => {
            write!(f, "the text must have 1 to 255 characters, it has {length}")
        }
        TestoCharacter => f.write_str("the text has control characters"),
        CodiceFiscale { error } => {
            let report = error.explain();
            f.write_str(&report.headline)?;
            if let Some(expected) = &report.expected {
                write!(f, ": expected {expected}")?;
            }
            match &report.found {
                Some(found) => write!(f, ", found {}", quoted(found, QUOTED)),
                None => Ok(()),
            }
        }
        Tipo { found } => {
            write!(f, "Tipo is ORDINARIA or SOSTITUTIVA, not {}", quoted(found, QUOTED))
        }
        Protocollo { length } => {
            write!(f, "a protocollo has 17 digits; this is something else of {length} characters")
        }
        NoProtocollo => f.write_str("a SOSTITUTIVA communication needs the ProtocolloSostituito"),
        ProtocolloNotMeant => {
            f.write_str("an ORDINARIA communication replaces nothing: no ProtocolloSostituito")
        }
        Date { found } => write!(f, "not a day such as 2025-12-31: {}", quoted(found, QUOTED)),
        PeriodReversed { dal, al } => write!(f, "the period ends ({al}) before it begins ({dal})"),
        PeriodInFuture { al, today } => {
            write!(f, "the period ends on {al}, which is still to come (today {today})")
        }
        PeriodOfYears { dal, al } => {
            write!(f, "the period from {dal} to {al} covers more than one tax year")
        }
        DeadlinePassed { trasmissione, today } => {
            write!(f, "the deadline of transmission was {trasmissione} (today {today})")
        }
        ReplacementPassed { last_day, today } => {
            write!(f, "a replacement was possible until {last_day} (today {today})")
        }
        NoTipoDocumento => f.write_str("no TipoDocumento: at least one is needed"),
        TipoDocumentoTwice { code } => write!(f, "{} is there twice", quoted(code, QUOTED)),
        TipoDocumentoUnknown { code } => write!(
            f,
            "{} is not in the list of document types, which is not the Agency's own",
            quoted(code, QUOTED)
        ),
        SenderNotNamed { sender } => write!(
            f,
            "who transmits ({sender}) is neither soggetto interessato nor responsabile nor \
             delegato; the Agency may reject what is sent for somebody else"
        ),
        _ => Ok(()),
    }
}

fn impronta(problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use Problem::*;
    match problem {
        Algoritmo { found } => {
            write!(f, "the algorithm is SHA-256, SHA-384 or SHA-512, not {}", quoted(found, QUOTED))
        }
        ImprontaCharacter { position, found } => {
            write!(f, "the impronta is not hexadecimal: character {position} is {found:?}")
        }
        ImprontaLength { algoritmo, expected, found } => write!(
            f,
            "an impronta of {algoritmo} has {expected} hexadecimal characters, this one {found}"
        ),
        ImprontaUpperCase => {
            f.write_str("the impronta is in capital letters; it is read all the same")
        }
        ImprontaOfNothing => {
            f.write_str("the impronta is the digest of an empty file: nothing was archived")
        }
        MarcaBase64 => f.write_str("the marca temporale is not base64"),
        MarcaUnreadable { what } => {
            write!(f, "the marca temporale is neither TSR nor TST: {}", quoted(what, 3 * QUOTED))
        }
        Formato { found } => {
            write!(f, "the formato of a marca is TSR or TST, not {}", quoted(found, QUOTED))
        }
        OtherFormato { said, found } => {
            write!(f, "the formato says {said}, the marca is {found}")
        }
        OtherAlgoritmo { impronta, marca } => write!(
            f,
            "impronta and marca must use one algorithm: the impronta {impronta}, the marca {marca}"
        ),
        OtherImpronta { impronta, marca } => write!(
            f,
            "the marca covers another file: the impronta is {impronta}, the messageImprint of the \
             marca is {marca}"
        ),
        MarcaInvalid { check, detail } => {
            write!(f, "the marca temporale is not valid: {check} {}", quoted(detail, 2 * QUOTED))
        }
        MarcaIndeterminate { check, detail } => write!(
            f,
            "whether the marca temporale is valid could not be found out: {check} {}",
            quoted(detail, 2 * QUOTED)
        ),
        _ => Ok(()),
    }
}

/// What a file says, on one line and no longer than `longest` characters.
pub(crate) fn quoted(text: &str, longest: usize) -> String {
    let mut line: String = text
        .chars()
        .take(longest)
        .map(|c| if c.is_control() || is_directional(c) { '�' } else { c })
        .collect();
    if text.chars().nth(longest).is_some() {
        line.push('…');
    }
    line
}

/// Whether a character turns the direction of what is shown after it.
fn is_directional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_stays_on_one_line() {
        assert_eq!(quoted("a\nb\u{202e}c", 10), "a�b�c");
        assert_eq!(quoted("abcdef", 3), "abc…");
        assert_eq!(quoted("abc", 3), "abc");
    }
}
