//! Maps: a live list whose keys are matched in the converter's way, and the value beside the key that fits.
//!
//! Owns what is made of the value. Looking keys up is the list's part.

use std::sync::Arc;

use super::argument::{Arg, Parameter, Take, may, need};
use super::{Ask, Given, Row, cast, row};
use crate::list::Entry;
use crate::{Kind, List, Method, Value};

/// A list as one converter looks into it.
#[derive(Debug)]
pub(crate) struct Map {
    list: Arc<List>,
    method: Method,
}

macro_rules! rows {
    ($($name:literal $method:ident $found:ident),+ $(,)?) => {
        pub(super) static ROWS: &[Row] = &[
            row("map", &parameters(Method::Str, Take::Text), Kind::Str, |value, given, ask| as_text(&value, given, ask)),
            $(
                row($name, const { &parameters(Method::$method, Take::Text) }, Kind::Str, |value, given, ask| $found(&value, given, ask)),
                row(
                    concat!($name, "_int"),
                    const { &parameters(Method::$method, Take::Int) },
                    Kind::Int,
                    |value, given, ask| as_number(&value, given, ask),
                ),
                row(
                    concat!($name, "_ip"),
                    const { &parameters(Method::$method, Take::Text) },
                    Kind::Ip,
                    |value, given, ask| as_address(&value, given, ask),
                ),
            )+
        ];
    };
}

rows! {
    "map_str" Str as_text,
    "map_beg" Beg as_text,
    "map_end" End as_text,
    "map_sub" Sub as_text,
    "map_dir" Dir as_text,
    "map_dom" Dom as_text,
    "map_reg" Reg as_text,
    "map_regm" Reg filled,
    "map_int" Int as_text,
    "map_ip" Ip as_text,
}

const fn parameters(method: Method, default: Take) -> [Parameter; 2] {
    [need("a map", Take::Map(method)), may("a default", default)]
}

impl Map {
    /// Over the list; tells which key cannot be one. Keys that come later and cannot be ones match nothing.
    pub fn new(list: Arc<List>, method: Method) -> Result<Self, String> {
        list.prepare(method, false);
        let wrong = list.all().iter().find_map(|entry| method.refuses(&entry.key));
        wrong.map_or(Ok(Self { list, method }), Err)
    }

    /// Whether the value can be held against keys at all.
    fn takes(&self, value: &Value<'_>) -> bool {
        match self.method {
            Method::Int => cast::int(value).is_some(),
            Method::Ip => cast::ip(value).is_some(),
            _ => *value != Value::Absent,
        }
    }
}

/// What is beside the key that fits, or the default.
fn found<'v, F>(
    value: &Value<'v>,
    given: &'v Given,
    ask: &dyn Ask<'v>,
    (find, make): (impl FnOnce(&Map) -> Option<F>, impl FnOnce(F) -> Value<'v>),
) -> Value<'v> {
    let Arg::Map(map) = given.get(0) else { return Value::Absent };
    if !map.takes(value) {
        return Value::Absent;
    }
    match find(map) {
        Some(found) => make(found),
        None => given.int(1, ask).map_or_else(|| given.value(1, ask), Value::Int),
    }
}

fn beside<'v>(
    value: &Value<'v>,
    given: &'v Given,
    ask: &dyn Ask<'v>,
    make: impl FnOnce(Entry) -> Value<'v>,
) -> Value<'v> {
    found(value, given, ask, (|map: &Map| map.list.entry(map.method, value, false), make))
}

fn as_text<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    beside(value, given, ask, |entry| Value::Str(entry.value.as_bytes().to_vec().into()))
}

fn as_number<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    beside(value, given, ask, |entry| entry.value.parse().map_or(Value::Absent, Value::Int))
}

fn as_address<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let found = beside(value, given, ask, |entry| entry.value.parse().map_or(Value::Absent, Value::Ip));
    cast::ip(&found).map_or(Value::Absent, Value::Ip)
}

/// The text with what the groups of the expression matched put in.
fn filled<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let expand = |map: &Map| map.list.expand(value);
    found(
        value,
        given,
        ask,
        (expand, |text: Option<Vec<u8>>| text.map_or(Value::Absent, |text| Value::Str(text.into()))),
    )
}

#[cfg(test)]
mod tests {
    use super::super::vectors::Holder;
    use super::super::{Converter, build};
    use super::*;
    use crate::wire::Const;
    use crate::{Around, Error};

    fn converter(name: &str, list: &Arc<List>, default: Option<&str>) -> Result<Converter, Error> {
        let find = |_: &str| Some(Arc::clone(list));
        let around = Around { list: &find, ..Around::NOTHING };
        let args: Vec<Const> = ["m"].into_iter().chain(default).map(|arg| Const::Str(arg.into())).collect();
        build(name, &args, Kind::Absent, &around)
    }

    fn list(entries: &[(&str, &str)]) -> Arc<List> {
        Arc::new(List::new(entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()))
    }

