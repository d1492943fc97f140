//! Maps: a live list whose keys are matched in the converter's way, and the value beside the key that fits.
//!
//! Each converter keeps an index of its list, made anew when the list has changed. Exact texts, starts and networks
//! are found by hash, the longest key first; the others one after another, in the list's order.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use memchr::memmem;
use parking_lot::RwLock;
use regex::bytes::Regex;

use super::argument::{self, Arg, Parameter, Take, may, need};
use super::{Ask, Given, Row, cast, regsub, row};
use crate::{Kind, List, Value};

/// How keys are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Whole,
    Start,
    End,
    Part,
    /// A part between slashes and question marks.
    Directory,
    /// A part between dots, slashes, colons and question marks.
    Domain,
    Regex,
    Number,
    Address,
}

/// A list as one converter looks into it.
#[derive(Debug)]
pub(crate) struct Map {
    list: Arc<List>,
    way: Way,
    index: RwLock<Arc<Index>>,
}

macro_rules! rows {
    ($($name:literal $way:ident $found:ident),+ $(,)?) => {
        pub(super) static ROWS: &[Row] = &[
            row("map", &parameters(Way::Whole, Take::Text), Kind::Str, |value, given, ask| as_text(&value, given, ask)),
            $(
                row($name, const { &parameters(Way::$way, Take::Text) }, Kind::Str, |value, given, ask| $found(&value, given, ask)),
                row(
                    concat!($name, "_int"),
                    const { &parameters(Way::$way, Take::Int) },
                    Kind::Int,
                    |value, given, ask| as_number(&value, given, ask),
                ),
                row(
                    concat!($name, "_ip"),
                    const { &parameters(Way::$way, Take::Text) },
                    Kind::Ip,
                    |value, given, ask| as_address(&value, given, ask),
                ),
            )+
        ];
    };
}

rows! {
    "map_str" Whole as_text,
    "map_beg" Start as_text,
    "map_end" End as_text,
    "map_sub" Part as_text,
    "map_dir" Directory as_text,
    "map_dom" Domain as_text,
    "map_reg" Regex as_text,
    "map_regm" Regex filled,
    "map_int" Number as_text,
    "map_ip" Address as_text,
}

const fn parameters(way: Way, default: Take) -> [Parameter; 2] {
    [need("a map", Take::Map(way)), may("a default", default)]
}

impl Map {
    /// Over the list; tells which key cannot be one.
    pub fn new(list: Arc<List>, way: Way) -> Result<Self, String> {
        let index = Index::new(list.entries(), way)?;
        Ok(Self { list, way, index: RwLock::new(Arc::new(index)) })
    }

    /// The index of the entries as they are now. Entries that came since and cannot be keys make it keep the old one.
    fn index(&self) -> Arc<Index> {
        let entries = self.list.entries();
        let index = Arc::clone(&self.index.read());
        if Arc::ptr_eq(&index.entries, &entries) {
            return index;
        }
        match Index::new(entries, self.way) {
            Ok(new) => {
                let new = Arc::new(new);
                *self.index.write() = Arc::clone(&new);
                new
            }
            Err(_) => index,
        }
    }
}

#[derive(Debug)]
struct Index {
    entries: Arc<Vec<(String, String)>>,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    /// Texts by hash, and the lengths that there are, longest first; whole texts have no lengths.
    Texts(HashMap<Box<[u8]>, usize>, Vec<usize>),
    InOrder(Way),
    Regexes(Vec<Regex>),
    Numbers(Vec<(i64, i64)>),
    /// Networks by family, length and bits, and the lengths that there are, longest first.
    Networks(HashMap<(bool, u8, u128), usize>, Vec<(bool, u8)>),
}

impl Index {
    fn new(entries: Arc<Vec<(String, String)>>, way: Way) -> Result<Self, String> {
        let keys = || entries.iter().map(|(key, _)| key.as_str());
        let keys = match way {
            Way::Whole | Way::Start => {
                let mut texts = HashMap::with_capacity(entries.len());
                for (at, key) in keys().enumerate() {
                    texts.entry(key.as_bytes().into()).or_insert(at);
                }
                let lengths = if way == Way::Start { keys().map(str::len).collect() } else { Vec::new() };
                Keys::Texts(texts, descending(lengths))
            }
            Way::End | Way::Part | Way::Directory | Way::Domain => Keys::InOrder(way),
            Way::Regex => {
                Keys::Regexes(keys().map(|key| argument::regex(key, false)).collect::<Result<_, _>>()?)
            }
            Way::Number => {
                let range = |key: &str| range(key).ok_or_else(|| format!("{key:?} is no range of numbers"));
                Keys::Numbers(keys().map(range).collect::<Result<_, _>>()?)
            }
            Way::Address => {
                let mut networks = HashMap::with_capacity(entries.len());
                for (at, key) in keys().enumerate() {
                    let network = network(key).ok_or_else(|| format!("{key:?} is no address or network"))?;
                    networks.entry(network).or_insert(at);
                }
                let lengths = networks.keys().map(|(six, length, _)| (*six, *length)).collect();
                Keys::Networks(networks, descending(lengths))
            }
        };
        Ok(Self { entries, keys })
    }

