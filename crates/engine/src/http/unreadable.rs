//! Keeping messages that could not be read, where the snapshot asks for it.

use super::answer::Reason;
use super::exchange::Exchange;
use crate::client::Client;
use crate::clock::wall_micros;
use crate::listener::Found;
use crate::refused::{Message, Side};
use crate::tables::Backend;

/// Keeps what cannot be read for whoever asks. Of a stream there is no text that its client has sent.
pub fn request(client: &Client, x: &Exchange, found: &Found, reason: Reason) {
    let (shared, most) = (&client.worker.shared, client.worker.tables().limits.refused);
    let Reason::Rejected(reject) = reason else { return };
    if most > 0 && !client.stream.is_multiplexed() {
        let now = wall_micros() / 1000;
        let mut message = Message::new(x.input.data(), reject.offset, client.peer, now);
        message.frontend.clone_from(&found.frontend.spec.name);
        shared.refused.keep(Side::Request, message, most);
    }
}

/// Keeps an answer that cannot be read for whoever asks.
pub fn answer(
    client: &Client,
    x: &Exchange,
    (frontend, backend, index): (&str, &Backend, usize),
    position: u32,
) {
    let most = client.worker.tables().limits.refused;
    if most == 0 {
        return;
    }
    let mut message = Message::new(x.output.data(), position, client.peer, wall_micros() / 1000);
    frontend.clone_into(&mut message.frontend);
    message.backend.clone_from(&backend.spec.name);
    message.server = backend.servers.get(index).map(|server| server.name.clone()).unwrap_or_default();
    client.worker.shared.refused.keep(Side::Answer, message, most);
}
