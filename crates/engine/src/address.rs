//! Where servers are and where connections come from: IP addresses and unix sockets behind the same streams.
//!
//! A connected unix socket is carried as a `TcpStream`: reading, writing, peeking and splicing are the same calls, and
//! what only TCP has (options, addresses) is not asked of it or may fail. Does not know listeners or servers.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::str::FromStr;

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::capacity::PAUSE;

/// What stands for the address of a client that has none: nobody can come from there.
pub const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Room for the name of an abstract socket (unix(7)); such names fill it, with zeros at the end.
const ABSTRACT: usize = 107;

/// Where a server is, or where connections are taken.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// `ip:port`.
    Ip(SocketAddr),
    /// `unix@/path` or `abns@name`.
    Unix(Box<Unix>),
    /// `fd@3`: whatever was open there.
    Inherited(u32),
}

/// How connections over IP are opened.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Way {
    /// From this address; None: any.
    pub source: Option<SocketAddr>,
    /// Milliseconds within which what is sent is acknowledged (RFC 5482); 0: as the system is set up.
    pub user_timeout: u32,
}

/// A unix socket and how it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Unix {
    text: String,
    address: SocketAddrUnix,
}

/// Takes connections, of whichever kind its socket is.
pub enum Acceptor {
    /// Over IP.
    Ip(TcpListener),
    /// From this machine.
    Unix(UnixListener),
}

impl Address {
    /// The IP address; that of nowhere when there is none.
    pub const fn ip(&self) -> IpAddr {
        match self {
            Self::Ip(address) => address.ip(),
            Self::Unix(_) | Self::Inherited(_) => NOWHERE.ip(),
        }
    }

    /// The port; 0 when there is none.
    pub const fn port(&self) -> u16 {
        match self {
            Self::Ip(address) => address.port(),
            Self::Unix(_) | Self::Inherited(_) => 0,
        }
    }

    /// Opens a connection; over IP in this way.
    pub async fn connect(&self, way: Way) -> io::Result<TcpStream> {
        match self {
            Self::Ip(address) => connect(*address, way).await,
            Self::Unix(unix) => unix.connect().await,
            Self::Inherited(_) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

/// An address as it is known everywhere: a socket for both families tells those of IPv4 in the form of IPv6.
pub fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(ipv6) if ipv6.ip().to_ipv4_mapped().is_some() => {
            SocketAddr::new(ipv6.ip().to_canonical(), ipv6.port())
        }
        address => address,
    }
}

async fn connect(address: SocketAddr, Way { source, user_timeout }: Way) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    if let Some(source) = source {
        net::sockopt::set_socket_reuseaddr(&socket, true)?;
        net::bind(&socket, &source)?;
    }
    if user_timeout > 0 {
        net::sockopt::set_tcp_user_timeout(&socket, user_timeout)?;
    }
    let mut is_open = begin(&socket, address)?;
    if !is_open && address.ip().is_loopback() {
        // Both ends are on this machine: the handshake is over by now, and the socket knows it once it is asked again.
        is_open = begin(&socket, address)?;
    }
    let stream = TcpStream::from_std(StdStream::from(socket))?;
    if !is_open {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
    }
    Ok(stream)
}

/// Asks for a connection, or how far it is; whether it is open.
fn begin(socket: &OwnedFd, address: SocketAddr) -> io::Result<bool> {
    match net::connect(socket, &address) {
        Ok(()) | Err(Errno::ISCONN) => Ok(true),
        Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Unix {
    async fn connect(&self) -> io::Result<TcpStream> {
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            match net::connect(&socket, &self.address) {
                Ok(()) => return TcpStream::from_std(StdStream::from(socket)),
                // Its backlog is full; there is nothing that would wake us once it is not.
                Err(Errno::AGAIN) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl FromStr for Address {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let unix = |address: Result<SocketAddrUnix, Errno>| {
            let address = address.map_err(|_| ())?;
            Ok(Self::Unix(Box::new(Unix { text: text.to_owned(), address })))
        };
        match text.split_once('@') {
            Some(("unix", path)) if !path.is_empty() => unix(SocketAddrUnix::new(path)),
            Some(("abns", name)) if (1..=ABSTRACT).contains(&name.len()) => {
                let mut whole = name.as_bytes().to_vec();
                whole.resize(ABSTRACT, 0);
                unix(SocketAddrUnix::new_abstract_name(&whole))
            }
            Some(("fd", number)) => number.parse().map(Self::Inherited).map_err(|_| ()),
            _ => text.parse().map(Self::Ip).map_err(|_| ()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(to),
            Self::Unix(unix) => to.write_str(&unix.text),
            Self::Inherited(number) => write!(to, "fd@{number}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, to)
    }
}

impl Acceptor {
    /// Prepares a listening socket that was handed over.
    pub fn new(socket: StdListener) -> io::Result<Self> {
        // Whoever made the socket, an accept that blocks would stop this thread.
        socket.set_nonblocking(true)?;
        let family = net::getsockname(socket.as_fd())?.address_family();
        if family == AddressFamily::UNIX {
            return UnixListener::from_std(StdUnixListener::from(OwnedFd::from(socket))).map(Self::Unix);
        }
        TcpListener::from_std(socket).map(Self::Ip)
    }

    /// The next connection and where it comes from.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Ip(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((stream, plain(peer)))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let stream = StdStream::from(OwnedFd::from(stream.into_std()?));
                TcpStream::from_std(stream).map(|stream| (stream, NOWHERE))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["127.0.0.1:80", "[::1]:80", "unix@/run/a.sock", "abns@name", "fd@3"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "unix@", "abns@", "fd@x", "127.0.0.1", "/run/a.sock"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_connection_within_this_machine_is_open_or_refused_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for (host, source) in [("127.0.0.1", None), ("[::1]", None), ("127.0.0.1", Some("127.0.0.2:0"))] {
                let listener = std::net::TcpListener::bind(format!("{host}:0")).unwrap();
                let address = Address::Ip(listener.local_addr().unwrap());
                let source: Option<SocketAddr> = source.map(|source| source.parse().unwrap());
                let way = Way { source, user_timeout: 7000 };
                let mut client = address.connect(way).await.unwrap();
                assert_eq!(net::sockopt::tcp_user_timeout(&client).unwrap(), 7000);
                let (mut server, peer) = listener.accept().unwrap();
                assert_eq!(client.local_addr().unwrap(), peer);
                assert!(source.is_none_or(|source| source.ip() == peer.ip()));
                client.write_all(b"ping").await.unwrap();
                let mut bytes = [0; 4];
                io::Read::read_exact(&mut server, &mut bytes).unwrap();
                drop(listener);
                let error = address.connect(way).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            }
        });
    }

    #[test]
    fn a_unix_socket_carries_bytes_both_ways_as_any_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(carry());
    }

    async fn carry() {
        let directory = std::env::temp_dir().join(format!("tenbin-address-{}", std::process::id()));
        let _ = std::fs::remove_file(&directory);
        let listener = StdUnixListener::bind(&directory).unwrap();
        let acceptor = Acceptor::new(StdListener::from(OwnedFd::from(listener))).unwrap();
        let address: Address = format!("unix@{}", directory.display()).parse().unwrap();
        let mut client = address.connect(Way::default()).await.unwrap();
        let (mut server, peer) = acceptor.accept().await.unwrap();
        assert_eq!(peer, NOWHERE);
        client.write_all(b"ping").await.unwrap();
        let mut bytes = [0; 4];
        server.read_exact(&mut bytes).await.unwrap();
        server.write_all(b"pong").await.unwrap();
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"pong");
        std::fs::remove_file(&directory).unwrap();
    }
}
