//! What a person has to do at the portal, in the Agency's words: plain text in numbered steps.
//!
//! The menu paths are those of the guide on the security environment (*Risoluzione dei problemi*,
//! *Ripristino*). UNVERIFIED: the portal may have changed since.

use std::path::Path;

use ceralacca_identity::Account;
use ceralacca_submission::hand_over::{HandOver, HandedFile, Kind};

use super::answer::receipt_name;

/// How a file is sent, and its receipt fetched.
pub(super) fn submission(one: &HandOver, file: &HandedFile, ricezione: &Path) -> Vec<u8> {
    let mut sheet = Sheet::new(&format!("ISTRUZIONI PER L'INVIO - run {}", one.run));
    sheet.text(&format!("Da inviare: {} ({}).", file.name, subject_of(file)));
    if !file.also_in.is_empty() {
        sheet.text(&format!(
            "ATTENZIONE: lo stesso file (stesso SHA-256) è già stato affidato dalla run {}. Non \
             inviarlo due volte: se è già stato inviato, passare al punto 6.",
            file.also_in.join(", ")
        ));
    }
    sheet.step("Il file, da non modificare e da non rinominare:");
    sheet.line(&format!("nome     {}", file.name));
    sheet.line(&format!("byte     {}", file.length));
    sheet.line("SHA-256");
    sheet.line(&file.sha256);
    sheet.line("percorso");
    sheet.line(&file.copy.display().to_string());
    access(&mut sheet, file.subject.as_ref(), "l'invio");
    sheet.step("Aprire \"Servizi\" > \"Servizi di utility e verifica\" > \"Invio documenti\".");
    sheet.step(&format!(
        "Premere \"Scegli il file\", selezionare {} dal percorso del punto 1, premere \"Invia\".",
        file.name
    ));
    sheet.step(
        "Attendere la pagina di conferma. L'invio del file può ritenersi effettuato solo quando \
         il sistema fornisce in risposta la pagina di conferma della trasmissione. Annotare il \
         protocollo, se la pagina lo indica.",
    );
    sheet.step("Comunicare l'esito, con uno di questi comandi:");
    sheet.line(&format!("ceralacca confirm {} --protocollo <17 cifre>", one.run));
    sheet.line(&format!("ceralacca confirm {}               (protocollo non annotato)", one.run));
    sheet.line(&format!("ceralacca confirm {} --not-sent    (nessuna conferma)", one.run));
    sheet.more(
        "Nel dubbio cercare prima il file in \"Ricerca ricevute\" (punto seguente): se vi \
         compare, è stato inviato.",
    );
    sheet.more(&format!(
        "Un errore in quanto comunicato si corregge con: ceralacca confirm {} --correct",
        one.run
    ));
    collect(&mut sheet, one, file, ricezione);
    sheet.blank();
    sheet.text(&pending(file));
    sheet.bytes()
}

/// How the receipt of what was sent is fetched.
pub(super) fn receipt(one: &HandOver, file: &HandedFile, ricezione: &Path) -> Vec<u8> {
    let mut sheet = Sheet::new(&format!("ISTRUZIONI PER LA RICEVUTA - run {}", one.run));
    sheet.text(&format!("Inviato: {} ({}).", file.name, subject_of(file)));
    if let Some(number) = one.protocollo() {
        sheet.text(&format!("Protocollo: {number}"));
    }
    access(&mut sheet, file.subject.as_ref(), "la ricerca");
    collect(&mut sheet, one, file, ricezione);
    sheet.blank();
    sheet.text(&pending(file));
    sheet.bytes()
}

