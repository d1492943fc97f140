//! Every line of `tests/contract/converters.tsv`: an expression as HAProxy's configuration has it, and what HAProxy
//! 2.6 made of it (`=` text, `0x` bytes, `absent`, `refused`).

use std::cell::RefCell;
use std::collections::HashMap;

use crate::convert::{Converter, build, cast};
use crate::wire::Const;
use crate::{Around, Error, Kind, Value, Variable, View};

/// A view that holds variables and nothing else.
#[derive(Default)]
pub(super) struct Holder(RefCell<HashMap<Variable, Value<'static>>>);

impl Holder {
    /// With one variable.
    pub fn with(name: &str, value: &Value<'static>) -> Self {
        let holder = Self::default();
        holder.assign(&Variable::named(name).unwrap(), value);
        holder
    }
}

impl View for Holder {
    fn variable(&self, which: &Variable) -> Value<'_> {
        self.0.borrow().get(which).cloned().unwrap_or(Value::Absent)
    }
    fn assign(&self, which: &Variable, value: &Value<'_>) {
        self.0.borrow_mut().insert(*which, value.borrowed().into_owned());
    }
}

#[test]
fn haproxy_computes_the_same() {
    let lines = include_str!("../../../../tests/contract/converters.tsv").lines();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (expression, expected) = line.split_once('\t').expect(line);
        let found = outcome(expression);
        count += 1;
        if found != written(expected) {
            wrong.push(format!("{expression}\n  HAProxy: {expected}\n  Tenbin:  {}", shown(&found)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 300, "{count}");
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Absent,
    Bytes(Vec<u8>),
}

fn written(expected: &str) -> Outcome {
    let hex = |digits: &str| {
        let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    };
    match expected {
        "refused" => Outcome::Refused,
        "absent" => Outcome::Absent,
        _ if expected.starts_with("0x") => Outcome::Bytes(hex(&expected[2..])),
        _ => Outcome::Bytes(expected.as_bytes()[1..].to_vec()),
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

fn outcome(expression: &str) -> Outcome {
    let mut calls = calls(expression).into_iter();
    let (fetch, args) = calls.next().unwrap();
    let view = Holder::default();
    let mut value = fetched(&fetch, args.first().map_or("", String::as_str));
    for (name, args) in calls {
        match converter(&name, &args) {
            Ok(converter) => value = converter.call(value, &view).into_owned(),
            Err(_) => return Outcome::Refused,
        }
    }
    match cast::text(value) {
        Some(text) => Outcome::Bytes(text.into_owned()),
        None => Outcome::Absent,
    }
}

fn fetched(fetch: &str, arg: &str) -> Value<'static> {
    match fetch {
        "str" => Value::Str(arg.as_bytes().to_vec().into()),
        "int" => Value::Int(arg.parse().unwrap()),
        "bool" => Value::Bool(arg == "true"),
        "ipv4" | "ipv6" => Value::Ip(arg.parse().unwrap()),
        "bin" => match written(&format!("0x{arg}")) {
            Outcome::Bytes(bytes) => Value::Str(bytes.into()),
            _ => Value::Absent,
        },
        _ => Value::Absent,
    }
}

/// HAProxy's `length` has another name here.
fn converter(name: &str, args: &[String]) -> Result<Converter, Error> {
    let name = if name == "length" { "size" } else { name };
    let args: Vec<Const> = args.iter().map(|arg| Const::Str(arg.clone())).collect();
    build(name, &args, Kind::Absent, &Around::NOTHING)
}

/// `a(b,"c"),d` as names and arguments.
fn calls(text: &str) -> Vec<(String, Vec<String>)> {
    let mut calls: Vec<(String, Vec<String>)> = vec![(String::new(), Vec::new())];
    let (mut inside, mut quoted) = (false, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let (name, args) = calls.last_mut().unwrap();
        match letter {
            '"' => quoted = !quoted,
            '\\' => args.last_mut().unwrap().push(letters.next().unwrap()),
            _ if quoted => args.last_mut().unwrap().push(letter),
            '(' if !inside => (inside, *args) = (true, vec![String::new()]),
            ')' => inside = false,
            ',' if inside => args.push(String::new()),
            ',' => calls.push((String::new(), Vec::new())),
            _ if inside => args.last_mut().unwrap().push(letter),
            _ => name.push(letter),
        }
    }
    for (_, args) in &mut calls {
        if args == &[""] {
            args.clear();
        }
    }
    calls
}
