//! Where the lines of a log go: standard output, an inherited descriptor, a file or a FIFO, which may be full, stalled or not there.
//!
//! A line gets there whole or not at all: the rest of one that a full disk has torn goes first as soon as there is
//! room. What cannot be opened is tried again now and then. Nothing here waits for a reader longer than it is told to.

use std::fs::{File, OpenOptions, metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// Milliseconds between two attempts to open what could not be opened.
pub const AGAIN_MS: u64 = 1000;

/// How long one wait for a stalled reader is, between looks at whether it is still wanted.
pub const STALL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// An open target, or one that could not be opened yet.
pub struct Target {
    path: String,
    file: Option<File>,
    again_at: u64,
    torn: Option<Torn>,
}

/// A line of which a part was written, when the file had this length.
struct Torn {
    length: u64,
    rest: Vec<u8>,
}

/// What came of some lines.
#[derive(Default)]
pub struct Written {
    /// Lines that will never be there.
    pub lost: u64,
    /// Why.
    pub error: Option<io::Error>,
}

impl Target {
    /// The place with this name, `stdout` or a path, before anything was tried.
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), file: None, again_at: 0, torn: None }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.path
    }

    /// Whether lines can be written now.
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Whether this name still means what is open here; not after a rotation.
    pub fn is(&self, path: &str) -> bool {
        let same = |file: &File| {
            let (named, open) = (metadata(path).ok()?, file.metadata().ok()?);
            Some((named.dev(), named.ino()) == (open.dev(), open.ino()))
        };
        self.path == path && (is_inherited(path) || self.file.as_ref().and_then(same).unwrap_or(false))
    }

    /// Opens it unless it is open, or was tried a moment ago.
    pub fn open(&mut self, now: u64) -> io::Result<()> {
        if self.file.is_some() || now < self.again_at {
            return Ok(());
        }
        self.again_at = now + AGAIN_MS;
        self.file = Some(match self.path.as_str() {
            "stdout" => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            "stderr" => File::from(io::stderr().as_fd().try_clone_to_owned()?),
            // One that was left open for us, under the name that the system has for it.
            path if path.starts_with("fd@") => {
                OpenOptions::new().append(true).open(path.replacen("fd@", "/proc/self/fd/", 1))?
            }
            // Without waiting: a FIFO may have no reader, or one that does not read.
            path => OpenOptions::new()
                .create(true)
                .append(true)
                .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
                .open(path)?,
        });
        Ok(())
    }

    /// Writes whole lines, as many as there are; a stalled reader is waited for while `patient`.
    pub fn write(&mut self, bytes: &[u8], patient: impl Fn() -> bool) -> Written {
        let (before, error) = self.mend(&patient);
        let (sent, error) = match (&self.file, error) {
            (Some(file), None) => put(file, bytes, &patient),
            (_, error) => (0, error),
        };
        let (done, left) = bytes.split_at(sent.min(bytes.len()));
        let mut lost = before + lines(left);
        if done.last().is_some_and(|last| *last != b'\n') {
            let end = memchr::memchr(b'\n', left).map_or(left.len(), |at| at + 1);
            let rest = left.get(..end).unwrap_or_default().to_vec();
            self.torn = Some(Torn { length: self.length(), rest });
            lost -= 1;
        }
        if error.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            lost += self.give_up();
            self.file = None;
        }
        Written { lost, error }
    }

    /// Ends what was begun, if that is possible now; returns how many lines are lost with it, one at most.
    pub fn close(mut self) -> u64 {
        self.mend(&|| false).0 + self.give_up()
    }

    /// Completes a torn line; one whose beginning is gone is lost.
    fn mend(&mut self, patient: &impl Fn() -> bool) -> (u64, Option<io::Error>) {
        let length = self.length();
        let (Some(torn), Some(file)) = (&mut self.torn, &self.file) else { return (0, None) };
        if torn.length != length {
            return (self.give_up(), None);
        }
        let (sent, error) = put(file, &torn.rest, patient);
        torn.rest.drain(..sent.min(torn.rest.len()));
        if torn.rest.is_empty() {
            self.torn = None;
            return (0, error);
        }
        torn.length += sent as u64;
        (0, error.or_else(|| Some(io::ErrorKind::WouldBlock.into())))
    }

    fn give_up(&mut self) -> u64 {
        u64::from(self.torn.take().is_some())
    }

    fn length(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len())
    }
}

