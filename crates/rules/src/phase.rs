//! When something is known: the phases of an exchange in which rules run, in their order.

/// A phase of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// A connection was accepted.
    Connection,
    /// It has shaken hands: PROXY header and TLS are read.
    Session,
    /// First bytes are there.
    Content,
    /// A request is there.
    Request,
    /// A server was chosen and has answered.
    Answer,
    /// All is over.
    Log,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Connection, Self::Session, Self::Content, Self::Request, Self::Answer, Self::Log];

    /// As the vocabulary calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Session => "session",
            Self::Content => "content",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Log => "log",
        }
    }

    /// This one and all after it.
    pub fn on(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |phase| *phase >= self)
    }
}
