//! The wording of errors: which part words which.

use ceralacca_kernel::{Explain, Report};

use crate::error::PluginError;
use crate::{explain_call, explain_files, explain_start};

impl Explain for PluginError {
    fn explain(&self) -> Report {
        use PluginError::*;
        match self {
            Settings { .. }
            | NotAskedFor { .. }
            | Unreadable { .. }
            | NotWritten { .. }
            | Layout { .. }
            | NoManifest { .. }
            | WritableByOthers { .. }
            | ForeignOwner { .. }
            | Lock { .. }
            | Busy { .. } => explain_files::explain(self),
            Unknown { .. }
            | NotLocked { .. }
            | Missing { .. }
            | Changed { .. }
            | Taken { .. }
            | NoSigner { .. }
            | NoSeam { .. }
            | NotLoaded { .. }
            | WrongAbi { .. }
            | Unconfined { .. }
            | NotStarted { .. }
            | ManifestDiffers { .. }
            | GaveUp { .. } => explain_start::explain(self),
            Broken { .. }
            | MalformedReply { .. }
            | WrongStatus { .. }
            | ErrorForm { .. }
            | Argument { .. }
            | Result { .. }
            | ForeignHandle { .. }
            | SecretNotGranted { .. } => explain_call::explain(self),
        }
    }
}
