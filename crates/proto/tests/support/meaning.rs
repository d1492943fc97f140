//! What a request says, apart from how it is written.

use tenbin_proto::{Body, Known, Request};

/// What a request says to a server, apart from how it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub authority: Vec<u8>,
    pub body: Body,
    pub te_trailers: bool,
    pub expect_continue: bool,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The meaning of a parsed head.
pub fn meaning(head: &Request, bytes: &[u8]) -> Meaning {
    let mut target = head.target.of(bytes).to_vec();
    if target.first() == Some(&b'?') {
        target.insert(0, b'/');
    }
    let own = |known| matches!(known, Known::Host | Known::ContentLength | Known::TransferEncoding);
    let sent = head.fields.iter().filter(|field| !field.hop && !own(field.known));
    Meaning {
        method: head.method_text.of(bytes).to_vec(),
        target,
        authority: head.authority.of(bytes).to_vec(),
        body: head.body,
        te_trailers: head.te_trailers,
        expect_continue: head.expect_continue,
        fields: sent.map(|field| (field.name.of(bytes).to_vec(), field.value.of(bytes).to_vec())).collect(),
    }
}

/// Whether `head` holds nothing that a careless reader could take for the end of a line.
pub fn is_clean(head: &[u8]) -> bool {
    let text = head.split(|&byte| byte == b'\n').collect::<Vec<_>>();
    let (last, lines) = text.split_last().unwrap();
    last.is_empty()
        && lines.iter().all(|line| {
            line.split_last()
                .is_some_and(|(end, line)| *end == b'\r' && !line.contains(&b'\r') && !line.contains(&0))
        })
}