/// Whether it was open when we began: nobody can put another file in its place.
fn is_inherited(path: &str) -> bool {
    path == "stdout" || path == "stderr" || path.starts_with("fd@")
}

fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Writes as much as there is room for, and says why that is not all.
fn put(mut file: &File, bytes: &[u8], patient: &impl Fn() -> bool) -> (usize, Option<io::Error>) {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (sent, Some(io::ErrorKind::WriteZero.into())),
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && patient() => {
                let _ = poll(&mut [PollFd::new(&file, PollFlags::OUT)], Some(&STALL));
            }
            Err(error) => return (sent, Some(error)),
        }
    }
    (sent, None)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::PathBuf;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use rustix::pipe::fcntl_setpipe_size;

    use super::*;

    const NEVER: fn() -> bool = || false;

    fn folder() -> PathBuf {
        let name = format!("tenbin-log-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A target at a FIFO that holds one page, and its reader, which does not wait.
    fn fifo() -> (PathBuf, Target, File) {
        let folder = folder();
        let path = folder.join("fifo");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let mut target = Target::new(path.to_str().unwrap());
        assert!(target.open(0).is_err() && !target.is_open(), "nobody reads yet");
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let reader = OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap();
        fcntl_setpipe_size(&reader, 4096).unwrap();
        target.open(AGAIN_MS - 1).unwrap();
        assert!(!target.is_open(), "it is not tried all the time");
        target.open(AGAIN_MS).unwrap();
        assert!(target.is_open());
        (folder, target, reader)
    }

    fn numbered(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| format!("this is line {number:07}\n").into_bytes()).collect()
    }

    fn read(mut reader: &File) -> String {
        let mut bytes = vec![0; 1 << 16];
        let count = reader.read(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[test]
    fn a_torn_line_is_completed_before_anything_else_and_losses_are_exact() {
        let (folder, mut target, reader) = fifo();
        let written = target.write(&numbered(200), NEVER);
        let begun = read(&reader);
        assert!(!begun.ends_with('\n'), "the page ends in a line");
        let whole = begun.lines().count() as u64;
        assert_eq!(written.lost, 200 - whole, "the torn one is not lost yet");
        assert!(written.error.is_some());

        assert_eq!(target.write(b"a line after it\n", NEVER).lost, 0);
        let all = begun + &read(&reader);
        assert!(all.ends_with("a line after it\n"));
        assert_eq!(all.lines().count() as u64, whole + 1);
        assert!(all.lines().take(whole as usize).all(|line| line.len() == 20));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_reader_that_goes_away_costs_what_it_did_not_get() {
        let (folder, mut target, reader) = fifo();
        let torn = target.write(&numbered(200), NEVER).lost;
        assert!(torn > 0);
        drop(reader);
        assert_eq!(target.write(b"one\ntwo\n", NEVER).lost, 3, "and the torn one");
        assert!(!target.is_open(), "it is opened again when somebody reads");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_full_lines_are_counted_and_it_is_known_by_its_name() {
        let mut full = Target::new("/dev/full");
        full.open(0).unwrap();
        assert_eq!(full.write(b"one\ntwo\n", NEVER).lost, 2);
        assert_eq!(full.close(), 0);

        let folder = folder();
        let path = folder.join("access.log");
        let name = path.to_str().unwrap();
        let mut target = Target::new(name);
        target.open(0).unwrap();
        assert!(target.is(name) && !target.is("stdout"));
        std::fs::rename(&path, folder.join("access.log.1")).unwrap();
        assert!(!target.is(name), "it was rotated away");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_torn_line_whose_beginning_was_removed_is_lost() {
        let folder = folder();
        let path = folder.join("access.log");
        let mut target = Target::new(path.to_str().unwrap());
        target.open(0).unwrap();
        target.torn = Some(Torn { length: 7, rest: b"rest\n".to_vec() });
        assert_eq!(target.write(b"whole\n", NEVER).lost, 1);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole\n");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
