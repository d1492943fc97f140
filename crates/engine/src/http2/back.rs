//! Placeholder.

use std::io;
use std::task::{Context, Poll};

use tenbin_proto::Body;
use tokio::io::ReadBuf;

/// One stream.
pub struct Asked;

#[allow(missing_docs, clippy::unused_self, reason = "placeholder")]
impl Asked {
    pub fn body(&self) -> Body {
        Body::None
    }
    pub fn trailers(&mut self) -> Vec<u8> {
        Vec::new()
    }
    pub fn poll_read_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    pub fn poll_read(&mut self, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    pub fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    pub fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    pub fn poll_end(&mut self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    pub fn is_reset(&mut self, _: &mut Context<'_>) -> bool {
        false
    }
    pub fn has_spoken(&self) -> bool {
        false
    }
}