    /// The place of the entry that fits; one beyond the last when none does. None when the value cannot be a key.
    fn place(&self, value: &Value<'_>) -> Option<usize> {
        let text = || cast::text(value.borrowed());
        let place = match &self.keys {
            Keys::Texts(texts, lengths) => {
                let text = text()?;
                let start = |length: &usize| texts.get(text.get(..*length)?);
                match lengths.as_slice() {
                    [] => texts.get(text.as_ref()),
                    lengths => lengths.iter().find_map(start),
                }
                .copied()
            }
            Keys::InOrder(way) => {
                let text = text()?;
                self.entries.iter().position(|(key, _)| fits(*way, &text, key.as_bytes()))
            }
            Keys::Regexes(regexes) => {
                let text = text()?;
                regexes.iter().position(|regex| regex.is_match(&text))
            }
            Keys::Numbers(ranges) => {
                let number = cast::int(value)?;
                ranges.iter().position(|(least, most)| (*least..=*most).contains(&number))
            }
            Keys::Networks(networks, lengths) => {
                let (six, bits) = bits(cast::ip(value)?);
                let within = |(family, length): &(bool, u8)| {
                    let network = (*family == six).then(|| (six, *length, masked(six, bits, *length)))?;
                    networks.get(&network)
                };
                lengths.iter().find_map(within).copied()
            }
        };
        Some(place.unwrap_or(self.entries.len()))
    }
}

fn descending<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable_by(|left, right| right.cmp(left));
    items.dedup();
    items
}

fn fits(way: Way, text: &[u8], key: &[u8]) -> bool {
    match way {
        Way::End => text.ends_with(key),
        Way::Part => memmem::find(text, key).is_some(),
        Way::Directory => between(text, key, b"/?"),
        _ => between(text, key, b"/?.:"),
    }
}

/// Whether the key, without delimiters around it, stands in the text between delimiters or the text's ends.
fn between(text: &[u8], key: &[u8], delimiters: &[u8]) -> bool {
    let delimiter = |byte: &u8| delimiters.contains(byte);
    let start = key.iter().position(|byte| !delimiter(byte)).unwrap_or(key.len());
    let end = key.iter().rposition(|byte| !delimiter(byte)).map_or(start, |at| at + 1);
    let key = key.get(start..end).unwrap_or_default();
    !key.is_empty()
        && memmem::find_iter(text, key).any(|at| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            before.is_none_or(delimiter) && text.get(at + key.len()).is_none_or(delimiter)
        })
}

/// `5`, `5:9`, `:9`, `5:`.
fn range(key: &str) -> Option<(i64, i64)> {
    let Some((least, most)) = key.split_once(':') else {
        let number = key.parse().ok()?;
        return Some((number, number));
    };
    let end = |text: &str, open: i64| if text.is_empty() { Some(open) } else { text.parse().ok() };
    Some((end(least, i64::MIN)?, end(most, i64::MAX)?))
}

/// Whether it is IPv6, its length and its bits.
fn network(key: &str) -> Option<(bool, u8, u128)> {
    let (address, length) =
        key.split_once('/').map_or((key, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let (six, bits) = match address {
        IpAddr::V4(address) => (false, address.to_bits().into()),
        IpAddr::V6(address) => (true, address.to_bits()),
    };
    let most = if six { 128 } else { 32 };
    let length = match length {
        None => most,
        Some(length) => length.parse().ok().filter(|length| *length <= most)?,
    };
    Some((six, length, masked(six, bits, length)))
}

/// IPv4 within IPv6 is IPv4.
fn bits(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(address) => (false, address.to_bits().into()),
        IpAddr::V6(address) => (true, address.to_bits()),
    }
}

fn masked(six: bool, bits: u128, length: u8) -> u128 {
    let most: u32 = if six { 128 } else { 32 };
    let clear = most.saturating_sub(length.into());
    bits.checked_shr(clear).map_or(0, |bits| bits << clear)
}

/// What is beside the key that fits, or the default.
fn found<'v>(
    value: &Value<'v>,
    given: &'v Given,
    ask: &dyn Ask<'v>,
    make: impl FnOnce(&Index, usize) -> Value<'v>,
) -> Value<'v> {
    let Arg::Map(map) = given.get(0) else { return Value::Absent };
    let index = map.index();
    match index.place(value) {
        None => Value::Absent,
        Some(place) if place < index.entries.len() => make(&index, place),
        Some(_) => given.int(1, ask).map_or_else(|| given.value(1, ask), Value::Int),
    }
}

fn as_text<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    found(value, given, ask, |index, place| {
        let text = index.entries.get(place).map(|(_, text)| text.as_bytes().to_vec());
        text.map_or(Value::Absent, |text| Value::Str(text.into()))
    })
}

fn as_number<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    found(value, given, ask, |index, place| {
        let number = index.entries.get(place).and_then(|(_, text)| text.parse().ok());
        number.map_or(Value::Absent, Value::Int)
    })
}

fn as_address<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let found = found(value, given, ask, |index, place| {
        let address = index.entries.get(place).and_then(|(_, text)| text.parse().ok());
        address.map_or(Value::Absent, Value::Ip)
    });
    cast::ip(&found).map_or(Value::Absent, Value::Ip)
}

/// The text with what the groups of the expression matched put in.
fn filled<'v>(value: &Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    found(value, given, ask, |index, place| {
        let Keys::Regexes(regexes) = &index.keys else { return Value::Absent };
        let (Some(regex), Some((_, template)), Some(text)) =
            (regexes.get(place), index.entries.get(place), cast::text(value.borrowed()))
        else {
            return Value::Absent;
        };
        let mut out = Vec::new();
        let filled =
            regex.captures(&text).and_then(|groups| regsub::fill(template.as_bytes(), &groups, &mut out));
        filled.map_or(Value::Absent, |()| Value::Str(out.into()))
    })
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
