//! Rules compiled from the wire: everything that they name is looked up, every text checked.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use tenbin_rules::{Around, Expr, Message, Variable};

use super::build::Refusal;
use super::draft::{base64, expression, refuse};
use super::rules::{
    Act, Answer, Bandwidth, Condition, NameMatch, Normalizer, Part, Protocol, Replacement, Rule, Rules,
    Timeout,
};
use super::stick::NamedTable;
use crate::track::{Gpc, SLOTS};
use crate::wire::{self, Verb};

/// Compiles all sets.
pub fn draft_rules(path: &str, rules: &wire::Rules, around: &Around<'_>) -> Result<Rules, Refusal> {
    let set = |name: &str, rules: &[wire::Rule]| -> Result<Vec<Rule>, Refusal> {
        let each = rules.iter().enumerate();
        each.map(|(index, rule)| draft_rule(&format!("{path}.{name}[{index}]"), rule, around)).collect()
    };
    Ok(Rules {
        connection: set("connection", &rules.connection)?,
        session: set("session", &rules.session)?,
        content: set("content", &rules.content)?,
        request: set("request", &rules.request)?,
        answer_content: set("answer_content", &rules.answer_content)?,
        answer: set("answer", &rules.answer)?,
        after: set("after", &rules.after)?,
        inspect_ms: rules.inspect_delay,
        answer_inspect_ms: rules.answer_inspect_delay,
    })
}

/// Compiles an answer of our own.
pub fn draft_answer(path: &str, answer: &wire::Answer, around: &Around<'_>) -> Result<Answer, Refusal> {
    if !(200..=599).contains(&answer.status) {
        return refuse(format!("{path}.status"), format!("found {}, expected 200 to 599", answer.status));
    }
    let Some(body) = base64(&answer.body) else { return refuse(format!("{path}.body"), "not base64") };
    let text =
        answer.text.as_ref().map(|text| expression(&format!("{path}.text"), text, around)).transpose()?;
    let is_bare = body.is_empty() && text.is_none() && answer.headers.is_empty() && answer.reason.is_empty();
    Ok(Answer {
        status: answer.status,
        reason: answer.reason.clone().into_bytes(),
        headers: draft_headers(path, &answer.headers, around)?,
        body,
        text,
        is_bare,
    })
}

fn draft_headers(
    path: &str,
    headers: &[(String, tenbin_rules::wire::Expr)],
    around: &Around<'_>,
) -> Result<Vec<(Vec<u8>, Expr)>, Refusal> {
    let each = headers.iter().enumerate();
    each.map(|(index, (name, value))| {
        let value = expression(&format!("{path}.headers[{index}]"), value, around)?;
        Ok((name.clone().into_bytes(), value))
    })
    .collect()
}

fn draft_rule(path: &str, rule: &wire::Rule, around: &Around<'_>) -> Result<Rule, Refusal> {
    let when =
        rule.when.as_ref().map(|when| expression(&format!("{path}.when"), when, around)).transpose()?;
    let act = Draft { path: &format!("{path}.act"), act: &rule.act, around }.compile()?;
    Ok(Rule { when, act })
}

/// One act on its way.
struct Draft<'a> {
    path: &'a str,
    act: &'a wire::Act,
    around: &'a Around<'a>,
}

