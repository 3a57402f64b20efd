//! What can be typed after `ceralacca`.

pub(crate) mod abandon;
mod journal;
pub(crate) mod plugin;
mod status_help;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use journal::{Archive, Journal, Runs, Standing};

/// Files with the Agenzia delle Entrate by script.
///
/// Every workflow is a Rhai or Lua script that you can copy, change and swap; every run is journaled,
/// can be resumed after any interruption, and sends nothing twice.
#[derive(Debug, Parser)]
#[command(name = "ceralacca", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:
  ceralacca tour                                 see it work, in a folder of its own
  ceralacca init && ceralacca workflows          begin a workspace here
  ceralacca run setup_environment codice_fiscale=RSSMRA85M01H501Q sede=000 utente=RSSMRA85
  ceralacca resume 3                             go on with run 3 where it stopped

Exit codes: 0 done, 1 refused, 2 usage, 3 outcome unknown (do not retry blindly), 4 waiting")]
pub(crate) struct Arguments {
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// The workspace; otherwise the nearest folder upwards with a ceralacca.toml.
    #[arg(long, short = 'C', global = true, value_name = "FOLDER")]
    pub(crate) workspace: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin a workspace: settings, document archive, journal.
    Init(Init),
    /// Run a workflow.
    #[command(disable_help_flag = true)]
    Run(Run),
    /// Go on with a run that stopped, waits or was interrupted.
    Resume(Resume),
    /// List the runs, the newest last, or show one step by step.
    Runs(Runs),
    /// Give up a run that failed, or whose file was not sent: it is not resumed any more, and
    /// `status` forgets it.
    Abandon(abandon::Abandon),
    /// Call a rejected filing settled: `status` forgets it, its files stay.
    Settle {
        /// Its number.
        protocollo: String,

        /// Why, for whoever asks.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Say what became of an upload that a run waits for (hand-off).
    Confirm(Confirm),
    /// Wait for what arrives in `ricezione` and go on with the runs that wait for it.
    Watch(Watch),
    /// Ricerca ricevute: what was sent, what came back, what is not read yet.
    Receipts(Receipts),
    /// The security environment and those set aside, with validity and fingerprints.
    Environments {
        /// The folder of the current environment; otherwise the one in the settings.
        folder: Option<PathBuf>,
    },
    /// One screen: environment, what is pending, what is in doubt, what to do next.
    #[command(after_help = status_help::STATUS_HELP)]
    Status,
    /// Check or export the journal, or move old runs to an archive.
    #[command(subcommand)]
    Journal(Journal),
    /// Visualizza certificati: show the certificates of a security environment.
    Certificates(Certificates),
    /// Verify a signed, marked or sealed file, whatever it is: each check as a question.
    Verify(Verify),
    /// Separate the document, the signature and the mark of a file.
    Extract(Extract),
    /// Turn a mark into another form: tsr, tst, tsd, m7m.
    Convert(Convert),
    /// Print the impronta (digest) of a file.
    Impronta(Impronta),
    /// Controlla: check a communication of the impronta, and write its diagnostic.
    Controlla(Controlla),
    /// List the workflows and say which file wins, or show one.
    Workflows {
        /// The workflow to show.
        name: Option<String>,
    },
    /// List the primitives that scripts can call, or write the files that editors read.
    Api(Api),
    /// Plugins of vendors: install, list, remove, pin; and for vendors: new, check, manifest, call.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// The pretend Agency: serve it, or open an account with it.
    #[command(subcommand)]
    Sandbox(Sandbox),
    /// See it work: a fresh workspace, the embedded sandbox, and the real workflows.
    Tour {
        /// Where to make the workspace; otherwise a new folder in the system's temporary folder.
        folder: Option<PathBuf>,
    },
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  ceralacca completions bash > ~/.bash_completion.d/ceralacca"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; otherwise the one you are in.
    pub(crate) folder: Option<PathBuf>,

    /// Percorso dell'ambiente di sicurezza.
    #[arg(long, value_name = "FOLDER", default_value = "ambiente")]
    pub(crate) environment: PathBuf,

    /// Archivio documenti.
    #[arg(long, value_name = "FOLDER", default_value = "Documenti")]
    pub(crate) documents: PathBuf,

    /// Address of a gateway; otherwise the sandbox inside the program is used.
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Option<String>,

    /// A person uploads to the portal and fetches the receipts: the channel to the real Agency.
    #[arg(long, conflicts_with = "gateway")]
    pub(crate) hand_off: bool,

    /// The CA's certificate for the hand-off, DER or PEM.
    #[arg(long, value_name = "FILE", requires = "hand_off")]
    pub(crate) ca: Vec<PathBuf>,

    /// Address of a timestamping service (RFC 3161); otherwise the sandbox's own.
    #[arg(long, value_name = "URL")]
    pub(crate) tsa: Option<String>,

    /// Certificates and CRLs that verification trusts: a file, or a folder of them.
    #[arg(long, value_name = "PATH")]
    pub(crate) trust: Vec<PathBuf>,
}

/// How a run is to be carried out.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Unattended {
    /// Take secrets from a TOML file that only you can read, or from a file descriptor.
    #[arg(long, value_name = "FILE|fd:N")]
    pub(crate) secrets: Option<String>,

