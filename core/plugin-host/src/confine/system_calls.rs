//! System calls that a worker may not make, by seccomp.
//!
//! Several filters, one for each way of refusing; the kernel takes the strictest. What a plugin
//! can have no good reason for ends the process; what libraries try and can do without fails with
//! an error.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

use crate::connection::Grants;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// System calls that end the process.
const KILLED: [libc::c_long; 30] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
];

/// System calls that fail with "not permitted": memory outside of the limit, signals to others,
/// what processes of one user share or leave behind, and other rights, since with those the kernel
/// forgets that a worker ends with the program.
const NOT_PERMITTED: [libc::c_long; 26] = [
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_pidfd_send_signal,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
];

/// `setrlimit`, which the C library's list leaves out where nobody uses it any more.
#[cfg(target_arch = "x86_64")]
const SET_LIMIT: libc::c_long = libc::SYS_setrlimit;
#[cfg(not(target_arch = "x86_64"))]
const SET_LIMIT: libc::c_long = 164;

/// System calls whose first argument is a process or thread, which has to be this process.
const OWN_ONLY: [libc::c_long; 5] = [
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
];

/// System calls whose first argument is a process, where 0 is the caller.
const OWN_OR_NONE: [libc::c_long; 4] = [
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
];

/// Commands of `fcntl`: who is sent the signals of a descriptor, and which (F_SETSIG, F_SETOWN_EX).
const SET_SIGNAL: [i32; 3] = [libc::F_SETOWN, 10, 15];

/// `FIOSETOWN` and `SIOCSPGRP`, the same by `ioctl`.
const SET_OWNER: [i32; 2] = [0x8901, 0x8902];

pub(super) fn confine(grants: &Grants) -> Result<(), String> {
    let filters = [
        (SeccompAction::KillProcess, killed(grants)),
        (errno(libc::EPERM), not_permitted()),
        // The C library then makes threads the older way, whose flags can be looked at.
        (errno(libc::ENOSYS), always(&[libc::SYS_clone3])),
        (errno(libc::EACCES), if grants.local_sockets { Rules::new() } else { local_sockets() }),
    ];
    for (action, rules) in filters {
        if rules.is_empty() {
            continue;
        }
        let machine = std::env::consts::ARCH.try_into().map_err(|error| format!("{error}"))?;
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, machine)
            .map_err(|error| error.to_string())?;
        let program = BpfProgram::try_from(filter).map_err(|error| error.to_string())?;
        apply(&program)?;
    }
    apply(&no_other_numbers())
}

fn apply(program: &[sock_filter]) -> Result<(), String> {
    seccompiler::apply_filter_all_threads(program).map_err(|error| error.to_string())
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

fn killed(grants: &Grants) -> Rules {
    let mut rules = always(&KILLED);
    rules.extend(always(&[libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_kexec_load]));
    // Of families of sockets there is no end: those that are not named are nobody's.
    let mut families = vec![libc::AF_UNIX];
    if grants.network {
        families.extend([libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]);
    }
    let others = families.into_iter().map(|family| argument(0, SeccompCmpOp::Ne, family));
    rules.insert(libc::SYS_socket, vec![rule(others.collect())]);
    rules
}

fn not_permitted() -> Rules {
    let mut rules = always(&NOT_PERMITTED);
    rules.insert(SET_LIMIT, Vec::new());
    #[cfg(target_arch = "x86_64")]
    rules.extend(always(&[libc::SYS_fork, libc::SYS_vfork]));
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    let no_thread = argument(0, SeccompCmpOp::MaskedEq(thread), 0);
    rules.insert(libc::SYS_clone, vec![rule(vec![no_thread])]);
    let own = std::process::id().cast_signed();
    for call in OWN_ONLY {
        rules.insert(call, vec![rule(vec![argument(0, SeccompCmpOp::Ne, own)])]);
    }
    // Reading a limit is all right, setting one is not; a pointer has two halves.
    let half = |length| condition(2, length, SeccompCmpOp::Ne, 0);
    rules.insert(libc::SYS_prlimit64, vec![rule(vec![half(SeccompCmpArgLen::Qword)])]);
    rules.extend(of_other_processes(own));
    rules
}

/// What changes how other processes run, has signals sent to them, or lets a worker outlive the
/// program.
fn of_other_processes(own: i32) -> Rules {
    let is = |index, value| argument(index, SeccompCmpOp::Eq, value);
    let is_not = |index, value| argument(index, SeccompCmpOp::Ne, value);
    let another = |index| rule(vec![is_not(index, 0), is_not(index, own)]);
    let only = |kind| vec![rule(vec![is_not(0, kind)]), another(1)];
    let mut rules = Rules::from([
        (
            libc::SYS_prctl,
            vec![
                rule(vec![is(0, libc::PR_SET_PDEATHSIG)]),
                rule(vec![is(0, libc::PR_SET_DUMPABLE), is_not(1, 0)]),
                rule(vec![is(0, libc::PR_SET_PTRACER)]),
            ],
        ),
        // Whom the second argument means, the first says: PRIO_PROCESS, IOPRIO_WHO_PROCESS.
        (libc::SYS_setpriority, only(0)),
        (libc::SYS_ioprio_set, only(1)),
        (libc::SYS_fcntl, SET_SIGNAL.map(|command| rule(vec![is(1, command)])).into()),
        (libc::SYS_ioctl, SET_OWNER.map(|request| rule(vec![is(1, request)])).into()),
    ]);
    rules.extend(OWN_OR_NONE.map(|call| (call, vec![another(0)])));
    rules
}

fn local_sockets() -> Rules {
    Rules::from([(
        libc::SYS_socket,
        vec![rule(vec![argument(0, SeccompCmpOp::Eq, libc::AF_UNIX)])],
    )])
}

/// System calls whatever their arguments.
fn always(calls: &[libc::c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn rule(conditions: Vec<SeccompCondition>) -> SeccompRule {
    SeccompRule::new(conditions).expect("a rule has conditions")
}

/// An argument of 32 bits.
fn argument(index: u8, compare: SeccompCmpOp, value: i32) -> SeccompCondition {
    condition(index, SeccompCmpArgLen::Dword, compare, value.cast_unsigned().into())
}

fn condition(
    index: u8,
    length: SeccompCmpArgLen,
    compare: SeccompCmpOp,
    value: u64,
) -> SeccompCondition {
    SeccompCondition::new(index, length, compare, value).expect("an argument from 0 to 5")
}

/// x86-64 knows every system call under a second number, which the other filters do not look for.
fn no_other_numbers() -> BpfProgram {
    const LOAD: u16 = 0x20;
    const AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let line = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let limit = if cfg!(target_arch = "x86_64") { 0x4000_0000 } else { u32::MAX };
    vec![
        line(LOAD, 0, 0, 0),
        line(AT_LEAST, 0, 1, limit),
        line(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        line(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