/// How an environment is revoked.
pub(super) fn revocation(one: &HandOver) -> Vec<u8> {
    let mut sheet = revocation_sheet("REVOCA DELL'AMBIENTE DI SICUREZZA", one);
    sheet.text(
        "Prima della revoca aprire tutte le ricevute non ancora lette: il nuovo ambiente non \
         potrà aprire quelle cifrate per l'attuale. L'attuale va conservato per sempre.",
    );
    access(&mut sheet, one.subject(), "la revoca");
    restore_path(&mut sheet);
    let Kind::Revocation(busta) = &one.kind else { return sheet.bytes() };
    sheet.step("Indicare, negli appositi campi:");
    sheet.line(&format!("numero busta     {} (tipo {})", busta.numero_busta, busta.tipo_busta));
    sheet.line("PIN di revoca    quello scelto alla generazione dell'ambiente");
    sheet.more(
        "Il PIN di revoca non è scritto qui e ceralacca non lo conosce. In caso di smarrimento \
         del PIN di revoca, la revoca dovrà essere, necessariamente, effettuata presso un ufficio.",
    );
    sheet.step("Comunicare l'esito, con uno di questi comandi:");
    sheet.line(&format!("ceralacca confirm {}               (richiesta accolta)", one.run));
    sheet.line(&format!("ceralacca confirm {} --not-sent    (richiesta non fatta)", one.run));
    sheet.more("Per una revoca chiesta presso un ufficio vale il primo comando.");
    sheet.bytes()
}

/// How it is seen that a revocation is in force.
pub(super) fn revocation_in_force(one: &HandOver) -> Vec<u8> {
    let mut sheet = revocation_sheet("VERIFICA DELLA REVOCA", one);
    sheet.text(
        "La revoca è stata richiesta ed è in coda. Un nuovo ambiente si genera quando è \
         effettiva; chiederla un'altra volta non serve.",
    );
    access(&mut sheet, one.subject(), "la verifica");
    restore_path(&mut sheet);
    sheet.step(
        "Controllare che il certificato precedente non risulti più attivo: la cartellina della \
         sua ricevuta non compare più. Se compare ancora, riprovare più tardi.",
    );
    sheet.step("Quando la revoca è effettiva:");
    sheet.line(&format!("ceralacca confirm {} --in-force", one.run));
    sheet.bytes()
}

fn revocation_sheet(title: &str, one: &HandOver) -> Sheet {
    let mut sheet = Sheet::new(&format!("{title} - run {}", one.run));
    if let Kind::Revocation(busta) = &one.kind {
        sheet.text(&format!("Busta {} (tipo {}).", busta.numero_busta, busta.tipo_busta));
        if let Some(account) = &busta.account {
            sheet.text(&format!(
                "Ambiente di: {account}. Verificare al portale che l'utenza sia la stessa."
            ));
        }
    }
    sheet
}

fn restore_path(sheet: &mut Sheet) {
    sheet.step(
        "Aprire \"Profilo utente\" > \"Credenziali di sicurezza\" > \"Ripristino dell'ambiente \
         di sicurezza\", nella sezione \"Gestione certificati\".",
    );
}

fn access(sheet: &mut Sheet, subject: Option<&Account>, what: &str) {
    sheet.step(
        "Accedere all'area autenticata del sito dell'Agenzia delle entrate, con SPID, CIE o CNS \
         oppure con le chiavi di accesso.",
    );
    match subject {
        Some(Account { codice_fiscale, sede }) => {
            sheet.more(
                "ATTENZIONE: l'accesso è in qualità di incaricato. Effettuare l'operazione di \
                 cambio utenza di lavoro, selezionando dal menu a tendina il codice fiscale del \
                 soggetto incaricante:",
            );
            sheet.line(&format!("{codice_fiscale}   (sede {})", sede.as_str()));
        }
        None => sheet.more(&format!(
            "Per conto proprio: {what} si fa con la propria utenza di lavoro, senza cambio utenza."
        )),
    }
}

