//! What the gateway's answers look like, and the checks that every one of them has to pass.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceralacca_submission::{
    Acknowledgement, Failure, ReceiptRecord, RevocationRequested, printable,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::NetError;
use crate::exchange::{Answer, Purpose, Wire};

/// `POST /v1/sessions`. The token goes into memory that is wiped.
#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) token: String,
    #[serde(rename = "expires_at")]
    _expires_at: Timestamp,
}

/// `GET /v1/submissions`.
#[derive(Deserialize)]
pub(crate) struct Submissions {
    pub(crate) submissions: Vec<Acknowledgement>,
}

/// `GET /v1/revocations`.
#[derive(Deserialize)]
pub(crate) struct Revocations {
    pub(crate) revocations: Vec<RevocationRequested>,
}

/// `GET /v1/receipts`.
#[derive(Deserialize)]
pub(crate) struct Receipts {
    pub(crate) receipts: Vec<ReceiptRecord>,
}

/// `GET /v1/ca/certificates`: base64 of DER.
#[derive(Deserialize)]
pub(crate) struct Certificates {
    certificates: Vec<String>,
}

/// Any refusal.
#[derive(Default, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Certificates {
    /// The certificates' bytes.
    pub(crate) fn decoded(self) -> Result<Vec<Vec<u8>>, &'static str> {
        self.certificates
            .iter()
            .map(|text| STANDARD.decode(text).map_err(|_| "a certificate is not base64"))
            .collect()
    }
}

impl Answer {
    /// The gateway's code and text for a refusal; empty where it is not the gateway that speaks.
    pub(crate) fn refusal(&self) -> Refusal {
        let refusal: Refusal = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let message = if refusal.message.is_empty() {
            "no explanation".to_owned()
        } else {
            printable(&refusal.message, 400)
        };
        Refusal { code: printable(&refusal.code, 60), message }
    }
}

impl Wire {
    /// The octets of an answer with one of these statuses; everything else is a refusal or garbage.
    pub(crate) fn octets(
        &self,
        purpose: &Purpose,
        answer: Answer,
        statuses: &[u16],
    ) -> Result<Vec<u8>, Failure> {
        if (400..500).contains(&answer.status) {
            let Refusal { code, message } = answer.refusal();
            let (what, status) = (purpose.what.clone(), answer.status);
            return Err(NetError::RefusedByGateway { what, status, code, message }.into());
        }
        if !statuses.contains(&answer.status) {
            let reason = format!("status {} does not belong here", answer.status);
            return Err(self.garbage(purpose, &reason).into());
        }
        Ok(answer.bytes)
    }

    /// The JSON of an answer with one of these statuses.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        purpose: &Purpose,
        answer: Answer,
        statuses: &[u16],
    ) -> Result<T, Failure> {
        let content_type = answer.content_type.clone();
        let bytes = Zeroizing::new(self.octets(purpose, answer, statuses)?);
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let reason = format!("it is {content_type:?}, not application/json");
            return Err(self.garbage(purpose, &reason).into());
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            // Only the place: the text of the error could repeat a token.
            let (line, column) = (error.line(), error.column());
            let kind = match error.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Data => "a field is missing or wrong",
                _ => "it is not JSON",
            };
            self.garbage(purpose, &format!("{kind} (line {line}, column {column})")).into()
        })
    }
}
