//! The recovery sheet: what a person needs at hand to revoke an environment, on paper.
//!
//! It never holds the PIN di revoca. Words and menu path are those of the Agency's guide.

use ceralacca_keystore::Certificate;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::EnvironmentError;
use crate::folder::EnvironmentFolder;

/// What the sheet says besides what the folder holds.
pub struct RecoveryDetails<'a> {
    /// Number of the envelope, from the letter of the authorisation.
    pub numero_busta: Option<&'a str>,
    /// The certificates of a complete environment; none while its keys wait.
    pub certificates: &'a [Certificate],
    /// When it is made.
    pub at: Timestamp,
}

/// A sheet and the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoverySheet {
    /// `scheda-di-recupero-<codice fiscale>-<sede>.txt`.
    pub file_name: String,
    /// The text, lines of at most 80 characters but for paths.
    pub text: String,
}

impl EnvironmentFolder {
    /// Makes the sheet of a complete environment, or of one whose request was made.
    ///
    /// # Errors
    /// `environment.no_pending_keys` when there are neither certificates nor a request.
    pub fn recovery_sheet(
        &self,
        details: &RecoveryDetails<'_>,
    ) -> Result<RecoverySheet, EnvironmentError> {
        let (common_name, fingerprints, certified) = match details.certificates.first() {
            Some(first) => {
                let keys = details.certificates.iter().map(|one| one.public().fingerprint());
                (first.common_name(), keys.collect::<Vec<_>>(), true)
            }
            None => {
                let marker = self.pending().marker()?.ok_or_else(|| self.no_pending_keys())?;
                let (Some(common_name), Some((firma, cifra))) =
                    (marker.common_name, marker.fingerprints)
                else {
                    return Err(self.no_pending_keys());
                };
                (common_name, vec![firma, cifra], false)
            }
        };
        let (utente, sede) = common_name.rsplit_once('-').unwrap_or((&common_name, ""));
        let busta = details.numero_busta.map(one_line).filter(|busta| !busta.trim().is_empty());
        let keys = fingerprints.iter().map(|key| format!("    {key}\n")).collect::<String>();
        let italy = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
        let day = |at: Timestamp| at.to_zoned(italy.clone()).strftime("%d/%m/%Y").to_string();
        let end = details.certificates.iter().map(Certificate::not_after).min();
        let end = end.map_or_else(|| NOT_YET.to_owned(), day);
        let text = TEXT
            .replace("{data}", &day(details.at))
            .replace("{fine}", &end)
            .replace("{stato}", if certified { "certificate" } else { "in attesa di certificato" })
            .replace("{chiavi}", keys.trim_end())
            .replace("{utente}", &one_line(utente))
            .replace("{sede}", &one_line(sede))
            .replace("{busta}", busta.as_deref().unwrap_or(BLANK))
            .replace("{cartella}", &one_line(&self.path.display().to_string()));
        Ok(RecoverySheet { file_name: file_name(utente, sede), text })
    }
}

/// Only letters and digits: the name in a certificate is somebody else's text.
fn file_name(utente: &str, sede: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).take(32).collect()
    };
    format!("scheda-di-recupero-{}-{}.txt", plain(utente), plain(sede))
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The number of the busta on a sheet that was made before.
pub(crate) fn numero_busta_of(sheet: &str) -> Option<String> {
    let line = sheet.lines().find_map(|line| line.trim().strip_prefix("Numero busta"))?.trim();
    let written = !line.is_empty() && !line.contains('_');
    written.then(|| line.chars().take(60).collect())
}

const NOT_YET: &str = "(si conosce dopo l'importazione dei certificati)";

const BLANK: &str = "______________________________";

const TEXT: &str = "\
SCHEDA DI RECUPERO DELL'AMBIENTE DI SICUREZZA

A che cosa serve: se si smarrisce il supporto con l'ambiente di sicurezza o la
sua password di protezione, o se i certificati scadono, si deve revocare
l'ambiente e generarne uno nuovo. Per la revoca servono il numero busta e il
PIN di revoca. Senza il PIN di revoca la revoca si fa solo presso un ufficio.

STAMPARE questa scheda e CUSTODIRLA in un luogo sicuro, lontano dal supporto.

  Utente                  {utente}
  Sede                    {sede}
  Ambiente di sicurezza   {cartella}
  Data della scheda       {data}
  Numero busta            {busta}
                          (dalla lettera rilasciata al momento
                          dell'abilitazione; tipo busta A)

  Fine validità           {fine}

  Chiavi {stato}, firma e cifra (SHA-256 delle pubbliche):
{chiavi}

PIN DI REVOCA

Questa scheda non contiene il PIN di revoca, e il programma non lo conserva.
Scriverlo a mano su un altro foglio, da custodire in un luogo diverso da questa
scheda e dal supporto. Annotare qui soltanto dove si trova quel foglio:

  ________________________________________________________________

COME SI REVOCA

1. accedere all'area autenticata e cliccare sul pulsante \"Profilo utente\"
   presente nella barra dei menu;
2. cliccare sul pulsante \"Credenziali di sicurezza\", posto nella colonna di
   sinistra;
3. cliccare sul pulsante \"Ripristino dell'ambiente di sicurezza\", presente
   nella colonna di destra, all'interno della sezione \"Gestione certificati\";
4. indicare il numero busta e il PIN di revoca.

Gli incaricati effettuano prima il cambio utenza di lavoro, selezionando dal
menu a tendina il codice fiscale del soggetto incaricante.

PRIMA della revoca, se le vecchie chiavi si aprono ancora, aprire tutte le
ricevute: una chiave nuova non apre quelle cifrate per la vecchia.

IN CASO DI SMARRIMENTO DEL PIN DI REVOCA, l'operazione di revoca dell'ambiente
di sicurezza dovrà essere, necessariamente, effettuata presso un ufficio.
";

#[cfg(test)]
#[path = "recovery_sheet_tests.rs"]
mod tests;
