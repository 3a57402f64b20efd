//! What can be typed after `ceralacca runs` and `ceralacca journal`.

use std::path::PathBuf;

use ceralacca_kernel::RunStatus;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca runs                                  the newest hundred
  ceralacca runs --open                           what is not finished
  ceralacca runs --workflow send_file --page 2    the hundred before the newest
  ceralacca runs 3                                run 3 step by step")]
pub(crate) struct Runs {
    /// The run to show.
    pub(crate) run: Option<u64>,

    /// Only runs that are neither finished nor given up.
    #[arg(long, conflicts_with = "run")]
    pub(crate) open: bool,

    /// Only runs that stand like this.
    #[arg(long, value_name = "STATUS", conflicts_with = "run")]
    pub(crate) status: Option<Standing>,

    /// Only runs of this workflow.
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    pub(crate) workflow: Option<String>,

    /// Which page; the newest runs are on the first.
    #[arg(long, value_name = "N", conflicts_with = "run", value_parser = from_one())]
    pub(crate) page: Option<u64>,

    /// How many runs a page has; otherwise 100, or all with --json.
    #[arg(long, value_name = "N", conflicts_with = "run", value_parser = from_one())]
    pub(crate) limit: Option<u64>,
}

fn from_one() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..)
}

/// Where a run stands, as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Standing {
    Finished,
    Abandoned,
    Failed,
    Waiting,
    OutcomeUnknown,
    /// A process works on it, or died while it did.
    Open,
}

impl Standing {
    pub(crate) fn status(self) -> RunStatus {
        match self {
            Standing::Finished => RunStatus::Finished,
            Standing::Abandoned => RunStatus::Abandoned,
            Standing::Failed => RunStatus::Failed,
            Standing::Waiting => RunStatus::Waiting,
            Standing::OutcomeUnknown => RunStatus::OutcomeUnknown,
            Standing::Open => RunStatus::Open,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Check that no entry was changed, removed or slipped in, archives included.
    Verify,
    /// Print the entries as JSON Lines, run by run.
    Export {
        /// Only this run.
        #[arg(long)]
        run: Option<u64>,
    },
    /// Move runs that are finished or given up to a file of their own.
    ///
    /// The journal keeps their line in `runs` and the hash of their last entry, and `journal verify`
    /// checks the file. Keep it: their entries are nowhere else.
    Archive(Archive),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca journal archive                       all that is over, to .ceralacca
  ceralacca journal archive --before 2026-01-01 --to journal-2025.sqlite")]
pub(crate) struct Archive {
    /// Only runs whose last entry is older than this day, such as 2026-01-01 or 01/01/2026.
    #[arg(long, value_name = "DAY")]
    pub(crate) before: Option<String>,

    /// The file, an archive or none yet; otherwise journal-archive.sqlite beside the journal.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}
