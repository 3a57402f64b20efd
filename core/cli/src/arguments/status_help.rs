//! What `ceralacca status --help` says of its exit codes.

/// What `status` says with its exit code.
pub(crate) const STATUS_HELP: &str = "Exit codes, for monitoring; the first that applies:
  3  the outcome of a submission or of a revocation is unknown
  2  something could not be looked at: no workspace, settings or a journal that cannot be read
  1  something needs doing: an environment that is missing, damaged, revoked, ended or not what it
     was, a run that failed, a rejected filing, unread receipts, files in ricezione that are used for
     nothing, a plugin that cannot be used
  4  something is waited for
  0  nothing to do
With --json: exit is that number; next[] has for each thing to do a stable code, its subject and count.
It only looks: nothing is written, and reading is all that it needs to be allowed.";
