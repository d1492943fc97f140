//! Fetches: what an expression asks of the view by name. A native one is a row of [`ROWS`] and an arm of
//! [`Fetch::value`]; the others are rows of `tls`, `facts`, `figures` and `sample`.
//!
//! The rows carry no function over the view, because views are generic and often borrow: a row builds the variant
//! with its arguments already looked at, and the variant is evaluated with static dispatch.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use crate::args::{self, Parameter};
use crate::phase::Phase;
use crate::value::{Yields, lowered};
use crate::wire::Const;
use crate::{Around, Error, Fact, Figure, Kind, TlsFact, Value, View, param, sample};

/// A fetch with its arguments.
#[derive(Debug, Clone)]
pub(crate) enum Fetch {
    Method,
    Path,
    Query,
    Url,
    Param(Box<[u8]>),
    Host,
    /// The host in the case in which it was sent, for matches that ignore case anyway. Has no name of its own.
    RawHost,
    Header(Box<[u8]>),
    Cookie(Box<[u8]>),
    Source,
    SourcePort,
    Port,
    HttpVersion,
    Scheme,
    Tls(TlsFact),
    Server,
    Status,
    Fact(Fact),
    Sample(Box<sample::Asked>),
}

/// A line of the table of native fetches.
pub(crate) struct Row {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub yields: Yields,
    pub since: Phase,
    build: fn(&[Const]) -> Result<Fetch, Error>,
}

/// What a name of the table of fetches stands for.
pub(crate) enum Named {
    Native(&'static Row),
    Tls(TlsFact),
    Sample(&'static sample::Row),
    Figure(Figure),
    Fact(Fact),
}

/// Fetches of our own, beside those of [`TlsFact`]. Names and results are part of the contract with the control plane.
pub(crate) static ROWS: &[Row] = &[
    plain("method", Yields::Str, Phase::Content, |_| Ok(Fetch::Method)),
    plain("path", Yields::Str, Phase::Content, |_| Ok(Fetch::Path)),
    plain("query", Yields::Str, Phase::Content, |_| Ok(Fetch::Query)),
    plain("url", Yields::Str, Phase::Content, |_| Ok(Fetch::Url)),
    named("param", |args| Ok(Fetch::Param(raw(args)))),
    plain("host", Yields::Str, Phase::Content, |_| Ok(Fetch::Host)),
    named("header", header_named),
    named("cookie", cookie_named),
    plain("source", Yields::Ip, Phase::Connection, |_| Ok(Fetch::Source)),
    plain("source_port", Yields::Int, Phase::Connection, |_| Ok(Fetch::SourcePort)),
    plain("port", Yields::Int, Phase::Connection, |_| Ok(Fetch::Port)),
    plain("http_version", Yields::Str, Phase::Content, |_| Ok(Fetch::HttpVersion)),
    plain("scheme", Yields::Str, Phase::Session, |_| Ok(Fetch::Scheme)),
    plain("server", Yields::Str, Phase::Answer, |_| Ok(Fetch::Server)),
    plain("status", Yields::Int, Phase::Answer, |_| Ok(Fetch::Status)),
];

/// Every name of the table of fetches, in its order; of two that are the same the first counts.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Named)> {
    let native = ROWS.iter().map(|row| (row.name, Named::Native(row)));
    let tls = TlsFact::ALL.into_iter().map(|fact| (fact.name(), Named::Tls(fact)));
    let samples = sample::rows().map(|row| (row.name, Named::Sample(row)));
    let figures = Figure::ALL.iter().map(|figure| (figure.name(), Named::Figure(*figure)));
    let facts = Fact::ALL.iter().map(|fact| (fact.name(), Named::Fact(*fact)));
    native.chain(tls).chain(samples).chain(figures).chain(facts)
}

/// The fetch of that name with those arguments, and the kind of what it yields.
pub(crate) fn build(name: &str, args: &[Const], around: &Around<'_>) -> Result<(Fetch, Kind), Error> {
    static BY_NAME: LazyLock<HashMap<&'static str, Named>> = LazyLock::new(|| {
        let mut by_name = HashMap::new();
        all().for_each(|(name, what)| {
            by_name.entry(name).or_insert(what);
        });
        by_name
    });
    let Some(what) = BY_NAME.get(name) else {
        return Err(args::unknown("fetch", name, all().map(|(name, _)| name)));
    };
    around.asks.iter().for_each(|asks| asks.note(name));
    let boxed = |asked: sample::Asked| Fetch::Sample(Box::new(asked));
    Ok(match what {
        Named::Native(row) => {
            args::check(name, row.parameters, args)?;
            ((row.build)(args)?, row.yields.kind())
        }
        Named::Tls(fact) => {
            args::check(name, &[], args)?;
            (Fetch::Tls(*fact), fact.kind())
        }
        Named::Sample(row) => (boxed(row.with(args, around)?), row.yields.kind()),
        Named::Figure(figure) => (boxed(sample::figure(*figure, args)?), figure.kind()),
        Named::Fact(fact) => {
            args::check(name, &[], args)?;
            (Fetch::Fact(*fact), fact.kind())
        }
    })
}

