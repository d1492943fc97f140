//! Datagrams to a syslog server: one for each line, over UDP or to a unix socket.
//!
//! Who listens there may go away and come back: what cannot be sent meanwhile is lost and counted.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;

use rustix::event::{PollFd, PollFlags, poll};

use crate::logtarget::{AGAIN_MS, STALL, Written};

/// A server that takes datagrams, or that could not be reached yet.
pub struct Datagrams {
    name: String,
    socket: Option<Socket>,
    again_at: u64,
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Datagrams {
    /// Whether it is a name of such a server: `udp@ip:port` or `unix@/path`.
    pub fn is_named(name: &str) -> bool {
        name.starts_with("udp@") || name.starts_with("unix@")
    }

    /// The server with this name, before anything was tried.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), socket: None, again_at: 0 }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether lines can be sent now.
    pub fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Makes a socket unless there is one, or it was tried a moment ago.
    pub fn open(&mut self, now: u64) -> io::Result<()> {
        if self.socket.is_some() || now < self.again_at {
            return Ok(());
        }
        self.again_at = now + AGAIN_MS;
        self.socket = Some(Socket::connect(&self.name)?);
        Ok(())
    }

    /// Sends whole lines; room is waited for while `patient`.
    pub fn write(&mut self, bytes: &[u8], patient: impl Fn() -> bool) -> Written {
        let mut written = Written::default();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(socket) = &self.socket else {
                written.lost += 1;
                continue;
            };
            if let Err(error) = socket.send(line, &patient) {
                written.lost += 1;
                // The path of a unix socket may belong to another process by the next try.
                if matches!(socket, Socket::Unix(_)) && error.kind() != io::ErrorKind::WouldBlock {
                    self.socket = None;
                }
                written.error = Some(error);
            }
        }
        written
    }
}

impl Socket {
    fn connect(name: &str) -> io::Result<Self> {
        if let Some(path) = name.strip_prefix("unix@") {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            socket.connect(path)?;
            return Ok(Self::Unix(socket));
        }
        let address = name.strip_prefix("udp@").and_then(|text| text.parse::<SocketAddr>().ok());
        let address = address.ok_or(io::ErrorKind::InvalidInput)?;
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        Ok(Self::Udp(socket))
    }

    fn send(&self, line: &[u8], patient: &impl Fn() -> bool) -> io::Result<()> {
        let mut refused = false;
        loop {
            let sent = match self {
                Self::Udp(socket) => socket.send(line),
                Self::Unix(socket) => socket.send(line),
            };
            match sent {
                Ok(_) if refused => return Err(io::ErrorKind::ConnectionRefused.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // That is about a line before: nobody was there.
                Err(error) if matches!(self, Self::Udp(_)) && is_refusal(&error) && !refused => {
                    refused = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && patient() => {
                    let _ = poll(&mut [PollFd::new(self, PollFlags::OUT)], Some(&STALL));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: fn() -> bool = || false;

    #[test]
    fn each_line_is_a_datagram() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut target = Datagrams::new(&format!("udp@{}", server.local_addr().unwrap()));
        target.open(0).unwrap();
        assert_eq!(target.write(b"one\ntwo\n", NEVER).lost, 0);
        let mut room = [0; 100];
        for line in [&b"one\n"[..], b"two\n"] {
            let count = server.recv(&mut room).unwrap();
            assert_eq!(&room[..count], line);
        }
    }

    #[test]
    fn a_server_may_go_away_and_come_back() {
        let path = std::env::temp_dir().join(format!("tenbin-dgram-{}", std::process::id()));
        let name = format!("unix@{}", path.display());
        let mut target = Datagrams::new(&name);
        assert!(target.open(0).is_err() && !target.is_open());
        let server = UnixDatagram::bind(&path).unwrap();
        target.open(AGAIN_MS).unwrap();
        assert_eq!(target.write(b"one\n", NEVER).lost, 0);
        drop(server);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(target.write(b"two\nthree\n", NEVER).lost, 2);
        let server = UnixDatagram::bind(&path).unwrap();
        target.open(2 * AGAIN_MS).unwrap();
        assert_eq!(target.write(b"four\n", NEVER).lost, 0);
        let mut room = [0; 100];
        assert_eq!(server.recv(&mut room).unwrap(), 5);
        std::fs::remove_file(&path).unwrap();
    }
}
