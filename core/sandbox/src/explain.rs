//! The wording of the sandbox's own errors: code, headline, expected against found, state, next.

use ceralacca_kernel::{Explain, Report};

use crate::error::SandboxError;

impl Explain for SandboxError {
    fn explain(&self) -> Report {
        use SandboxError::*;
        match self {
            InUse { folder, holder } => in_use(folder, holder),
            Disk { path, reason } => disk(path, reason),
            Store { reason } => store(reason),
            NewerStore { expected, found } => newer_store(*expected, *found),
            Ca { path, reason } => ca(path, reason),
            Issuing { reason } => issuing(reason),
            NotLoopback { address } => not_loopback(address),
            Listen { address, reason } => listen(address, reason),
            AccountExists { account } => account_exists(account),
            AccountInvalid { field, rule } => account_invalid(field, rule),
            AccountUnknown { account } => account_unknown(account),
            NoEnvironment { account } => no_environment(account),
            SignerInvalid { field, rule } => signer_invalid(field, rule),
            SignerUnknown { serial } => signer_unknown(serial),
            Setting { name, rule } => setting(name, rule),
        }
    }
}

fn in_use(folder: &str, holder: &str) -> Report {
    Report::refused("sandbox.in_use", "another process has this sandbox open")
        .expected(format!("{folder} free"))
        .found(format!("held by {holder}"))
        .state("nothing was changed")
        .next("use the sandbox that is running, or stop it and try again")
}

fn disk(path: &str, reason: &str) -> Report {
    Report::refused("sandbox.disk", format!("the sandbox cannot use {path}"))
        .found(reason)
        .state("nothing was accepted that is not on disk")
        .next("make the sandbox's folder writable, or choose another")
}

fn store(reason: &str) -> Report {
    Report::refused("sandbox.store", "the sandbox's state cannot be read or written")
        .found(reason)
        .state("nothing was accepted that is not on disk")
        .next("check the disk, or start a sandbox in another folder")
}

fn newer_store(expected: i64, found: i64) -> Report {
    Report::refused("sandbox.newer_store", "the sandbox's state is of a newer version")
        .expected(format!("version {expected} or older"))
        .found(format!("version {found}"))
        .state("nothing was changed")
        .next("use the ceralacca that wrote it, or another folder")
}

fn ca(path: &str, reason: &str) -> Report {
    Report::refused("sandbox.ca", format!("the sandbox's CA cannot use {path}"))
        .found(reason)
        .state("nothing was changed")
        .next("restore the file, or start a sandbox in another folder")
}

fn issuing(reason: &str) -> Report {
    Report::refused("sandbox.issuing", "the sandbox's CA could not sign")
        .found(reason)
        .state("nothing was issued")
        .next("report this: the sandbox made something that cannot be written")
}

fn not_loopback(address: &str) -> Report {
    Report::usage("sandbox.not_loopback", "the sandbox listens on this machine only")
        .expected("a loopback address such as 127.0.0.1:8765")
        .found(address)
        .state("nothing was started")
        .next("for a team, put a TLS proxy in front of the loopback address")
}

fn listen(address: &str, reason: &str) -> Report {
    Report::refused("sandbox.listen", "the sandbox cannot listen on its address")
        .expected(format!("{address} free"))
        .found(reason)
        .state("nothing was started")
        .next("choose another port, or 0 for any that is free")
}

fn account_exists(account: &str) -> Report {
    Report::refused("sandbox.account_exists", format!("the sandbox has {account} already"))
        .expected("an account, a busta and a user name that are not taken")
        .state(ACCOUNTS_UNCHANGED)
        .next("use the account's credentials, or create another account")
}

fn account_invalid(field: &str, rule: &str) -> Report {
    Report::usage("sandbox.account_invalid", format!("the new account's {field} breaks its rule"))
        .expected(rule)
        .state(ACCOUNTS_UNCHANGED)
        .next(format!("leave {field} out to have one generated, or correct it"))
}

fn account_unknown(account: &str) -> Report {
    Report::refused("sandbox.account_unknown", format!("the sandbox has no account {account}"))
        .state(ACCOUNTS_UNCHANGED)
        .next("create the account in the sandbox first")
}

fn no_environment(account: &str) -> Report {
    Report::refused("sandbox.no_environment", format!("{account} has no environment in force"))
        .state("nothing was revoked")
        .next("file a request for the account first")
}

fn signer_invalid(field: &str, rule: &str) -> Report {
    Report::usage("sandbox.signer_invalid", format!("the new signer's {field} breaks its rule"))
        .expected(rule)
        .state("nothing was issued")
        .next(format!("correct {field}"))
}

fn signer_unknown(serial: &str) -> Report {
    Report::refused("sandbox.signer_unknown", "no signer's certificate has this number")
        .found(serial)
        .state("nothing was revoked")
        .next("give the number that was shown when the certificate was issued")
}

fn setting(name: &str, rule: &str) -> Report {
    Report::usage("sandbox.setting", format!("the sandbox's {name} is out of range"))
        .expected(rule)
        .state("the sandbox's settings are as they were")
        .next("give a value in the range")
}

const ACCOUNTS_UNCHANGED: &str = "the sandbox's accounts are as they were";
