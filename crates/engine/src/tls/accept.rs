//! The handshake with a client, and the alert that rustls does not know how to send.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::facts::Facts;
use super::listener::{ListenerConfig, UNRECOGNIZED_NAME};

/// What somebody needs to know that costs something to note.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wants {
    /// The certificate that a client is shown.
    pub own: bool,
    /// What a client has said of itself, also where its handshake fails.
    pub hello: bool,
}

/// A connection with the certificate that the client was shown, if that was wanted.
pub type Accepted<IO> = (TlsStream<IO>, Option<CertificateDer<'static>>);

/// A handshake that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: io::Error,
    /// What the client has said, if that was wanted and understood.
    pub hello: Option<Box<Facts>>,
}

impl ListenerConfig {
    /// A handshake. What went wrong was told the client by an alert, where there is one for it. There is no deadline here.
    pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: IO,
        wants: Wants,
    ) -> Result<Accepted<IO>, Failed> {
        if self.is_closed() || !(self.spec().strict_sni || wants.own || wants.hello || self.varies()) {
            return Ok((TlsAcceptor::from(self.server().clone()).accept(stream).await?, None));
        }
        let mut started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = started.client_hello();
        let said = wants.hello.then(|| Box::new(Facts::of_hello(&hello, &self.spec().suite.versions)));
        if self.admits(hello.server_name()) {
            let own = if wants.own { self.shown_to(&hello) } else { None };
            let server = Arc::clone(self.server_for(&hello));
            let done = started.into_stream(server).await;
            return done.map(|stream| (stream, own)).map_err(|error| Failed { error, hello: said });
        }
        // So short that it leaves in one piece; a client that does not take it learns nothing.
        poll_fn(|cx| Pin::new(&mut started.io).poll_write(cx, &UNRECOGNIZED_NAME)).await?;
        poll_fn(|cx| Pin::new(&mut started.io).poll_shutdown(cx)).await?;
        let error = io::Error::new(io::ErrorKind::InvalidData, "the client names no host that is known here");
        Err(Failed { error, hello: said })
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self { error, hello: None }
    }
}