impl Draft<'_> {
    fn compile(&self) -> Result<Act, Refusal> {
        Ok(match self.act.verb {
            Verb::Allow => Act::Allow,
            Verb::Reject => Act::Reject,
            Verb::SilentDrop => Act::SilentDrop,
            Verb::ExpectProxy => Act::ExpectProxy,
            Verb::SwitchMode => Act::SwitchMode(self.protocol()?),
            Verb::Close => Act::Close,
            Verb::Deny => Act::Deny(self.answer()?),
            Verb::Tarpit => Act::Tarpit(self.answer()?),
            Verb::Return => {
                let is_bare = self.act.method == "default-errorfiles";
                Act::Return(Answer { is_bare, ..self.answer()? })
            }
            Verb::Redirect => self.redirect()?,
            Verb::Auth => Act::Auth { realm: self.name() },
            Verb::Service => Act::Service(self.act.name.clone()),
            Verb::SetTimeout => Act::SetTimeout(self.timeout()?, self.value()?),
            Verb::SetLogLevel => Act::SetLogLevel(self.level()?),
            Verb::LimitBandwidth => self.limit()?,
            Verb::SetPriorityClass => Act::SetPriorityClass(self.value()?),
            Verb::SetPriorityOffset => Act::SetPriorityOffset(self.value()?),
            Verb::WaitBody => {
                Act::WaitBody { wait_ms: self.number()?, least: usize::try_from(self.act.index).unwrap_or(0) }
            }
            Verb::Pause => Act::Pause(self.value()?),
            Verb::DisableRetry => Act::DisableRetry,
            Verb::SetRetries => Act::SetRetries(self.value()?),
            Verb::SetSource => Act::SetSource(self.value()?),
            Verb::SetSourcePort => Act::SetSourcePort(self.value()?),
            Verb::SetDestination => Act::SetDestination(self.value()?),
            Verb::SetDestinationPort => Act::SetDestinationPort(self.value()?),
            Verb::Track => Act::Track { slot: self.slot()?, table: self.table()?, key: self.value()? },
            Verb::IncGpc | Verb::AddGpc | Verb::SetGpt => self.count()?,
            Verb::SetMap | Verb::DelMap | Verb::AddAcl | Verb::DelAcl => self.list()?,
            Verb::SetVar | Verb::UnsetVar => self.variable()?,
            Verb::Capture => self.capture()?,
            _ => return self.compile_edit(),
        })
    }

    /// Acts that change a head.
    fn compile_edit(&self) -> Result<Act, Refusal> {
        Ok(match self.act.verb {
            Verb::AddHeader => Act::AddHeader(self.name(), self.value()?),
            Verb::EarlyHint => Act::EarlyHint(self.name(), self.value()?),
            Verb::DelHeader => Act::DelHeader(self.names()?),
            Verb::ReplaceHeader => {
                Act::ReplaceHeader { name: self.name(), each: false, by: self.replacement()? }
            }
            Verb::ReplaceValue => {
                Act::ReplaceHeader { name: self.name(), each: true, by: self.replacement()? }
            }
            Verb::SetMethod => Act::SetMethod(self.value()?),
            Verb::SetPath => Act::SetTarget(Part::Path, self.value()?),
            Verb::SetPathq => Act::SetTarget(Part::PathAndQuery, self.value()?),
            Verb::SetQuery => Act::SetTarget(Part::Query, self.value()?),
            Verb::SetUri => Act::SetTarget(Part::Whole, self.value()?),
            Verb::ReplacePath => Act::ReplaceTarget(Part::Path, self.replacement()?),
            Verb::ReplacePathq => Act::ReplaceTarget(Part::PathAndQuery, self.replacement()?),
            Verb::ReplaceUri => Act::ReplaceTarget(Part::Whole, self.replacement()?),
            Verb::NormalizeUri => Act::Normalize(self.normalizer()?),
            Verb::SetStatus => {
                let status =
                    u16::try_from(self.act.number).ok().filter(|status| (200..=599).contains(status));
                let Some(status) = status else {
                    return self.fault("number", "expected a status 200 to 599");
                };
                Act::SetStatus(status, self.name())
            }
            _ => Act::SetHeader(self.name(), self.value()?),
        })
    }

    fn fault<T>(&self, member: &str, reason: impl Into<String>) -> Result<T, Refusal> {
        refuse(format!("{}.{member}", self.path), reason)
    }

    fn name(&self) -> Vec<u8> {
        self.act.name.clone().into_bytes()
    }

    fn limit(&self) -> Result<Act, Refusal> {
        let Some(said) = &self.act.bandwidth else { return self.fault("bandwidth", "missing") };
        let shared = match &said.key {
            None => None,
            Some(key) => {
                let Some(table) = (self.around.table)(&said.table).and_then(NamedTable::behind) else {
                    let reason = format!("no stick table is called {:?}", said.table);
                    return self.fault("bandwidth.table", reason);
                };
                Some((table, self.expression("bandwidth.key", Some(key))?))
            }
        };
        if said.bytes == 0 || said.period == 0 && shared.is_none() {
            return self.fault("bandwidth", "expected a limit and a period of more than 0");
        }
        let bandwidth = Bandwidth {
            name: said.name.clone(),
            is_up: said.is_up,
            bytes: said.bytes,
            period_ms: said.period,
            least: said.least,
            shared,
        };
        let optional = |member: &str, found: Option<&tenbin_rules::wire::Expr>| {
            found.map(|found| self.expression(member, Some(found))).transpose()
        };
        let bytes = optional("value", self.act.value.as_ref())?;
        let period = optional("to", self.act.to.as_ref())?;
        Ok(Act::LimitBandwidth { bandwidth: Arc::new(bandwidth), bytes, period })
    }

    fn protocol(&self) -> Result<Protocol, Refusal> {
        Ok(match self.act.name.as_str() {
            "" => Protocol::Shown,
            "h1" => Protocol::Http1,
            "h2" => Protocol::Http2,
            other => return self.fault("name", format!("found {other:?}, expected h1, h2 or nothing")),
        })
    }

    fn number(&self) -> Result<u64, Refusal> {
        u64::try_from(self.act.number).or_else(|_| self.fault("number", "expected 0 or more"))
    }

    fn slot(&self) -> Result<u8, Refusal> {
        match u8::try_from(self.act.number) {
            Ok(slot) if usize::from(slot) < SLOTS => Ok(slot),
            _ => self.fault("number", "expected a slot 0 to 11"),
        }
    }

    fn expression(&self, member: &str, found: Option<&tenbin_rules::wire::Expr>) -> Result<Expr, Refusal> {
        match found {
            Some(found) => expression(&format!("{}.{member}", self.path), found, self.around),
            None => self.fault(member, "missing"),
        }
    }

    fn value(&self) -> Result<Expr, Refusal> {
        self.expression("value", self.act.value.as_ref())
    }

    fn answer(&self) -> Result<Answer, Refusal> {
        match &self.act.answer {
            Some(answer) => draft_answer(&format!("{}.answer", self.path), answer, self.around),
            None => self.fault("answer", "missing"),
        }
    }

    fn table(&self) -> Result<Arc<NamedTable>, Refusal> {
        match (self.around.table)(&self.act.name).and_then(NamedTable::behind) {
            Some(table) => Ok(table),
            None => self.fault("name", format!("no stick table is called {:?}", self.act.name)),
        }
    }

    fn redirect(&self) -> Result<Act, Refusal> {
        let code = u16::try_from(self.act.number).unwrap_or(0);
        if ![301, 302, 303, 307, 308].contains(&code) {
            return self.fault("number", format!("{code} is no redirection"));
        }
        let start =
            self.act.value.as_ref().map(super::routes::constant_start).unwrap_or_default().into_bytes();
        let extra = self.act.answer.as_ref().map(|answer| answer.headers.as_slice()).unwrap_or_default();
        let headers = draft_headers(self.path, extra, self.around)?;
        let ignores_empty = self.act.method == "ignore-empty";
        Ok(Act::Redirect { location: self.value()?, start, code, headers, ignores_empty })
    }

    fn names(&self) -> Result<NameMatch, Refusal> {
        let name = self.name();
        Ok(match self.act.method.as_str() {
            "" | "str" => NameMatch::Is(name),
            "beg" => NameMatch::Begins(name),
            "end" => NameMatch::Ends(name),
            "sub" => NameMatch::Holds(name),
            "reg" => NameMatch::Regex(self.regex("name", &self.act.name)?),
            other => return self.fault("method", format!("found {other:?}, expected str beg end sub reg")),
        })
    }

    fn regex(&self, member: &str, pattern: &str) -> Result<Regex, Refusal> {
        let built = RegexBuilder::new(pattern).unicode(false).case_insensitive(self.act.ignore_case).build();
        built.or_else(|error| self.fault(member, error.to_string()))
    }

    fn replacement(&self) -> Result<Replacement, Refusal> {
        let pattern = self.regex("pattern", &self.act.pattern)?;
        Ok(Replacement { pattern, template: self.expression("template", self.act.template.as_ref())? })
    }

    fn normalizer(&self) -> Result<Normalizer, Refusal> {
        let switch = self.act.number != 0;
        Ok(match self.act.name.as_str() {
            "fragment-encode" => Normalizer::FragmentEncode,
            "fragment-strip" => Normalizer::FragmentStrip,
            "path-merge-slashes" => Normalizer::PathMergeSlashes,
            "path-strip-dot" => Normalizer::PathStripDot,
            "path-strip-dotdot" => Normalizer::PathStripDotdot { full: switch },
            "percent-decode-unreserved" => Normalizer::PercentDecodeUnreserved { strict: switch },
            "percent-to-uppercase" => Normalizer::PercentToUppercase { strict: switch },
            "query-sort-by-name" => Normalizer::QuerySortByName,
            other => return self.fault("name", format!("{other:?} is no normalizer")),
        })
    }

    fn timeout(&self) -> Result<Timeout, Refusal> {
        Ok(match self.act.name.as_str() {
            "client" => Timeout::Client,
            "connect" => Timeout::Connect,
            "queue" => Timeout::Queue,
            "server" => Timeout::Server,
            "tarpit" => Timeout::Tarpit,
            "tunnel" => Timeout::Tunnel,
            other => return self.fault("name", format!("{other:?} is no timeout that a rule may set")),
        })
    }

    fn level(&self) -> Result<u8, Refusal> {
        const NAMES: [&str; 9] =
            ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent"];
        match NAMES.iter().position(|name| *name == self.act.name) {
            Some(level) => Ok(level as u8),
            None => self.fault("name", format!("expected one of {}", NAMES.join(" "))),
        }
    }

    fn variable(&self) -> Result<Act, Refusal> {
        let Some(which) = Variable::named(&self.act.name) else {
            return self.fault("name", "expected proc, sess, txn, req, res or check, a dot and a name");
        };
        if self.act.verb == Verb::UnsetVar {
            return Ok(Act::UnsetVariable(which));
        }
        let mut condition = Condition::default();
        for word in self.act.method.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "ifexists" => condition.exists = Some(true),
                "ifnotexists" => condition.exists = Some(false),
                "ifnotempty" | "ifset" => condition.filled = Some(true),
                "ifempty" => condition.filled = Some(false),
                "ifgt" => condition.greater = Some(true),
                "iflt" => condition.greater = Some(false),
                other => return self.fault("method", format!("{other:?} is no condition")),
            }
        }
        Ok(Act::SetVariable(which, self.value()?, condition))
    }

    fn capture(&self) -> Result<Act, Refusal> {
        let message = if self.act.name == "answer" { Message::Answer } else { Message::Request };
        let index = usize::try_from(self.act.index).or_else(|_| self.fault("index", "expected 0 or more"))?;
        let length =
            usize::try_from(self.act.number).or_else(|_| self.fault("number", "expected 0 or more"))?;
        Ok(Act::Capture {
            value: self.value()?,
            message,
            index,
            length: if length == 0 { 1024 } else { length },
        })
    }

    fn count(&self) -> Result<Act, Refusal> {
        let index = usize::try_from(self.act.index).or_else(|_| self.fault("index", "expected 0 or more"))?;
        if self.act.verb == Verb::SetGpt {
            let index = (self.act.name != "gpt0").then_some(index);
            return Ok(Act::SetGpt { slot: self.slot()?, index, value: self.value()? });
        }
        let which = match self.act.name.as_str() {
            "gpc0" => Gpc::Zero,
            "gpc1" => Gpc::One,
            "" | "gpc" => Gpc::At(index),
            other => return self.fault("name", format!("found {other:?}, expected gpc0, gpc1 or nothing")),
        };
        let value = self.act.value.as_ref().map(|_| self.value()).transpose()?;
        Ok(Act::AddGpc { slot: self.slot()?, which, value })
    }

    fn list(&self) -> Result<Act, Refusal> {
        let Some(list) = (self.around.list)(&self.act.name) else {
            return self.fault("name", format!("no list is called {:?}", self.act.name));
        };
        let to = self.act.to.as_ref().map(|to| self.expression("to", Some(to))).transpose()?;
        let removes = matches!(self.act.verb, Verb::DelMap | Verb::DelAcl);
        Ok(Act::List { list, key: self.value()?, to, removes })
    }
}