const fn plain(
    name: &'static str,
    yields: Yields,
    since: Phase,
    build: fn(&[Const]) -> Result<Fetch, Error>,
) -> Row {
    Row { name, parameters: &[], yields, since, build }
}

const fn named(name: &'static str, build: fn(&[Const]) -> Result<Fetch, Error>) -> Row {
    const NAME: &[Parameter] = &[args::text("a name")];
    Row { name, parameters: NAME, yields: Yields::Str, since: Phase::Content, build }
}

impl Fetch {
    /// Asks the view. Allocates only for a host with capitals, an escaped parameter, and a URL that has to be joined.
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Method => Value::text(view.method()),
            Self::Path => match view.path() {
                b"*" => Value::Absent,
                path => Value::text(path),
            },
            Self::Query => Value::text(view.query()),
            Self::Url => Value::Str(url(view)),
            Self::Param(name) => param::find(view.query(), name).map_or(Value::Absent, Value::Str),
            Self::Host => Value::Str(lowered(Cow::Borrowed(view.host()))),
            Self::RawHost => Value::text(view.host()),
            Self::Header(name) => Value::maybe(view.header(name)),
            Self::Cookie(name) => Value::maybe(view.cookie(name)),
            // A client on a unix socket has no address.
            Self::Source | Self::SourcePort if view.source().is_unspecified() => Value::Absent,
            Self::Source => Value::Ip(view.source().to_canonical()),
            Self::SourcePort => Value::Int(view.source_port().into()),
            Self::Port => Value::Int(view.port().into()),
            Self::HttpVersion => Value::text(view.http_version().as_bytes()),
            Self::Scheme => Value::text(view.scheme().as_bytes()),
            Self::Tls(fact) if fact.is_truth() => Value::Bool(view.tls(*fact).truth()),
            Self::Tls(fact) => view.tls(*fact),
            Self::Server => Value::maybe(view.server().map(str::as_bytes)),
            Self::Status => view.status().map_or(Value::Absent, |status| Value::Int(status.into())),
            Self::Fact(fact) => view.fact(*fact),
            Self::Sample(asked) => asked.value(view),
        }
    }

    /// Whether `test` holds for any of its values; what is absent is none.
    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match self {
            Self::Sample(asked) => asked.any(view, test),
            one => match one.value(view) {
                Value::Absent => false,
                value => test(value),
            },
        }
    }

    /// The value, if no request can change it.
    pub fn constant(&self) -> Option<Value<'static>> {
        match self {
            Self::Sample(asked) => asked.constant(),
            _ => None,
        }
    }

    /// Appends the value's text without building the value where it would have to be joined first.
    pub fn write<V: View + ?Sized>(&self, view: &V, out: &mut Vec<u8>) {
        match self {
            Self::Url if view.target().is_none() => {
                out.extend_from_slice(view.path());
                if !view.query().is_empty() {
                    out.push(b'?');
                    out.extend_from_slice(view.query());
                }
            }
            Self::Host => {
                let start = out.len();
                out.extend_from_slice(view.host());
                if let Some(written) = out.get_mut(start..) {
                    written.make_ascii_lowercase();
                }
            }
            _ => self.value(view).write(out),
        }
    }
}

