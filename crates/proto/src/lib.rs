//! Wire formats of Tenbin, sans-io: HTTP/1 heads parsed strictly into spans, body framing, and messages written anew.
//!
//! Owns: the grammar and the defences of HTTP/1.0 and 1.1 on both sides, forwarding fields, cookies and query lookups,
//! and where frames of HTTP/2 begin.
//! Does not own: sockets, clocks, buffers (callers lend them), routing, limits over time. Nothing here blocks, panics or
//! allocates once the caller's buffers have grown to their working size; every parser is linear in its input.
#![forbid(unsafe_code)]

mod amend;
mod authority;
pub mod body;
pub mod cookie;
mod edits;
pub mod fields;
pub mod forwarded;
pub mod frames;
mod framing;
pub mod head;
pub mod hello;
mod hop;
mod known;
mod line;
mod output;
mod path;
pub mod proxy;
pub mod query;
pub mod reject;
pub mod request;
mod request_line;
pub mod response;
mod scan;
pub mod span;
pub mod trailer;
pub mod write;

pub use body::{CHUNK_ROOM, ChunkDecoder, Decoded, LAST_CHUNK, Step, write_chunk_header};
pub use fields::{Field, Fields, Known};
pub use forwarded::{ForwardSet, Forwarding, original_client};
pub use head::{AmbiguousPaths, Body, Limits, Progress, Underscores, Version};
pub use reject::Reject;
pub use request::{Method, Request};
pub use response::{Asked, Response};
pub use span::Span;
pub use write::{Edits, Framing, Persist, RequestEdits, ResponseEdits, write_request, write_response};
