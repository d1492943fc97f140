//! HTTP/2: connections of clients and to servers. Each stream looks to the life of a request like a connection of its
//! own that speaks HTTP/1 heads, so that one strict parser judges all.

mod back;
mod back_head;
mod back_link;
mod back_pool;
mod front;

pub use back::{Asked, Fate};
pub use back_link::{Link, MOST_STREAMS, Terms};
pub use back_pool::{Links, Opener, Waiter};
pub use front::Served;

/// Serves a connection from its preface to its close.
#[allow(clippy::unused_async, reason = "placeholder")]
pub async fn serve(client: crate::client::Client, already_read: Vec<u8>) {
    let _ = (client, already_read);
}
