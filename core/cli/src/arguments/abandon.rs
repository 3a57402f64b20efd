//! What `ceralacca abandon` is told.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Abandon {
    /// The run.
    #[arg(required_unless_present = "all_unsent", conflicts_with = "all_unsent")]
    pub(crate) run: Option<u64>,

    /// Give up every run that stopped before it sent anything.
    #[arg(long)]
    pub(crate) all_unsent: bool,

    /// With --all-unsent: do not ask.
    #[arg(long, requires = "all_unsent", conflicts_with = "run")]
    pub(crate) approve: bool,

    /// Why, for the journal.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}
