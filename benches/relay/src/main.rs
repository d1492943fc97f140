//! `bare-relay LISTEN SERVER THREADS`: what moving bytes costs when nobody looks at them.
//!
//! Owns the floor that the benchmarks measure every proxy against: one epoll loop a thread, each with its own
//! listening socket, one server connection for each client connection, a read and a write each way. It parses
//! nothing, limits nothing, has no timeouts, and is no proxy that anyone should run.

#![forbid(unsafe_code)]

mod pair;
mod poller;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::thread;

use socket2::{Domain, Protocol, Socket, Type};

const USAGE: &str = "usage: bare-relay LISTEN SERVER THREADS, such as 127.0.0.1:8080 127.0.0.1:3000 2";
const BACKLOG: i32 = 4096;

fn main() -> ExitCode {
    let Some((listen, server, threads)) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(listen, server, threads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare-relay: {error}");
            ExitCode::from(1)
        }
    }
}

fn arguments() -> Option<(SocketAddr, SocketAddr, usize)> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next()?.parse().ok()?;
    let server = arguments.next()?.parse().ok()?;
    let threads = arguments.next()?.parse().ok()?;
    Some((listen, server, threads))
}

/// Every thread binds before any serves, so that a port that is taken ends the program at once.
fn run(listen: SocketAddr, server: SocketAddr, threads: usize) -> io::Result<()> {
    let listeners = (0..threads).map(|_| bind(listen)).collect::<io::Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let workers: Vec<_> = listeners
            .into_iter()
            .map(|listener| scope.spawn(move || poller::serve(&listener, server)))
            .collect();
        for worker in workers {
            worker.join().map_err(|_| io::Error::other("a thread panicked"))??;
        }
        Ok(())
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Accepted sockets inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
