//! Wire formats of Tenbin, sans-io: HTTP/1 heads parsed strictly into spans, body framing, and messages written anew.
//!
//! Owns: the grammar and the defences of HTTP/1.0 and 1.1 on both sides, forwarding fields, cookies and query lookups.
//! Does not own: sockets, clocks, buffers (callers lend them), routing, limits over time. Nothing here blocks, panics or
//! allocates once the caller's buffers have grown to their working size; every parser is linear in its input.
#![forbid(unsafe_code)]

pub mod body;
pub mod cookie;
pub mod fields;
pub mod forwarded;
pub mod head;
pub mod query;
pub mod reject;
pub mod request;
pub mod response;
pub mod span;
pub mod write;

pub use body::{CHUNK_ROOM, ChunkDecoder, Decoded, write_chunk_header};
pub use fields::{Field, Fields, Known};
pub use forwarded::{ForwardSet, Forwarding};
pub use head::{Body, Limits, Progress, Version};
pub use reject::Reject;
pub use request::{Method, Request};
pub use response::{Asked, Response};
pub use span::Span;
pub use write::{Edits, Framing, Persist, RequestEdits, ResponseEdits, write_request, write_response};
