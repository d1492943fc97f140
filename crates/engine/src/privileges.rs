//! What this process may do: it gives up all that moving bytes does not need, before the first byte comes.
//!
//! Owns the change of user and the marks that no child and no debugger gets round. On Linux these calls are a
//! thread's, so they come before the first thread is started, which hands them on to all others.

use std::fmt;
use std::io;
use std::str::FromStr;

use rustix::process::{DumpableBehavior, Gid, Uid, getgid, getuid, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

/// Whom to be: `UID:GID`, or `UID:GID:GROUP,GROUP` with supplementary groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// A text that names no identity.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected UID:GID or UID:GID:GROUP,GROUP, all of them numbers")]
pub struct NoIdentity;

impl FromStr for RunAs {
    type Err = NoIdentity;

    fn from_str(text: &str) -> Result<Self, NoIdentity> {
        let number = |text: &str| text.parse().ok().filter(|number| *number != u32::MAX).ok_or(NoIdentity);
        let mut parts = text.split(':');
        let (Some(uid), Some(gid), groups, None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoIdentity);
        };
        let groups = groups.into_iter().flat_map(|groups| groups.split(','));
        Ok(Self {
            uid: Uid::from_raw(number(uid)?),
            gid: Gid::from_raw(number(gid)?),
            groups: groups
                .map(|group| Ok(Gid::from_raw(number(group)?)))
                .collect::<Result<_, NoIdentity>>()?,
        })
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user {} with group {}", self.uid.as_raw(), self.gid.as_raw())
    }
}

/// Becomes this user, if one is named, and can gain nothing any more; to be called before there is a second thread.
pub fn give_up(run_as: Option<&RunAs>) -> io::Result<()> {
    if let Some(run_as) = run_as {
        become_user(run_as).map_err(|error| io::Error::other(format!("cannot become {run_as}: {error}")))?;
    }
    set_no_new_privs(true)?;
    hide_memory()?;
    if getuid().is_root() {
        return Ok(());
    }
    // A service manager may have granted some, to bind low ports; but sockets come from the control plane.
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(())
}

/// Memory holds keys and what clients send: neither a core file nor another process of the same user gets to see it.
/// Becoming somebody else undoes this.
pub fn hide_memory() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

fn become_user(run_as: &RunAs) -> io::Result<()> {
    let RunAs { uid, gid, groups } = run_as;
    set_thread_groups(groups)?;
    set_thread_res_gid(*gid, *gid, *gid)?;
    set_thread_res_uid(*uid, *uid, *uid)?;
    let kept = !uid.is_root() && !capabilities(None)?.permitted.is_empty();
    if getuid() != *uid || getgid() != *gid || kept {
        return Err(io::Error::other("the system did not do as it was told"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_numbers() {
        let read = |text: &str| text.parse::<RunAs>();
        let gids = |groups: &[u32]| groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>();
        let www = RunAs { uid: Uid::from_raw(33), gid: Gid::from_raw(34), groups: gids(&[34, 4]) };
        assert_eq!(read("33:34:34,4"), Ok(www.clone()));
        assert_eq!(read("33:34"), Ok(RunAs { groups: gids(&[]), ..www }));
        for wrong in ["", "33", "33:", "a:b", "33:34:", "33:34:4:5", "-1:0", "4294967295:0"] {
            assert_eq!(read(wrong), Err(NoIdentity), "{wrong}");
        }
    }
}
