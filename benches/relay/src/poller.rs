//! One thread: accepts, opens a server connection for each client, and carries what epoll says can be carried.
//!
//! Sockets are watched edge-triggered and added once, so a carried request costs its four reads and writes and a
//! share of one wait.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use socket2::{Domain, Protocol, Socket, Type};

use crate::pair::{Pair, Side, State};

/// Events taken from one wait.
const EVENTS: usize = 512;
/// Bytes of the one buffer through which a thread carries everything.
const BUFFER: usize = 64 * 1024;
const LISTENER: u64 = u64::MAX;

/// Serves until the process is killed.
pub fn serve(listener: &TcpListener, server: SocketAddr) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut worker = Worker { epoll, server, pairs: Vec::new(), free: Vec::new() };
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; BUFFER];
    loop {
        events.clear();
        match epoll::wait(&worker.epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // A place is given to another pair only after the wait in which its pair ended: no event finds the wrong one.
        let mut ended = Vec::new();
        for event in &events {
            match event.data.u64() {
                LISTENER => worker.accept(listener),
                token => worker.carry(token, event.flags, &mut buffer, &mut ended),
            }
        }
        worker.free.append(&mut ended);
    }
}

struct Worker {
    epoll: OwnedFd,
    server: SocketAddr,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
}

impl Worker {
    fn accept(&mut self, listener: &TcpListener) {
        // Any error ends the round: there is nobody to accept, or no descriptor to accept with.
        while let Ok((client, _)) = listener.accept() {
            // A client whose server cannot be reached is closed by dropping it.
            let _: io::Result<()> = self.pair(client);
        }
    }

    fn pair(&mut self, client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(true)?;
        let server = connect(self.server)?;
        let index = self.free.pop().unwrap_or_else(|| {
            self.pairs.push(None);
            self.pairs.len() - 1
        });
        for (socket, side) in [(&client, Side::Client), (&server, Side::Server)] {
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, socket.as_fd(), EventData::new_u64(token(index, side)), flags)?;
        }
        if let Some(place) = self.pairs.get_mut(index) {
            *place = Some(Pair::new(client, server));
        }
        Ok(())
    }

    fn carry(&mut self, token: u64, flags: EventFlags, buffer: &mut [u8], ended: &mut Vec<usize>) {
        let (index, side) = place(token);
        let Some(place) = self.pairs.get_mut(index) else { return };
        if let Some(pair) = place
            && pair.carry(side, flags, buffer) == State::Ended
        {
            *place = None;
            ended.push(index);
        }
    }
}

/// What epoll remembers for us: the pair's place and which of its sockets it is.
fn token(index: usize, side: Side) -> u64 {
    (index as u64) << 1 | u64::from(side == Side::Server)
}

fn place(token: u64) -> (usize, Side) {
    ((token >> 1) as usize, if token & 1 == 1 { Side::Server } else { Side::Client })
}

/// A connection that is being opened; its first write waits until it is.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}