    /// Approve beforehand what the workflow sends.
    #[arg(long)]
    pub(crate) approve: bool,

    /// How long to wait for an answer before suspending the run, such as 30s or 2m; otherwise a
    /// minute, and not at all where a person carries the files.
    #[arg(long, value_name = "TIME")]
    pub(crate) patience: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca run setup_environment --help
  ceralacca run setup_environment codice_fiscale=RSSMRA85M01H501Q sede=000 utente=RSSMRA85
  ceralacca run ./mine/setup.lua --secrets fd:3 --approve codice_fiscale=…")]
pub(crate) struct Run {
    /// Name of a workflow, or path of a .rhai or .lua file.
    #[arg(required_unless_present = "help")]
    pub(crate) workflow: Option<String>,

    /// Inputs, as name=value; what is missing is asked for.
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,

    #[command(flatten)]
    pub(crate) unattended: Unattended,

    /// Show the inputs of the workflow, or this help.
    #[arg(short, long)]
    pub(crate) help: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run.
    pub(crate) run: u64,

    /// Go on with the script the run began with, although the file has changed since.
    #[arg(long)]
    pub(crate) recorded: bool,

    /// Go on although a plugin is not the one the run began with.
    #[arg(long)]
    pub(crate) accept_plugins: bool,

    #[command(flatten)]
    pub(crate) unattended: Unattended,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca confirm 3 --protocollo 26112200000000001   the confirmation page was shown
  ceralacca confirm 3 --date 2026-11-20                 no protocollo was written down
  ceralacca confirm 3 --not-sent                        it was not: the run hands the file over again
  ceralacca confirm 3 --rejected \"Pincode errato\"       Ricerca ricevute shows SCARTATO
  ceralacca confirm 3 --receipt ricevuta.pdf            this file is the receipt, whatever its format
  ceralacca confirm 3 --in-force                        a revocation: the portal shows it
  ceralacca confirm 3 --accepted                        you have read it, and it says ELABORATO")]
pub(crate) struct Confirm {
    /// The run that waits.
    pub(crate) run: u64,

    /// The number on the confirmation page, 17 digits.
    #[arg(long, value_name = "N")]
    pub(crate) protocollo: Option<String>,

    /// The day of the upload, such as 2026-11-20; otherwise today.
    #[arg(long, value_name = "DAY")]
    pub(crate) date: Option<String>,

    /// The upload was not made, or no confirmation page was shown.
    #[arg(long, conflicts_with_all = ["protocollo", "date", "rejected", "receipt"])]
    pub(crate) not_sent: bool,

    /// It was rejected, with the portal's motivo di scarto.
    #[arg(long, value_name = "MOTIVO")]
    pub(crate) rejected: Option<String>,

    /// The receipt, which this program cannot read, says that it was accepted.
    #[arg(long, conflicts_with_all = ["rejected", "not_sent"])]
    pub(crate) accepted: bool,

    /// A revocation that was asked for is in force: the portal shows it.
    #[arg(long, conflicts_with_all = ["protocollo", "accepted", "rejected", "not_sent", "receipt"])]
    pub(crate) in_force: bool,

    /// The file that is its receipt; given again, it takes the place of the former.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,

    /// What was said before was a mistake; alone: it was sent, and no more is known.
    #[arg(long)]
    pub(crate) correct: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca watch                         asks for secrets when a run needs them
  ceralacca watch --secrets fd:3 --approve")]
pub(crate) struct Watch {
    /// Take secrets from a TOML file that only you can read, or from a file descriptor.
    #[arg(long, value_name = "FILE|fd:N")]
    pub(crate) secrets: Option<String>,

    /// Approve beforehand what the workflows send.
    #[arg(long)]
    pub(crate) approve: bool,

    /// Stop when no run waits any more; the exit code is 0 only when all of them are finished.
    #[arg(long)]
    pub(crate) until_done: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca receipts --unread
  ceralacca receipts --dal 01/01/2026 --al 31/12/2026
  ceralacca receipts --not-openable      why, and which environment would open them
  ceralacca receipts --verify            exit code 1 when something is missing or was changed
  ceralacca run collect_receipts         fetch and open all that are not read yet")]
pub(crate) struct Receipts {
    /// Only this number, or what stands for one.
    #[arg(long, value_name = "N")]
    pub(crate) protocollo: Option<String>,

    /// Sent on this day or later, such as 2026-11-20 or 20/11/2026.
    #[arg(long, value_name = "DAY")]
    pub(crate) dal: Option<String>,

    /// Sent on this day or before.
    #[arg(long, value_name = "DAY")]
    pub(crate) al: Option<String>,

