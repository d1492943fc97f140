//! The header in front of a connection to a server.

use std::borrow::Cow;
use std::net::SocketAddr;

use tenbin_proto::proxy::{Ends, Extras, Tls, write_v1, write_v2};
use tenbin_rules::{TlsFact, Value};

use crate::client::Client;
use crate::wire::ProxyOut;

/// What a connection to a server begins with that carries this client and no other; empty when it speaks no PROXY
/// protocol. The client comes from `source`, as rules have it.
pub fn preface(client: &Client, source: SocketAddr, proxy: Option<ProxyOut>) -> Vec<u8> {
    let mut header = Vec::new();
    let Some(ProxyOut { version, tls }) = proxy else { return header };
    let ends = client.destination().map(|to| Ends { source: canonical(source), destination: canonical(to) });
    if version == 1 {
        write_v1(&mut header, ends);
        return header;
    }
    let [version, cipher, common_name, alpn, authority] =
        [TlsFact::Version, TlsFact::Cipher, TlsFact::ClientName, TlsFact::Alpn, TlsFact::Sni]
            .map(|fact| text(client, fact));
    let version = if version.is_empty() { Vec::new() } else { [b"TLSv", &*version].concat() };
    let verified = client.tls().tell(TlsFact::ClientVerified).truth();
    let secured = Tls {
        version: &version,
        cipher: &cipher,
        common_name: &common_name,
        certificate: !common_name.is_empty() || verified,
        verified,
    };
    let extras = Extras { alpn: &alpn, authority: &authority, tls: Some(secured), ..Extras::default() };
    let is_told = tls && client.tls().is_used();
    write_v2(&mut header, ends, &if is_told { extras } else { Extras::default() });
    header
}

/// IPv4 that came by a socket for both is IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn text(client: &Client, fact: TlsFact) -> Cow<'_, [u8]> {
    match client.tls().tell(fact) {
        Value::Str(text) => text,
        _ => Cow::Borrowed(b""),
    }
}
