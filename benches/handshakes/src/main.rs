//! `handshakes ADDRESS full|resumed CONNECTIONS SECONDS`: TLS 1.3 handshakes, as many as a server takes.
//!
//! Owns the load: threads that connect, shake hands, say goodbye, and read to the end, again and again. Asks for
//! nothing, so that handshakes are all that is measured. What the server shows is not verified: that would be the
//! client's cost, and is no part of the figure. Prints one line of counts.

#![forbid(unsafe_code)]

mod trusting;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};

const USAGE: &str =
    "usage: handshakes ADDRESS full|resumed CONNECTIONS SECONDS, such as 127.0.0.1:8443 full 8 3";
const PATIENCE: Duration = Duration::from_secs(10);

/// What the command line asks for.
#[derive(Clone, Copy)]
struct Load {
    address: SocketAddr,
    resumed: bool,
    connections: usize,
    duration: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Default)]
struct Counts {
    full: u64,
    resumed: u64,
    failed: u64,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn main() -> ExitCode {
    let Some(load) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    match run(load, begin) {
        Ok(counts) => {
            let Counts { full, resumed, failed } = counts;
            let micros = begin.elapsed().as_micros();
            let line = format!("full={full} resumed={resumed} failed={failed} micros={micros}\n");
            let written = io::stdout().write_all(line.as_bytes());
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("handshakes: {error}");
            ExitCode::from(1)
        }
    }
}

fn arguments() -> Option<Load> {
    let mut arguments = std::env::args().skip(1);
    Some(Load {
        address: arguments.next()?.parse().ok()?,
        resumed: match arguments.next()?.as_str() {
            "full" => false,
            "resumed" => true,
            _ => return None,
        },
        connections: arguments.next()?.parse().ok()?,
        duration: Duration::from_secs_f64(arguments.next()?.parse().ok()?),
    })
}

fn run(load: Load, begin: Instant) -> io::Result<Counts> {
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..load.connections).map(|_| scope.spawn(move || shake(load, begin))).collect();
        let mut sum = Counts::default();
        for worker in workers {
            let counts = worker.join().map_err(|_| io::Error::other("a thread panicked"))??;
            sum.full += counts.full;
            sum.resumed += counts.resumed;
            sum.failed += counts.failed;
        }
        Ok(sum)
    })
}

/// One client with sessions of its own: a ticket is good for one handshake, and each brings new ones.
fn shake(load: Load, begin: Instant) -> io::Result<Counts> {
    let config = Arc::new(configuration(load.resumed).map_err(io::Error::other)?);
    let mut counts = Counts::default();
    while begin.elapsed() < load.duration {
        match once(load.address, &config) {
            Ok(Some(HandshakeKind::Resumed)) => counts.resumed += 1,
            Ok(_) => counts.full += 1,
            Err(_) => counts.failed += 1,
        }
    }
    Ok(counts)
}

fn configuration(resumed: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(trusting::Anyone::new(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    if !resumed {
        config.resumption = Resumption::disabled();
    }
    Ok(config)
}

/// One connection. The tickets come behind the server's last message, so it is read to its end.
fn once(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Option<HandshakeKind>> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    let kind = stream.conn.handshake_kind();
    stream.conn.send_close_notify();
    stream.flush()?;
    let mut rest = [0; 4096];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok(kind),
            Ok(_) => {}
            // That some close without a goodbye is not what is measured.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
            {
                return Ok(kind);
            }
            Err(error) => return Err(error),
        }
    }
}
