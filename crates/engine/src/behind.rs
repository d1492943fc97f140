//! A connection to a server as rules and lines see it: noted for a request only where some expression asks, and once for
//! a connection that many share.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::stream::Stream;
use crate::tls::Facts;

/// See the module.
#[derive(Default)]
pub struct Behind {
    /// Our end of it.
    pub bound: Option<SocketAddr>,
    /// What was agreed on, over TLS.
    pub tls: Option<Facts>,
    /// It speaks HTTP/2.
    pub is_http2: bool,
}

impl Behind {
    /// Of a connection, which may be one stream of it.
    pub fn of(stream: &Stream) -> Rc<Self> {
        let tls = match stream {
            Stream::Tls(tls) => tls.opened().map(Facts::of_server),
            Stream::Asked(asked) => return Rc::clone(asked.behind()),
            Stream::Tcp(_) | Stream::Served(_) => None,
        };
        let bound = stream.socket().and_then(|socket| socket.local_addr().ok());
        Rc::new(Self { bound, tls, is_http2: false })
    }
}