    fn converted(converter: &Converter, value: Value<'_>) -> Value<'static> {
        let view = Holder::default();
        converter.call(value, &view).into_owned()
    }

    #[test]
    fn every_way_finds_what_haproxy_finds() {
        let starts = list(&[("/api", "one"), ("/api/v2", "two"), ("/", "root"), ("/apix", "three")]);
        let ends = list(&[(".png", "img"), (".jpg", "img2"), ("a.png", "three")]);
        let parts = list(&[("bc", "first"), ("abc", "second")]);
        let directories = list(&[("b", "one"), ("a/b", "two"), ("c/", "three")]);
        let domains = list(&[("example.com", "one"), ("b", "two")]);
        let regexes = list(&[("^/a(.*)$", "X\\1"), ("^/b", "A"), ("(foo)-(bar)", "\\2-\\1-\\0")]);
        let networks = list(&[
            ("10.0.0.0/8", "wide"),
            ("10.1.0.0/16", "narrow"),
            ("192.168.1.1", "host"),
            ("2001:db8::/32", "six"),
        ]);
        let numbers = list(&[("5", "five"), ("10:20", "range"), ("-3", "neg"), ("100:", "big")]);
        let texts = list(&[("a", "first"), ("a", "second"), ("Ab", "two"), ("empty", "")]);
        for (name, list, input, expected) in [
            ("map", &texts, "a", Some("first")),
            ("map_str", &texts, "A", None),
            ("map_str", &texts, "empty", Some("")),
            ("map_beg", &starts, "/api/v2/x", Some("two")),
            ("map_beg", &starts, "/apixy", Some("three")),
            ("map_beg", &starts, "/foo", Some("root")),
            ("map_beg", &starts, "x", None),
            ("map_end", &ends, "a.png", Some("img")),
            ("map_end", &ends, "png", None),
            ("map_sub", &parts, "xabcx", Some("first")),
            ("map_dir", &directories, "/a/b/c", Some("one")),
            ("map_dir", &directories, "/c/", Some("three")),
            ("map_dir", &directories, "/xb/", None),
            ("map_dom", &domains, "www.example.com", Some("one")),
            ("map_dom", &domains, "example.com:80", Some("one")),
            ("map_dom", &domains, "xexample.com", None),
            ("map_reg", &regexes, "/axyz", Some("X\\1")),
            ("map_regm", &regexes, "/axyz", Some("Xxyz")),
            ("map_regm", &regexes, "x foo-bar y", Some("bar-foo-foo-bar")),
            ("map_ip", &networks, "10.1.2.3", Some("narrow")),
            ("map_ip", &networks, "10.2.2.3", Some("wide")),
            ("map_ip", &networks, "192.168.1.1", Some("host")),
            ("map_ip", &networks, "2001:db8::5", Some("six")),
            ("map_ip", &networks, "::ffff:10.1.2.3", Some("narrow")),
            ("map_ip", &networks, "zz", None),
            ("map_int", &numbers, "15", Some("range")),
            ("map_int", &numbers, "5x", Some("five")),
            ("map_int", &numbers, "-3", Some("neg")),
            ("map_int", &numbers, "7", None),
            ("map_int", &numbers, "1000", Some("big")),
        ] {
            let converter = converter(name, list, None).unwrap();
            let expected = expected.map_or(Value::Absent, |text| Value::text(text.as_bytes()));
            assert_eq!(converted(&converter, Value::text(input.as_bytes())), expected, "{name} {input}");
        }
    }

    #[test]
    fn defaults_stand_for_keys_that_are_not_there_only() {
        let entries = list(&[("a", "7"), ("b", "1.2.3.4"), ("c", "x")]);
        let text = |text: &'static str| Value::text(text.as_bytes());
        let with = |name: &str, default: &str| converter(name, &entries, Some(default)).unwrap();
        assert_eq!(converted(&with("map", "d"), text("z")), text("d"));
        assert_eq!(converted(&with("map", "d"), Value::Absent), Value::Absent);
        assert_eq!(converted(&with("map_str_int", "5"), text("z")), Value::Int(5));
        assert_eq!(converted(&with("map_str_int", "5"), text("a")), Value::Int(7));
        assert_eq!(converted(&with("map_str_int", "5"), text("c")), Value::Absent);
        let address = |text: &str| Value::Ip(text.parse().unwrap());
        assert_eq!(converted(&with("map_str_ip", "9.9.9.9"), text("z")), address("9.9.9.9"));
        assert_eq!(converted(&with("map_str_ip", "9.9.9.9"), text("b")), address("1.2.3.4"));
    }

    #[test]
    fn a_map_follows_its_list_and_says_what_is_no_key() {
        let entries = list(&[("a", "1")]);
        let map = converter("map_beg", &entries, None).unwrap();
        assert_eq!(converted(&map, Value::text(b"abc")), Value::text(b"1"));
        entries.set("ab", "2");
        assert_eq!(converted(&map, Value::text(b"abc")), Value::text(b"2"));
        entries.del("a");
        entries.del("ab");
        assert_eq!(converted(&map, Value::text(b"abc")), Value::Absent);
        for (name, key) in [("map_reg", "("), ("map_int", "x"), ("map_ip", "10.0.0.0/33")] {
            let error = converter(name, &list(&[(key, "v")]), None).unwrap_err().to_string();
            assert!(error.contains(key), "{name}: {error}");
        }
    }
}
