//! Keys that seal sessions into tickets, so that clients come back without a full handshake.
//!
//! One object lives as long as the process: listeners, threads and reloads share its keys. Keys are replaced every six
//! hours, and the one before is still understood for as long again.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::Ticketer;
use rustls::server::ProducesTickets;

use super::problem::Problem;

/// What a listener asks of its clients, hashed; a session counts only where the same is asked.
pub type Scope = [u8; 32];

/// Keys for all listeners.
pub struct Tickets {
    keys: Arc<dyn ProducesTickets>,
}

impl Tickets {
    /// Fresh keys. Fails when the system has no randomness.
    pub fn new() -> Result<Arc<Self>, Problem> {
        let keys =
            Ticketer::new().map_err(|error| Problem::setting(format!("no keys for tickets: {error}")))?;
        Ok(Arc::new(Self { keys }))
    }

    /// Tickets for listeners of one scope.
    ///
    /// Rustls resumes whatever it can unseal: it does not look whether the client would have had to show a certificate
    /// here, nor to whom. Without scopes a session of an open listener would open one that is closed.
    pub fn scoped(self: &Arc<Self>, scope: Scope) -> Arc<dyn ProducesTickets> {
        Arc::new(Scoped { tickets: Arc::clone(self), scope })
    }
}

struct Scoped {
    tickets: Arc<Tickets>,
    scope: Scope,
}

impl fmt::Debug for Scoped {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Tickets")
    }
}

impl ProducesTickets for Scoped {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.tickets.keys.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let scoped = [self.scope.as_slice(), plain].concat();
        self.tickets.keys.encrypt(&scoped)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let scoped = self.tickets.keys.decrypt(cipher)?;
        scoped.strip_prefix(self.scope.as_slice()).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_counts_in_its_scope_and_nowhere_else() {
        let tickets = Tickets::new().unwrap();
        let (one, same, other) = (tickets.scoped([1; 32]), tickets.scoped([1; 32]), tickets.scoped([2; 32]));
        let sealed = one.encrypt(b"session").unwrap();
        assert_eq!(same.decrypt(&sealed).as_deref(), Some(b"session".as_slice()));
        assert_eq!(other.decrypt(&sealed), None);
        assert_eq!(Tickets::new().unwrap().scoped([1; 32]).decrypt(&sealed), None);
        assert_eq!((one.lifetime(), one.enabled()), (12 * 60 * 60, true));
    }
}
