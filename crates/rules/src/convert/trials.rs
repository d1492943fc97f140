//! Every row with whatever may come: nothing panics, and what comes out is of the kind that the row says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use super::argument::Take;
use super::vectors::Holder;
use super::{Parameter, build, rows};
use crate::wire::Const;
use crate::{Around, Kind, List, Value};

/// Those that make something of what is absent.
const NATIVE: [&str; 4] = ["length", "forwarded_node", "forwarded_port", "forwarded_host"];

fn value() -> impl Strategy<Value = Value<'static>> {
    let text = |text: Vec<u8>| Value::Str(text.into());
    let number = prop_oneof![any::<i64>(), select(&[0, 1, -1, i64::MIN, i64::MAX, 1_700_000_000][..])];
    let tempting = select(
        &[
            "",
            "%",
            "a%2",
            "a.b.c",
            "eyJhIjoxfQ.eyJhIjoxfQ.x",
            "{\"a\":[1,{\"b\":\"\\u00e9",
            "[::1]:80",
            "fr;q=0.",
            "8=FIX.4.2\u{1}9=5\u{1}35=0\u{1}10=161\u{1}",
            "\u{8}\u{1}\u{12}\u{2}\u{8}\u{5}",
            "\u{10}\u{10}\0\u{4}MQTT\u{5}\0\0\0",
        ][..],
    );
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(text),
        "[a-c_=%+.:;,/?\\[\\]{}\"0-9\\\\-]{0,30}".prop_map(move |s| text(s.into_bytes())),
        tempting.prop_map(move |s| text(s.as_bytes().to_vec())),
        number.prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        any::<u32>().prop_map(|bits| Value::Ip(IpAddr::V4(Ipv4Addr::from_bits(bits)))),
        any::<u128>().prop_map(|bits| Value::Ip(IpAddr::V6(Ipv6Addr::from_bits(bits)))),
        Just(Value::Absent),
    ]
}

/// Something that the parameter may be given, and often takes.
fn argument(take: Take) -> BoxedStrategy<Const> {
    let texts = |texts: &'static [&'static str]| select(texts).prop_map(|t| Const::Str(t.into())).boxed();
    let number = prop_oneof![any::<i64>(), -9_i64..10].prop_map(Const::Int);
    match take {
        Take::Text | Take::Letters => prop_oneof![
            "[a-c_.:;,/%YmdHVGgjkl-]{0,12}".prop_map(Const::Str),
            texts(&["\\1-\\0\\x4", "%c%x%V%", "none", "HS256", "RS256", ""]),
        ]
        .boxed(),
        Take::Int | Take::Index | Take::Within(..) => number.boxed(),
        Take::Number => prop_oneof![number, texts(&["txn.n", "req.none"])].boxed(),
        Take::Variable => texts(&["txn.n", "req.none", "no.scope"]),
        Take::Either => texts(&["txn.n", "HS256", "none", "RS256", "key"]),
        Take::Key => texts(&["a2V5", "txn.n", "!", "Zm9vb2Zvb29mb29wZm9vbw=="]),
        Take::Flags(_) => texts(&["g", "i", "gi", "", "x"]),
        Take::Mask4 => texts(&["0", "8", "32", "255.0.0.0", "33"]),
        Take::Mask6 => texts(&["0", "64", "128", "ffff::", "129"]),
        Take::Regex { .. } => texts(&["a*", "$", "^", "(b)|(c)", "[^_]+", "("]),
        Take::Word(words) => select(words).prop_map(|word| Const::Str(word.into())).boxed(),
        Take::Numbers => texts(&["1", "1.2", "0", "x"]),
        Take::Tag => texts(&["35", "MsgType", "x"]),
        Take::Path => texts(&["$", "$.a", "$.a[1].b", "$[0]", "x"]),
        Take::Map(_) => texts(&["numbers", "networks", "none"]),
        Take::Table => texts(&["none"]),
    }
}

fn arguments(parameters: &'static [Parameter]) -> impl Strategy<Value = Vec<Const>> {
    let all: Vec<_> = parameters.iter().map(|parameter| argument(parameter.take)).collect();
    (all, 0..=parameters.len()).prop_map(|(mut args, count)| {
        args.truncate(count);
        args
    })
}

fn case() -> impl Strategy<Value = (&'static str, Vec<Const>, Value<'static>, Value<'static>)> {
    let rows: Vec<_> = rows().collect();
    select(rows).prop_flat_map(|row| (Just(row.name), arguments(row.parameters), value(), value()))
}

fn kind(value: &Value<'_>) -> Kind {
    match value {
        Value::Str(_) => Kind::Str,
        Value::Int(_) => Kind::Int,
        Value::Bool(_) => Kind::Bool,
        Value::Ip(_) => Kind::Ip,
        Value::Absent => Kind::Absent,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_comes_is_converted((name, args, input, variable) in case()) {
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let numbers = Arc::new(List::new(vec![entry("1:5", "7"), entry("9", "\\1")]));
        let networks = Arc::new(List::new(vec![entry("10.0.0.0/8", "1.1.1.1"), entry("::/0", "x")]));
        let list = |name: &str| match name {
            "numbers" => Some(Arc::clone(&numbers)),
            "networks" => Some(Arc::clone(&networks)),
            _ => None,
        };
        let around = Around { list: &list, ..Around::NOTHING };
        if let Ok(converter) = build(name, &args, kind(&input), &around) {
            let expected = converter.kind(kind(&input));
            let view = Holder::with("txn.n", &variable);
            let found = kind(&converter.call(input.clone(), &view));
            let native = NATIVE.contains(&name) && input == Value::Absent;
            let absent = found == Kind::Absent;
            prop_assert!(absent || found == expected || native, "{found} is not {expected}");
            prop_assert!(absent || native || input != Value::Absent, "something came of nothing");
        }
    }
}
