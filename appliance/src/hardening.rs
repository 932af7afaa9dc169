//! What this process denies to everybody else on the machine: its memory.
//!
//! Keys are in it in the clear. So it leaves no core file, no other process of its account may look into it, and none of it
//! goes to swap where the system allows that; memory that is given back is wiped by the allocator (`main.rs`). This file
//! decides these and says in the log what was not allowed. It refuses nothing: a machine that does not allow it is no reason
//! for an outage. Root sees everything all the same.

use std::io;

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, clear_ambient_capability_set, configure_capability_in_ambient_set};

/// What could be had of it.
pub(crate) struct Hardening {
    cores: io::Result<()>,
    dumpable: io::Result<()>,
    locked: Result<(), Unlocked>,
    ambient: io::Result<()>,
}

/// Why memory may go to swap.
#[derive(Debug, PartialEq, Eq)]
enum Unlocked {
    /// So many bytes may be locked, which the agent may outgrow: then it could not go on.
    Limited(u64),
    /// The system refuses.
    Refused(Errno),
}

/// Does it all. To be called before there is another thread, for capabilities belong to each.
pub(crate) fn harden() -> Hardening {
    Hardening {
        cores: no_cores(),
        // Also the files in `/proc` of this process belong to root from then on.
        dumpable: set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Into::into),
        locked: lock_memory(),
        ambient: clear_ambient_capability_set().map_err(Into::into),
    }
}

impl Hardening {
    /// Says what was not allowed.
    pub(crate) fn tell(self) {
        let Self {
            cores,
            dumpable,
            locked,
            ambient,
        } = self;
        warn(cores, "a crash of the agent may leave a core file with keys in it");
        warn(
            dumpable,
            "programs of the same account may look into the memory of the agent",
        );
        warn(ambient, "PostgreSQL has the capabilities of the agent");
        match locked {
            Ok(()) => tracing::info!("the memory of the agent is locked: none of it goes to swap"),
            Err(why) => tell_unlocked(&why),
        }
    }
}

fn warn(done: io::Result<()>, else_true: &str) {
    if let Err(error) = done {
        tracing::warn!(%error, "{else_true}");
    }
}

fn tell_unlocked(why: &Unlocked) {
    let hint = "LimitMEMLOCK=infinity in the unit, or no swap, or an encrypted one";
    tracing::warn!(
        hint,
        "the memory of the agent is not locked, so keys may be written to swap: {why}"
    );
}

impl std::fmt::Display for Unlocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limited(bytes) => write!(f, "only {bytes} bytes may be locked"),
            Self::Refused(why) => write!(f, "{why}"),
        }
    }
}

/// For this process and those that it starts, for good.
fn no_cores() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(setrlimit(Resource::Core, none)?)
}

/// Locks what there is and what comes, page by page as they are used: so nothing is in memory that was not before.
///
/// Only without a limit, or with the capability to go beyond it. Else an allocation beyond the limit would fail, and with it
/// the agent.
fn lock_memory() -> Result<(), Unlocked> {
    let limit = getrlimit(Resource::Memlock);
    let may_exceed =
        capabilities(None).is_ok_and(|of_this_thread| of_this_thread.effective.contains(CapabilitySet::IPC_LOCK));
    if let Some(most) = limit.maximum.filter(|_| !may_exceed) {
        return Err(Unlocked::Limited(most));
    }
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if !may_exceed {
        setrlimit(Resource::Memlock, unlimited).map_err(Unlocked::Refused)?;
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).map_err(Unlocked::Refused)
}

/// Gives the capabilities that were taken from programs of others back to the one that comes in the place of this one.
pub(crate) fn hand_over_capabilities() {
    let Ok(of_this_thread) = capabilities(None) else {
        return;
    };
    for capability in (of_this_thread.permitted & of_this_thread.inheritable).iter() {
        // Without it the new agent says itself what it lacks.
        configure_capability_in_ambient_set(capability, true).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_much_may_be_locked_when_there_is_a_limit() {
        assert_eq!(
            Unlocked::Limited(8_388_608).to_string(),
            "only 8388608 bytes may be locked"
        );
    }
}
