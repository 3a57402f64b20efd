//! What scripts can ask of the channel itself.

use std::rc::Rc;

use ceralacca_plugin_sdk::schemars::JsonSchema;
use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use ceralacca_plugin_sdk::{Call, Error, Service, Touch, primitives};

use crate::channel::Channel;
use crate::records::Progress;
use crate::settings::Settings;

primitives! {
    /// The channel over SFTP itself: what it has sent, and whether its server is there.
    namespace sftp;

    /// The supports of this channel, the oldest first, each with how far it has come: `not_sent`,
    /// `in_doubt`, `sent`, `answered`. Looks for new outcomes on the server.
    ///
    /// ```rhai
    /// for support in sftp::outgoing() { print(support.support + " " + support.stato); }
    /// ```
    function outgoing() -> Vec<Support>
        [since "0.1.0", recorded, touches(Reads, Writes, Signs, Asks, Fetches)] = outgoing;

    /// Connects to the server, checks its key, logs in and looks whether both folders are there.
    ///
    /// ```rhai
    /// let server = sftp::status();
    /// ```
    function status() -> Server
        [since "0.1.0", recorded, touches(Reads, Writes, Asks, Fetches)] = status;
}

/// The settings, where primitives find them.
pub(crate) struct Configured(pub Rc<Settings>);

impl Service for Configured {
    const TOUCH: Option<Touch> = Some(Touch::Fetches);
}

/// A support of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
pub(crate) struct Support {
    /// Its name on the server, `FI.…`.
    pub support: String,
    /// What the submission goes by until the receipt gives its number.
    pub protocollo: String,
    /// The document's file name.
    pub file_name: String,
    /// The document's type.
    pub tipo_documento: String,
    /// The run that sent it.
    pub run: String,
    /// When it was made, RFC 3339.
    pub at: String,
    /// `not_sent`, `in_doubt`, `sent`, `answered`.
    pub stato: String,
    /// What the outcome says: `ELABORATO`, `SCARTATO`; or why it is not believed.
    pub esito: Option<String>,
}

/// A server that answers as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
#[schemars(crate = "ceralacca_plugin_sdk::schemars")]
pub(crate) struct Server {
    /// Its name and port.
    pub server: String,
    /// Whom it knows us as.
    pub user: String,
    /// The node that supports are named after.
    pub node: String,
    /// The folder for supports.
    pub outgoing: String,
    /// The folder with outcomes.
    pub incoming: String,
}

fn outgoing(call: &mut Call<'_>) -> Result<Vec<Support>, Error> {
    let configured = call.service::<Configured>()?;
    let channel = Channel::new(call, &configured.0)?;
    let mut supports = Vec::new();
    for record in channel.records.all()? {
        let progress = match channel.records.find(&record.key)? {
            Some(locked) => locked.progress(),
            None => continue,
        };
        let (answered, esito) = match channel.outcome_of(&record) {
            Ok(outcome) => {
                (outcome.is_some(), outcome.map(|outcome| outcome.record.stato.as_str().to_owned()))
            }
            Err(error) if error.code().starts_with("sftp.outcome_") => {
                (false, Some(error.report().headline.clone()))
            }
            Err(error) => return Err(error),
        };
        let stato = match progress {
            _ if answered => "answered",
            Progress::Made => "not_sent",
            Progress::Attempted => "in_doubt",
            Progress::Sent => "sent",
        };
        supports.push(Support {
            support: record.support.to_string(),
            protocollo: record.support.stand_in().to_string(),
            file_name: record.file_name,
            tipo_documento: record.tipo_documento,
            run: record.run,
            at: record.at.to_string(),
            stato: stato.to_owned(),
            esito,
        });
    }
    Ok(supports)
}

fn status(call: &mut Call<'_>) -> Result<Server, Error> {
    let configured = call.service::<Configured>()?;
    let settings = &configured.0;
    let channel = Channel::new(call, settings)?;
    let remote = channel.remote()?;
    for folder in [&settings.outgoing, &settings.incoming] {
        let looked = remote.require_folder(folder);
        looked.map_err(|why| remote.error(why, "looking at a folder", folder))?;
    }
    Ok(Server {
        server: format!("{}:{}", settings.host, settings.port),
        user: settings.user.clone(),
        node: settings.node.clone(),
        outgoing: settings.outgoing.clone(),
        incoming: settings.incoming.clone(),
    })
}