fn collect(sheet: &mut Sheet, one: &HandOver, file: &HandedFile, ricezione: &Path) {
    sheet.step(
        "Aprire \"Servizi\" > \"Consultazione e ricerca\" > \"Ricerca ricevute\" e cercare il \
         rigo dell'invio:",
    );
    if let Some(number) = one.protocollo() {
        sheet.line(&format!("Protocollo       {number}"));
    }
    sheet.line(&format!("Tipo documento   {}", file.tipo_documento));
    sheet.line(&format!("Nome file        {}", file.name));
    sheet.more(
        "L'elaborazione può richiedere tempo: se il rigo o la ricevuta mancano, riprovare più \
         tardi. Cliccare sull'icona della cartella, nella colonna \"Ricevuta\".",
    );
    if file.keys.is_empty() {
        sheet.step("Salvare la ricevuta così com'è, senza aprirla, in questa cartella:");
        sheet.line(&ricezione.display().to_string());
        sheet.more("con questo nome, e in fondo l'estensione che il portale le dà:");
        sheet.line(&receipt_name(&one.label(), &file.name));
        sheet.more(
            "Va bene anche, come nome, il solo protocollo (17 cifre) con la sua estensione. La pagina \
             di conferma non è la ricevuta: se la si conserva, altrove o con un altro nome.",
        );
    } else {
        sheet.step("Salvare il file \"CERTIF.IN\" in questa cartella:");
        sheet.line(&ricezione.display().to_string());
        sheet.more("Il nome non importa: si riconosce dalle chiavi che certifica.");
    }
    sheet.more(&format!(
        "Una ricevuta di altro formato si indica con: ceralacca confirm {} --receipt <file>",
        one.run
    ));
    sheet.step("Poi, se \"ceralacca watch\" non è in funzione:");
    sheet.line(&format!("ceralacca resume {}", one.run));
    sheet.more(&format!(
        "Se lo Stato è SCARTATO: ceralacca confirm {} --rejected \"<motivo di scarto>\"",
        one.run
    ));
}

fn subject_of(file: &HandedFile) -> String {
    let tipo = &file.tipo_documento;
    match tipo.as_str() {
        "PKS10" => "richiesta dei certificati, tipo documento PKS10".to_owned(),
        "IMPRONTA" => "comunicazione dell'impronta, tipo documento IMPRONTA".to_owned(),
        _ => format!("tipo documento {tipo}"),
    }
}

fn pending(file: &HandedFile) -> String {
    if file.keys.is_empty() {
        return "ATTENZIONE: finché non c'è la ricevuta non generare di nuovo questo file e non \
                inviarne un altro al suo posto."
            .to_owned();
    }
    "ATTENZIONE: finché questa richiesta è pendente non generare un altro ambiente e non \
     generare di nuovo il file: il CERTIF.IN vale solo per le chiavi di questa richiesta, che \
     altrimenti andrebbero perse."
        .to_owned()
}

/// Plain text of at most 78 columns; only a path may be longer.
struct Sheet {
    text: String,
    steps: u32,
}

impl Sheet {
    fn new(title: &str) -> Sheet {
        let rule = "=".repeat(title.chars().count());
        Sheet { text: format!("{title}\n{rule}\n\n"), steps: 0 }
    }

    fn text(&mut self, text: &str) {
        self.wrapped("", "", text);
    }

    /// The next numbered step.
    fn step(&mut self, text: &str) {
        self.steps += 1;
        self.blank();
        let number = format!("{:>2}. ", self.steps);
        self.wrapped(&number, "    ", text);
    }

    /// More of the same step.
    fn more(&mut self, text: &str) {
        self.wrapped("    ", "    ", text);
    }

    /// A line that is copied as it is.
    fn line(&mut self, text: &str) {
        self.text.push_str("      ");
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn wrapped(&mut self, first: &str, others: &str, text: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        for word in text.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
                self.text.push_str(&line);
                self.text.push('\n');
                others.clone_into(&mut line);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }

    fn bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

const COLUMNS: usize = 78;

#[cfg(test)]
#[path = "instructions_tests.rs"]
mod tests;
