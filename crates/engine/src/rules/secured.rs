//! What HAProxy's language asks about a client's TLS beyond what every language does, where we have ended it ourselves.

use tenbin_rules::{Fact, Value};

use crate::tls::{ClientCertificate, Facts};

/// The value of a fact; None where it is none of these, or where there is no TLS of ours.
pub fn tell(fact: Fact, own: Option<&Facts>) -> Option<Value<'_>> {
    let own = own?;
    let shown = |of: fn(&ClientCertificate) -> Value<'_>| own.certificate().map_or(Value::Absent, of);
    Some(match fact {
        Fact::SslCUsed => Value::Bool(own.verified()),
        // One that was shown in an earlier handshake is known still, but was not shown in this one.
        Fact::SslFcHasCrt => Value::Bool(own.verified() && !own.resumed),
        // A handshake with a bad certificate fails, so no rule ever sees an error.
        Fact::SslCVerify | Fact::SslCErr | Fact::SslCCaErr | Fact::SslCCaErrDepth => Value::Int(0),
        Fact::SslFcUseKeysize | Fact::SslFcAlgKeysize => key_size(own.cipher),
        Fact::SslCVersion => shown(|shown| Value::Int(shown.version)),
        Fact::SslCNotbefore => shown(|shown| moment(shown.validity[0].as_deref())),
        Fact::SslCNotafter => shown(|shown| moment(shown.validity[1].as_deref())),
        Fact::SslCSha1 => shown(|shown| Value::text(&shown.sha1)),
        Fact::SslCDer => Value::maybe(own.der()),
        _ => return None,
    })
}

fn moment(text: Option<&str>) -> Value<'_> {
    Value::maybe(text.map(str::as_bytes))
}

/// Bits of the key that a cipher suite uses.
fn key_size(suite: &str) -> Value<'static> {
    match suite {
        name if name.contains("_128_") => Value::Int(128),
        name if name.contains("_256_") || name.contains("CHACHA20") => Value::Int(256),
        _ => Value::Absent,
    }
}
