//! Content: what of a body is at hand, without its framing, for those who look at it before it moves on.
//!
//! Chunks are taken apart only when somebody looks, into memory of the look's own: the body leaves as it came.

use std::cell::OnceCell;

use tenbin_proto::{Body, ChunkDecoder};

use super::{Flow, Source};
use crate::buffer::Buffer;

/// See the module.
#[derive(Default)]
pub struct Content<'a> {
    here: &'a [u8],
    chunks: Option<Chunks<'a>>,
    whole: Option<usize>,
}

/// What is still in its framing.
struct Chunks<'a> {
    raw: &'a [u8],
    /// As it was before these bytes; None: at its beginning.
    decoder: Option<&'a ChunkDecoder>,
    /// The content, and whether it is all.
    opened: OnceCell<(Vec<u8>, bool)>,
}

impl Content<'_> {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.chunks.as_ref().map_or(self.here, |chunks| &chunks.opened(self.here).0)
    }

    /// Whether no more comes, or nothing that could be understood.
    pub fn is_whole(&self) -> bool {
        match &self.chunks {
            Some(chunks) => chunks.opened(self.here).1,
            None => self.whole.is_some_and(|length| self.here.len() >= length),
        }
    }
}

impl Chunks<'_> {
    fn opened(&self, before: &[u8]) -> &(Vec<u8>, bool) {
        self.opened.get_or_init(|| {
            let mut decoder = self.decoder.cloned().unwrap_or_default();
            let (mut content, mut rest) = (before.to_vec(), self.raw);
            loop {
                let Ok(step) = decoder.step(rest) else { return (content, true) };
                content.extend_from_slice(rest.get(step.data).unwrap_or_default());
                rest = rest.get(step.consumed..).unwrap_or_default();
                if step.done || step.consumed == 0 {
                    return (content, step.done);
                }
            }
        })
    }
}

impl Flow {
    /// What of a body is in its buffer, whether the flow has begun with it or not.
    pub fn content<'a>(&'a self, body: Body, buffer: &'a Buffer) -> Content<'a> {
        let data = buffer.data();
        match body {
            Body::None => Content { whole: Some(0), ..Content::default() },
            Body::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Content { here: data.get(..length).unwrap_or(data), whole: Some(length), chunks: None }
            }
            Body::UntilClose => Content { here: data, ..Content::default() },
            Body::Chunked => {
                let has_begun = matches!(self.source, Source::Chunked) || self.ready + self.skip > 0;
                let raw = data.get(self.ready + self.skip..).unwrap_or_default();
                let decoder = has_begun.then_some(&self.decoder);
                let chunks = Some(Chunks { raw, decoder, opened: OnceCell::new() });
                Content { here: data.get(..self.ready).unwrap_or_default(), chunks, whole: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sink;
    use super::*;

    fn seen(flow: &Flow, body: Body, buffer: &Buffer) -> (Vec<u8>, bool) {
        let content = flow.content(body, buffer);
        (content.bytes().to_vec(), content.is_whole())
    }

    #[test]
    fn the_next_request_is_none_of_it() {
        let (flow, buffer) = (Flow::default(), Buffer::holding(b"helloGET /", 64));
        assert_eq!(seen(&flow, Body::None, &buffer), (Vec::new(), true));
        assert_eq!(seen(&flow, Body::Length(5), &buffer), (b"hello".to_vec(), true));
        assert_eq!(seen(&flow, Body::Length(11), &buffer), (b"helloGET /".to_vec(), false));
    }

    #[test]
    fn chunks_are_seen_alike_before_and_after_they_were_taken_apart() {
        let whole = b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n".as_slice();
        for (come, expected, is_whole) in [
            (whole, "hello!", true),
            (whole.get(..11).unwrap(), "hell", false),
            (whole.get(..14).unwrap(), "hello", false),
            (b"5\r\nhello\r\nx", "hello", true),
            (b"", "", false),
        ] {
            let (mut flow, mut buffer) = (Flow::default(), Buffer::holding(come, 1024));
            let expected = (expected.as_bytes().to_vec(), is_whole);
            assert_eq!(seen(&flow, Body::Chunked, &buffer), expected);
            if flow.begin(Body::Chunked, Sink::Plain, 0, &mut buffer).is_ok() {
                assert_eq!(seen(&flow, Body::Chunked, &buffer), expected);
            }
        }
    }
}
