//! A plugin as the channel to an agency: `agency/submit` and the other operations of the seam.

use std::sync::Arc;

use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{Error, Value, typed};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Delivery, Failure, Outgoing, Protocollo, ReceiptFilter,
    ReceiptRecord, Revocation, RevocationRequested, Search,
};
use serde::de::DeserializeOwned;

use super::operator::Operator;
use crate::connection::Operation;
use crate::error::PluginError;
use crate::plugin::Plugin;
use crate::reply::Reply;

/// A plugin as an [`Agency`]. The keys of the portal are never given to it.
pub struct PluginAgency {
    plugin: Arc<Plugin>,
    operator: Operator,
}

impl PluginAgency {
    /// The channel of a plugin that has the seam.
    ///
    /// # Errors
    /// `plugin.no_seam`.
    pub fn new(plugin: Arc<Plugin>, operator: Operator) -> Result<PluginAgency, Error> {
        if plugin.manifest().seams.agency.is_none() {
            return Err(PluginError::no_seam(&plugin, "agency").into());
        }
        Ok(PluginAgency { plugin, operator })
    }

    /// One operation. `changes` says whether a broken-off call may have had an effect.
    fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        argument: Option<Value>,
        changes: bool,
    ) -> Result<T, Failure> {
        let arguments: Vec<Value> = argument.into_iter().collect();
        self.ask_with(operation, &arguments, changes)
    }

    fn ask_with<T: DeserializeOwned>(
        &self,
        operation: &str,
        arguments: &[Value],
        changes: bool,
    ) -> Result<T, Failure> {
        let doubtful = if changes { Delivery::Unknown } else { Delivery::NotDelivered };
        let failed = |error: Error, delivery| Failure { passing: passing(&error), error, delivery };
        let context = context(arguments);
        let mut answers = self.operator.answers(self.plugin.manifest());
        let reply = self
            .plugin
            .call(Operation::Call, operation, arguments, context, &mut answers)
            .map_err(|error| failed(error, doubtful))?;
        let wrong = |problem: String| -> Failure {
            failed(PluginError::result(&self.plugin, operation, problem).into(), doubtful)
        };
        match reply {
            Reply::Done(value) => {
                typed::from_value(value).map_err(|mismatch| wrong(mismatch.to_string()))
            }
            Reply::Refused(error) => Err(failed(error, Delivery::NotDelivered)),
            Reply::Unknown(error) => Err(failed(error, Delivery::Unknown)),
            Reply::NotYet(_) | Reply::NotDone => {
                Err(wrong("it may be done, refused or unknown, and nothing else".to_owned()))
            }
        }
    }
}

/// What surrounds an operation: the key and the run of what is sent, where something is.
fn context(arguments: &[Value]) -> Value {
    let of = |name: &str| arguments.first().and_then(|argument| argument.get(name)).cloned();
    let key = of("idempotency_key").unwrap_or_else(|| Value::from(""));
    let run = match of("run") {
        Some(Value::Str(run)) => run.parse().unwrap_or(0),
        _ => 0,
    };
    let mut context =
        Value::from([("key", key.clone()), ("run", Value::Int(run)), ("run_key", key)]);
    if let (Value::Map(map), Some(at)) = (&mut context, of("at")) {
        map.insert("now".to_owned(), at.clone());
        map.insert("since".to_owned(), at);
    }
    context
}

/// Whether the plugin says that the same request may well succeed a little later.
fn passing(error: &Error) -> bool {
    error.report().fields.get("passing") == Some(&Value::Bool(true))
}

impl Agency for PluginAgency {
    fn wants_keys(&self) -> bool {
        false
    }

    fn submit(&self, access: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        let on_behalf_of = match &access.on_behalf_of {
            Some(account) => typed::to_value(account).unwrap_or_default(),
            None => Value::Null,
        };
        let document = Value::from([
            ("idempotency_key", Value::from(outgoing.idempotency_key)),
            ("name", Value::from(outgoing.name)),
            ("tipo_documento", Value::from(outgoing.tipo_documento)),
            ("sha256", Value::from(outgoing.sha256)),
            ("bytes", Value::Bytes(outgoing.bytes.to_vec())),
            ("at", Value::Str(outgoing.at.to_string())),
            ("run", Value::from(outgoing.run)),
            ("on_behalf_of", on_behalf_of),
        ]);
        let answer: Acknowledgement = self.ask("agency/submit", Some(document), true)?;
        if answer.sha256 != outgoing.sha256 {
            let problem = format!("it acknowledges another content, SHA-256 {}", answer.sha256);
            let error = PluginError::result(&self.plugin, "agency/submit", problem).into();
            return Err(Failure { error, delivery: Delivery::Unknown, passing: false });
        }
        Ok(answer)
    }

    fn find_submissions(
        &self,
        _: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        let wanted = match search {
            Search::Key(key) => ("key", Value::from(*key)),
            Search::Sha256(sha256) => ("sha256", Value::from(*sha256)),
        };
        self.ask("agency/find_submissions", Some(Value::from([wanted])), false)
    }

    fn receipts(&self, _: &Access, filter: &ReceiptFilter) -> Result<Vec<ReceiptRecord>, Failure> {
        let text = |text: Option<String>| text.map_or(Value::Null, Value::Str);
        let wanted = Value::from([
            ("protocollo", text(filter.protocollo.as_ref().map(ToString::to_string))),
            ("tipo_documento", text(filter.tipo_documento.clone())),
            ("dal", text(filter.dal.map(|day| day.to_string()))),
            ("al", text(filter.al.map(|day| day.to_string()))),
            ("before", text(filter.before.as_ref().map(ToString::to_string))),
        ]);
        self.ask("agency/receipts", Some(wanted), false)
    }

    fn receipt(
        &self,
        _: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure> {
        self.ask("agency/receipt", Some(Value::from(protocollo.as_str())), false)
    }

    fn attachment(
        &self,
        _: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        let arguments = [Value::from(protocollo.as_str()), Value::from(name)];
        let bytes: Bytes = self.ask_with("agency/attachment", &arguments, false)?;
        Ok(bytes.0)
    }

    fn revoke(&self, _: &Access, revocation: &Revocation) -> Result<RevocationRequested, Failure> {
        // The PIN di revoca is not a plugin's to know: it names the secret, and the operator decides.
        let wanted = Value::from([
            ("idempotency_key", Value::from(revocation.idempotency_key.as_str())),
            ("at", Value::Str(revocation.at.to_string())),
            ("run", Value::from(revocation.run.as_str())),
            ("numero_busta", Value::from(revocation.numero_busta.as_str())),
            ("tipo_busta", Value::from(revocation.tipo_busta.as_str())),
        ]);
        self.ask("agency/revoke", Some(wanted), true)
    }

    fn find_revocation(
        &self,
        _: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        self.ask("agency/find_revocation", Some(Value::from(idempotency_key)), false)
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let found: Vec<Bytes> = self.ask("agency/ca_certificates", None, false)?;
        Ok(found.into_iter().map(|bytes| bytes.0).collect())
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        let bytes: Bytes = self.ask("agency/crl", None, false)?;
        Ok(bytes.0)
    }
}
