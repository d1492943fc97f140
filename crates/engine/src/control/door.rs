//! The control socket: where it may be, and who may come in. Whoever gets in steers the balancer.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::{Uid, geteuid};

/// Bits that let others than the owner change what is in a directory.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The socket on which control planes come.
pub struct Door {
    listener: UnixListener,
    /// Who opened it, before this process became somebody else.
    owner: Uid,
}

/// Who came.
pub enum Visitor {
    /// Somebody who may control.
    Welcome(UnixStream),
    /// A process of another user; its connection is closed.
    Stranger {
        /// Its user.
        uid: u32,
        /// Its process.
        pid: i32,
    },
}

impl Door {
    /// Opens it for its owner only, in a directory in which nobody else can put another in its place; a stale one of an
    /// earlier process is replaced.
    pub fn open(path: &Path) -> io::Result<Self> {
        let owner = geteuid();
        check_directory(path, owner)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        rustix::process::umask(before);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener: listener?, owner })
    }

    /// Waits for the next one who comes.
    pub fn visitor(&self) -> io::Result<Visitor> {
        let (stream, _) = self.listener.accept()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        if peer.uid.is_root() || peer.uid == self.owner {
            return Ok(Visitor::Welcome(stream));
        }
        Ok(Visitor::Stranger { uid: peer.uid.as_raw(), pid: peer.pid.as_raw_nonzero().get() })
    }
}

fn check_directory(path: &Path, owner: Uid) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let refuse = |why: &str| {
        let place = directory.display();
        Err(io::Error::other(format!("the directory {place} of the control socket {why}")))
    };
    let found = std::fs::metadata(&directory)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", directory.display())))?;
    if found.uid() != owner.as_raw() && found.uid() != 0 {
        return refuse(&format!("belongs to another user ({})", found.uid()));
    }
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        let mode = found.mode() & 0o7777;
        return refuse(&format!("can be written by others than its owner (mode {mode:04o}): chmod 700"));
    }
    Ok(())
}