impl fmt::Display for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |f: &mut fmt::Formatter<'_>, fetch: &str, name: &[u8]| {
            write!(f, "{fetch}({:?})", String::from_utf8_lossy(name))
        };
        match self {
            Self::Param(name) => named(f, "param", name),
            Self::Header(name) => named(f, "header", name),
            Self::Cookie(name) => named(f, "cookie", name),
            Self::Method => f.write_str("method"),
            Self::Path => f.write_str("path"),
            Self::Query => f.write_str("query"),
            Self::Url => f.write_str("url"),
            Self::Host | Self::RawHost => f.write_str("host"),
            Self::Source => f.write_str("source"),
            Self::SourcePort => f.write_str("source_port"),
            Self::Port => f.write_str("port"),
            Self::HttpVersion => f.write_str("http_version"),
            Self::Scheme => f.write_str("scheme"),
            Self::Tls(fact) => f.write_str(fact.name()),
            Self::Server => f.write_str("server"),
            Self::Status => f.write_str("status"),
            Self::Fact(fact) => f.write_str(fact.name()),
            Self::Sample(asked) => asked.fmt(f),
        }
    }
}

/// The path that is asked for; `OPTIONS *` asks for none, which is as good as an empty one to most comparisons.
pub fn asked_path<V: View + ?Sized>(view: &V) -> &[u8] {
    Some(view.path()).filter(|path| *path != b"*").unwrap_or_default()
}

fn url<V: View + ?Sized>(view: &V) -> Cow<'_, [u8]> {
    match view.target() {
        Some(target) => Cow::Borrowed(target),
        None if view.query().is_empty() => Cow::Borrowed(view.path()),
        None => Cow::Owned([view.path(), b"?", view.query()].concat()),
    }
}

fn header_named(args: &[Const]) -> Result<Fetch, Error> {
    token(args, "header").map(|name| Fetch::Header(name.to_ascii_lowercase().into_bytes().into()))
}

fn cookie_named(args: &[Const]) -> Result<Fetch, Error> {
    token(args, "cookie").map(|_| Fetch::Cookie(raw(args)))
}

/// The first argument as it is.
fn raw(args: &[Const]) -> Box<[u8]> {
    args::text_at(args, 0).unwrap_or_default().as_bytes().into()
}

