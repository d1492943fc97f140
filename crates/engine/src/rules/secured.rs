//! What HAProxy's language asks about TLS beyond what every language does, where we are an end of it ourselves.

use tenbin_rules::{Fact, Value, openssl_name};

use crate::behind::Behind;
use crate::tls::{Certificate, CertificateFacts, Facts};

/// The value of a fact about a client's TLS; None where it is none of these, or where there is no TLS of ours.
pub fn tell(fact: Fact, own: Option<&Facts>) -> Option<Value<'_>> {
    let own = own?;
    Some(match fact {
        Fact::SslCUsed => Value::Bool(own.verified()),
        // One that was shown in an earlier handshake is known still, but was not shown in this one.
        Fact::SslFcHasCrt => Value::Bool(own.verified() && !own.resumed),
        // A handshake with a bad certificate fails, so no rule ever sees an error.
        Fact::SslCVerify | Fact::SslCErr | Fact::SslCCaErr | Fact::SslCCaErrDepth => Value::Int(0),
        Fact::SslFcUseKeysize | Fact::SslFcAlgKeysize => key_size(own.cipher),
        Fact::SslFcCurve => Value::text(own.curve.as_bytes()),
        _ => return certificate(fact, [own.shown(), own.own(), None]),
    })
}

/// The value of a fact about the connection to the server; None where it is none of these.
pub fn of_server(fact: Fact, behind: &Behind, is_reused: bool) -> Option<Value<'_>> {
    let tls = || behind.tls.as_ref();
    Some(match fact {
        Fact::BcSrc => Value::Ip(behind.bound?.ip().to_canonical()),
        Fact::BcSrcPort => Value::Int(behind.bound?.port().into()),
        Fact::BcHttpMajor => Value::Int(if behind.is_http2 { 2 } else { 1 }),
        Fact::BcReused => Value::Bool(is_reused),
        Fact::SslBc => Value::Bool(tls().is_some()),
        Fact::SslBcIsResumed => Value::Bool(tls().is_some_and(|tls| tls.resumed)),
        Fact::SslBcAlpn => Value::maybe(tls()?.alpn.map(str::as_bytes)),
        Fact::SslBcProtocol => Value::Str(["TLSv", tls()?.version].concat().into_bytes().into()),
        Fact::SslBcCipher => Value::Str(openssl_name(tls()?.cipher.as_bytes().into())),
        Fact::SslBcUseKeysize | Fact::SslBcAlgKeysize => key_size(tls()?.cipher),
        Fact::SslBcCurve => Value::text(tls()?.curve.as_bytes()),
        _ => return certificate(fact, [None, None, tls()?.shown()]),
    })
}

/// What certificates say: the client's, our own, the server's.
fn certificate(fact: Fact, [client, own, server]: [Option<&Certificate>; 3]) -> Option<Value<'_>> {
    let (shown, tell): (_, fn(&CertificateFacts) -> Value<'_>) = match fact {
        Fact::SslCDer => return client.map(|shown| Value::text(shown.der())),
        Fact::SslFDer => return own.map(|shown| Value::text(shown.der())),
        Fact::SslSDer => return server.map(|shown| Value::text(shown.der())),
        Fact::SslCSha1 => (client, sha1),
        Fact::SslFSha1 => (own, sha1),
        Fact::SslSSha1 => (server, sha1),
        Fact::SslFSerial => (own, serial),
        Fact::SslSSerial => (server, serial),
        Fact::SslCKeyAlg => (client, key_algorithm),
        Fact::SslFKeyAlg => (own, key_algorithm),
        Fact::SslSKeyAlg => (server, key_algorithm),
        Fact::SslCSigAlg => (client, signature_algorithm),
        Fact::SslFSigAlg => (own, signature_algorithm),
        Fact::SslSSigAlg => (server, signature_algorithm),
        Fact::SslCNotbefore => (client, since),
        Fact::SslFNotbefore => (own, since),
        Fact::SslSNotbefore => (server, since),
        Fact::SslCNotafter => (client, until),
        Fact::SslFNotafter => (own, until),
        Fact::SslSNotafter => (server, until),
        Fact::SslCVersion => (client, version),
        Fact::SslFVersion => (own, version),
        Fact::SslSVersion => (server, version),
        Fact::SslFSDn => (own, subject),
        Fact::SslSSDn => (server, subject),
        Fact::SslFIDn => (own, issuer),
        Fact::SslSIDn => (server, issuer),
        _ => return None,
    };
    shown?.facts().map(tell)
}

fn sha1(facts: &CertificateFacts) -> Value<'_> {
    Value::text(&facts.sha1)
}

fn serial(facts: &CertificateFacts) -> Value<'_> {
    Value::text(&facts.serial_bytes)
}

fn key_algorithm(facts: &CertificateFacts) -> Value<'_> {
    Value::text(facts.key_algorithm.as_bytes())
}

fn signature_algorithm(facts: &CertificateFacts) -> Value<'_> {
    Value::text(facts.signature_algorithm.as_bytes())
}

fn since(facts: &CertificateFacts) -> Value<'_> {
    Value::maybe(facts.validity[0].as_deref().map(str::as_bytes))
}

fn until(facts: &CertificateFacts) -> Value<'_> {
    Value::maybe(facts.validity[1].as_deref().map(str::as_bytes))
}

fn version(facts: &CertificateFacts) -> Value<'_> {
    Value::Int(facts.version)
}

fn subject(facts: &CertificateFacts) -> Value<'_> {
    Value::text(facts.subject.as_bytes())
}

fn issuer(facts: &CertificateFacts) -> Value<'_> {
    Value::text(facts.issuer.as_bytes())
}

/// Bits of the key that a cipher suite uses.
fn key_size(suite: &str) -> Value<'static> {
    match suite {
        name if name.contains("_128_") => Value::Int(128),
        name if name.contains("_256_") || name.contains("CHACHA20") => Value::Int(256),
        _ => Value::Absent,
    }
}
