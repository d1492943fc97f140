//! HTTP/2: connections of clients and to servers. Each stream looks to the life of a request like a connection of its
//! own that speaks HTTP/1 heads, so that one strict parser judges all.

mod answer_head;
mod back;
mod back_head;
mod back_link;
mod back_meter;
mod back_pool;
mod back_wire;
mod front;
mod glitches;
mod request_head;
mod serve;
mod watched;
mod websocket;

pub use back::{Asked, Fate};
pub use back_link::{Link, MOST_STREAMS, Terms};
pub use back_pool::{Links, Opener, Waiter};
pub use front::Served;
pub use serve::serve;