/// The first argument as an RFC 9110 section 5.6.2 token: any other name could never be found.
fn token<'a>(args: &'a [Const], what: &str) -> Result<&'a str, Error> {
    let name = args::text_at(args, 0).unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(Error::at("args[0]", format!("{name:?} cannot be the name of a {what}")));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificate, Request, Secured};

    fn request() -> Request {
        Request {
            path: "/a".into(),
            query: "q=1+2&e".into(),
            host: "WWW.Example.org".into(),
            headers: vec![("X-A".into(), "1".into()), ("Cookie".into(), "sid=x; b=".into())],
            source: "::ffff:10.1.2.3".parse().unwrap(),
            source_port: 4000,
            port: 8080,
            tls: Some(secured()),
            sni: Some("db.example".into()),
            alpn: Some("h2,http/1.1".into()),
            ..Request::default()
        }
    }

    fn secured() -> Secured {
        let client = Certificate {
            verified: true,
            subject: Some("CN=anna,O=Example".into()),
            issuer: Some("CN=Example CA".into()),
            name: Some("anna".into()),
            serial: Some("0a1b".into()),
            fingerprint: Some("ab".repeat(32)),
        };
        Secured {
            version: Some("1.3".into()),
            sni: Some("a.example".into()),
            cipher: Some("TLS13_AES_128_GCM_SHA256".into()),
            alpn: Some("h2".into()),
            resumed: true,
            client: Some(client),
        }
    }

    fn fetched(name: &str, args: &[&str]) -> String {
        let args: Vec<Const> = args.iter().map(|a| Const::Str((*a).into())).collect();
        let (fetch, kind) = build(name, &args, &Around::NOTHING).unwrap();
        let request = request();
        let value = fetch.value(&request);
        let mut written = Vec::new();
        fetch.write(&request, &mut written);
        let mut text = Vec::new();
        value.write(&mut text);
        assert_eq!(written, text, "{name}: write and value agree");
        let absent = if value == Value::Absent { "absent " } else { "" };
        format!("{kind} {absent}{}", String::from_utf8(text).unwrap())
    }

    #[test]
    fn every_fetch_yields_what_the_request_holds() {
        for (name, args, expected) in [
            ("method", &[][..], "str GET"),
            ("path", &[], "str /a"),
            ("query", &[], "str q=1+2&e"),
            ("url", &[], "str /a?q=1+2&e"),
            ("param", &["q"], "str 1 2"),
            ("param", &["e"], "str "),
            ("param", &["none"], "str absent "),
            ("host", &[], "str www.example.org"),
            ("header", &["x-A"], "str 1"),
            ("header", &["x-b"], "str absent "),
            ("cookie", &["sid"], "str x"),
            ("cookie", &["b"], "str "),
            ("cookie", &["SID"], "str absent "),
            ("source", &[], "ip 10.1.2.3"),
            ("source_port", &[], "int 4000"),
            ("port", &[], "int 8080"),
            ("http_version", &[], "str 1.1"),
            ("scheme", &[], "str http"),
            ("server", &[], "str absent "),
            ("status", &[], "int absent "),
            ("tls", &[], "bool true"),
            ("tls.version", &[], "str 1.3"),
            ("tls.sni", &[], "str a.example"),
            ("tls.cipher", &[], "str TLS13_AES_128_GCM_SHA256"),
            ("tls.alpn", &[], "str h2"),
            ("tls.resumed", &[], "bool true"),
            ("tls.client.verified", &[], "bool true"),
            ("tls.client.subject", &[], "str CN=anna,O=Example"),
            ("tls.client.issuer", &[], "str CN=Example CA"),
            ("tls.client.name", &[], "str anna"),
            ("tls.client.serial", &[], "str 0a1b"),
            ("tls.client.fingerprint", &[], &format!("str {}", "ab".repeat(32))),
            ("sni", &[], "str db.example"),
            ("alpn", &[], "str h2,http/1.1"),
        ] {
            assert_eq!(fetched(name, args), expected, "{name} {args:?}");
        }
        assert!(
            ROWS.iter().all(|row| row.parameters.len() <= 1),
            "the table above covers every shape of row"
        );
    }

    #[test]
    fn without_tls_truths_are_false_and_texts_absent() {
        let (plain, bare) =
            (Request::default(), Request { tls: Some(Secured::default()), ..Request::default() });
        for fact in TlsFact::ALL {
            let (fetch, kind) = build(fact.name(), &[], &Around::NOTHING).unwrap();
            assert_eq!(fetch.to_string(), fact.name());
            let absent = if kind == Kind::Bool { Value::Bool(false) } else { Value::Absent };
            assert_eq!(fetch.value(&plain), absent, "{fetch}");
            let used = if fact == TlsFact::Used { Value::Bool(true) } else { absent };
            assert_eq!(fetch.value(&bare), used, "{fetch}");
        }
        assert!(build("tls", &[Const::Str("x".into())], &Around::NOTHING).is_err());
    }

    #[test]
    fn names_are_printed_as_they_are_written() {
        for row in ROWS {
            let args = vec![Const::Str("x".into()); row.parameters.len()];
            let expected = if args.is_empty() { row.name.to_owned() } else { format!("{}(\"x\")", row.name) };
            assert_eq!(build(row.name, &args, &Around::NOTHING).unwrap().0.to_string(), expected);
        }
    }

    #[test]
    fn a_target_saves_the_joining() {
        struct Whole;
        impl View for Whole {
            fn path(&self) -> &[u8] {
                b"/a"
            }
            fn query(&self) -> &[u8] {
                b"b"
            }
            fn target(&self) -> Option<&[u8]> {
                Some(b"/a?b")
            }
            fn host(&self) -> &[u8] {
                b"lower"
            }
        }
        assert!(matches!(Fetch::Url.value(&Whole), Value::Str(Cow::Borrowed(b"/a?b"))));
        assert!(matches!(Fetch::Host.value(&Whole), Value::Str(Cow::Borrowed(b"lower"))));
        let mut out = Vec::new();
        Fetch::Url.write(&Whole, &mut out);
        assert_eq!(out, b"/a?b");
    }
}
