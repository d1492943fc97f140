//! How a request or a connection ended: who ended it, in which phase, and what became of its cookies.
//!
//! Owns the words, as HAProxy's log has them (configuration manual, 8.5). Whoever decides about an end says so here at
//! once; the first to say it is right, since what follows from it is no other end.

/// Who ended it, or what was in its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "the manual's letters, whether or not all of them can happen here")]
pub enum Who {
    /// Nobody: it ended well.
    #[default]
    Nobody,
    /// Answered here, as the configuration asks.
    Local,
    /// The client was waited for too long.
    ClientSlow,
    /// The client broke off.
    Client,
    /// The server was waited for too long.
    ServerSlow,
    /// The server broke off, refused, or there was none.
    Server,
    /// Refused here: a rule, a limit, or a message against the grammar.
    Proxy,
    /// Something ran out here.
    Resource,
    /// A mistake of ours.
    Internal,
    /// The server went down, and its connections with it.
    Down,
    /// An operator has ended it.
    Killed,
    /// A better server came up, and connections to backups ended.
    Up,
}

/// What was under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "the manual's letters, whether or not all of them can happen here")]
pub enum Phase {
    /// Nothing: it had ended.
    #[default]
    Ended,
    /// The request was read.
    Request,
    /// It was in the queue.
    Queue,
    /// A connection to the server was opened.
    Connect,
    /// The head of the answer was waited for.
    Head,
    /// Data moved.
    Data,
    /// The last data was on its way to the client.
    Last,
    /// It was held in the tarpit.
    Tarpit,
}

/// What the client's persistence cookie said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, dead_code, reason = "the manual's words, whether or not all of them can happen here")]
pub enum CookieIn {
    #[default]
    None,
    Invalid,
    Down,
    Valid,
    Expired,
    Old,
    Unused,
}

/// What the answer did to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, dead_code, reason = "the manual's words, whether or not all of them can happen here")]
pub enum CookieOut {
    #[default]
    None,
    Passed,
    Deleted,
    Inserted,
    Rewritten,
    Updated,
}

/// The whole of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Who.
    pub who: Who,
    /// When.
    pub phase: Phase,
    /// The cookie that came; None where no cookie is looked for.
    pub cookie: Option<(CookieIn, CookieOut)>,
}

impl Ending {
    /// Says how it ended, unless that was said before.
    pub fn set(&mut self, who: Who, phase: Phase) {
        if self.who == Who::Nobody {
            (self.who, self.phase) = (who, phase);
        }
    }

    /// The server that the cookie names could not be reached, and another one is asked.
    pub fn loses_server(&mut self) {
        if let Some((came @ CookieIn::Valid, _)) = &mut self.cookie {
            *came = CookieIn::Down;
        }
    }

    /// The two letters of a connection.
    pub fn pair(self) -> [u8; 2] {
        [self.who.letter(), self.phase.letter()]
    }

    /// The four letters of a request.
    pub fn letters(self) -> [u8; 4] {
        let [who, phase] = self.pair();
        match self.cookie {
            Some((came, went)) => [who, phase, came.letter(), went.letter()],
            None => [who, phase, b'-', b'-'],
        }
    }
}

impl Who {
    fn letter(self) -> u8 {
        match self {
            Self::Nobody => b'-',
            Self::Local => b'L',
            Self::ClientSlow => b'c',
            Self::Client => b'C',
            Self::ServerSlow => b's',
            Self::Server => b'S',
            Self::Proxy => b'P',
            Self::Resource => b'R',
            Self::Internal => b'I',
            Self::Down => b'D',
            Self::Killed => b'K',
            Self::Up => b'U',
        }
    }

    /// Whether it is a failure: nothing that is answered here on purpose is.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Nobody | Self::Local)
    }
}

impl Phase {
    fn letter(self) -> u8 {
        match self {
            Self::Ended => b'-',
            Self::Request => b'R',
            Self::Queue => b'Q',
            Self::Connect => b'C',
            Self::Head => b'H',
            Self::Data => b'D',
            Self::Last => b'L',
            Self::Tarpit => b'T',
        }
    }
}

impl CookieIn {
    fn letter(self) -> u8 {
        match self {
            Self::None => b'N',
            Self::Invalid => b'I',
            Self::Down => b'D',
            Self::Valid => b'V',
            Self::Expired => b'E',
            Self::Old => b'O',
            Self::Unused => b'U',
        }
    }
}

impl CookieOut {
    fn letter(self) -> u8 {
        match self {
            Self::None => b'N',
            Self::Passed => b'P',
            Self::Deleted => b'D',
            Self::Inserted => b'I',
            Self::Rewritten => b'R',
            Self::Updated => b'U',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts() {
        let mut ending = Ending::default();
        assert_eq!(ending.letters(), *b"----");
        ending.set(Who::Server, Phase::Connect);
        ending.set(Who::Client, Phase::Data);
        ending.cookie = Some((CookieIn::Valid, CookieOut::None));
        assert_eq!((ending.pair(), ending.letters()), (*b"SC", *b"SCVN"));
    }
}
