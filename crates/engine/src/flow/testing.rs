//! Connections for tests.

use std::net::{TcpListener, TcpStream as Peer};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::stream::Stream;

/// A connection and the peer at its other end.
pub fn pair() -> (Stream, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = Peer::connect(listener.local_addr().unwrap()).unwrap();
    near.set_nonblocking(true).unwrap();
    (Stream::Tcp(TcpStream::from_std(near).unwrap()), listener.accept().unwrap().0)
}

/// A connection that its peer has reset, as the system knows and the runtime does not.
pub fn dead() -> Stream {
    let (near, far) = pair();
    socket2::SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
    drop(far);
    while near.plain().unwrap().take_error().unwrap().is_none() {
        std::thread::yield_now();
    }
    near
}