    /// Only what is not read yet.
    #[arg(long)]
    pub(crate) unread: bool,

    /// Only what nothing here opens, and why.
    #[arg(long, conflicts_with = "unread")]
    pub(crate) not_openable: bool,

    /// Compare what was kept of opened receipts with the digests that were kept.
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Certificates {
    /// The environment's folder; otherwise the one in the settings.
    pub(crate) folder: Option<PathBuf>,

    /// Serial number, subject, issuer, key, algorithm and extensions too.
    #[arg(long)]
    pub(crate) details: bool,

    /// Take the password from a TOML file that only you can read, or from a file descriptor.
    #[arg(long, value_name = "FILE|fd:N")]
    pub(crate) secrets: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca verify indice.xml.p7m                 looks for indice.xml.p7m.tsr beside it
  ceralacca verify indice.p7s --content indice.xml
  ceralacca verify indice.xml.p7m --trust ca.pem --json

Exit codes: 0 valid, 1 invalid or indeterminate")]
pub(crate) struct Verify {
    /// The file, recognised by its content.
    pub(crate) file: PathBuf,

    /// What a detached signature or a mark is about.
    #[arg(long, value_name = "FILE")]
    pub(crate) content: Option<PathBuf>,

    /// The mark of the file; otherwise FILE.tsr or FILE.tst, where there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) mark: Option<PathBuf>,

    /// Certificates and CRLs to trust besides those of the settings: a file, or a folder of them.
    #[arg(long, value_name = "PATH")]
    pub(crate) trust: Vec<PathBuf>,

    /// Verify as of this moment, such as 2025-12-31T12:00:00Z; otherwise now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ceralacca extract indice.xml.m7m --into aperto")]
pub(crate) struct Extract {
    /// The file, recognised by its content.
    pub(crate) file: PathBuf,

    /// Where the parts go; files there are never overwritten.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) into: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ceralacca convert indice.xml.p7m.m7m tsr
  ceralacca convert indice.xml.p7m.tst m7m --content indice.xml.p7m")]
pub(crate) struct Convert {
    /// The file with the mark, recognised by its content.
    pub(crate) file: PathBuf,

    /// The form wanted: tsr, tst, tsd or m7m.
    pub(crate) to: String,

    /// The marked document, where FILE does not hold it and the form wanted does.
    #[arg(long, value_name = "FILE")]
    pub(crate) content: Option<PathBuf>,

    /// The new file; otherwise FILE with the other ending.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Impronta {
    /// The files.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// SHA-256, SHA-384 or SHA-512.
    #[arg(long, default_value = "SHA-256")]
    pub(crate) digest: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Severities: *** the whole file is rejected, ** a document is, * is no obstacle"
)]
pub(crate) struct Controlla {
    /// The communication, XML.
    pub(crate) file: PathBuf,

    /// Where the diagnostic and the checked file go; otherwise `controllati` of the workspace.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Api {
    /// A namespace or primitive, such as environment or environment::create.
    pub(crate) name: Option<String>,

    /// Write editor definitions, reference and JSON schema into a folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sandbox {
    /// Serve the sandbox until interrupted.
    #[command(
        after_help = "Example:\n  ceralacca sandbox serve --folder ~/sandbox --address 127.0.0.1:8443"
    )]
    Serve {
        /// Where its state is kept; otherwise the workspace's own sandbox.
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,

        /// Loopback address and port; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        address: std::net::SocketAddr,
    },
    /// Open an account and print its busta: codici, pincode, portal keys. They are shown once.
    Account(SandboxAccount),
    /// Issue a key that signs documents, as a trust service provider would: a PKCS#12 file.
    Signer(SandboxSigner),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  ceralacca sandbox signer RSSMRA85M01H501Q --file responsabile.p12 --secrets busta.toml")]
pub(crate) struct SandboxSigner {
    /// Codice fiscale of the person who signs.
    pub(crate) codice_fiscale: String,

    /// Name in the certificate.
    #[arg(long, default_value = "Responsabile della conservazione")]
    pub(crate) name: String,

    /// The new file.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Take `signer_password` from a TOML file that only you can read, or from a file descriptor.
    #[arg(long, value_name = "FILE|fd:N")]
    pub(crate) secrets: Option<String>,

    /// Where the sandbox keeps its state; otherwise the workspace's own sandbox.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxAccount {
    /// Codice fiscale of the account.
    pub(crate) codice_fiscale: String,

    /// Progressivo sede.
    #[arg(long, default_value = "000")]
    pub(crate) sede: String,

    /// A subject for whom this account acts as incaricato.
    #[arg(long, value_name = "CODICE_FISCALE/SEDE")]
    pub(crate) incaricato_di: Vec<String>,

    /// Write the secrets to a new file for --secrets, with a password and a PIN di revoca made up.
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets_file: Option<PathBuf>,

    /// Where the sandbox keeps its state; otherwise the workspace's own sandbox.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}
