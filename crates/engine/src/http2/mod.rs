//! HTTP/2: connections of clients and to servers. Each stream looks to the life of a request like a connection of its
//! own that speaks HTTP/1 heads, so that one strict parser judges all.

mod back;
mod front;

pub use back::Asked;
pub use front::Served;
